/* Writing a blank at the counter: this page carries commands from the server to the card in the desk's reader and answers back.
   The reader is reached through the program on the desk (yikatong-terminal agent), which speaks WebSocket on loopback. */
(function () {
  "use strict";
  const box = document.getElementById("counter");
  if (!box) return;
  const at = (id) => document.getElementById(id);
  const say = box.dataset;
  const csrf = box.querySelector("[name=csrfmiddlewaretoken]").value;
  const TOKEN = "yikatong-desk-agent";
  const FILE_NOT_FOUND = "6A82";
  const PIECES_MAX = 64;
  let socket = null;
  let waiting = null;

  class Told extends Error {}

  function show(status) { at("counter-status").textContent = status; }
  function problem(message) {
    at("counter-problem").textContent = message;
    at("counter-problem").hidden = !message;
    at("retry").hidden = !message;
    if (message) { show(""); at("retry").focus(); }
  }

  /* The desk's program answers each question before it takes the next. */
  function ask(question) {
    return new Promise((resolve, reject) => {
      if (!socket || socket.readyState !== WebSocket.OPEN) { reject(new Told(say.sayLost)); return; }
      waiting = { resolve, reject };
      socket.send(JSON.stringify(question));
    });
  }
  function open() {
    return new Promise((resolve, reject) => {
      const opened = new WebSocket(say.agent);
      opened.onopen = () => { socket = opened; resolve(); };
      opened.onclose = () => {
        if (socket !== opened) { reject(new Told(say.sayNoAgent)); return; }
        socket = null;
        if (waiting) { waiting.reject(new Told(say.sayLost)); waiting = null; }
      };
      opened.onmessage = (event) => {
        const asked = waiting;
        waiting = null;
        if (asked) asked.resolve(JSON.parse(event.data));
      };
    });
  }
  async function must(question) {
    const answer = await ask(question);
    if (!answer.ok) throw new Told(answer.message);
    return answer;
  }

  async function server(step, answer) {
    let reply;
    try {
      reply = await fetch(say[step], {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
        body: JSON.stringify({ answer: answer || "" })
      });
      const body = await reply.json();
      if (reply.ok) return body.commands;
      throw new Told(body.error);
    } catch (error) {
      throw error instanceof Told ? error : new Told(say.sayServer);
    }
  }

  /* One command whole: 61xx is fetched, 6Cxx asked again with the length the card named. */
  async function transmit(command) {
    let data = "";
    for (let piece = 0; piece < PIECES_MAX; piece += 1) {
      const answer = (await must({ ask: "transmit", command })).answer;
      const status = answer.slice(-4);
      data += answer.slice(0, -4);
      if (status.startsWith("61")) command = "00C00000" + status.slice(2);
      else if (status.startsWith("6C") && !data) command = command.slice(0, 8) + status.slice(2);
      else return { data, status };
    }
    return { data, status: "6F00" };
  }
  async function send(commands, onStep) {
    let last = "";
    for (const command of commands) {
      const answer = await transmit(command);
      if (answer.status !== "9000") throw Object.assign(new Told(say.sayRefused + answer.status), { status: answer.status });
      last = answer.data;
      if (onStep) onStep();
    }
    return last;
  }

  async function write() {
    problem("");
    at("start").disabled = true;
    const progress = at("counter-progress");
    progress.hidden = false;
    progress.value = 0;
    try {
      await must({ ask: "connect", reader: at("reader").value });
      show(say.sayWriting);
      let isBlank = true;
      let opened = "";
      try {
        opened = await send(await server("begin"));
      } catch (error) {
        if (error.status !== FILE_NOT_FOUND) throw error;
        isBlank = false; /* written already, and the reply was lost: its own proof decides */
      }
      if (isBlank) {
        const commands = await server("load", opened);
        progress.max = commands.length + 2;
        await send(commands, () => { progress.value += 1; });
        await must({ ask: "reset" });
      }
      show(say.sayProving);
      const signature = await send(await server("prove"), () => { progress.value += 1; });
      await server("finish", signature);
      await ask({ ask: "disconnect" });
      show(say.sayDone);
      window.location.assign(say.done);
    } catch (error) {
      if (socket) await ask({ ask: "disconnect" }).catch(() => {});
      at("start").disabled = false;
      progress.hidden = true;
      problem(error instanceof Told ? error.message : String(error));
    }
  }

  async function ready(answer) {
    sessionStorage.setItem(TOKEN, answer.token);
    const readers = (await must({ ask: "readers" })).readers;
    at("reader").replaceChildren(...readers.map((reader) => new Option(reader.name, reader.name)));
    at("reader").selectedIndex = Math.max(0, readers.findIndex((reader) => reader.has_card));
    at("counter-pair").hidden = true;
    at("counter-write").hidden = false;
    show(say.sayReady);
    at("start").focus();
  }
  async function connect() {
    problem("");
    show(say.saySearching);
    at("counter-write").hidden = true;
    try {
      if (!socket) await open();
      const token = sessionStorage.getItem(TOKEN);
      const answer = token ? await ask({ ask: "pair", token }) : { ok: false };
      if (answer.ok) { await ready(answer); return; }
      sessionStorage.removeItem(TOKEN);
      if (!socket) await open();
      at("counter-pair").hidden = false;
      show(say.sayPair);
      at("pairing-code").focus();
    } catch (error) {
      problem(error instanceof Told ? error.message : say.sayNoAgent);
    }
  }

  at("counter-pair").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      if (!socket) await open();
      await ready(await must({ ask: "pair", code: at("pairing-code").value }));
    } catch (error) {
      problem(error instanceof Told ? error.message : say.sayNoAgent);
    }
  });
  at("start").addEventListener("click", write);
  at("retry").addEventListener("click", connect);
  connect();
}());
