/* Follows what the worker does: an export by its own answer as JSON, a dispatch by loading its page anew.
   Without this script the page offers a link that loads it again. */
(function () {
  "use strict";
  const EVERY_MS = 1500;
  const RELOAD_EVERY_MS = 5000;

  const box = document.querySelector("[data-progress]");
  if (box) {
    const bar = box.querySelector("progress");
    const step = box.querySelector("[data-step]");
    const look = async function () {
      try {
        const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
        const told = await answer.json();
        if (!told.is_unfinished) { window.location.reload(); return; }
        if (bar && told.total) { bar.max = told.total; bar.value = told.done; }
        if (step && step.textContent !== told.step) step.textContent = told.step;
      } catch { /* the server is away or being restarted: ask again */ }
      window.setTimeout(look, EVERY_MS);
    };
    window.setTimeout(look, EVERY_MS);
  }
  if (document.querySelector("[data-reload]")) {
    window.setTimeout(function () { window.location.reload(); }, RELOAD_EVERY_MS);
  }
}());
