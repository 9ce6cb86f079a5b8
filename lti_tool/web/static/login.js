// Leaves the login's secret with the platform, as it offered, and goes on to it: after a second in any case.
(function () {
  "use strict";
  var page = document.querySelector("[data-login]");
  function goOn() {
    window.location.replace(page.dataset.next);
  }
  window.platformStorage.put(window.platformStorage.placeOf(page), page.dataset.secret).then(goOn, goOn);
})();
