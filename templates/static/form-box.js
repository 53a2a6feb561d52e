// What the phone keeps of a form: answers and photos not sent yet, and the last state the server told. IndexedDB
// outlives a closed page and a killed browser; where there is none, things live as long as the page.

const STORES = { answers: "id", photos: "id", known: "form" };

const openOnce = () => new Promise((resolve) => {
  let request = null;
  try { request = indexedDB.open("suicha-form", 1); } catch { resolve(null); return; }
  request.onupgradeneeded = () => {
    for (const [name, keyPath] of Object.entries(STORES)) request.result.createObjectStore(name, { keyPath });
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => resolve(null);
});

const open = async (tries) => { // a browser that was killed may hold its lock a moment longer
  const db = await openOnce();
  if (db || tries === 1) return db;
  await new Promise((resolve) => { setTimeout(resolve, 250); });
  return open(tries - 1);
};
const opened = open("indexedDB" in window ? 12 : 1);

const run = async (store, mode, act) => {
  const db = await opened;
  if (!db) return null;
  return new Promise((resolve) => {
    const transaction = db.transaction(store, mode);
    const request = act(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => resolve(null); // disk full: the page still holds it
  });
};

export const put = (store, row) => run(store, "readwrite", (s) => s.put(row));
export const drop = (store, id) => run(store, "readwrite", (s) => s.delete(id));
export const all = async (store, form) => ((await run(store, "readonly", (s) => s.getAll())) || []).filter((row) => row.form === form);
export const get = (store, id) => run(store, "readonly", (s) => s.get(id));
export const newId = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`);
