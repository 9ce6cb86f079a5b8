// Asks the platform's page to keep or to return a text (LTI Client-side postMessages 1.0, LTI Platform Storage 1.0).
(function () {
  "use strict";
  var PATIENCE = 1000; // milliseconds; Canvas' apps announce a storage and never answer

  // The windows that may hold the storage: the named frame beside this one, and the page around (or that opened) it.
  function keepers(target) {
    var page = window.opener || (window.parent !== window ? window.parent : null);
    if (!page) {
      return [];
    }
    var found = [page];
    if (target !== "_parent") {
      try {
        if (page.frames[target] && page.frames[target].postMessage) {
          found.unshift(page.frames[target]);
        }
      } catch (error) {
        // No frame of that name that this page may see.
      }
    }
    return found;
  }

  // Sends `message` to every keeper; resolves with the first good answer, or with null after a second. Only windows of
  // the platform's origin get the message, and only their answers to this very message count.
  function ask(place, message) {
    var sent = keepers(place.target);
    if (!sent.length || !place.origin) {
      return Promise.resolve(null);
    }
    return new Promise(function (resolve) {
      var id = Array.from(crypto.getRandomValues(new Uint32Array(4)), function (one) { return one.toString(36); }).join("-");
      function end(answer) {
        window.clearTimeout(timer);
        window.removeEventListener("message", listen);
        resolve(answer);
      }
      function listen(event) {
        var answer = event.data;
        if (event.origin !== place.origin || sent.indexOf(event.source) < 0 || !answer || typeof answer !== "object") {
          return;
        }
        if (answer.subject === message.subject + ".response" && answer.message_id === id && !answer.error) {
          end(answer);
        }
      }
      var timer = window.setTimeout(end, PATIENCE, null);
      window.addEventListener("message", listen);
      sent.forEach(function (one) {
        try {
          one.postMessage(Object.assign({message_id: id, key: place.key}, message), place.origin);
        } catch (error) {
          // An origin no browser takes; the second passes, and the next rung is tried.
        }
      });
    });
  }

  window.platformStorage = {
    // Where the page says that the storage is; null when it names none.
    placeOf: function (element) {
      var data = element.dataset;
      return data.storageTarget ? {target: data.storageTarget, origin: data.storageOrigin, key: data.storageKey} : null;
    },
    // Resolves when the text is kept, or after a second.
    put: function (place, value) {
      return ask(place, {subject: "lti.put_data", value: value});
    },
    // Resolves with the text, or with null after a second.
    get: function (place) {
      return ask(place, {subject: "lti.get_data"}).then(function (answer) {
        return answer && typeof answer.value === "string" ? answer.value : null;
      });
    }
  };
})();
