/* The clerk's one input: what is typed anywhere on the page goes into it, Escape comes back to it, F2 reads the card in the reader,
   and so does putting a card into it once the page is paired with the program on the desk. */
(function () {
  "use strict";
  const input = document.querySelector("[data-desk-input]");
  if (!input) {
    const home = document.querySelector("[data-desk-home]");
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && home && !event.defaultPrevented) window.location.assign(home.href);
    });
    return;
  }
  const form = input.form;
  let isSent = false;
  input.focus();
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    const isTyping = target.matches("input, select, textarea");
    if (event.key === "Escape") { input.focus(); input.select(); return; }
    if (event.key === "F2") { event.preventDefault(); read(); return; }
    if (!isTyping && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) input.focus();
  });
  window.addEventListener("focus", () => input.focus());
  /* A scanner ends with Enter, and so may the hand after it: one look-up. */
  form.addEventListener("submit", (event) => {
    if (isSent || !input.value.trim()) { event.preventDefault(); input.focus(); return; }
    isSent = true;
  });
  window.addEventListener("pageshow", () => { isSent = false; });

  const box = document.getElementById("desk-reader");
  if (!box) return;
  const say = box.dataset;
  const at = (id) => document.getElementById(id);
  const agent = window.deskAgent(say.agent, { lost: say.sayLost, noAgent: say.sayNoAgent, refused: say.sayRefused });
  const EVERY_MS = 700;
  let isPaired = false;
  let isReading = false;

  function show(words) { at("desk-reader-status").textContent = words; }
  async function read() {
    if (isReading || isSent) return;
    isReading = true;
    try {
      if (!isPaired && !(isPaired = await agent.resume())) { askForCode(); return; }
      show(say.sayReading);
      const code = await agent.findCard();
      await agent.disconnect();
      if (code) { input.value = code; form.requestSubmit(); } else { show(say.sayNoCard); input.focus(); }
    } catch (error) {
      await agent.disconnect();
      if (!agent.isOpen()) isPaired = false;
      show(error instanceof agent.Told ? error.message : say.sayNoAgent);
      input.focus();
    } finally {
      isReading = false;
    }
  }
  function askForCode() {
    at("desk-pair").hidden = false;
    at("desk-read").hidden = true;
    show(say.sayPair);
    at("desk-pairing-code").focus();
  }
  at("desk-read").hidden = false;
  at("desk-read").addEventListener("click", read);
  at("desk-pair").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await agent.pair(at("desk-pairing-code").value);
      isPaired = true;
      at("desk-pair").hidden = true;
      at("desk-read").hidden = false;
      show(say.sayReady);
      input.focus();
      watch();
    } catch (error) {
      show(error instanceof agent.Told ? error.message : say.sayNoAgent);
    }
  });
  /* A card that is put in while the page waits is read; one that lay there before is read on F2 only. */
  async function watch() {
    let before = null;
    while (isPaired && !isSent) {
      if (!isReading) {
        try {
          const now = new Set((await agent.readers()).filter((reader) => reader.has_card).map((reader) => reader.name));
          if (before && [...now].some((name) => !before.has(name))) await read();
          before = now;
        } catch (error) { isPaired = false; show(say.sayLost); return; }
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
  if (sessionStorage.getItem("yikatong-desk-agent")) {
    agent.resume().then((ok) => { isPaired = ok; if (ok) { show(say.sayReady); watch(); } }).catch(() => {});
  }
}());
