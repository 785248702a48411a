/* For browsers too old for ecard.js: the server's picture, as without JavaScript. Loaded by such browsers only (nomodule). */
(function () {
  "use strict";
  var place = document.getElementById("ecard-code");
  if (!place || !place.getAttribute("data-image")) return;
  function draw() {
    var image = document.createElement("img");
    image.alt = place.getAttribute("aria-label");
    image.src = place.getAttribute("data-image") + "&at=" + new Date().getTime();
    place.innerHTML = "";
    place.appendChild(image);
  }
  draw();
  setInterval(draw, 45000);
})();
