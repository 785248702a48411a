/* The program on this desk (yikatong-terminal agent), which lets a page use the card reader here. It speaks WebSocket on loopback.
   window.deskAgent(address, words) is a conversation with it: one question at a time, each answered before the next. */
(function () {
  "use strict";
  const TOKEN = "yikatong-desk-agent";
  const PIECES_MAX = 64;
  const SELECT_SOCIAL = "00A4040C0F7378312E73682EC9E7BBE1B1A3D5CF"; /* "sx1.sh.社会保障" in GB 2312 */
  const READ_IDENTIFICATION = "00B2012C12";

  class Told extends Error {}

  window.deskAgent = function (address, words) {
    let socket = null;
    let opening = null;
    let waiting = null;
    let last = Promise.resolve();

    /* Whoever asks while another question is under way waits for its answer first. */
    function ask(question) {
      const answered = last.then(() => put(question));
      last = answered.catch(() => {});
      return answered;
    }
    function put(question) {
      return new Promise((resolve, reject) => {
        if (!socket || socket.readyState !== WebSocket.OPEN) { reject(new Told(words.lost)); return; }
        waiting = { resolve, reject };
        socket.send(JSON.stringify(question));
      });
    }
    function open() {
      if (socket) return Promise.resolve();
      opening = opening || connected().finally(() => { opening = null; });
      return opening;
    }
    function connected() {
      return new Promise((resolve, reject) => {
        const opened = new WebSocket(address);
        opened.onopen = () => { socket = opened; resolve(); };
        opened.onclose = () => {
          if (socket !== opened) { reject(new Told(words.noAgent)); return; }
          socket = null;
          if (waiting) { waiting.reject(new Told(words.lost)); waiting = null; }
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
      if (!answer.ok) throw Object.assign(new Told(answer.message), { code: answer.error });
      return answer;
    }
    /* Whether this page is believed already, by the token it got for the code typed once. */
    async function resume() {
      await open();
      const token = sessionStorage.getItem(TOKEN);
      const answer = token ? await ask({ ask: "pair", token }) : { ok: false };
      if (!answer.ok) sessionStorage.removeItem(TOKEN);
      return answer.ok;
    }
    async function pair(code) {
      await open();
      sessionStorage.setItem(TOKEN, (await must({ ask: "pair", code })).token);
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
    /* Commands one after another; the last one's data. */
    async function send(commands, onStep) {
      let last = "";
      for (const command of commands) {
        const answer = await transmit(command);
        if (answer.status !== "9000") throw Object.assign(new Told(words.refused + answer.status), { status: answer.status });
        last = answer.data;
        if (onStep) onStep();
      }
      return last;
    }
    async function readers() { return (await must({ ask: "readers" })).readers; }
    async function connect(reader) { await must({ ask: "connect", reader }); }
    async function disconnect() { if (socket) await ask({ ask: "disconnect" }).catch(() => {}); }
    /* The 识别码 (32 hex digits) of the connected card, free to read; empty for a blank or another kind of card. */
    async function identificationCode() {
      try {
        await send([SELECT_SOCIAL]);
        return (await send([READ_IDENTIFICATION])).slice(4);
      } catch (error) {
        if (error.status) return "";
        throw error;
      }
    }
    /* The first card of ours in any reader stays connected; its 识别码, empty when there is none. */
    async function findCard() {
      for (const reader of await readers()) {
        if (!reader.has_card) continue;
        await connect(reader.name);
        const code = await identificationCode();
        if (code) return code;
        await disconnect();
      }
      return "";
    }
    return { Told, ask, must, open, resume, pair, send, readers, connect, disconnect, findCard, isOpen: () => socket !== null };
  };
}());
