/* The helper's app: what is shown first, the list of today, locking, and what is done when the network comes back. */

import * as vault from "./vault.js";
import { mustWipe, NotDone, post, session } from "./api.js";
import { acts, copyOf, errors, notice, say, show } from "./screens.js";
import { decide, download, sync } from "./sync.js";
import { watch } from "./lock.js";
import { VisitPages } from "./visit.js";

const SIGN_IN = "/sign-in/staff/?next=/work/outreach/";
let pages = null;

async function start() {
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/work/outreach/sw.js", { scope: "/work/outreach/" }).catch(() => {});
  if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => {});
  if (!window.crypto || !crypto.subtle || !window.indexedDB) return void show("unfit");
  await lookAround();
  if (!(await vault.exists())) return setUp();
  return unlock();
}

/* What is to be done without the PIN: wipe a lost device, take away what was kept too long. */
async function lookAround() {
  const deviceId = await vault.meta("device_id");
  if (deviceId && (await mustWipe(deviceId))) {
    await vault.wipe();
    notice(say("wiped_lost"), "bad");
    return;
  }
  await takeAwayOld();
}

async function takeAwayOld() {
  const went = await vault.expire();
  if (went) notice(say("expired_" + went), "warn");
}

async function setUp() {
  let helper = "";
  try { ({ helper } = await session()); } catch (error) {
    if (document.getElementById("notice").hidden) tell(error); // why everything was wiped is to be read first
  }
  const place = show("setup", { helper });
  acts(place, {
    save: async () => {
      const name = place.querySelector("#device-name").value.trim(), pin = place.querySelector("#new-pin").value;
      const faults = [];
      if (!name) faults.push(["device-name", say("name_missing")]);
      if (!vault.isPinFit(pin)) faults.push(["new-pin", say("pin_unfit")]);
      else if (pin !== place.querySelector("#new-pin-again").value) faults.push(["new-pin-again", say("pin_differs")]);
      if (!errors(place, faults)) return;
      try {
        const device = await post("api/devices/", { name });
        await vault.create(pin);
        await vault.setMeta("device_id", device.device_id);
        await vault.put("device", "self", device);
        notice(say("registered"));
        await home();
      } catch (error) { tell(error); }
    },
  });
}

function unlock() {
  pages = null;
  const place = show("unlock");
  acts(place, {
    unlock: async () => {
      const field = place.querySelector("#pin");
      try {
        await takeAwayOld();
        await vault.unlock(field.value);
        await home();
        await bring({ quietly: true });
      } catch (error) {
        field.value = "";
        if (error instanceof vault.WrongPin) errors(place, [["pin", say("pin_wrong", { left: error.left })]]);
        else if (error instanceof vault.Wiped) {
          notice(say("wiped_pin"), "bad");
          await setUp();
        } else throw error;
      }
    },
    wipe: () => show("wipe") && acts(document.getElementById("app"), { wipe: wipeHere, back: () => start() }),
  });
}

async function wipeHere() {
  await vault.wipe();
  notice(say("wiped_here"), "warn");
  await setUp();
}

/* The day's list. */
async function home() {
  pages = null;
  const day = await vault.get("package", "today"), visits = (await vault.all("visit")).map(([, each]) => each);
  const drafts = new Set((await vault.all("draft")).map(([id]) => id)), queue = await vault.all("queue"), closing = await vault.all("closing");
  const cases = await vault.all("case"), results = (await vault.all("result")).map(([, each]) => each);
  const waiting = queue.length + closing.length, expires = await vault.meta("expires_at");
  const place = show("list", {
    day: day ? say("visits_of", { day: day.day }) : say("no_package"), has_visits: visits.length > 0, waiting: say("waiting", { count: waiting }),
    has_waiting: waiting > 0, has_cases: cases.length > 0, has_results: results.length > 0, nothing: day && !visits.length,
    kept_until: expires ? say("kept_until", { moment: new Date(expires).toLocaleString(document.documentElement.lang, { timeZone: "Asia/Shanghai", dateStyle: "medium", timeStyle: "short" }) }) : "",
  });
  online();
  fill(place, "[data-visits]", visits.sort((one, other) => one.number - other.number), (visit) => copyOf("visit-row", {
    ...visit, number: say("number", { number: visit.number }), reason_words: say("reason_" + visit.reason),
    state: drafts.has(visit.visit_id) ? say("begun") : say("planned"),
  }), (node, visit) => acts(node, { open: () => openVisit(visit, day) }));
  fill(place, "[data-queue]", queue.map(([, each]) => each), (item) => copyOf("queue-row", {
    number: say("number", { number: item.number }), name: item.name, state: item.problem || say("to_send"),
  }), () => {});
  fill(place, "[data-cases]", cases, ([, item]) => caseOf(item), (node, [id]) => acts(node, {
    discard: () => settle(id, "discard"), leave: () => settle(id, "leave"),
  }));
  fill(place, "[data-results]", results.sort((one, other) => one.number - other.number), (item) => copyOf("result-row", {
    number: say("number", { number: item.number }), state: say("outcome_" + item.outcome), said: item.said,
  }), () => {});
  acts(place, { download: fetchDay, sync: () => bring({}), lock: lockNow, wipe: () => acts(show("wipe"), { wipe: wipeHere, back: home }) });
}

