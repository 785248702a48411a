{% autoescape off %}/* Keeps the app itself, and nothing else: what is of persons is never answered from here and never stored. */
const KEPT = "outreach-{{ version }}", SHELL = "{{ shell }}", FILES = new Set({{ files }});

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(forgetOlder().then(() => self.clients.claim())));

async function keep() {
  const cache = await caches.open(KEPT);
  await Promise.all([SHELL, ...FILES].map(async (address) => {
    const answer = await fetch(address, { cache: "no-cache", credentials: "same-origin" });
    if (answer.ok && !answer.redirected) return cache.put(address, answer);
    if (address === SHELL || answer.status !== 404) throw new Error(address + " " + answer.status);
  }));
}

async function forgetOlder() {
  for (const name of await caches.keys()) if (name.startsWith("outreach-") && name !== KEPT) await caches.delete(name);
}

/* The kept shell at once; a newer one (another language, another print size) for the next time. */
async function shell(request) {
  const cache = await caches.open(KEPT), kept = await cache.match(SHELL, { ignoreVary: true });
  const fresh = fetch(request).then((answer) => {
    if (answer.ok && !answer.redirected) cache.put(SHELL, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  fresh.catch(() => {});
  return kept;
}

async function file(request, path) {
  return (await (await caches.open(KEPT)).match(path, { ignoreVary: true })) || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  if (event.request.mode === "navigate" && address.pathname === SHELL) event.respondWith(shell(event.request));
  else if (FILES.has(address.pathname)) event.respondWith(file(event.request, address.pathname));
});
{% endautoescape %}
