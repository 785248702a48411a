/* Talking to the server. Nothing is cached; whatever stands in the way has a kind of its own, so that callers keep what they have. */

const ROOT = "/work/outreach/", PATIENCE_MS = 30000, PATIENCE_AT_START_MS = 4000;

/* kind: "offline", "signin", "wipe", "register", "refused" (with words), "broken". */
export class NotDone extends Error {
  constructor(kind, words = "") { super(kind); this.kind = kind; this.words = words; }
}

async function ask(path, options = {}, patienceMs = PATIENCE_MS) {
  let answer;
  try {
    answer = await fetch(ROOT + path, {
      cache: "no-store", credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(patienceMs), ...options,
    });
  } catch {
    throw new NotDone("offline");
  }
  if (answer.type === "opaqueredirect" || answer.status === 403) throw new NotDone("signin");
  if (answer.status === 410) throw new NotDone("wipe");
  let content;
  try { content = await answer.json(); } catch { throw new NotDone(answer.status >= 500 || answer.ok ? "offline" : "broken"); }
  if (answer.status === 401) throw new NotDone("register", content.error);
  if (answer.status === 422) throw new NotDone("refused", content.error);
  if (!answer.ok) throw new NotDone("offline");
  return content;
}

export const session = () => ask("api/session/");

export async function post(path, content, device) {
  const { csrf } = await session();
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
  if (device) headers["X-Device"] = device.device_id + " " + device.token;
  return ask(path, { method: "POST", headers, body: JSON.stringify(content) });
}

/* Whether the server wants this device wiped; "no" also when it cannot be asked. */
export async function mustWipe(deviceId) {
  try { return (await ask("standing/" + deviceId + "/", {}, PATIENCE_AT_START_MS)).wipe; } catch { return false; }
}
