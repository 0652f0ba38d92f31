"""results/<name>/report.html as a reader has it: in a real browser, three widths, light, dark, on paper."""

import html.parser
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from duet.records.plan import AnalysisPlan
from duet.report import page, summary
from duet.report.figures import BENCHMARK
from duet.report.summary import provenance
from mixed import HOSTILE, NAMES

ROWS = "[...document.querySelectorAll('.verdicts tbody tr')].filter(row => !row.hidden)"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"
CUT = """
const out = [];
for (const e of document.querySelectorAll('body *')) {
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  if (!box.width || e.closest('svg') || style.clipPath !== 'none') continue;
  if (/(auto|scroll)/.test(style.overflowX + style.overflowY)) out.push('scrolls: ' + e.tagName);
  const what = `${e.tagName}.${e.className} ${e.innerText}`;
  if (box.right > innerWidth + 1 || box.left < -1) out.push('beyond: ' + what);
  if (e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline') out.push('cut: ' + what);
}
if (document.documentElement.scrollWidth > innerWidth) out.push('the page is too wide');
return out
"""


@pytest.fixture
def report(browser, campaign):
    browser.look(1400)
    browser.open(campaign[1] / "report.html")
    browser.wait("return document.documentElement.dataset.ready")
    yield browser
    assert not browser.errors()
    browser.look(1400)


def names(browser):
    return browser.run(f"return {ROWS}.map(row => row.querySelector('.benchmark').textContent)")


def sorts_by(browser):
    return browser.run(f"return {ROWS}.map(row => parseFloat(row.querySelector('.change').dataset.v))")


def test_the_first_screen_answers_what_is_asked(report):
    text = report.run("return document.querySelector('header').innerText")
    text = text.replace("\u00a0", " ")
    assert re.search(r"1 of 5 benchmarks got slower, worst: slow \+1\d\.\d %; 2 without data", text)
    assert "A and B" in text and "true;" in text  # what distinguishes them
    assert "14 November 2023" in text and "on made-up (Made-up CPU; cores 0-1)" in text
    bottom = report.run("return document.querySelector('.verdicts tbody tr').getBoundingClientRect().bottom")
    assert bottom < 900
    colour = report.run("return getComputedStyle(document.querySelector('.answer')).borderLeftColor")
    assert colour == "rgb(136, 34, 85)"


def test_the_counts_are_those_of_the_rows_and_of_the_summary(report, campaign):
    told = json.loads((campaign[1] / "verdicts.json").read_text())["counts"]
    tiles = report.run(
        "return [...document.querySelectorAll('.tiles button')]"
        ".map(tile => [tile.dataset.verdict, parseInt(tile.innerText)])"
    )
    assert tiles[0] == ["", len(NAMES)]
    assert {verdict: n for verdict, n in tiles[1:] if n} == {verdict: n for verdict, n in told.items() if n}
    for verdict, number in tiles:
        report.run("document.querySelector(`.tiles [data-verdict='${arguments[0]}']`).click()", verdict)
        assert len(names(report)) == number, verdict
        report.run("document.querySelector(`.tiles [data-verdict='']`).click()")
    markdown = (campaign[1] / "summary.md").read_text()
    assert report.run("return document.title").split(": ", 1)[1].replace("\u00a0", " ") in markdown
    assert markdown.count("\n| ") - 2 == len(NAMES)  # without head and rule


def test_sequential_runs_are_a_comparison_and_no_verdict(report):
    texts = report.run(f"return {ROWS}.map(row => [...row.cells].map(cell => cell.innerText))")
    assert all(
        len(set(re.findall("slower|faster|equivalent|inconclusive|no data", row[1]))) == 1 for row in texts
    )
    heads = report.run("return [...document.querySelectorAll('th')].map(head => head.innerText.trim())")
    assert "sequential" in heads and "A against A" not in heads
    slow = next(row for row in texts if row[0].strip() == "slow")
    assert slow[heads.index("sequential")].startswith("+") and " to " in slow[heads.index("sequential")]
    assert "seqn" not in report.run("return document.body.innerText")


