// Closes the platform's frame or window after a registration (LTI Dynamic Registration 1.0).
(function () {
  "use strict";
  var platform = window.opener || (window.parent === window ? null : window.parent);
  var button = document.querySelector("[data-close]");
  if (!platform || !button) {
    return;
  }
  button.hidden = false;
  button.addEventListener("click", function () {
    // It says nothing but that this is over, so anyone may hear.
    platform.postMessage({subject: "org.imsglobal.lti.close"}, "*");
  });
})();
