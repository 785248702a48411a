/* Follows what the worker does: planning (until it is done, then the page is loaded anew) and the sending of invitations.
   Without this script the page offers a link that loads it again. */
(function () {
  "use strict";
  const PLANNING_EVERY_MS = 1500;
  const SENDING_EVERY_MS = 10000;
  const QUIET_TURNS_MAX = 12;

  function follow(box) {
    const bar = box.querySelector("progress");
    const step = box.querySelector("[data-step]");
    let last = "";
    let quiet = 0;

    function show(told) {
      if (bar && bar.hasAttribute("value")) {
        bar.max = Math.max(told.total, 1);
        bar.value = told.done;
      }
      if (step && told.step && step.textContent !== told.step) step.textContent = told.step;
      for (const cell of box.querySelectorAll("[data-sending]")) {
        cell.textContent = (told.sending[cell.dataset.sending] || 0).toLocaleString("en");
      }
    }
    async function look() {
      try {
        const answer = await fetch(box.dataset.status, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const told = await answer.json();
        if (bar && !told.is_unfinished) { window.location.reload(); return; }
        show(told);
        const now = JSON.stringify(told);
        quiet = now === last ? quiet + 1 : 0;
        last = now;
      } catch {
        quiet += 1; /* the server is away or being restarted: ask again, and stop after two minutes */
      }
      if (bar || quiet < QUIET_TURNS_MAX) window.setTimeout(look, bar ? PLANNING_EVERY_MS : SENDING_EVERY_MS);
    }
    window.setTimeout(look, bar ? PLANNING_EVERY_MS : SENDING_EVERY_MS);
  }

  document.querySelectorAll("[data-status]").forEach(follow);
}());
