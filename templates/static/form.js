// The inspection form: every answer is kept on the phone, sent at once and, while there is no network, sent again with
// the same keys. What the partner answers appears by itself.
import * as box from "./form-box.js";
import { canScan, compress, scan, where, whereSilently } from "./form-photo.js";
import { byKey, draw, keepTime, nextOpen, questions, read, restsOn, take, write } from "./form-page.js";
import { makePad } from "./pad.js";

const page = document.querySelector("[data-form]");
document.documentElement.classList.add("js");
const { base, form } = page.dataset;
const counter = document.getElementById("net");
const meter = document.getElementById("meter");
const HOPELESS = new Set(["file_type", "file_too_big", "file_empty", "question_unknown"]); // never taken, however often sent
const headers = { Accept: "application/json" };
const thisPage = box.newId();
const spent = keepTime();
const pending = new Map(); // draft key -> {id, form, key, answer, change}
const photos = new Map(); // id -> {id, form, key, blob, name, kind, lat, lon}
const held = new Map(); // draft key -> the answer last kept from here
const dropped = new Set(); // ids of photos that are being taken back
const version = Number(page.dataset.version);
const seen = new Map(questions.map((question) => [question.dataset.key, version])); // the draft in which each was last shown
let running = null, again = false, reachable = true, delay = 2000, timer = 0, refusal = "", busy = false;
let preparing = Promise.resolve(); // photos that are being made smaller
let typing = 0, writing = null; // the question whose words are not kept yet

const show = () => {
  const { answered, asked, unable } = draw();
  document.getElementById("answered").textContent = unable ? "未能检查" : `已答 ${answered}/${asked}`;
  meter.max = asked || 1;
  meter.value = unable ? asked : answered;
  const waiting = pending.size + photos.size;
  const twice = document.querySelectorAll(".from.also").length; // two officers answered, neither has seen the other's
  counter.dataset.waiting = waiting;
  counter.className = `net ${refusal || (waiting && !reachable) ? "offline" : waiting ? "waiting" : ""}`;
  const text = refusal || (waiting ? (reachable ? `正在发送 ${waiting}` : `${busy ? "系统暂时收不下" : "没有网络"}，待发送 ${waiting}`) : !reachable ? `${busy ? "系统暂时没有回应" : "没有网络"}，已存在手机里` : writing ? "正在保存" : twice ? `已全部保存，${twice} 项同伴也改过，请核对` : "已全部保存");
  if (counter.textContent !== text) counter.textContent = text;
};

// -- answers ---------------------------------------------------------------------------------------------

const keep = (question) => {
  const { key } = question.dataset;
  const row = { id: `${form}|${key}`, form, key, answer: read(question), change: box.newId(), base: seen.get(key) };
  pending.set(key, row);
  held.set(key, JSON.stringify(row.answer));
  return box.put("answers", row);
};
const changed = async (question) => { // the counter counts what the phone has, not what it is about to have
  if (held.get(question.dataset.key) === JSON.stringify(read(question))) { show(); return; } // left as it was
  const puts = [keep(question)];
  for (const conclusion of restsOn(question)) {
    write(conclusion, {});
    puts.push(keep(conclusion));
  }
  question.classList.remove("has-error");
  question.querySelector(".error")?.remove();
  draw();
  await Promise.all(puts);
  show();
  flush();
};
const learn = (state) => {
  held.clear();
  for (const key of take(state.draft, (name) => pending.has(name))) seen.set(key, state.version);
  if (state.files) showFiles(state.files);
  box.put("known", { form, version: state.version, draft: state.draft, files: state.files || [] });
};
const answerOf = async (response) => {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  if (response.status >= 500 || response.status === 429) throw Object.assign(new Error("later"), { busy: true });
  throw Object.assign(new Error(body.message || "没有保存"), { refused: true, key: body.error });
};
const sendAnswers = async () => {
  const sent = [...pending.values()];
  if (!sent.length) return;
  const changes = Object.fromEntries(sent.map((row) => [row.key, { ...row.answer, id: row.change, base: row.base }]));
  const state = await answerOf(await fetch(`${base}/draft`, {
    method: "POST", headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ changes, page: thisPage, seconds: spent }),
  }));
  for (const row of sent) {
    if (pending.get(row.key)?.change !== row.change) continue;
    pending.delete(row.key);
    await box.drop("answers", row.id);
  }
  learn(state);
};

// -- photos ----------------------------------------------------------------------------------------------

