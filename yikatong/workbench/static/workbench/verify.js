/* Asks every two seconds whether the wallet has answered, and shows the answer then. Without script the page reloads itself. */
(function () {
  "use strict";
  var wait = document.getElementById("verify-wait");
  if (!wait || !window.fetch) return;
  setInterval(function () {
    fetch(wait.dataset.url, { headers: { Accept: "application/json" } })
      .then(function (answer) { return answer.ok ? answer.json() : { state: "open" }; })
      .then(function (body) { if (body.state !== "open") location.reload(); }, function () { /* asked again */ });
  }, 2000);
})();