def test_both_sides_absolute_times_and_a_drawing_stand_in_each_row(report):
    slow = report.run(
        f"return [...{ROWS}.find(row => row.dataset.anchor === 'slow').cells].map(c => c.innerText)"
    )
    assert [cell for cell in slow if re.fullmatch(r"\d+ ms", cell)] == slow[4:6]
    drawn = report.run(
        f"return {ROWS}.map(row => [row.dataset.anchor, row.querySelectorAll('.interval .ci').length])"
    )
    assert {name for name, n in drawn if n} == {"slow", "same", "fast"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 800, 390])
def test_nothing_is_cut_off_and_nothing_scrolls_inside(report, campaign, width, scheme):
    report.look(width, 900, scheme)
    assert report.run(CUT) == []
    report.run(OPEN_ALL)
    report.wait("return [...document.images].every(image => image.naturalWidth > 100)")
    assert report.run(CUT) == []
    ground = report.run("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_on_paper_nothing_is_cut_off_either(report):
    report.look(718, 1000, "dark", media="print")
    assert report.run(CUT) == []
    assert report.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert report.run("return document.querySelector('.filter').offsetParent") is None
    assert report.print().startswith(b"%PDF")


def test_it_sorts_by_keyboard(report):
    button = "th.change button"
    report.key(button, "\ue007")
    known = [value for value in sorts_by(report) if value is not None]
    assert known == sorted(known) and len(known) == 3 and names(report)[3:]  # without a value: last
    assert report.run("return document.querySelector('th.change').getAttribute('aria-sort')") == "ascending"
    report.key(button, " ")
    assert [value for value in sorts_by(report) if value is not None] == sorted(known, reverse=True)
    report.key("th.name button", "\ue007")
    assert names(report) == sorted(NAMES)


def test_it_filters_by_keyboard(report):
    report.type(".filter", "SLOW")
    assert names(report) == ["slow"]
    assert report.run("return document.querySelector('.shown').textContent") == "1 of 5 shown"
    shown = "return [...document.querySelectorAll('.subject')].filter(e => !e.hidden).map(e => e.id)"
    assert report.run(shown) == ["slow"]
    report.type(".filter", "zzz")
    assert names(report) == []
    report.key(".tiles [data-verdict='faster']", "\ue007")
    assert names(report) == []
    report.run(
        "const f = document.querySelector('.filter'); f.value = ''; f.dispatchEvent(new Event('input'))"
    )
    assert names(report) == ["fast"]


def test_an_address_leads_to_a_benchmark(browser, campaign):
    browser.look(1400)
    browser.open(campaign[1] / "report.html", "#fast")
    top = browser.wait(
        "const e = document.getElementById('fast'); return e.open && e.getBoundingClientRect().top"
    )
    assert -1 <= top < 900
    drawn = "[...document.querySelectorAll('#fast img')].filter(i => i.naturalWidth > 100).length"
    assert browser.wait(f"return {drawn} === {len(BENCHMARK)}")
    others = "[...document.querySelectorAll('.subject:not(#fast) img')].every(i => !i.src)"
    assert browser.run(f"return {others}")
    assert not browser.errors()


def test_back_leads_to_where_the_reader_was(report):
    report.look(800, 500)
    report.run("window.scrollTo(0, 200)")
    report.key(".verdicts tbody tr:nth-child(2) a.benchmark", "\ue007")
    hash = report.wait("return location.hash")
    assert report.wait("return document.querySelector('details.subject[open]').id") == hash[1:]
    away = report.run("return window.scrollY")
    report.back()
    assert report.wait("return location.hash === ''")
    assert report.wait("return window.scrollY < arguments[0]", away)
    report.run("history.forward()")
    assert report.wait("return location.hash") == hash


def test_captions_are_visible(report):
    report.run(OPEN_ALL)
    captions = report.run(
        "return [...document.querySelectorAll('figcaption')]"
        ".map(c => [c.innerText, c.getBoundingClientRect().height])"
    )
    assert len(captions) == len(NAMES) * len(BENCHMARK) + 2
    assert all("trust" in text and height > 20 for text, height in captions)


def test_nothing_comes_from_the_network(report, campaign):
    report.run(OPEN_ALL)
    fetched = report.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert not [name for name in fetched if not name.startswith("blob:")]
    linked = re.findall(r"""(?:src|href)=["']?([a-z]+:)""", (campaign[1] / "report.html").read_text())
    assert linked == []


@pytest.mark.parametrize("width", [1400, 390])
def test_who_cannot_see_it_has_a_table_and_names(report, width):
    report.look(width)
    report.devtools("Accessibility.enable")
    nodes = report.devtools("Accessibility.getFullAXTree")["nodes"]
    seen = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]
    roles = [role for role, _ in seen]
    assert roles.count("table") == 1 and roles.count("row") == 1 + len(NAMES)
    assert roles.count("columnheader") == 8 and roles.count("cell") == 8 * len(NAMES)
    assert [pair for pair in seen if pair[0] in ("button", "link", "searchbox") and not pair[1].strip()] == []
    assert roles.count("heading") >= 3 and "main" in roles


