// Silent login inside DingTalk: ask for a code, hand it to our server, which asks DingTalk whose it is.
(function () {
  "use strict";
  var login = document.getElementById("login"), said = document.getElementById("said");
  function failed(text) { login.querySelector("h1").textContent = "没有登录"; said.textContent = text; }
  if (!window.dd || !window.dd.requestAuthCode) { failed("请在钉钉工作台里打开，或用下面的扫码登录。"); return; }
  window.dd.requestAuthCode({
    corpId: login.dataset.corp,
    clientId: login.dataset.client,
    onSuccess: function (given) {
      var form = document.getElementById("enter");
      form.elements.code.value = given.code;
      form.submit();
    },
    onFail: function () { failed("钉钉没有给出登录码，请关闭后重新打开。"); },
  });
})();
