/* Writing a blank at the counter: this page carries commands from the server to the card in the desk's reader and answers back.
   The reader is reached through the program on the desk, see desk_agent.js. */
(function () {
  "use strict";
  const box = document.getElementById("counter");
  if (!box) return;
  const at = (id) => document.getElementById(id);
  const say = box.dataset;
  const csrf = box.querySelector("[name=csrfmiddlewaretoken]").value;
  const FILE_NOT_FOUND = "6A82";
  const agent = window.deskAgent(say.agent, { lost: say.sayLost, noAgent: say.sayNoAgent, refused: say.sayRefused });
  const { Told } = agent;

  function show(status) { at("counter-status").textContent = status; }
  function problem(message) {
    at("counter-problem").textContent = message;
    at("counter-problem").hidden = !message;
    at("retry").hidden = !message;
    if (message) { show(""); at("retry").focus(); }
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

  async function write() {
    problem("");
    at("start").disabled = true;
    const progress = at("counter-progress");
    progress.hidden = false;
    progress.value = 0;
    try {
      await agent.connect(at("reader").value);
      show(say.sayWriting);
      let isBlank = true;
      let opened = "";
      try {
        opened = await agent.send(await server("begin"));
      } catch (error) {
        if (error.status !== FILE_NOT_FOUND) throw error;
        isBlank = false; /* written already, and the reply was lost: its own proof decides */
      }
      if (isBlank) {
        const commands = await server("load", opened);
        progress.max = commands.length + 2;
        await agent.send(commands, () => { progress.value += 1; });
        await agent.must({ ask: "reset" });
      }
      show(say.sayProving);
      const signature = await agent.send(await server("prove"), () => { progress.value += 1; });
      await server("finish", signature);
      await agent.disconnect();
      show(say.sayDone);
      window.location.assign(say.done);
    } catch (error) {
      await agent.disconnect();
      at("start").disabled = false;
      progress.hidden = true;
      problem(error instanceof Told ? error.message : String(error));
    }
  }

  async function ready() {
    const readers = await agent.readers();
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
      if (await agent.resume()) { await ready(); return; }
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
      await agent.pair(at("pairing-code").value);
      await ready();
    } catch (error) {
      problem(error instanceof Told ? error.message : say.sayNoAgent);
    }
  });
  at("start").addEventListener("click", write);
  at("retry").addEventListener("click", connect);
  connect();
}());
