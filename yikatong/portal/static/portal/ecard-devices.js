/* Marks this phone in the list of phones, by the serial in the certificates it keeps. Without script the list is the same. */
(async function () {
  "use strict";
  if (!globalThis.yikatongVault) return;
  for (const card of await globalThis.yikatongVault.all()) {
    if (!card.certificate) continue;
    const octets = Array.from(atob(card.certificate), (character) => character.charCodeAt(0));
    const serial = octets.slice(5, 13).map((octet) => octet.toString(16).padStart(2, "0")).join("");
    const mark = document.querySelector("[data-serial='" + serial + "'] [data-own]");
    if (mark) mark.hidden = false;
  }
})();
