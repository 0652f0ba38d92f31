"use strict";
(function () {
  var all = function (css, within) { return Array.prototype.slice.call((within || document).querySelectorAll(css)); };

  // Tables: sort by a heading, show one verdict, filter by words. Each benchmark's part below goes along.

  var tables = all(".verdicts").map(function (section) {
    var body = section.querySelector("tbody"), rows = Array.prototype.slice.call(body.rows);
    var heads = all("th", section), tiles = all(".tiles button", section);
    var filter = section.querySelector(".filter"), verdict = "";

    function compare(column, sign) {
      var numeric = heads[column].classList.contains("n");
      return function (x, y) {
        var a = x.cells[column], b = y.cells[column];
        if (!numeric) return sign * a.textContent.trim().localeCompare(b.textContent.trim(), undefined, { numeric: true });
        var p = parseFloat(a.dataset.v), q = parseFloat(b.dataset.v);
        if (isNaN(p) || isNaN(q)) return isNaN(p) - isNaN(q); // no value: last, whichever way
        return sign * (p - q);
      };
    }

    heads.forEach(function (head, column) {
      head.querySelector("button").addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.sort(compare(column, up ? 1 : -1)).forEach(function (row) { body.appendChild(row); });
      });
    });

    function show() {
      var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
      rows.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !((!verdict || row.dataset.verdict === verdict) &&
          words.every(function (word) { return text.indexOf(word) >= 0; }));
        shown += !row.hidden;
      });
      section.querySelector(".shown").textContent = shown === rows.length ? "" : shown + " of " + rows.length + " shown";
      tiles.forEach(function (tile) { tile.setAttribute("aria-pressed", String(tile.dataset.verdict === verdict)); });
      follow();
    }

    tiles.forEach(function (tile) {
      tile.addEventListener("click", function () {
        verdict = tile.dataset.verdict === verdict ? "" : tile.dataset.verdict;
        show();
      });
    });
    filter.addEventListener("input", show);
    return {
      rows: rows,
      reset: function () { verdict = filter.value = ""; show(); },
    };
  });

  function follow() {
    if (!tables || !tables.length) return;
    var kept = {};
    tables.forEach(function (table) {
      table.rows.forEach(function (row) { if (!row.hidden) kept[row.dataset.anchor] = true; });
    });
    all(".subject").forEach(function (each) { each.hidden = !kept[each.id]; });
  }

  // Figures are unpacked when they are looked at.

  function draw(image) {
    var packed = image.dataset.gz;
    if (!packed) return;
    delete image.dataset.gz;
    var bytes = Uint8Array.from(atob(packed), function (c) { return c.charCodeAt(0); });
    new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text().then(function (svg) {
      image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    });
  }

  all(".subject").forEach(function (each) {
    var figures = function () { if (each.open) all("img[data-gz]", each).forEach(draw); };
    each.addEventListener("toggle", figures);
    figures();
  });
  all("img[data-gz]").forEach(function (image) { if (!image.closest(".subject")) draw(image); });

  // An address that ends with a benchmark's name opens it; Back goes to where the reader was.

  function reach(hash) {
    var target;
    try { target = document.getElementById(decodeURIComponent(hash.slice(1))); } catch (wrong) { return; }
    if (!target) return;
    if (!target.matches(".subject")) { target.scrollIntoView(); return; }
    if (target.hidden) tables.forEach(function (table) { table.reset(); });
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  }
  function arrive() { if (location.hash) reach(location.hash); }
  window.addEventListener("hashchange", arrive);
  arrive();
  document.documentElement.dataset.ready = "yes";

  // Inside Snakemake's report (its first screen): a name opens the benchmark's figures.

  if (window.parent === window) return;
  var report, known;
  try {
    report = window.parent.eval("app");
    known = report && window.parent.eval("categories")["2 Benchmarks"];
  } catch (other) { known = undefined; } // alone, or shown from a data: address
  if (!known) known = {};
  all("a.benchmark").forEach(function (link) {
    var paths = known[link.dataset.stem];
    if (!paths) return;
    link.title = "show the figures";
    link.addEventListener("click", function (event) {
      event.stopImmediatePropagation();
      event.preventDefault();
      var first = paths.filter(function (p) { return p.indexOf(".timeline.svg") > 0; })[0] || paths[0];
      report.setView({
        navbarMode: "subcategory", category: "2 Benchmarks", subcategory: link.dataset.stem,
        content: "img", contentPath: window.parent.eval("results")[first].data_uri, resultPath: first,
      });
    });
  });
  all("a[href^='#']").forEach(function (link) { // the frame has no address of its own
    link.addEventListener("click", function (event) {
      event.preventDefault();
      reach(link.getAttribute("href"));
    });
  });
})();