def of_rows(rows, folder, planned=()):
    """The page of verdicts without a campaign on disk."""
    facts = summary.read_facts(HOSTILE, folder, planned)
    rows = summary.complete(pd.DataFrame(rows), facts)
    outcome = summary.Outcome(rows, facts, 0.95, tuple(planned))
    return page.page_of(outcome, provenance.gather([]), AnalysisPlan(), folder)


def row(benchmark, change, verdict="inconclusive", half=1.0, type_="duet", **more):
    numbers = dict.fromkeys(
        ("runs", "iterations_A", "iterations_B", "coverage", "p_value", "p_adjusted"), 0.5
    )
    ends = {"change_percent": change, "ci_low_percent": change - half, "ci_high_percent": change + half}
    texts = {
        "suite": "s",
        "benchmark": benchmark,
        "type": type_,
        "verdict": verdict,
        "method": "t",
        "warnings": "",
    }
    return numbers | ends | texts | more


def test_hostile_names_are_shown_as_text(browser, tmp_path):
    contents = of_rows([row(HOSTILE, 5.0, "slower", suite=HOSTILE, warnings=HOSTILE)], tmp_path)
    made = page.as_html(contents)
    # as Snakemake's report embeds it: inside JSON, inside a script, put there by innerHTML
    fragment = json.dumps(page.in_frame(made))
    (tmp_path / "page.html").write_text(made)
    (tmp_path / "report.html").write_text(
        f"<!doctype html><div id=x></div><script>var d = {fragment}; x.innerHTML = d</script>"
    )
    browser.open(tmp_path / "page.html")
    assert browser.wait("return document.querySelector('.benchmark').textContent") == HOSTILE
    assert browser.run("return [window.pwned, document.images.length]") == [None, 0]
    browser.open(tmp_path / "report.html")
    with browser.frame("iframe.duet-landing"):
        assert browser.wait("return document.querySelector('.benchmark')?.textContent") == HOSTILE
        pwned = browser.run("return [window.pwned, window.parent.pwned, document.images.length]")
    assert pwned == [None, None, 0]


def test_every_name_has_an_address_of_its_own(browser, tmp_path):
    awkward = ["a b", "a-b", "a/b", "page:top", "compress[size=1,level=9]", "中文", "%41", "é", HOSTILE]
    contents = of_rows([row(name, 1.0) for name in awkward], tmp_path)
    assert len({each.anchor for each in contents.subjects}) == len(awkward)
    (tmp_path / "page.html").write_text(page.as_html(contents))
    browser.open(tmp_path / "page.html")
    for place in range(len(awkward)):
        browser.run("document.querySelectorAll('.subject').forEach(each => { each.open = false })")
        browser.run("document.querySelectorAll('a.benchmark')[arguments[0]].click()", place)
        opened = browser.wait("const e = document.querySelector('.subject[open]'); return e && e.id")
        wanted = browser.run(
            "return document.querySelectorAll('tbody tr')[arguments[0]].dataset.anchor", place
        )
        assert opened == wanted


