// A button that prints the page; without JavaScript it is not shown, and the browser's own menu prints as well.
"use strict";
const button = document.getElementById("print");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
