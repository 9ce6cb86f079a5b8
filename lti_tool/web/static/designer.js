// The designed picture follows what is chosen. Without this file the button "Show the picture" does the same.
(function () {
  "use strict";

  var picture = document.getElementById("designed");
  var name = document.getElementById("name");
  var symbol = document.getElementById("symbol");
  var timer;

  function draw() {
    var colour = document.querySelector("input[name=colour]:checked");
    var query = new URLSearchParams({symbol: symbol.value, colour: colour ? colour.value : "", name: name.value});
    picture.src = picture.dataset.address + "?" + query;
  }

  function drawSoon(event) {
    if (event.target.matches("[data-designs]")) {
      document.getElementById("picture-design").checked = true;
    }
    window.clearTimeout(timer);
    timer = window.setTimeout(draw, 300);
  }

  document.querySelectorAll("[data-designs], #name").forEach(function (field) {
    field.addEventListener("input", drawSoon);
  });
  document.getElementById("upload").addEventListener("change", function () {
    document.getElementById("picture-upload").checked = true;
  });
})();
