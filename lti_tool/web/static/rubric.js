// Adds the points of the chosen levels up while somebody assesses. The server adds them up again.
(function () {
  "use strict";

  document.querySelectorAll("[data-rubric]").forEach(function (rubric) {
    var line = rubric.querySelector("[data-total-line]");
    var shown = rubric.querySelector("[data-total]");
    var format = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 4 });
    var add = function () {
      var total = 0;
      rubric.querySelectorAll("input:checked").forEach(function (level) {
        total += Math.round(Number(level.dataset.points) * 10000);
      });
      shown.textContent = format.format(total / 10000);
      line.hidden = false;
    };
    rubric.addEventListener("change", add);
    add();
  });
})();
