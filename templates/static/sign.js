// Check-in with the phone's position, and the signature pad. Both work without: plain form posts.
import { makePad } from "./pad.js";

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

if (document.querySelector("[data-wait]")) setInterval(() => { if (!document.hidden) location.reload(); }, 8000);

const canvas = document.getElementById("pad");
if (canvas) {
  const form = canvas.closest("form");
  const fault = form.querySelector("[role=alert]");
  const pad = makePad(canvas);
  document.getElementById("pad-clear").addEventListener("click", pad.clear);
  form.addEventListener("submit", async (event) => {
    if (form.elements.signature.files.length) return; // a photo of a signature on paper
    event.preventDefault();
    fault.textContent = "";
    if (!pad.hasInk()) { fault.textContent = form.dataset.empty; canvas.scrollIntoView({ block: "center" }); return; }
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      const data = new FormData(form);
      data.set("signature", await pad.blob(), "signature.png");
      const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const body = await response.json().catch(() => ({}));
      if (response.ok) { location.assign(body.next); return; }
      fault.textContent = body.message || "没有保存，请再按一次。";
    } catch {
      fault.textContent = "没有网络，签字还在屏幕上。有网络后再按一次。";
    }
    button.disabled = false;
  });
}
