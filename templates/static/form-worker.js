// Lets the form be reloaded and opened again without network: its page, scripts and thumbnails are kept on the phone.
// They lie in IndexedDB, which is on the disk when it says so; the browser's own cache is written seconds later, and a
// killed browser loses it. What was answered is kept by the page itself. VERSION is written in by the server.
"use strict";
const ASSETS = ["site.css", "form.css", "form.js", "form-box.js", "form-photo.js", "form-page.js", "pad.js", "sign.js", "icon.svg"].map((name) => `/static/${name}`);
const PATIENCE = 4000; // ms until a page that is slow to come is shown from the phone
const MOST_PAGES = 24;
const PAGE = /^\/form\/[^/]+(\/review)?$/;
const PHOTO = /^\/form\/[^/]+\/photo\/\d+$/;
const OVER = /^\/form\/([^/]+)\/receipt$/;

const openOnce = () => new Promise((resolve, reject) => {
  const request = indexedDB.open("suicha-form-pages", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("kept", { keyPath: "url" });
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
let opened = null;
const database = async (tries = 12) => { // a browser that was killed may hold its lock a moment longer
  opened = opened || openOnce();
  try {
    return await opened;
  } catch (error) {
    opened = null;
    if (tries === 1) throw error;
    await new Promise((resolve) => { setTimeout(resolve, 250); });
    return database(tries - 1);
  }
};
const inStore = async (mode, act) => {
  const transaction = (await database()).transaction("kept", mode);
  const request = act(transaction.objectStore("kept"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
};
const keep = async (url, answer) => {
  const row = { url, type: answer.headers.get("Content-Type"), body: await answer.arrayBuffer(), version: VERSION, at: Date.now() };
  await inStore("readwrite", (store) => store.put(row));
};
const kept = async (url) => {
  const row = await inStore("readonly", (store) => store.get(url)).catch(() => null);
  return row ? new Response(row.body, { headers: { "Content-Type": row.type } }) : undefined;
};
const rows = () => inStore("readonly", (store) => store.getAll());
const drop = (url) => inStore("readwrite", (store) => store.delete(url));

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(Promise.all(ASSETS.map(async (path) => {
    const answer = await fetch(path, { cache: "reload" });
    if (!answer.ok) throw new Error(path);
    await keep(location.origin + path, answer);
  })));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  for (const address of event.data?.keep || []) event.waitUntil(keepPage(address));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(request.method === "GET" ? open(request, address) : send(request));
  else if (request.method === "GET" && (ASSETS.includes(address.pathname) || PHOTO.test(address.pathname))) event.respondWith(keptFirst(request));
});

// A page is the same with and without its query, and whichever of the officer's links to this visit was pressed: the
// part of a link before the first point says whose form it is, the rest signs it.
const whose = (path) => path.replace(/^(\/form\/[^/.]+)[^/]*/, "$1");
const name = (address) => address.origin + whose(address.pathname);
const keepPage = async (where) => {
  const address = new URL(where);
  if (!PAGE.test(address.pathname)) return;
  const answer = await fetch(name(address), { credentials: "same-origin" }).catch(() => null);
  if (answer) await store(address, answer);
};
const store = async (address, answer) => {
  if (!answer.ok || answer.redirected || !(answer.headers.get("Content-Type") || "").startsWith("text/html")) return;
  await keep(name(address), answer.clone());
  const pages = (await rows()).filter((row) => PAGE.test(new URL(row.url).pathname)).sort((a, b) => b.at - a.at);
  for (const old of pages.slice(MOST_PAGES)) await drop(old.url);
};
const open = async (request, address) => {
  const here = PAGE.test(address.pathname) ? await kept(name(address)) : undefined;
  const asked = fetch(request).then(async (answer) => {
    const over = OVER.exec(address.pathname);
    if (over && answer.ok) await forget(over[1]);
    else if (PAGE.test(address.pathname)) await store(address, answer).catch(() => null); // disk full: only this page
    return answer;
  });
  if (!here) return asked.catch(() => noNetwork("这一页还没有存在手机里。"));
  asked.catch(() => null);
  return Promise.race([asked.catch(() => here), new Promise((resolve) => { setTimeout(resolve, PATIENCE, here); })]);
};
const send = (request) => fetch(request).catch(() => noNetwork("没有提交。请返回，有网络后再按一次；写过的都还在。"));
const keptFirst = async (request) => {
  const { href } = new URL(request.url);
  const here = await kept(href);
  if (here) return here;
  const answer = await fetch(request);
  if (answer.ok) await keep(href, answer.clone()).catch(() => null);
  return answer;
};
const forget = async (token) => { // handed in: nothing of it stays on the phone
  for (const row of await rows()) if (whose(new URL(row.url).pathname).startsWith(whose(`/form/${token}`))) await drop(row.url);
};
const noNetwork = (text) => new Response(
  `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>没有网络</title><link rel="stylesheet" href="/static/site.css"><main><section class="card" role="alert"><h1>没有网络</h1><p>${text}</p></section></main></html>`,
  { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
