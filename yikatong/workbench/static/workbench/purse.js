/* Loading a purse: commands from the server to the card in the desk's reader and answers back, see desk_agent.js. A card that was taken
   away after it was told to load is asked about it when it is back: only the card knows. */
(function () {
  "use strict";
  const box = document.getElementById("purse");
  const at = (id) => document.getElementById(id);
  const say = box.dataset;
  const csrf = box.querySelector("[name=csrfmiddlewaretoken]").value;
  const agent = window.deskAgent(say.agent, { lost: say.sayLost, noAgent: say.sayNoAgent, refused: say.sayRefused });
  const { Told } = agent;
  let isInDoubt = false;

  function show(words) { at("purse-status").textContent = words; }
  function problem(words) { at("purse-problem").textContent = words; at("purse-problem").hidden = !words; if (words) show(""); }
  async function server(step, answer) {
    const body = { load_id: say.load, answer: answer || "", amount: at("amount").value.trim(), reference: at("reference").value };
    let reply;
    let told;
    try {
      reply = await fetch(say.steps.replace("STEP", step), {
        method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": csrf }, body: JSON.stringify(body)
      });
      told = await reply.json();
    } catch (error) { throw new Told(say.sayServer); }
    if (!reply.ok) throw new Told(told.error);
    return told.commands;
  }
  async function finish(answer) {
    await server("finish", answer);
    isInDoubt = false;
    await agent.disconnect();
    window.location.assign(say.done);
  }
  async function load() {
    await found();
    show(say.sayLoading);
    const issuer = await agent.send(await server("begin"));
    const initialised = await agent.send(await server("initialise", issuer));
    const credit = await server("authorise", initialised);
    isInDoubt = true;
    let tac;
    try {
      tac = await agent.send(credit);
    } catch (error) {
      if (error.status) isInDoubt = false; /* the card itself said no */
      throw error;
    }
    await finish(tac);
  }
  async function askAgain() {
    await found();
    const issuer = await agent.send(await server("ask-again"));
    let proof;
    try {
      proof = await agent.send(await server("ask-again", issuer));
    } catch (error) {
      if (!error.status) throw error;
      isInDoubt = false;
      throw new Told(say.sayNotLoaded);
    }
    await finish(proof);
  }
  async function found() {
    if (!(await agent.findCard())) throw new Told(say.sayNoCard);
  }
  async function run(what) {
    problem("");
    at("purse-start").disabled = true;
    at("purse-again").hidden = true;
    try {
      if (!(await agent.resume())) { pairFirst(); return; }
      await what();
    } catch (error) {
      await agent.disconnect();
      const words = error instanceof Told ? error.message : String(error);
      problem(isInDoubt ? `${words} ${say.sayTorn}` : words);
      at("purse-again").hidden = !isInDoubt;
      at("purse-start").disabled = isInDoubt;
      (isInDoubt ? at("purse-again") : at("amount")).focus();
    }
  }
  function pairFirst() {
    at("purse-pair").hidden = false;
    at("purse-start").disabled = false;
    show(say.sayPair);
    at("purse-code").focus();
  }
  at("purse-load").addEventListener("submit", (event) => { event.preventDefault(); run(load); });
  at("purse-again").addEventListener("click", () => run(askAgain));
  at("purse-pair").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await agent.pair(at("purse-code").value);
      at("purse-pair").hidden = true;
      problem("");
      run(load);
    } catch (error) { problem(error instanceof Told ? error.message : say.sayNoAgent); }
  });
}());
