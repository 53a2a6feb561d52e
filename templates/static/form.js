// The inspection form: every answer is saved at once, kept on the phone while there is no network, and sent again
// with the same keys. What the partner answers appears by itself.
"use strict";
(() => {
  const page = document.querySelector("[data-form]");
  if (!page) return;
  document.documentElement.classList.add("js");
  const base = page.dataset.base;
  const closed = page.hasAttribute("data-closed");
  const store = `suicha:${page.dataset.form}`;
  const recall = () => { try { return JSON.parse(localStorage.getItem(store) || "{}"); } catch { return {}; } };
  const questions = [...document.querySelectorAll("[data-key]")];
  const byKey = new Map(questions.map((q) => [q.dataset.key, q]));
  const counter = document.getElementById("net");
  const meter = document.getElementById("meter");
  const pending = recall();
  const photos = new Map(); // id -> {id, form, key, blob, name}
  let version = Number(page.dataset.version);
  let serial = Date.now();
  let running = null, again = false, reachable = true, delay = 2000, timer = 0, refusal = "";
  let preparing = Promise.resolve(); // photos that are being made smaller

  // -- what stands on the page ---------------------------------------------------------------------------

  const read = (question) => {
    const picked = [...question.querySelectorAll("[data-value]:checked")].map((e) => e.value);
    const typed = question.querySelector("[data-typed]");
    const text = (part) => question.querySelector(`[data-${part}]`)?.value.trim() || "";
    return { value: typed ? typed.value.trim() : picked.join("、"), note: text("note"), reading: text("reading"),
      verdict: question.querySelector("[data-verdict]:checked")?.value || "" };
  };
  const write = (question, answer) => {
    const values = (answer.value || "").split("、");
    for (const e of question.querySelectorAll("[data-value]")) e.checked = answer.value !== "" && values.includes(e.value);
    const typed = question.querySelector("[data-typed]");
    if (typed) typed.value = answer.value || "";
    for (const part of ["note", "reading"]) {
      const field = question.querySelector(`[data-${part}]`);
      if (field) field.value = answer[part] || "";
    }
    for (const e of question.querySelectorAll("[data-verdict]")) e.checked = e.value === answer.verdict;
  };
  const isAsked = (question) => {
    if (!question.dataset.when) return true;
    const other = byKey.get(question.dataset.when);
    if (!other || other.hidden) return false;
    const wanted = question.dataset.whenValues.split("、");
    return read(other).value.split("、").some((value) => wanted.includes(value));
  };
  const draw = () => {
    const outcome = byKey.get("visit:outcome");
    const unable = outcome ? read(outcome).value !== "" : false;
    document.body.classList.toggle("is-unable", unable);
    let answered = 0, asked = 0;
    for (const question of questions) {
      const answer = read(question);
      const bad = (question.dataset.bad || "").split("、").filter(Boolean);
      const isBad = answer.value.split("、").some((value) => bad.includes(value));
      question.hidden = !isAsked(question) || (unable && question !== outcome);
      question.classList.toggle("answered", answer.value !== "");
      question.classList.toggle("is-bad", isBad);
      const ask = question.querySelector(".ask");
      if (ask) ask.hidden = !(isBad || question.hasAttribute("data-always") || answer.note || ask.querySelector(".photos li"));
      if (question === outcome || question.hidden) continue;
      asked += 1;
      answered += answer.value !== "" || (question.dataset.kind === "PHOTO" && !!question.querySelector(".photos li"));
    }
    for (const head of document.querySelectorAll(".section-head")) head.hidden = unable;
    document.getElementById("answered").textContent = unable ? "未能检查" : `已答 ${answered}/${asked}`;
    meter.max = asked || 1;
    meter.value = unable ? asked : answered;
  };
  const tell = () => {
    const waiting = Object.keys(pending).length + photos.size;
    counter.className = "net";
    if (refusal) {
      counter.textContent = refusal; counter.classList.add("offline");
    } else if (waiting) {
      counter.textContent = reachable ? `正在发送 ${waiting}` : `没有网络，待发送 ${waiting}`;
      counter.classList.add(reachable ? "waiting" : "offline");
    } else {
      counter.textContent = "已全部保存";
    }
    counter.dataset.waiting = waiting;
  };

  // -- answers -------------------------------------------------------------------------------------------

  const keep = () => {
    try { localStorage.setItem(store, JSON.stringify(pending)); } catch { /* no storage here: kept while the page is open */ }
  };
  const changed = (question) => {
    pending[question.dataset.key] = { ...read(question), serial: (serial += 1) };
    question.classList.remove("has-error");
    question.querySelector(".error")?.remove();
    keep(); draw(); tell(); flush();
  };
  const take = (state) => {
    let busyHere = false;
    for (const [key, answer] of Object.entries(state.draft)) {
      const question = byKey.get(key);
      if (!question || key in pending) continue;
      if (question.contains(document.activeElement) && document.activeElement.matches("textarea, [data-typed], [data-reading]")) {
        busyHere = true; // do not type over somebody's words; the next look shows it
        continue;
      }
      write(question, answer);
      const from = question.querySelector(".from");
      if (from) from.textContent = answer.by ? `${answer.by} 填写` : "";
    }
    for (const key of state.overwrote || []) {
      const from = byKey.get(key)?.querySelector(".from");
      if (from) from.textContent = "同伴刚才也改了这一项，现在是您的回答";
    }
    if (!busyHere) version = state.version;
    draw();
  };
  const answerOf = async (response) => {
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    if (response.status >= 500 || response.status === 429) throw new Error("later");
    const refused = new Error(body.message || "没有保存");
    refused.refused = true;
    throw refused;
  };
  const headers = { Accept: "application/json" };
  const sendAnswers = async () => {
    const sent = { ...pending };
    if (!Object.keys(sent).length) return;
    const changes = Object.fromEntries(Object.entries(sent).map(([key, { serial: _, ...answer }]) => [key, answer]));
    const state = await answerOf(await fetch(`${base}/draft`, {
      method: "POST", headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ base_version: version, changes }),
    }));
    for (const [key, answer] of Object.entries(sent)) if (pending[key]?.serial === answer.serial) delete pending[key];
    keep(); take(state);
  };

  // -- photos --------------------------------------------------------------------------------------------

  const box = new Promise((resolve) => {
    let open = null;
    try { open = indexedDB.open("suicha", 1); } catch { resolve(null); return; }
    open.onupgradeneeded = () => open.result.createObjectStore("photos", { keyPath: "id" });
    open.onsuccess = () => resolve(open.result);
    open.onerror = () => resolve(null); // private windows: the photo then lives as long as the page
  });
  const inBox = async (act) => {
    const db = await box;
    if (db) return new Promise((resolve) => {
      const request = act(db.transaction("photos", "readwrite").objectStore("photos"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    });
    return null;
  };
  const compress = async (file) => {
    if (!file.type.startsWith("image/")) return file;
    try {
      const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(picture.width * scale); canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
      return blob || file;
    } catch {
      return file; // a kind this browser cannot decode: the server looks at it
    }
  };
  const where = () => new Promise((resolve) => {
    if (!navigator.permissions || !navigator.geolocation) { resolve(null); return; }
    navigator.permissions.query({ name: "geolocation" }).then((p) => {
      if (p.state !== "granted") { resolve(null); return; }
      navigator.geolocation.getCurrentPosition((at) => resolve(at.coords), () => resolve(null), { timeout: 3000, maximumAge: 60000 });
    }, () => resolve(null));
  });
  const show = (photo, state, text) => {
    const list = byKey.get(photo.key)?.querySelector(".photos");
    if (!list) return;
    let entry = document.getElementById(`photo-${photo.id}`);
    if (!entry) {
      entry = document.createElement("li");
      entry.id = `photo-${photo.id}`;
      const isPicture = photo.blob.type.startsWith("image/");
      const face = document.createElement(isPicture ? "img" : "span");
      if (isPicture) { face.src = URL.createObjectURL(photo.blob); face.alt = "刚拍的照片"; } else { face.className = "file"; face.textContent = "文件"; }
      const label = document.createElement("span");
      label.className = "state";
      entry.append(face, label); list.append(entry);
    }
    entry.className = state;
    entry.querySelector(".state").textContent = text;
  };
  const addPhotos = async (input) => {
    const question = input.closest("[data-key]");
    const files = [...input.files];
    input.value = "";
    for (const file of files) {
      const blob = await compress(file);
      const at = await where();
      const photo = { id: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`, form: page.dataset.form,
        key: question.dataset.key, blob, name: file.name, lat: at?.latitude, lon: at?.longitude };
      photos.set(photo.id, photo);
      show(photo, "waiting", "待发送");
      await inBox((s) => s.put(photo));
    }
    draw(); tell(); flush();
  };
  const sendPhotos = async () => {
    for (const photo of [...photos.values()]) {
      const data = new FormData();
      data.append("key", photo.id);
      data.append("question", photo.key);
      if (photo.lat !== undefined) { data.append("lat", photo.lat); data.append("lon", photo.lon); }
      data.append("file", photo.blob, photo.name || "photo.jpg");
      try {
        await answerOf(await fetch(`${base}/photo`, { method: "POST", headers, body: data }));
        show(photo, "saved", "已保存");
      } catch (error) {
        if (!error.refused) throw error;
        show(photo, "refused", error.message);
      }
      photos.delete(photo.id);
      await inBox((s) => s.delete(photo.id));
      tell();
    }
  };

  // -- the road ------------------------------------------------------------------------------------------

  const flush = () => { // whoever asks while it runs waits for one more round
    again = true;
    running = running || sendAll().finally(() => { running = null; tell(); });
    return running;
  };
  const sendAll = async () => {
    clearTimeout(timer);
    try {
      do { again = false; await sendAnswers(); await sendPhotos(); } while (again);
      reachable = true; delay = 2000; refusal = "";
    } catch (error) {
      if (error.refused) refusal = error.message;
      else { reachable = false; timer = setTimeout(flush, delay); delay = Math.min(delay * 2, 30000); }
    }
  };
  const look = async () => {
    if (document.hidden || running || closed) return;
    try {
      const state = await answerOf(await fetch(`${base}/state`, { headers }));
      reachable = true;
      if (state.closed) { location.reload(); return; }
      if (state.version !== version) take(state);
    } catch (error) {
      if (!error.refused) reachable = false;
    }
    tell();
  };
  const restore = async () => {
    for (const [key, answer] of Object.entries(pending)) if (byKey.has(key)) write(byKey.get(key), answer);
    for (const photo of (await inBox((s) => s.getAll())) || []) {
      if (photo.form !== page.dataset.form || !byKey.has(photo.key)) continue;
      photos.set(photo.id, photo);
      show(photo, "waiting", "待发送");
    }
    draw(); tell(); flush();
  };

  const isDone = (question) => question.classList.contains("answered") && !question.classList.contains("has-error");
  document.getElementById("next-open")?.addEventListener("click", () => {
    const open = questions.filter((q) => !q.hidden && !q.disabled && q.dataset.key !== "visit:outcome" && !isDone(q));
    const below = open.find((q) => q.getBoundingClientRect().top > 70) || open[0];
    if (below) below.scrollIntoView({ block: "start", behavior: "smooth" });
    else counter.textContent = "都答完了，请核对签字";
  });
  page.addEventListener("change", (event) => {
    if (event.target.type === "file") { preparing = preparing.then(() => addPhotos(event.target)); return; }
    const question = event.target.closest("[data-key]");
    if (question) changed(question);
  });
  page.addEventListener("click", (event) => {
    if (!event.target.closest("[data-clear]")) return;
    event.preventDefault();
    const question = event.target.closest("[data-key]");
    write(question, { value: "", note: "" });
    changed(question);
  });
  page.addEventListener("submit", async (event) => {
    event.preventDefault(); // everything is saved one by one already; the next page must show all of it
    await preparing;
    await flush();
    if (!Object.keys(pending).length && !photos.size) location.assign(`${base}/review`);
    else counter.scrollIntoView();
  });
  addEventListener("online", flush);
  addEventListener("offline", () => { reachable = false; tell(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { flush(); look(); } });
  setInterval(look, 10000);
  restore();
})();
