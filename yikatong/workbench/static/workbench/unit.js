// What a unit's pages do by themselves: look again while the worker is busy, tick a whole page, print. Without it, links do.
"use strict";
const LOOK_AGAIN_MS = 2000;
if (document.querySelector("[data-refresh]")) {
  setTimeout(() => location.reload(), LOOK_AGAIN_MS);
}
for (const button of document.querySelectorAll("[data-tick-all]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const boxes = [...button.form.querySelectorAll("input[type=checkbox]")];
    const tick = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = tick;
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
