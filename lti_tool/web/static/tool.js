// Small comforts. Every page works without this file; nothing is stored in the browser.
(function () {
  "use strict";

  // Light or dark follows the system, also while the page is open. The first choice is made in the page's head.
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", function () {
    document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
  });

  // A summary of errors takes focus, so that screen readers begin there.
  var summary = document.querySelector("[data-takes-focus]");
  if (summary) {
    summary.focus();
  }

  // A form that changes something is sent once; with data-again (downloads) or in another window as often as wanted.
  // A page that comes back from the browser's memory may be sent again.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || form.target || "again" in form.dataset) {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
    } else if (!event.defaultPrevented) {
      form.dataset.sent = "yes";
    }
  });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      document.querySelectorAll("form[data-sent]").forEach(function (form) {
        delete form.dataset.sent;
      });
    }
  });

  // data-copy="#id": copies that element's text or value, and says so beside the button; hidden where it cannot copy.
  if (navigator.clipboard) {
    document.querySelectorAll("[data-copy]").forEach(function (button) {
      button.hidden = false;
    });
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) {
      return;
    }
    var source = document.querySelector(button.dataset.copy);
    navigator.clipboard.writeText(source.value || source.textContent.trim()).then(function () {
      button.querySelector("[data-copied]").hidden = false;
    }, function () {
      // Inside a frame the platform may forbid it: select the text, so that a key press copies it.
      window.getSelection().selectAllChildren(source);
    });
  });

  // Platforms that listen for it (Canvas) give the frame the page's height. It says nothing else, so anyone may hear.
  if (window.parent !== window) {
    var tellHeight = function () {
      var height = document.documentElement.offsetHeight;
      window.parent.postMessage(JSON.stringify({subject: "lti.frameResize", height: height}), "*");
    };
    new ResizeObserver(tellHeight).observe(document.body);
  }
})();
