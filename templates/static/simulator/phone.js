// Refresh by fragments, act without leaving the page. Every text comes escaped from the server.
const people = document.getElementById("people");
const chat = document.getElementById("chat");
const talk = document.getElementById("talk");
const toast = document.getElementById("toast");
const list = new URLSearchParams([...new URLSearchParams(location.search)].filter(([k]) => /^(q|show|page)$/.test(k)));
let count = "";
let toastTimer = 0;
let sticks = true; // the chat shows its end and follows it

document.documentElement.classList.add("scripted");

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const atEnd = () => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60;
const toEnd = () => { sticks = true; talk.scrollTop = talk.scrollHeight; };

function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 5000);
}

async function fragment(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const box = document.createElement("template");
  box.innerHTML = await answer.text();
  return box.content;
}

// -- the list ----------------------------------------------------------------------------------------------

async function refreshPeople() {
  const query = new URLSearchParams(list);
  query.set("current", chat ? location.pathname : "");
  const fresh = await fragment(`/part/people?${query}`);
  const top = people.querySelector(".rows").scrollTop;
  people.replaceChildren(fresh);
  document.getElementById("now").textContent = people.querySelector(".rows").dataset.now;
  people.querySelector(".rows").scrollTop = top;
}

function turnTo(change) {
  for (const [name, value] of Object.entries(change)) {
    if (value) list.set(name, value); else list.delete(name);
  }
  history.replaceState(null, "", `${location.pathname}${list.size ? "?" + list : ""}`);
  const back = document.querySelector(".back");
  if (back) back.href = `/${list.size ? "?" + list : ""}`;
  return refreshPeople().then(() => { people.querySelector(".rows").scrollTop = 0; });
}

people.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-show], a[data-page]");
  if (link) {
    event.preventDefault();
    turnTo(link.dataset.page ? { page: link.dataset.page } : { show: link.dataset.show, page: "" });
  } else if (event.target.closest("a.row")) {
    sessionStorage.setItem("top", people.querySelector(".rows").scrollTop);
  }
});

const search = document.querySelector(".search");
let searchTimer = 0;
search.addEventListener("input", () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => turnTo({ q: search.elements.q.value.trim(), page: "" }), 150);
});
search.addEventListener("submit", (event) => event.preventDefault());

// -- the chat ----------------------------------------------------------------------------------------------

// Replace only bubbles that changed, so that pictures do not flicker and a half-pressed button stays.
function merge(fresh) {
  const old = new Map([...talk.children].map((node) => [node.dataset.id, node]));
  const nodes = [...fresh.children].map((node) => {
    const known = old.get(node.dataset.id);
    return known && known.isEqualNode(node) ? known : node;
  });
  const same = nodes.length === talk.children.length && nodes.every((node, i) => node === talk.children[i]);
  if (!same) talk.replaceChildren(...nodes);
}

async function refreshChat() {
  if (!chat) return;
  merge(await fragment(`${chat.dataset.part}?count=${count}`));
  if (sticks) toEnd();
  await markRead();
}

async function markRead() {
  if (document.visibilityState === "visible" && Number(document.getElementById("unread")?.textContent)) {
    const until = [...talk.querySelectorAll("article")].at(-1)?.dataset.id;
    await fetch(`${chat.dataset.path}/read`, { method: "POST", body: JSON.stringify(until ? { until } : {}) });
  }
}

async function act(path, options) {
  const answer = await fetch(`${chat.dataset.path}/${path}`, { method: "POST", ...options });
  if (answer.ok) return true;
  const told = await answer.json().catch(() => ({}));
  say(answer.status === 502 ? `没有送达：${told.error}` : told.error || "没有发出。");
  return false;
}

function pressed(data) {
  const press = { message: data.get("message"), key: data.get("key"), selected: {} };
  for (const name of new Set(data.keys())) {
    if (name.startsWith("choose.")) press.selected[name.slice(7)] = data.getAll(name);
  }
  return press;
}

async function submit(form, by) {
  const kind = form.dataset.act;
  const data = new FormData(form, by);
  const button = by || form.querySelector("button");
  button.disabled = true;
  try {
    const body = kind === "photo" ? data : JSON.stringify(kind === "press" ? pressed(data) : Object.fromEntries(data));
    const done = await act(kind, { body });
    if (done && kind !== "press") form.reset();
    if (done && kind === "place") form.closest("details").open = false;
  } catch {
    say("演练场没有应答。");
  } finally {
    button.disabled = false;
  }
  await refreshChat().catch(() => {});
  if (kind !== "press") toEnd();
}

if (chat) {
  toEnd();
  chat.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target, event.submitter);
  });
  chat.addEventListener("change", (event) => {
    if (event.target.type === "file" && event.target.files.length) submit(event.target.form);
  });
  talk.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-count]");
    if (!link) return;
    event.preventDefault();
    const below = talk.scrollHeight - talk.scrollTop;
    count = link.dataset.count;
    sticks = false;
    refreshChat().then(() => { talk.scrollTop = talk.scrollHeight - below; });
  });
  talk.addEventListener("scroll", () => { sticks = atEnd(); }, { passive: true });
  talk.addEventListener("load", () => { if (sticks) toEnd(); }, true); // a picture takes room when it is there
  document.addEventListener("visibilitychange", () => markRead().catch(() => {}));
  markRead().catch(() => {});
  fetch(`${chat.dataset.path}/open`, { method: "POST" }).catch(() => {}); // what the app tells when it is opened
  if (!toast.hidden) say(toast.textContent);
}

people.querySelector(".rows").scrollTop = Number(sessionStorage.getItem("top"));
sessionStorage.removeItem("top");

// -- staying up to date ------------------------------------------------------------------------------------

async function follow() {
  let revision = document.body.dataset.revision;
  for (;;) {
    try {
      const answer = await fetch(`/changes?since=${revision}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const { n } = await answer.json();
      document.documentElement.classList.remove("offline");
      if (String(n) !== revision) {
        revision = String(n);
        await Promise.all([refreshPeople(), refreshChat()]);
      }
      await pause(250); // on the day of a draw hundreds of cards arrive in a minute
    } catch {
      document.documentElement.classList.add("offline");
      await pause(1500);
    }
  }
}
follow();