const entry = (key, id, { picture, alt, state, text, mine }) => {
  const list = byKey.get(key)?.querySelector(".photos");
  if (!list) return;
  let item = list.querySelector(`[data-photo="${CSS.escape(id)}"]`);
  if (!item) {
    item = document.createElement("li");
    item.dataset.photo = id;
    const face = document.createElement(picture ? "img" : "span");
    if (picture) { face.src = picture; face.alt = alt; } else { face.className = "file"; face.textContent = "文件"; }
    const label = document.createElement("span");
    label.className = "state";
    item.append(face, label);
    list.append(item);
  }
  item.className = state;
  item.querySelector(".state").textContent = text;
  if (mine && !item.querySelector("[data-drop]")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "drop", textContent: "✕" });
    button.dataset.drop = id;
    button.setAttribute("aria-label", `移除${alt}`);
    item.append(button);
  }
};
const showFiles = (files) => {
  const there = new Set(files.map((file) => String(file.id)));
  for (const item of document.querySelectorAll(".photos li.saved[data-photo]")) if (!there.has(item.dataset.photo)) item.remove();
  for (const file of files) {
    entry(file.key, String(file.id), { picture: file.is_picture && `${base}/photo/${file.id}`, alt: `${file.at} 拍摄的照片`, state: "saved", text: "已保存", mine: file.mine });
  }
};
const showWaiting = (photo) => entry(photo.key, photo.id, {
  picture: photo.blob.type.startsWith("image/") && URL.createObjectURL(photo.blob), alt: "刚拍的照片", state: "waiting", text: "待发送", mine: true });
const addFile = async (key, blob, name, kind, at) => {
  const photo = { id: box.newId(), form, key, blob, name, kind, lat: at?.latitude, lon: at?.longitude };
  photos.set(photo.id, photo);
  await box.put("photos", photo);
  showWaiting(photo);
};
const addPhotos = async (input) => {
  const question = input.closest("[data-key]");
  const files = [...input.files];
  input.value = "";
  const at = await whereSilently();
  for (const file of files) await addFile(question.dataset.key, await compress(file), file.name, "PHOTO", at);
  show();
  flush();
};
const forget = async (photo) => {
  photos.delete(photo.id);
  await box.drop("photos", photo.id);
  document.querySelector(`[data-photo="${CSS.escape(photo.id)}"]`)?.remove();
};
const sendPhotos = async () => {
  let stored = false;
  for (const photo of [...photos.values()]) {
    if (!photos.has(photo.id)) continue;
    if (dropped.delete(photo.id)) { await forget(photo); continue; }
    const data = new FormData();
    for (const [name, value] of Object.entries({ key: photo.id, question: photo.key, kind: photo.kind, lat: photo.lat, lon: photo.lon })) {
      if (value !== undefined) data.append(name, value);
    }
    data.append("file", photo.blob, photo.name || "photo.jpg");
    try {
      const kept = await answerOf(await fetch(`${base}/photo`, { method: "POST", headers, body: data }));
      stored = true;
      if (dropped.delete(photo.id)) await answerOf(await fetch(`${base}/photo/${kept.id}/remove`, { method: "POST", headers }));
      await forget(photo);
    } catch (error) {
      if (!HOPELESS.has(error.key)) throw error; // an unknown phone, a closed form: the photo stays here
      photos.delete(photo.id);
      await box.drop("photos", photo.id);
      entry(photo.key, photo.id, { state: "refused", text: error.message });
    }
    show();
  }
  if (stored) learn(await answerOf(await fetch(`${base}/state`, { headers })));
};
const removePhoto = async (id) => {
  const waiting = photos.get(id);
  if (waiting) {
    if (running) dropped.add(id); // it may be on its way
    else { await forget(waiting); show(); return; }
  }
  if (!waiting) {
    try {
      learn(await answerOf(await fetch(`${base}/photo/${id}/remove`, { method: "POST", headers })));
    } catch (error) {
      refusal = error.refused ? error.message : "没有网络，照片还在。有网络后再移除。";
    }
  }
  show();
};

// -- the road --------------------------------------------------------------------------------------------

