// The rule builder without loading the page again for each condition. Everything works without this file.
(function () {
  "use strict";

  var main = document.getElementById("main");

  // Only the fields that matter for what is asked for; what was typed into the others is kept.
  function tidy() {
    document.querySelectorAll("[data-test]").forEach(function (test) {
      var measure = test.querySelector("select").value;
      test.querySelectorAll("[data-for]").forEach(function (part) {
        part.hidden = part.dataset.for.split(" ").indexOf(measure) < 0;
      });
    });
    document.querySelectorAll("[data-count]").forEach(function (count) {
      count.hidden = count.parentElement.querySelector("select").value !== "at_least";
    });
  }

  function show(page, button) {
    var fresh = new DOMParser().parseFromString(page, "text/html").getElementById("main");
    main.replaceChildren.apply(main, Array.from(fresh.childNodes));
    tidy();
    var focus = main.querySelector("[autofocus]") || document.getElementById("conditions");
    var moved = /^(up|down):(\d+)$/.exec(button.value);
    if (moved) {
      focus = document.getElementById("n" + moved[2]) || focus;
    }
    focus.focus();
  }

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-test] select, .group-mode select")) {
      tidy();
    }
  });

  main.addEventListener("submit", function (event) {
    var button = event.submitter;
    if (!button || !/^(add|remove|up|down):/.test(button.value)) {
      return;
    }
    event.preventDefault();
    var form = event.target;
    var body = new URLSearchParams(new FormData(form));
    body.set("do", button.value);
    fetch(form.getAttribute("action"), {method: "POST", body: body}).then(function (answer) {
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      return answer.text();
    }).then(function (page) {
      show(page, button);
    }).catch(function () {
      HTMLFormElement.prototype.submit.call(withButton(form, button));
    });
  });

  // What did not work in the background is sent as the browser does it.
  function withButton(form, button) {
    var field = document.createElement("input");
    field.type = "hidden";
    field.name = "do";
    field.value = button.value;
    form.appendChild(field);
    return form;
  }

  tidy();
})();
