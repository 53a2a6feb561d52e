// Inside WeCom the phone is asked through its SDK: place, camera and QR codes work where the browser's own do not.
// The form's script needs to know nothing of it: this one stands in for navigator.geolocation, takes over presses on
// [data-scan], and answers inputs that want the camera alone by a picture that cannot come from the album.
(() => {
  if (!/wxwork/i.test(navigator.userAgent)) return;
  const me = document.currentScript;
  const apis = ["getLocation", "scanQRCode", "chooseImage", "getLocalImgData"];

  const ready = new Promise((resolve, reject) => {
    const sdk = document.createElement("script");
    sdk.src = me.dataset.sdk;
    sdk.onerror = reject;
    sdk.onload = async () => {
      const page = location.href.split("#")[0];
      const answer = await fetch(`/wecom/jssdk?url=${encodeURIComponent(page)}`).catch(() => null);
      if (!answer || !answer.ok) { reject(new Error("no signature")); return; }
      const { corpId, agentId, config, agentConfig } = await answer.json();
      window.ww.register({ corpId, agentId, jsApiList: apis,
        getConfigSignature: () => config, getAgentConfigSignature: () => agentConfig });
      resolve(window.ww);
    };
    document.head.append(sdk);
  });
  ready.catch(() => {}); // without the SDK the page works as in any browser

  const ask = async (name, options) => {
    const ww = await ready;
    return new Promise((resolve, reject) => {
      ww[name]({ ...options, success: resolve, fail: reject, cancel: reject });
    });
  };

  const own = navigator.geolocation;
  const place = {
    getCurrentPosition(found, failed, options) {
      ask("getLocation", { type: "wgs84" }).then(
        (at) => found({ coords: { latitude: Number(at.latitude), longitude: Number(at.longitude), accuracy: Number(at.accuracy) || 0 }, timestamp: Date.now() }),
        () => (own ? own.getCurrentPosition(found, failed, options) : failed && failed({ code: 2 })));
    },
    watchPosition: (...all) => (own ? own.watchPosition(...all) : 0),
    clearWatch: (id) => own && own.clearWatch(id),
  };
  Object.defineProperty(navigator, "geolocation", { value: place, configurable: true });

  const field = (target) => target.closest("[data-key]")?.querySelector("input:not([type=file]), textarea");
  document.addEventListener("click", (event) => {
    const label = event.target.closest("[data-scan]");
    if (!label) return;
    const input = field(label);
    if (!input) return;
    event.preventDefault();
    ask("scanQRCode", { needResult: true, scanType: ["qrCode", "barCode"] }).then((result) => {
      // a bar code comes as "CODE_128,123"
      input.value = String(result.resultStr || "").replace(/^[A-Z0-9_]+,/, "");
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }, () => {});
  });

  const live = async (input) => {
    const { localIds } = await ask("chooseImage", { count: 1, sizeType: ["original"], sourceType: ["camera"] });
    const { localData } = await ask("getLocalImgData", { localId: localIds[0] });
    const [head, coded] = localData.startsWith("data:") ? localData.split(",", 2) : ["data:image/jpeg;base64", localData];
    const bytes = Uint8Array.from(atob(coded), (c) => c.charCodeAt(0)); // our policy lets nobody fetch a data: address
    const type = head.slice(5).split(";")[0];
    const files = new DataTransfer();
    files.items.add(new File([bytes], "live.jpg", { type }));
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("click", (event) => {
    const input = event.target.closest("input[type=file][capture]");
    if (!input || input.dataset.asked || input.closest("[data-scan]")) return;
    event.preventDefault();
    live(input).catch(() => { input.dataset.asked = "1"; input.click(); }); // the phone's own way
  });

  for (const label of document.querySelectorAll("[data-scan]")) label.hidden = false;
})();
