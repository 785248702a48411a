/* A kiosk's page: the keypad on the screen, the reader, the countdown of a page that nobody touches, the receipt's printing. */
(function () {
  "use strict";
  const main = document.getElementById("main");
  const at = (id) => document.getElementById(id);

  for (const pad of document.querySelectorAll("[data-keypad-for]")) {
    const input = at(pad.dataset.keypadFor);
    pad.hidden = false;
    pad.addEventListener("click", (event) => {
      const key = event.target.dataset.key;
      if (!key) return;
      if (key === "delete") input.value = input.value.slice(0, -1);
      else if (input.value.length < input.maxLength) input.value += key;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  /* A press too many sends nothing twice. */
  for (const form of document.querySelectorAll("main form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  }
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  const print = at("print");
  if (print) { print.hidden = false; print.addEventListener("click", () => window.print()); }

  const idleS = Number(main.dataset.idleS || 0);
  if (idleS) {
    const dialog = at("still");
    const warningS = Number(main.dataset.warningS);
    let leftAt = 0;
    const touched = () => { leftAt = Date.now() + idleS * 1000; };
    async function more() {
      touched();
      if (dialog.open) dialog.close();
      const token = document.querySelector("#leave [name=csrfmiddlewaretoken]");
      if (!main.dataset.stillHere || !token) return;
      const reply = await fetch(main.dataset.stillHere, { method: "POST", headers: { "X-CSRFToken": token.value } }).catch(() => null);
      if (reply && reply.status === 410) window.location.reload();
    }
    at("still-more").addEventListener("click", more);
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); more(); });
    for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, () => { if (!dialog.open) touched(); });
    touched();
    const timer = setInterval(() => {
      const leftS = Math.ceil((leftAt - Date.now()) / 1000);
      if (leftS <= 0) { clearInterval(timer); at("leave").submit(); return; }
      if (leftS > warningS) return;
      at("still-s").textContent = String(leftS);
      if (!dialog.open) { dialog.showModal(); at("still-spoken").textContent = at("still-more").dataset.spoken; at("still-more").focus(); }
    }, 250);
  }

  const say = main.dataset;
  if (!say.chip) return;
  const agent = window.deskAgent(say.agent, { lost: say.sayLost, noAgent: say.sayLost, refused: say.sayFailed });
  const status = at("reader-status");
  const EVERY_MS = 500;
  const FORGET_MS = 60000;
  let isGoing = true;
  let isReading = false;
  /* A number that somebody began to type and left is not for the next one to see. */
  const number = at("card_number");
  let forgetting = 0;
  document.addEventListener("input", () => { clearTimeout(forgetting); forgetting = setTimeout(() => { number.value = ""; }, FORGET_MS); });
  const show = (words) => { at("reader").hidden = false; status.textContent = words; };
  async function server(body) {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const reply = await fetch(say.chip, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(body) });
    const answer = await reply.json();
    if (!reply.ok) throw new agent.Told(answer.error);
    return answer;
  }
  async function prove() {
    if (isReading || !isGoing) return;
    isReading = true;
    show(say.sayReading);
    try {
      const code = await agent.findCard();
      if (!code) { show(say.sayNoCard); return; }
      const signature = await agent.send((await server({ code })).commands);
      const answer = await server({ code, signature });
      isGoing = false;
      window.location.assign(answer.next);
    } catch (error) {
      show(error.code === "card_gone" || error.code === "no_card" ? say.sayGone : error instanceof agent.Told ? error.message : say.sayFailed);
    } finally {
      await agent.disconnect();
      isReading = false;
    }
  }
  at("reader-read").addEventListener("click", prove);
  /* Only a card that is put in now is read: the one before may still lie there. */
  async function watch() {
    let before = null;
    show(say.sayPut);
    while (isGoing) {
      if (isReading) { await new Promise((resolve) => setTimeout(resolve, EVERY_MS)); continue; }
      try {
        const now = new Set((await agent.readers()).filter((reader) => reader.has_card).map((reader) => reader.name));
        if (before && [...now].some((name) => !before.has(name))) await prove();
        before = now;
      } catch (error) { show(say.sayLost); return; }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
  at("kiosk-pair").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await agent.pair(at("pairing-code").value);
      at("kiosk-pair").parentElement.open = false;
      watch();
    } catch (error) { show(error instanceof agent.Told ? error.message : say.sayLost); }
  });
  if (sessionStorage.getItem("yikatong-desk-agent")) agent.resume().then((ok) => { if (ok) watch(); }).catch(() => {});
}());
