/* The places page with a script: my position by a button, and map marks and list entries that point at each other. All else works without. */
(() => {
  "use strict";
  const form = document.getElementById("finder"), locate = document.getElementById("locate"), status = document.getElementById("locate-status");
  if (form && locate && navigator.geolocation && window.isSecureContext) {
    locate.hidden = document.getElementById("locate-note").hidden = false;
    locate.addEventListener("click", () => {
      status.textContent = form.dataset.locating;
      locate.disabled = true;
      navigator.geolocation.getCurrentPosition(
        (found) => {
          const asked = new URLSearchParams(new FormData(form));
          asked.delete("near");
          asked.set("lng", +found.coords.longitude.toFixed(3));
          asked.set("lat", +found.coords.latitude.toFixed(3));
          for (const [name, value] of [...asked]) if (!value) asked.delete(name);
          location.search = asked.toString();
        },
        () => { status.textContent = form.dataset.refused; locate.disabled = false; },
        { maximumAge: 60000, timeout: 15000 },
      );
    });
  }
  const show = (number, scroll) => {
    for (const each of document.querySelectorAll(".is-here")) each.classList.remove("is-here");
    const entry = document.getElementById(`place-${number}`), mark = document.querySelector(`[data-mark="${number}"]`);
    if (mark) { mark.classList.add("is-here"); mark.parentNode.append(mark); }
    if (!entry) return;
    entry.classList.add("is-here");
    if (scroll) { entry.scrollIntoView({ block: "center" }); entry.querySelector("a").focus({ preventScroll: true }); }
  };
  for (const mark of document.querySelectorAll("[data-mark]")) mark.addEventListener("click", () => show(mark.dataset.mark, true));
  for (const entry of document.querySelectorAll(".finder-places li")) {
    entry.addEventListener("focusin", () => show(entry.dataset.number, false));
    entry.addEventListener("mouseenter", () => show(entry.dataset.number, false));
  }
})();
