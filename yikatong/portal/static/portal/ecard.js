/* The electronic card in the phone: an own SM2 key, certified by the issuer, makes a fresh code every 30 seconds, also without
   network while the certificate lasts. Layout of a code: docs/formats/e-card-code.md (yikatong/wire/codes.py). What is kept, and
   how: ecard-vault.js. The same script serves the page from the server and the empty one the service worker keeps. */
(function () {
  "use strict";
  const box = document.getElementById("ecard");
  if (!box) return;
  const vault = globalThis.yikatongVault;
  const words = JSON.parse(document.getElementById("ecard-words").textContent);
  const part = (name) => document.getElementById("ecard-" + name);
  const place = part("code");
  const isShell = "shell" in box.dataset;
  const REFRESH_S = 30;
  const ENROL_BEFORE_S = 86400;
  const ASK_AGAIN_S = 60;
  const REVEALED_S = 15;
  const CLOCK_SKEW_S = 5;
  const state = { card: null, shownUntil: 0, askedAt: 0, hideAt: 0, isRefused: false, isSignedOut: false };

  /* bytes */
  const fromHex = (hex) => hex.match(/../g).map((two) => parseInt(two, 16));
  const fromBase64 = (text) => Array.from(atob(text), (character) => character.charCodeAt(0));
  const fourBytes = (n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const now = () => Math.floor(Date.now() / 1000);
  function toText(bytes) {
    return "Y1." + btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function notAfter(card) {
    const octets = fromBase64(card.certificate);
    return ((octets[58] * 256 + octets[59]) * 256 + octets[60]) * 256 + octets[61];
  }
  const isGood = (card) => Boolean(card && card.certificate && notAfter(card) > now());

  /* words */
  function filled(text, values) { return text.replace(/\{(\w+)\}/g, (all, name) => values[name]); }
  function when(seconds) {
    const options = { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" };
    return new Date(seconds * 1000).toLocaleString(document.documentElement.lang, options);
  }
  function say(name, text) { if (part(name).textContent !== text) part(name).textContent = text; }

  function makeCode(card) {
    const nonce = Array.from(crypto.getRandomValues(new Uint8Array(8)));
    const body = fromBase64(card.certificate).concat(fourBytes(now()), nonce);
    const signed = Array.from("YKT-CODE-1", (character) => character.charCodeAt(0)).concat(body);
    return toText(body.concat(fromHex(sm2.doSignature(signed, card.privateKey, { hash: true, publicKey: card.publicKey }))));
  }

  function draw(text) {
    const picture = qrcode(0, "M");
    picture.addData(text, "Byte");
    picture.make();
    const image = place.querySelector("img") || document.createElement("img");
    const holder = document.createElement("div");
    holder.innerHTML = picture.createImgTag(8, 32); /* the quiet zone is four modules, as ISO/IEC 18004 asks */
    image.src = holder.querySelector("img").src;
    image.alt = place.getAttribute("aria-label");
    if (!image.parentNode) { place.replaceChildren(image); place.removeAttribute("role"); }
    box.dataset.code = text;
    state.shownUntil = now() + REFRESH_S;
  }

  function erase() {
    place.replaceChildren();
    delete box.dataset.code;
    state.shownUntil = 0;
    say("left", "");
  }

  /* the server */
  async function enrol(card) {
    state.askedAt = now();
    const answer = await fetch(box.dataset.deviceUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": box.dataset.csrf },
      body: JSON.stringify({ public_key: card.publicKey }),
    });
    if (answer.redirected) { state.isSignedOut = true; return; }
    const body = await answer.json();
    if (answer.status >= 500) throw new Error("server");
    if (!answer.ok) {
      await vault.remove(card.cardId);
      delete card.certificate;
      state.isRefused = true;
      erase();
      say("error", body.message);
      return;
    }
    Object.assign(card, { certificate: body.certificate, name: body.name, number: body.number, maskedNumber: body.masked_number });
    card.skewS = now() - body.now_s;
    await vault.put(card);
    if (Math.abs(card.skewS) > CLOCK_SKEW_S) say("error", filled(words.clock, { n: Math.abs(card.skewS) }));
    if (!(await vault.lasts())) say("kept", words.not_kept);
  }

  /* what the page says of where it stands */
  function tell() {
    const card = state.card;
    if (state.isRefused) { say("until", ""); return; }
    if (isGood(card)) {
      const time = when(notAfter(card));
      const text = state.isSignedOut ? words.sign_in : navigator.onLine ? words.until : words.offline;
      say("until", filled(text, { time }));
      return;
    }
    say("until", "");
    if (card && card.certificate && notAfter(card) <= now()) say("error", filled(words.expired, { time: when(notAfter(card)) }));
    else if (state.isSignedOut) say("error", words.sign_in_first);
  }

  function tick() {
    const card = state.card;
    if (state.hideAt && now() >= state.hideAt) conceal();
    if (state.hideAt) say("hides", filled(words.hides, { n: state.hideAt - now() }));
    if (isGood(card) && !state.isRefused) {
      if (now() >= state.shownUntil) {
        if (isShell) probe();
        draw(makeCode(card));
      }
      say("left", filled(words.seconds, { n: state.shownUntil - now() }));
    } else if (box.dataset.code) erase();
    if (!isShell && card && !state.isRefused && !state.isSignedOut && navigator.onLine && now() - state.askedAt > ASK_AGAIN_S
        && (!isGood(card) || notAfter(card) < now() + ENROL_BEFORE_S)) enrol(card).catch(() => undefined);
    tell();
  }

  /* the number: masked until asked for, hidden again by itself */
  function conceal() {
    state.hideAt = 0;
    say("hides", "");
    if (state.card) say("number", state.card.maskedNumber);
    part("reveal").textContent = words.show;
    part("reveal").setAttribute("aria-pressed", "false");
  }
  function reveal(event) {
    if (!state.card || !state.card.number) return;
    event.preventDefault();
    if (state.hideAt) { conceal(); return; }
    state.hideAt = now() + REVEALED_S;
    say("number", state.card.number);
    part("reveal").textContent = words.hide;
    part("reveal").setAttribute("aria-pressed", "true");
    tick();
  }

  /* a screen that stays on while the code is in view */
  let lock = null;
  async function stayAwake() {
    if (!navigator.wakeLock || document.visibilityState !== "visible") return;
    try { lock = await navigator.wakeLock.request("screen"); } catch (error) { lock = null; /* low battery */ }
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") { if (state.hideAt) conceal(); return; }
    stayAwake();
    state.shownUntil = 0; /* what was drawn before may be too old, and the phone may have been handed on */
    tick();
  });

  /* cards kept before there was a vault lay in localStorage in clear */
  function takeOld(cardId) {
    try {
      const name = "yikatong-ecard-" + cardId;
      const old = JSON.parse(localStorage.getItem(name) || "null");
      localStorage.removeItem(name);
      return old && old.privateKey ? old : null;
    } catch (error) { return null; }
  }

  async function cardOfPage() {
    const { cardId, personId, owner } = box.dataset;
    const kept = await vault.all();
    if (kept.some((card) => card.owner !== owner)) await vault.clear(); /* somebody else signs in on this phone */
    let card = await vault.get(cardId);
    if (!card) {
      const old = takeOld(cardId);
      const pair = old || sm2.generateKeyPairHex();
      card = { cardId, privateKey: pair.privateKey, publicKey: pair.publicKey };
      if (old && old.certificate) card.certificate = old.certificate;
    }
    for (const other of kept) { /* an earlier card of the same person has ended */
      if (other.personId === personId && other.cardId !== cardId) await vault.remove(other.cardId);
    }
    return Object.assign(card, { personId, owner, shownAt: now() });
  }

  /* the kept page asks whether the server can be reached again; HEAD passes the service worker by */
  async function probe() {
    if (!navigator.onLine) return;
    try {
      const answer = await fetch(box.dataset.shell, { method: "HEAD", cache: "no-store" });
      if (answer.ok && !answer.redirected) location.reload();
      if (!answer.redirected) return;
      state.isSignedOut = true;
      part("sign-in").hidden = false;
      if (!isGood(state.card)) location.assign(part("sign-in").querySelector("a").href);
      tell();
    } catch (error) { /* still no network; asked again with the next code */ }
  }

  async function cardOfShell() {
    const cards = (await vault.all()).filter((card) => card.certificate).sort((a, b) => b.shownAt - a.shownAt);
    const asked = new URLSearchParams(location.search).get("for");
    const card = cards.find((one) => one.personId === asked) || (asked ? null : cards[0]);
    if (cards.length > 1) {
      for (const one of cards) {
        const link = document.createElement("a");
        link.href = "?for=" + encodeURIComponent(one.personId);
        link.textContent = one.name;
        if (one === card) link.setAttribute("aria-current", "page");
        const item = document.createElement("li");
        item.append(link);
        part("family").append(item);
      }
      part("family").parentNode.hidden = false;
    }
    if (!card) { say("error", words.not_here); return null; }
    say("name", card.name);
    say("number", card.maskedNumber);
    part("card").hidden = false;
    return card;
  }

  function registerWorker() {
    if (!navigator.serviceWorker || !box.dataset.worker) return;
    navigator.serviceWorker.register(box.dataset.worker)
      .then(() => navigator.serviceWorker.ready)
      .then((registration) => {
        registration.active.postMessage("keep-shell"); /* in the language and print of now */
        box.dataset.keeps = "1";
      }, () => undefined);
  }

  async function start() {
    if (!vault || !globalThis.sm2 || !globalThis.qrcode || !globalThis.crypto) throw new Error("parts are missing");
    state.card = isShell ? await cardOfShell() : await cardOfPage();
    part("reveal").setAttribute("role", "button"); /* without script it is a link */
    part("reveal").addEventListener("click", reveal);
    part("reveal").addEventListener("keydown", (event) => { if (event.key === " ") reveal(event); });
    addEventListener("online", () => (isShell ? probe() : tick()));
    addEventListener("offline", tick);
    stayAwake();
    setInterval(tick, 1000);
    if (isShell) { tick(); if (!isGood(state.card)) setInterval(probe, REFRESH_S * 1000); probe(); return; }
    if (isGood(state.card)) { tick(); await vault.put(state.card); }
    try {
      await enrol(state.card);
    } catch (error) {
      if (!isGood(state.card)) say("error", words.failed);
    }
    tick();
    registerWorker();
  }

  start().catch(() => {
    if (!place.dataset.image) return;
    const image = document.createElement("img");
    image.alt = place.getAttribute("aria-label");
    image.src = place.dataset.image;
    place.replaceChildren(image);
  });
})();
