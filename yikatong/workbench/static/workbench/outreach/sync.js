/* Bringing back what was done at home, one by one. A thing leaves the device when the server has said what became of it, and only
   then; whatever was sent before that and got no answer is sent again, and counts once. */

import * as vault from "./vault.js";
import { NotDone, post } from "./api.js";

/* Sends all that waits. Returns {sent, problems: [words], kind}: kind tells what stopped it, "" when nothing did. */
export async function sync() {
  if (!navigator.locks) return run();
  return navigator.locks.request("yikatong-outreach-sync", { ifAvailable: true }, (held) => (held ? run() : done()));
}

const done = (changes = {}) => ({ sent: 0, problems: [], kind: "", ...changes });

async function run() {
  const device = await vault.get("device", "self"), result = done();
  for (const [id, item] of await vault.all("queue")) {
    try {
      await take(id, item, await post("api/applications/", item.content, device));
      result.sent += 1;
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      if (error.kind !== "refused") return { ...result, kind: error.kind };
      await vault.put("queue", id, { ...item, problem: error.words });
      result.problems.push(error.words);
    }
  }
  for (const [id, item] of await vault.all("closing")) {
    try {
      const said = await post("api/visits/" + id + "/", { state: item.state }, device);
      await vault.change(["closing", id], ["result", id, { number: item.number, outcome: said.outcome, said: "" }]);
      result.sent += 1;
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      if (error.kind !== "refused") return { ...result, kind: error.kind };
      await vault.change(["closing", id], ["result", id, { number: item.number, outcome: "refused", said: error.words }]);
      result.problems.push(error.words);
    }
  }
  return result;
}

/* The server has it: the person's data go, what is left tells no name. A case keeps the name until somebody decided. */
async function take(id, item, answer) {
  const visit = item.content.visit_id;
  const result = { number: item.number, outcome: answer.outcome, said: answer.said };
  const changes = [["queue", id], ["visit", visit], ["draft", visit], ["result", visit, result]];
  if (answer.outcome === "conflict") changes.push(["case", answer.application_id, { ...answer, number: item.number, name: item.name, visit }]);
  await vault.change(...changes);
}

/* What the helper decided about a case; the rest of the person's data goes with the answer. */
export async function decide(id, action) {
  const item = await vault.get("case", id), device = await vault.get("device", "self");
  const answer = await post("api/cases/" + id + "/", { action }, device);
  await vault.change(["case", id], ["result", item.visit, { number: item.number, outcome: answer.outcome, said: "" }]);
}

/* Today's visits. What was begun stays as it is. */
export async function download() {
  const device = await vault.get("device", "self"), got = await post("api/package/", {}, device);
  const begun = new Set((await vault.all("draft")).map(([id]) => id));
  const waiting = new Set([...(await vault.all("queue")).map(([, item]) => item.content.visit_id), ...(await vault.all("closing")).map(([id]) => id)]);
  const { visits, ...head } = got, coming = new Set(visits.map((each) => each.visit_id)), changes = [["package", "today", head]];
  for (const [id] of await vault.all("visit")) if (!coming.has(id) && !begun.has(id)) changes.push(["visit", id]);
  let number = 0;
  for (const [, result] of await vault.all("result")) number = Math.max(number, result.number || 0);
  for (const [, item] of await vault.all("queue")) number = Math.max(number, item.number || 0);
  const numbered = new Map((await vault.all("visit")).map(([id, each]) => [id, each.number]));
  for (const each of numbered.values()) number = Math.max(number, each);
  for (const each of visits) {
    if (!waiting.has(each.visit_id)) changes.push(["visit", each.visit_id, { ...each, number: numbered.get(each.visit_id) || ++number }]);
  }
  await vault.change(...changes);
  await vault.setMeta("expires_at", Date.parse(got.expires_at));
  await vault.setMeta("queue_until", Date.parse(got.queue_until));
  return visits.length;
}
