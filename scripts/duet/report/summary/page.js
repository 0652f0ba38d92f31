"use strict";
(function () {
  var table = document.getElementById("verdicts");
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var filter = document.getElementById("filter");
  var verdict = document.getElementById("verdict");

  function compare(column, sign) {
    var numeric = heads[column].classList.contains("n");
    return function (x, y) {
      var a = x.cells[column], b = y.cells[column];
      if (!numeric) return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
      var p = parseFloat(a.dataset.v), q = parseFloat(b.dataset.v);
      if (isNaN(p) || isNaN(q)) return isNaN(p) - isNaN(q); // no value: last, whichever way
      return sign * (p - q);
    };
  }

  heads.forEach(function (head, column) {
    head.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort(compare(column, up ? 1 : -1)).forEach(function (row) { body.appendChild(row); });
    });
  });

  function show() {
    var word = filter.value.toLowerCase(), wanted = verdict.value, shown = 0;
    rows.forEach(function (row) {
      var hit = (!word || row.textContent.toLowerCase().indexOf(word) >= 0) &&
        (!wanted || row.dataset.verdict === wanted);
      row.hidden = !hit;
      shown += hit;
    });
    document.getElementById("shown").textContent = shown + " of " + rows.length + " shown";
  }
  filter.addEventListener("input", show);
  verdict.addEventListener("change", show);
  show();

  // Inside Snakemake's report (its first screen): a name opens the benchmark's figures.
  var report, known;
  try {
    report = window.parent !== window && window.parent.eval("app");
    known = report && window.parent.eval("categories")["2 Benchmarks"];
  } catch (other) { known = undefined; } // alone, or shown from a data: address
  if (!known) return;
  document.querySelectorAll(".benchmark").forEach(function (name) {
    var paths = known[name.dataset.stem];
    if (!paths) return;
    var link = document.createElement("a");
    link.className = "benchmark";
    link.href = "#";
    link.textContent = name.textContent;
    link.title = "show the figures";
    link.addEventListener("click", function (event) {
      event.preventDefault();
      var first = paths.filter(function (p) { return p.indexOf(".timeline.svg") > 0; })[0] || paths[0];
      report.setView({
        navbarMode: "subcategory", category: "2 Benchmarks", subcategory: name.dataset.stem,
        content: "img", contentPath: window.parent.eval("results")[first].data_uri, resultPath: first,
      });
    });
    name.replaceWith(link);
  });
})();