def test_one_large_change_leaves_the_margin_visible(browser, tmp_path):
    """The band of the margin is seen, and what is beyond the axis has an arrow."""
    changes = [250.0, 120.0, 0.5, -0.3, 90.0]
    rows = [row(f"b{i}", c, "slower" if c > 1 else "equivalent", 0.4) for i, c in enumerate(changes)]
    (tmp_path / "page.html").write_text(page.as_html(of_rows(rows, tmp_path)))
    browser.look(1400)
    browser.open(tmp_path / "page.html")
    drawn = browser.run(
        f"return {ROWS}.map(row => [row.querySelector('.band').getBoundingClientRect().width,"
        "row.querySelectorAll('.interval path').length, row.querySelectorAll('circle').length])"
    )
    assert all(band >= 6 for band, _, _ in drawn)
    assert drawn[0][1] == 1 and all(arrows == 0 for _, arrows, _ in drawn[-2:])


def test_two_hundred_benchmarks_are_usable(browser, tmp_path):
    rows = [row(f"benchmark-{i:03d}", (i % 21) - 10.0, warnings="few runs: x") for i in range(200)]
    contents = of_rows(rows, tmp_path)
    svg = "<svg viewBox='0 0 600 300' xmlns='http://www.w3.org/2000/svg'/>"
    (tmp_path / "f.svg").write_text(svg.replace("'", '"'))
    figure = page.embed(tmp_path / "f.svg", "runs", tmp_path)
    made = page.as_html(contents, {each.stem: [figure] for each in contents.subjects})
    (tmp_path / "page.html").write_text(made)
    browser.look(1400)
    browser.open(tmp_path / "page.html")
    browser.wait("return document.documentElement.dataset.ready")
    assert len(names(browser)) == 200
    assert browser.run("return [...document.images].filter(image => image.src).length") == 0
    browser.type(".filter", "benchmark-17")
    assert len(names(browser)) == 10
    browser.open(tmp_path / "page.html", "#benchmark-150")
    assert browser.wait("return [...document.images].filter(image => image.src).length") == 1


@pytest.mark.parametrize(
    "columns, sections, rows",
    [
        ([{}, {"metric": "peak_memory", "value_A": 10.0, "value_B": 11.0}], ["Time", "Peak memory"], [1, 1]),
        ([{"environment": "one"}, {"environment": "two"}], ["Time"], [2]),
    ],
)
def test_metrics_are_sections_and_environments_rows(tmp_path, columns, sections, rows):
    told = [row("parse", 5.0, "slower") | {"metric": "time"} | more for more in columns]
    contents = of_rows(told, tmp_path)
    assert [section.title for section in contents.sections] == sections
    assert [len(section.rows) for section in contents.sections] == rows
    assert len(contents.subjects) == 1 and len(contents.subjects[0].rows) == 2
    Words(page.as_html(contents))


class Words(html.parser.HTMLParser):
    """Fails where an element is not closed as it was opened."""

    EMPTY = ("meta", "img", "input", "rect", "line", "circle", "path", "br")

    def __init__(self, text):
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def test_a_gate_says_yes_or_no(browser, tmp_path):
    for passed, word in ((True, "Yes"), (False, "No")):
        facts = summary.read_facts("c", tmp_path, ())
        rows = summary.complete(pd.DataFrame([row("parse", 5.0, "slower")]), facts)
        outcome = summary.Outcome(rows, facts, 0.95, ())
        decided = page.Decided(passed, "regression beyond 3 %: parse")
        told = page.page_of(outcome, provenance.gather([]), AnalysisPlan(), tmp_path, decided)
        (tmp_path / "page.html").write_text(page.as_html(told))
        browser.open(tmp_path / "page.html")
        assert f"May it pass? {word}" in browser.run("return document.querySelector('header').innerText")


def test_its_size_is_within_the_goal(campaign):
    assert Path(campaign[1] / "report.html").stat().st_size < 5e6
