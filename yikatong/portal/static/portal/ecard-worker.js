/* The service worker of /code/: the page opens without network. It keeps an empty page and its parts, nothing of anybody's.
   SETTINGS (version, shell, page, assets) is put before this text by portal/code_offline.py. */
"use strict";
const CACHE = "yikatong-code-" + SETTINGS.version;
const WAIT_MS = 4000;

async function keepShell() {
  const answer = await fetch(SETTINGS.shell, { cache: "no-store", credentials: "same-origin" });
  if (answer.ok && !answer.redirected) await (await caches.open(CACHE)).put(SETTINGS.shell, answer);
}

async function keepAll() {
  await (await caches.open(CACHE)).addAll(SETTINGS.assets);
  await keepShell();
}

async function dropOlder() {
  for (const name of await caches.keys()) {
    if (name.startsWith("yikatong-code-") && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

/* The network's answer; the kept page when there is none within four seconds, when the server is ill, or when it only asks to
   sign in again: a certificate outlives a session, and with or without network the phone may show what it was given. */
async function page(request) {
  const kept = await caches.match(SETTINGS.shell, { cacheName: CACHE });
  if (!kept) return fetch(request);
  const slow = new Promise((resolve) => setTimeout(() => resolve(null), WAIT_MS));
  try {
    const answer = await Promise.race([fetch(request), slow]);
    return answer && answer.type !== "opaqueredirect" && answer.status < 500 ? answer : kept;
  } catch (error) {
    return kept;
  }
}

async function part(request) {
  return (await caches.match(request, { cacheName: CACHE })) || fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keepAll().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(dropOlder()));
self.addEventListener("message", (event) => {
  if (event.data === "keep-shell") event.waitUntil(keepShell().catch(() => undefined));
});
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && url.pathname === SETTINGS.page) event.respondWith(page(event.request));
  else if (SETTINGS.assets.includes(url.pathname)) event.respondWith(part(event.request));
});
