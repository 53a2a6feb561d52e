// Inside DingTalk the phone's place comes from dd.getLocation (pages go on asking navigator.geolocation) and codes come
// from dd.scan (pages show a [data-scan] beside a field; who has no scanner types). An input that wants the camera alone
// gets it from dd.chooseImage, whose picture cannot come from the album; where that fails, or its file cannot be read
// here, the phone's own way follows.
(function () {
  "use strict";
  var dd = window.dd, geo = navigator.geolocation;
  if (!dd || !dd.config) { return; }
  var asked = null;
  function ready() {
    asked = asked || fetch("/dingtalk/jsapi?url=" + encodeURIComponent(location.href.split("#")[0]), { credentials: "omit" })
      .then(function (answer) { if (!answer.ok) { throw new Error("jsapi"); } return answer.json(); })
      .then(function (config) {
        return new Promise(function (done, failed) {
          dd.error(failed);
          dd.ready(done);
          dd.config(config);
        });
      });
    return asked;
  }
  function taken() {
    return ready().then(function () {
      return new Promise(function (done, failed) {
        dd.chooseImage({ count: 1, sourceType: ["camera"], success: done, fail: failed });
      });
    }).then(function (result) {
      var path = (result.filePaths || [])[0];
      if (!path) { throw new Error("no picture"); }
      return fetch(path);
    }).then(function (answer) {
      if (!answer.ok) { throw new Error("unreadable"); }
      return answer.blob();
    });
  }
  document.addEventListener("click", function (event) {
    var input = event.target.closest("input[type=file][capture]");
    if (!input || input.dataset.asked || !dd.chooseImage || input.closest("[data-scan]")) { return; }
    event.preventDefault();
    taken().then(function (picture) {
      var files = new DataTransfer();
      files.items.add(new File([picture], "live.jpg", { type: picture.type || "image/jpeg" }));
      input.files = files.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }).catch(function () { input.dataset.asked = "1"; input.click(); });
  });
  function place(found, failed) {
    ready().then(function () {
      dd.getLocation({
        type: 0, useCache: false, coordinate: 0, cacheTimeout: 20, withReGeocode: false, targetAccuracy: "200",
        success: function (at) {  // numbers may come as strings
          var coords = { latitude: Number(at.latitude), longitude: Number(at.longitude), accuracy: Number(at.accuracy) };
          if (isNaN(coords.latitude) || isNaN(coords.longitude)) { if (failed) { failed(at); } return; }
          found({ coords: coords, timestamp: Date.now() });
        },
        fail: function (why) { if (failed) { failed(why); } },
      });
    }).catch(function (why) { if (failed) { failed(why); } });
  }
  function scan(event) {
    var label = event.target.closest("[data-scan]"), question = label && label.closest("[data-key]");
    var input = question && question.querySelector("input:not([type=file]), textarea");
    if (!input) { return; }
    event.preventDefault();
    dd.scan({  // needs no signature
      type: "all",
      success: function (found) {
        input.value = String(found.text || "");
        input.dispatchEvent(new Event("input", { bubbles: true }));
        input.dispatchEvent(new Event("change", { bubbles: true }));
      },
      fail: function () { input.focus(); },  // cancelled, or no camera: type it
    });
  }
  if (dd.getLocation && geo) { geo.getCurrentPosition = place; }
  if (dd.scan) {
    document.addEventListener("click", scan);
    document.querySelectorAll("[data-scan]").forEach(function (label) { label.hidden = false; });
  }
})();
