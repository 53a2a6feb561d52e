// Lets the form be reloaded and opened again without network: its page, scripts and thumbnails are kept on the phone.
// What was answered is not here but in IndexedDB; the page puts both together. VERSION is written in by the server.
"use strict";
const CACHE = `suicha-form-${VERSION}`;
const ASSETS = ["site.css", "form.css", "form.js", "form-box.js", "form-photo.js", "form-page.js", "pad.js", "sign.js", "icon.svg"].map((name) => `/static/${name}`);
const PATIENCE = 4000; // ms until a page that is slow to come is shown from the phone
const MOST_PAGES = 24;
const PAGE = /^\/form\/[^/]+(\/review)?$/;
const PHOTO = /^\/form\/[^/]+\/photo\/\d+$/;
const OVER = /^\/form\/([^/]+)\/receipt$/;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(ASSETS)));
});
self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("suicha-form-") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});
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

const name = (address) => address.origin + address.pathname; // a page is the same with and without its query
const keepPage = async (where) => {
  const address = new URL(where);
  if (!PAGE.test(address.pathname)) return;
  const answer = await fetch(name(address), { credentials: "same-origin" }).catch(() => null);
  if (answer) await store(address, answer);
};
const store = async (address, answer) => {
  if (!answer.ok || answer.redirected || !(answer.headers.get("Content-Type") || "").startsWith("text/html")) return;
  const cache = await caches.open(CACHE);
  await cache.put(name(address), answer.clone());
  const pages = (await cache.keys()).filter((kept) => PAGE.test(new URL(kept.url).pathname));
  for (const old of pages.slice(0, Math.max(0, pages.length - MOST_PAGES))) await cache.delete(old);
};
const open = async (request, address) => {
  const kept = PAGE.test(address.pathname) ? await (await caches.open(CACHE)).match(name(address)) : undefined;
  const asked = fetch(request).then(async (answer) => {
    const over = OVER.exec(address.pathname);
    if (over && answer.ok) await forget(over[1]);
    else if (PAGE.test(address.pathname)) await store(address, answer);
    return answer;
  });
  if (!kept) return asked.catch(() => noNetwork("这一页还没有存在手机里。"));
  asked.catch(() => null);
  return Promise.race([asked.catch(() => kept), new Promise((resolve) => { setTimeout(resolve, PATIENCE, kept); })]);
};
const send = (request) => fetch(request).catch(() => noNetwork("没有提交。请返回，有网络后再按一次；写过的都还在。"));
const keptFirst = async (request) => {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
};
const forget = async (token) => { // handed in: nothing of it stays on the phone
  const cache = await caches.open(CACHE);
  for (const kept of await cache.keys()) if (new URL(kept.url).pathname.startsWith(`/form/${token}`)) await cache.delete(kept);
};
const noNetwork = (text) => new Response(
  `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>没有网络</title><link rel="stylesheet" href="/static/site.css"><main><section class="card" role="alert"><h1>没有网络</h1><p>${text}</p></section></main></html>`,
  { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