const flush = () => { // whoever asks while it runs waits for one more round
  again = true;
  running = running || sendAll().finally(() => { running = null; show(); });
  return running;
};
const sendAll = async () => {
  clearTimeout(timer);
  try {
    do { again = false; await sendAnswers(); await sendPhotos(); } while (again);
    reachable = true; delay = 2000; refusal = "";
  } catch (error) {
    if (error.refused) refusal = error.message;
    else { reachable = false; busy = Boolean(error.busy); timer = setTimeout(flush, delay); delay = Math.min(delay * 2, 30000); }
  }
};
const look = async () => {
  if (document.hidden || running) return;
  try {
    const state = await answerOf(await fetch(`${base}/state`, { headers }));
    reachable = true;
    if (!state.closed) learn(state);
    else if (!pending.size && !photos.size && !writing) { await box.drop("known", form); location.reload(); return; }
  } catch (error) {
    if (error.refused) refusal = error.message; else { reachable = false; busy = Boolean(error.busy); }
  }
  show();
};
const restore = async () => {
  const known = await box.get("known", form);
  if (known && known.version > version) learn(known); // this page came from the phone's own store
  for (const row of await box.all("answers", form)) {
    if (!byKey.has(row.key) || pending.has(row.key)) continue;
    pending.set(row.key, { base: 0, ...row });
    seen.set(row.key, row.base ?? 0); // what the partner said since is not what it was answered on
    write(byKey.get(row.key), row.answer);
  }
  for (const photo of await box.all("photos", form)) {
    if (!byKey.has(photo.key)) continue;
    photos.set(photo.id, photo);
    showWaiting(photo);
  }
  show();
  flush();
};

// -- hands -----------------------------------------------------------------------------------------------

document.getElementById("next-open").addEventListener("click", () => {
  const below = nextOpen();
  if (!below) { counter.textContent = "都答完了，请核对签字"; return; }
  below.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  below.querySelector("input, textarea")?.focus({ preventScroll: true });
});
page.addEventListener("change", async (event) => {
  const { target } = event;
  const question = target.closest("[data-key]");
  if (target.closest("[data-scan]")) {
    const code = target.files[0] ? await scan(target.files[0]).catch(() => "") : "";
    target.value = "";
    if (code) write(question, { ...read(question), value: code });
    else { refusal = "没有扫到码，请再拍一次，或直接输入。"; show(); refusal = ""; return; }
  } else if (target.type === "file") {
    keepWords();
    preparing = preparing.then(() => addPhotos(target));
    return;
  }
  if (writing === question) { clearTimeout(typing); writing = null; }
  if (question) changed(question);
});
const keepWords = async () => {
  const question = writing;
  clearTimeout(typing);
  writing = null;
  if (question) await changed(question);
};
page.addEventListener("input", (event) => { // what is being typed is kept too: a phone may die in the middle of a word
  if (!event.target.matches("textarea, [data-typed], [data-reading]")) return;
  const question = event.target.closest("[data-key]");
  if (writing !== question) keepWords();
  clearTimeout(typing);
  writing = question;
  typing = setTimeout(keepWords, 600);
  show();
});
page.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-clear], [data-drop], [data-locate], [data-settle]");
  if (!button) return;
  event.preventDefault();
  const question = button.closest("[data-key]");
  if ("drop" in button.dataset) { removePhoto(button.dataset.drop); return; }
  if ("settle" in button.dataset) { await keep(question); flush(); return; }
  if ("clear" in button.dataset) { write(question, {}); changed(question); return; }
  button.disabled = true;
  const at = await where();
  button.disabled = false;
  if (!at) { refusal = "没有定位到，请检查定位权限，或直接填写。"; show(); refusal = ""; return; }
  write(question, { ...read(question), value: `${at.latitude.toFixed(6)},${at.longitude.toFixed(6)}` });
  changed(question);
});
for (const frame of document.querySelectorAll("[data-pad]")) {
  const pad = makePad(frame.querySelector("canvas"));
  const question = frame.closest("[data-key]");
  question.querySelector("[data-pad-clear]").addEventListener("click", pad.clear);
  question.querySelector("[data-pad-done]").addEventListener("click", async () => {
    if (!pad.hasInk()) return;
    await addFile(question.dataset.key, await pad.blob(), "signature.png", "SIGNATURE", null);
    pad.clear();
    show();
    flush();
  });
}
if (canScan) for (const label of document.querySelectorAll("[data-scan]")) label.hidden = false;
page.addEventListener("submit", async (event) => {
  event.preventDefault(); // everything is saved one by one already; the next page must show all of it
  await keepWords();
  await preparing;
  await flush();
  if (!pending.size && !photos.size && reachable) location.assign(`${base}/review`);
  else counter.scrollIntoView();
});
addEventListener("online", flush);
addEventListener("offline", () => { reachable = false; busy = false; show(); });
document.addEventListener("visibilitychange", () => { if (document.hidden) keepWords(); else flush().then(look); });
addEventListener("pagehide", keepWords);
setInterval(look, 10000);
if (navigator.serviceWorker) {
  navigator.serviceWorker.register("/form/worker.js", { scope: "/form/" }).catch(() => { /* private window: no reload without network */ });
  if (!navigator.serviceWorker.controller) { // it came too late to see this page pass by
    navigator.serviceWorker.ready.then((ready) => ready.active?.postMessage({ keep: [location.href.split("#")[0]] }));
  }
}
questions.length && restore();
