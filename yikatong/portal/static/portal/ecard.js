/* The electronic card in the phone: an own SM2 key, certified by the issuer, makes a fresh code every 30 seconds, also without
   network while the certificate lasts. Layout of a code: docs/formats/e-card-code.md (yikatong/wire/codes.py). */
(function () {
  "use strict";
  var box = document.getElementById("ecard");
  if (!box || !window.sm2 || !window.qrcode || !window.crypto) return;
  var place = document.getElementById("ecard-code");
  var left = document.getElementById("ecard-left");
  var problem = document.getElementById("ecard-error");
  var store = "yikatong-ecard-" + box.dataset.cardId;
  var REFRESH_S = 30;
  var ENROL_BEFORE_S = 86400;
  var shownUntil = 0;

  function fromHex(hex) {
    var bytes = [];
    for (var i = 0; i < hex.length; i += 2) bytes.push(parseInt(hex.substr(i, 2), 16));
    return bytes;
  }
  function fromBase64(text) {
    return Array.prototype.map.call(atob(text), function (c) { return c.charCodeAt(0); });
  }
  function toText(bytes) {
    return "Y1." + btoa(String.fromCharCode.apply(null, bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function fourBytes(n) { return [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]; }
  function now() { return Math.floor(Date.now() / 1000); }
  function notAfter(certificate) {
    return ((certificate[58] * 256 + certificate[59]) * 256 + certificate[60]) * 256 + certificate[61];
  }
  function load() {
    try { return JSON.parse(localStorage.getItem(store) || "null"); } catch (error) { return null; }
  }
  function save(device) {
    try { localStorage.setItem(store, JSON.stringify(device)); } catch (error) { /* private mode: a key for this visit only */ }
  }

  function enrol(device) {
    var token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    return fetch(box.dataset.deviceUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify({ public_key: device.publicKey })
    }).then(function (answer) {
      return answer.json().then(function (body) {
        if (!answer.ok) throw { refused: true, message: body.message };
        device.certificate = body.certificate;
        save(device);
        return device;
      });
    });
  }

  function makeCode(device) {
    var nonce = Array.from(crypto.getRandomValues(new Uint8Array(8)));
    var body = fromBase64(device.certificate).concat(fourBytes(now()), nonce);
    var signed = Array.from("YKT-CODE-1").map(function (c) { return c.charCodeAt(0); }).concat(body);
    var signature = sm2.doSignature(signed, device.privateKey, { hash: true, publicKey: device.publicKey });
    return toText(body.concat(fromHex(signature)));
  }

  function draw(text) {
    var picture = qrcode(0, "M");
    picture.addData(text, "Byte");
    picture.make();
    place.innerHTML = picture.createImgTag(5, 20);
    var image = place.querySelector("img");
    image.alt = place.getAttribute("aria-label");
    place.removeAttribute("role");
    box.dataset.code = text;
    shownUntil = now() + REFRESH_S;
  }

  function fail(error) {
    if (error && error.refused) {
      place.textContent = "";
      shownUntil = now() + REFRESH_S;
    }
    problem.textContent = (error && error.message) || "";
  }

  function tick() {
    var device = load() || window.yikatongDevice;
    if (now() < shownUntil) {
      left.textContent = shownUntil - now() + " " + left.dataset.label;
      return;
    }
    if (device && device.certificate && notAfter(fromBase64(device.certificate)) > now()) {
      problem.textContent = "";
      draw(makeCode(device));
    }
  }

  function start() {
    var device = load();
    if (!device || !device.privateKey) {
      var pair = sm2.generateKeyPairHex();
      device = { privateKey: pair.privateKey, publicKey: pair.publicKey };
      window.yikatongDevice = device;
      save(device);
    }
    var known = device.certificate && notAfter(fromBase64(device.certificate)) > now() + ENROL_BEFORE_S;
    if (known) tick();
    enrol(device).then(function () { shownUntil = known ? shownUntil : 0; tick(); }, function (error) {
      if (error && error.refused) { delete device.certificate; save(device); fail(error); } else if (!known) { fail(error); }
    });
    setInterval(tick, 1000);
  }
  start();
})();