function fill(place, selector, items, make, after) {
  const list = place.querySelector(selector);
  if (!list) return;
  for (const item of items) {
    list.append(make(item));
    after(list.lastElementChild, item);
  }
}

function caseOf(item) {
  const row = copyOf("case", { name: item.name, number: say("number", { number: item.number }), said: item.said });
  for (const side of ["ours", "theirs"]) {
    for (const line of item[side]) row.querySelector('[data-side="' + side + '"]').append(Object.assign(document.createElement("li"), { textContent: line }));
  }
  return row;
}

async function openVisit(visit, day) {
  notice("");
  pages = new VisitPages(visit, day, {
    home,
    saved: async (words) => {
      await home();
      notice(words);
      await bring({ quietly: true });
    },
  });
  await pages.open();
}

async function fetchDay() {
  notice(say("downloading"), "good");
  try {
    const count = await download();
    await home();
    notice(say("downloaded", { count }));
  } catch (error) { tell(error); }
}

/* Send what waits. Quietly: without a network nothing is said, the list shows what waits. */
async function bring({ quietly = false }) {
  if (!vault.isOpen()) return;
  const waiting = (await vault.all("queue")).length + (await vault.all("closing")).length;
  if (!waiting) {
    if (!quietly) notice(say("nothing_to_send"));
    return;
  }
  const { sent, problems, kind } = await sync();
  if (kind === "wipe") return void (await lost());
  if (sent && !pages) await home();
  if (kind && !(quietly && kind === "offline")) tell(new NotDone(kind));
  else if (problems.length) notice(problems.join(" "), "bad");
  else if (sent) notice(say("sent", { count: sent }));
}

async function settle(id, action) {
  try {
    await decide(id, action);
    await home();
    notice(say("case_" + action));
  } catch (error) { tell(error); }
}

async function lost() {
  await vault.wipe();
  notice(say("wiped_lost"), "bad");
  await setUp();
}

function tell(error) {
  if (!(error instanceof NotDone)) throw error;
  if (error.kind === "wipe") return void lost();
  const options = error.kind === "signin" ? { link: SIGN_IN, linkWords: say("sign_in") } : {};
  notice(error.words || say("not_" + error.kind), error.kind === "offline" ? "warn" : "bad", options);
}

async function lockNow() {
  if (pages) await pages.beforeLock();
  vault.lock();
  pages = null;
  document.getElementById("idle").close();
  unlock();
}

function online() {
  const node = document.getElementById("online");
  node.textContent = navigator.onLine ? say("online") : say("offline");
  node.dataset.online = navigator.onLine ? "1" : "0";
}

addEventListener("offline", online);
addEventListener("online", async () => {
  online();
  await lookAround();
  await bring({ quietly: true });
});

/* Gone back to by the browser's own button, the page would show what it showed when it was left. */
addEventListener("pageshow", (event) => { if (event.persisted && vault.isOpen()) lockNow(); });

const idle = document.getElementById("idle");
const stay = watch({
  isOpen: vault.isOpen,
  warn: (seconds) => {
    document.getElementById("idle-left").textContent = say("locks_in", { seconds });
    if (!idle.open) idle.showModal();
  },
  calm: () => idle.close(),
  lock: lockNow,
});
idle.addEventListener("cancel", (event) => event.preventDefault());
acts(idle, { stay });
document.getElementById("print-size").addEventListener("click", () => {
  const isLarge = document.body.classList.toggle("large");
  localStorage.setItem("outreach_print", isLarge ? "large" : "usual");
});
if (localStorage.getItem("outreach_print")) document.body.classList.toggle("large", localStorage.getItem("outreach_print") === "large");
online();
start();
