// Check-in with the phone's position, and the signature pad. Both work without: plain form posts.
"use strict";
(() => {
  document.documentElement.classList.add("js");

  const checkIn = document.getElementById("check-in");
  if (checkIn && navigator.geolocation) {
    checkIn.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = checkIn.querySelector("button");
      button.disabled = true;
      button.textContent = "正在定位…";
      const go = () => checkIn.submit();
      const wait = setTimeout(go, 6000); // some phones never answer
      navigator.geolocation.getCurrentPosition((at) => {
        clearTimeout(wait);
        checkIn.elements.lat.value = at.coords.latitude;
        checkIn.elements.lon.value = at.coords.longitude;
        go();
      }, () => { clearTimeout(wait); go(); }, { timeout: 5000, maximumAge: 60000, enableHighAccuracy: true });
    });
  }

  const waiting = document.querySelector("[data-wait]");
  if (waiting) setInterval(() => { if (!document.hidden) location.reload(); }, 8000);

  const canvas = document.getElementById("pad");
  if (!canvas) return;
  const pad = canvas.parentElement;
  const form = canvas.closest("form");
  const pen = canvas.getContext("2d");
  const fault = form.querySelector("[role=alert]");
  let drawn = 0, last = null;

  const fit = () => {
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.scale(ratio, ratio);
    pen.lineWidth = 3.2; pen.lineCap = "round"; pen.lineJoin = "round"; pen.strokeStyle = "#10233a";
    drawn = 0;
    pad.classList.remove("used");
  };
  const at = (event) => {
    const area = canvas.getBoundingClientRect();
    return { x: event.clientX - area.left, y: event.clientY - area.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    pad.classList.add("used");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    pen.beginPath(); pen.moveTo(last.x, last.y); pen.lineTo(next.x, next.y); pen.stroke();
    drawn += Math.hypot(next.x - last.x, next.y - last.y);
    last = next;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
  document.getElementById("pad-clear").addEventListener("click", fit);

  form.addEventListener("submit", async (event) => {
    const file = form.elements.signature;
    if (file.files.length) return; // a photo of a signature on paper
    event.preventDefault();
    fault.textContent = "";
    if (drawn < 40) { fault.textContent = form.dataset.empty; canvas.scrollIntoView({ block: "center" }); return; }
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      const data = new FormData(form);
      data.set("signature", await new Promise((done) => canvas.toBlob(done, "image/png")), "signature.png");
      const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const body = await response.json().catch(() => ({}));
      if (response.ok) { location.assign(body.next); return; }
      fault.textContent = body.message || "没有保存，请再按一次。";
    } catch {
      fault.textContent = "没有网络，签字还在屏幕上。有网络后再按一次。";
    }
    button.disabled = false;
  });
  fit();
})();
