/* What the phone keeps of its electronic cards: in IndexedDB, each record sealed by AES-GCM under a WebCrypto key that cannot be
   exported. A copy of the browser's files gives nobody the code's key in clear; script of our own origin can use it, as it must.
   Where a browser has no WebCrypto or no IndexedDB (private windows), cards live as long as the page. */
globalThis.yikatongVault = (function () {
  "use strict";
  const NAME = "yikatong-ecard";
  const inPage = new Map();
  let ready = null;

  function done(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  function openDatabase() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("keys");
        request.result.createObjectStore("cards");
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("blocked"));
    });
  }

  function store(database, name, mode) {
    return database.transaction(name, mode).objectStore(name);
  }

  async function sealingKey(database) {
    const known = await done(store(database, "keys", "readonly").get("seal"));
    if (known) return known;
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    try {
      await done(store(database, "keys", "readwrite").add(fresh, "seal"));
      return fresh;
    } catch (error) { /* another tab was first */
      return done(store(database, "keys", "readonly").get("seal"));
    }
  }

  function opened() {
    if (!ready) {
      ready = (async () => {
        if (!globalThis.indexedDB || !globalThis.crypto || !crypto.subtle) return null;
        try {
          const database = await openDatabase();
          return { database, key: await sealingKey(database) };
        } catch (error) { return null; }
      })();
    }
    return ready;
  }

  function place(cardId) { return new TextEncoder().encode("card:" + cardId); }

  async function unsealed(key, cardId, kept) {
    const parameters = { name: "AES-GCM", iv: kept.iv, additionalData: place(cardId) };
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(parameters, key, kept.sealed)));
  }

  return {
    /* Whether what is put outlives the page. */
    async lasts() { return Boolean(await opened()); },

    async get(cardId) {
      const vault = await opened();
      if (!vault) return inPage.get(String(cardId)) || null;
      const kept = await done(store(vault.database, "cards", "readonly").get(String(cardId)));
      if (!kept) return null;
      try { return await unsealed(vault.key, String(cardId), kept); } catch (error) { return null; }
    },

    async all() {
      const vault = await opened();
      if (!vault) return [...inPage.values()];
      const found = [];
      for (const cardId of await done(store(vault.database, "cards", "readonly").getAllKeys())) {
        const card = await this.get(cardId);
        if (card) found.push(card);
      }
      return found;
    },

    async put(card) {
      const vault = await opened();
      const cardId = String(card.cardId);
      if (!vault) { inPage.set(cardId, card); return; }
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const parameters = { name: "AES-GCM", iv, additionalData: place(cardId) };
      const sealed = await crypto.subtle.encrypt(parameters, vault.key, new TextEncoder().encode(JSON.stringify(card)));
      await done(store(vault.database, "cards", "readwrite").put({ iv, sealed }, cardId));
    },

    async remove(cardId) {
      inPage.delete(String(cardId));
      const vault = await opened();
      if (vault) await done(store(vault.database, "cards", "readwrite").delete(String(cardId)));
    },

    async clear() {
      inPage.clear();
      const vault = await opened();
      if (vault) await done(store(vault.database, "cards", "readwrite").clear());
    },
  };
})();
