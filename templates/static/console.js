// Keep the first page fresh. Without this script the page reloads itself by its meta refresh.
(() => {
  "use strict";
  const box = document.querySelector("[data-live]");
  if (!box) return;
  const state = document.querySelector("[data-live-state]");
  const every = Number(box.dataset.every) * 1000;
  let shown = box.innerHTML;

  async function refresh() {
    if (document.hidden || box.contains(document.activeElement)) return;
    try {
      const answer = await fetch(box.dataset.live, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (text !== shown) { box.innerHTML = text; shown = text; }
      state.textContent = "自动更新";
      state.classList.remove("stale");
    } catch {
      state.textContent = "暂时连不上，显示的是之前的数据";
      state.classList.add("stale");
    }
  }

  setInterval(refresh, every);
  document.addEventListener("visibilitychange", refresh);
})();
