/* What the device keeps, sealed. Every record is AES-GCM under a data key that never leaves WebCrypto; the data key lies wrapped
   under a key derived from the PIN (PBKDF2) and from a secret of this browser that cannot be read out. Wrong PINs are counted before
   they are tried; after the last one everything is gone. Unsealed lie only: kinds and random numbers of records, dates of expiry. */

const NAME = "yikatong-outreach", VERSION = 1;
const ITERATIONS = 600000, TRIES_MAX = 5;
export const PIN_MIN = 6;
const encoder = new TextEncoder(), decoder = new TextDecoder();

export class WrongPin extends Error {
  constructor(left) { super("wrong PIN"); this.left = left; }
}
export class Wiped extends Error {}

let database = null, dataKey = null;

function open() {
  if (database) return Promise.resolve(database);
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("meta");
      request.result.createObjectStore("records");
    };
    request.onsuccess = () => {
      database = request.result;
      database.onversionchange = () => { database.close(); database = null; dataKey = null; };
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}

async function run(store, mode, act) {
  const transaction = (await open()).transaction(store, mode, { durability: "strict" });
  return new Promise((resolve, reject) => {
    const request = act(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request && request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const meta = (name) => run("meta", "readonly", (store) => store.get(name));
export const setMeta = (name, value) => run("meta", "readwrite", (store) => store.put(value, name));

/* The browser's own secret goes into the salt: whoever copies only records cannot try PINs elsewhere. Whoever copies the whole disk
   can, so the tablet's disk is to be encrypted and a PIN of letters is allowed. */
async function keyOfPin(pin, salt, secret) {
  const own = await crypto.subtle.sign("HMAC", secret, salt);
  const typed = await crypto.subtle.importKey("raw", encoder.encode(pin), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt: own, iterations: ITERATIONS },
    typed, { name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"],
  );
}

/* Six or more characters that are not one repeated and not a run such as 123456. */
export function isPinFit(pin) {
  const steps = [...pin].slice(1).map((character, index) => character.charCodeAt(0) - pin.charCodeAt(index));
  return pin.length >= PIN_MIN && !steps.every((step) => step === steps[0] && Math.abs(step) <= 1);
}

export const exists = async () => Boolean(await meta("wrapped"));
export const isOpen = () => dataKey !== null;
export function lock() { dataKey = null; }

export async function create(pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16)), iv = crypto.getRandomValues(new Uint8Array(12));
  const secret = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt", "decrypt"]);
  const wrapped = await crypto.subtle.wrapKey("raw", fresh, await keyOfPin(pin, salt, secret), { name: "AES-GCM", iv });
  await setMeta("secret", secret);
  await setMeta("tries", 0);
  await setMeta("wrapped", { salt, iv, wrapped });
  await unlock(pin);
}

export async function unlock(pin) {
  const kept = await meta("wrapped"), tries = (await meta("tries")) || 0;
  if (!kept || tries >= TRIES_MAX) {
    await wipe();
    throw new Wiped();
  }
  await setMeta("tries", tries + 1); // before it is tried: pulling the plug does not give a try back
  try {
    const key = await keyOfPin(pin, kept.salt, await meta("secret"));
    dataKey = await crypto.subtle.unwrapKey(
      "raw", kept.wrapped, key, { name: "AES-GCM", iv: kept.iv }, "AES-GCM", false, ["encrypt", "decrypt"],
    );
  } catch {
    if (tries + 1 >= TRIES_MAX) {
      await wipe();
      throw new Wiped();
    }
    throw new WrongPin(TRIES_MAX - tries - 1);
  }
  await setMeta("tries", 0);
}

const nameOf = (kind, id) => kind + ":" + id;

export async function put(kind, id, value) {
  if (!dataKey) throw new Error("locked");
  const iv = crypto.getRandomValues(new Uint8Array(12)), name = nameOf(kind, id);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: encoder.encode(name) }, dataKey, encoder.encode(JSON.stringify(value)),
  );
  await run("records", "readwrite", (store) => store.put({ iv, sealed }, name));
}

export async function get(kind, id) {
  const name = nameOf(kind, id), record = await run("records", "readonly", (store) => store.get(name));
  return record ? opened(name, record) : null;
}

async function opened(name, { iv, sealed }) {
  if (!dataKey) throw new Error("locked");
  const clear = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: encoder.encode(name) }, dataKey, sealed);
  return JSON.parse(decoder.decode(clear));
}

const within = (kind) => IDBKeyRange.bound(kind + ":", kind + ";", false, true);

/* All of a kind as [id, value], by id. Ids are time-ordered, so this is the order in which they were made. */
export async function all(kind) {
  const names = await run("records", "readonly", (store) => store.getAllKeys(within(kind)));
  return Promise.all(names.map(async (name) => [name.slice(kind.length + 1), await get(kind, name.slice(kind.length + 1))]));
}

export const remove = (kind, id) => run("records", "readwrite", (store) => store.delete(nameOf(kind, id)));
export const removeAll = (kind) => run("records", "readwrite", (store) => store.delete(within(kind)));

/* Several changes that happen together or not at all: [kind, id, value], or without a value to remove. */
export async function change(...changes) {
  const prepared = await Promise.all(changes.map(async ([kind, id, value]) => {
    const name = nameOf(kind, id);
    if (value === undefined) return [name, null];
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: encoder.encode(name) }, dataKey, encoder.encode(JSON.stringify(value)),
    );
    return [name, { iv, sealed }];
  }));
  await run("records", "readwrite", (store) => {
    for (const [name, record] of prepared) record ? store.put(record, name) : store.delete(name);
  });
}

/* The moment, which never goes back on this device: an old date does not make a package last longer. */
export async function now() {
  const latest = Math.max(Date.now(), (await meta("latest")) || 0);
  await setMeta("latest", latest);
  return latest;
}

/* Take away what was kept too long; works without the PIN. Returns what went: "", "visits" or "all". */
export async function expire() {
  const moment = await now(), expires = await meta("expires_at"), until = await meta("queue_until");
  if (until && moment > until) {
    for (const kind of ["visit", "draft", "package", "queue", "closing", "case", "result"]) await removeAll(kind);
    await setMeta("expires_at", null);
    await setMeta("queue_until", null);
    return "all";
  }
  if (expires && moment > expires) {
    for (const kind of ["visit", "draft", "package", "result"]) await removeAll(kind);
    await setMeta("expires_at", null);
    return "visits";
  }
  return "";
}

export async function wipe() {
  dataKey = null;
  if (database) {
    await run("records", "readwrite", (store) => store.clear());
    await run("meta", "readwrite", (store) => store.clear());
    database.close();
    database = null;
  }
  await new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = request.onerror = request.onblocked = resolve;
  });
}
