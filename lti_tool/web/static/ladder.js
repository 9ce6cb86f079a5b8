// Shows that a launch belongs to this browser, one rung after the other: cookies that come with a request of this page,
// the platform's storage, storage access. The last rung, a window of its own, is a link and needs no script.
(function () {
  "use strict";
  var page = document.querySelector("[data-ladder]");
  var waiting = document.querySelector("[data-waiting]");
  var ways = document.querySelector("[data-ways]");
  var refused = document.querySelector("[data-refused]");
  var accessButton = document.querySelector("[data-storage-access]");
  var canAsk = accessButton && window.top !== window && document.requestStorageAccess;
  var GO_ON = ["proof_missing", "proof_wrong"];

  function show(section) {
    [waiting, ways, refused].forEach(function (one) {
      one.hidden = one !== section;
    });
  }

  function showRefusal(answer) {
    refused.querySelector("[data-refused-title]").textContent = answer.title;
    refused.querySelector("[data-refused-message]").textContent = answer.message;
    refused.querySelector("[data-refused-code]").textContent = answer.error;
    refused.querySelector("[data-refused-request]").textContent = answer.request_id;
    var remedies = refused.querySelector("[data-refused-remedies]");
    remedies.replaceChildren.apply(remedies, answer.remedies.map(function (one) {
      var item = document.createElement("li");
      item.textContent = one;
      return item;
    }));
    show(refused);
  }

  function never() {
    return new Promise(function () {});
  }

  function leaveFor(address) {
    window.location.replace(address);
    return never();
  }

  function readJson(answer) {
    return answer.json();
  }

  // Resolves with the refusal; does not resolve when the proof was right, since the page is being left.
  function prove(value) {
    var shown = value ? {ticket: page.dataset.ticket, value: value} : {ticket: page.dataset.ticket};
    return fetch(page.dataset.proveUrl, {
      method: "POST",
      cache: "no-store",
      headers: {"Accept": "application/json", "Content-Type": "application/json"},
      body: JSON.stringify(shown)
    }).then(readJson).then(function (answer) {
      return answer.next ? leaveFor(answer.next) : answer;
    });
  }

  // As `prove`, but a launch that is over ends the climb.
  function proveOrEnd(value) {
    return prove(value).then(function (answer) {
      if (GO_ON.indexOf(answer.error) < 0) {
        showRefusal(answer);
        return never();
      }
      return answer;
    });
  }

  function askPlatform() {
    var place = window.platformStorage.placeOf(page);
    return place ? window.platformStorage.get(place).then(function (value) {
      return value ? proveOrEnd(value) : null;
    }) : Promise.resolve(null);
  }

  // With storage access: perhaps the login's cookie comes now; else the login begins again, once, and leaves one.
  function goOnWithAccess() {
    return prove().then(function (answer) {
      if (!page.dataset.againUrl) {
        return GO_ON.indexOf(answer.error) < 0 ? showRefusal(answer) : Promise.reject(new Error("no cookie"));
      }
      return fetch(page.dataset.againUrl, {cache: "no-store", headers: {"Accept": "application/json"}}).then(readJson)
        .then(function (login) {
          return login.next ? leaveFor(login.next) : showRefusal(login);
        });
    });
  }

  function sayThatAccessFailed() {
    accessButton.hidden = true;
    document.querySelector("[data-access-hint]").hidden = true;
    document.querySelector("[data-access-refused]").hidden = false;
    show(ways);
  }

  // Where access was granted before, no click is needed.
  function useAccessGrantedBefore() {
    if (!canAsk || !navigator.permissions) {
      return Promise.resolve(null);
    }
    return navigator.permissions.query({name: "storage-access"}).then(function (permission) {
      return permission.state === "granted" ? document.requestStorageAccess().then(goOnWithAccess) : null;
    }).catch(function () {
      return null;
    });
  }

  function offerWays() {
    if (canAsk) {
      accessButton.hidden = false;
      document.querySelector("[data-access-hint]").hidden = false;
      document.querySelector("[data-window]").classList.replace("btn-primary", "btn-outline-primary");
    }
    show(ways);
  }

  if (canAsk) {
    accessButton.addEventListener("click", function () {
      // The browser asks the person only when this is the first thing that the click does.
      document.requestStorageAccess().then(function () {
        show(waiting);
        return goOnWithAccess();
      }).catch(sayThatAccessFailed);
    });
  }
  show(waiting);
  proveOrEnd().then(askPlatform).then(useAccessGrantedBefore).then(offerWays, offerWays);
})();
