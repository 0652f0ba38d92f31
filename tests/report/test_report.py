"""The report as a reader has it: a real browser, no network, the workflow's own pages and figures."""

import json
import shutil

import finished
import pytest
from browser import chromium
from duet.model import parse_run
from duet.report import summary
from duet.report.figures import BENCHMARK
from tools import need

HOSTILE = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script></script>"
FAILED = {"made-up.lost.0.duet.BA", "made-up.lost.0.duet.AB"}
NAMES = ("slow", "same", "fast", "half", "lost")
TYPES = ("duet", "aaduet", "seqn")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    need("chromium", "chromedriver")
    with chromium(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture(scope="session")
def campaign(tmp_path_factory):
    """Five benchmarks, three types; of one all runs failed, of one some, one has only side A."""
    project = finished.checkout(tmp_path_factory.mktemp("project"))
    failed = {
        f"made-up.lost.{i}.{rest}": "side B exited with 137 (out of memory)"
        for i in range(4)
        for rest in RUNS
    }
    failed |= {"made-up.same.3.duet.AB": "no result file", "made-up.same.3.duet.BA": "no result file"}
    results = finished.write(
        project, "mixed", NAMES, 4, 12, TYPES, {"slow": 0.1, "fast": -0.1}, failed, {"half": "A"},
        own_noise=0.01, shared_noise=0.05,
    )  # fmt: skip
    finished.snakemake(project, "mixed", "--cores", "2", "available")
    made = finished.snakemake(project, "mixed", "--report", "report.html", "available")
    return project, results, made


RUNS = ("duet.AB", "duet.BA", "aaduet.AB", "aaduet.BA", "seqn.None.A", "seqn.None.B")


@pytest.fixture
def report(browser, campaign):
    browser.open(campaign[0] / "report.html")
    browser.wait("return document.querySelector('iframe.duet-landing')")
    with browser.frame("iframe.duet-landing"):
        browser.wait(
            "return document.querySelector('#shown') && document.querySelector('#shown').textContent"
        )
    yield browser
    assert not browser.errors()


def test_the_first_screen_answers_the_question(report):
    with report.frame("iframe.duet-landing"):
        text = report.run("return document.body.innerText")
        worst = report.run("return document.querySelector('ol li').getBoundingClientRect().bottom")
    assert "Worst regressions" in text and "slow (duet)" in text and "+10" in text.split("Worst")[1]
    assert "A/A comparisons" in text and "Machine time" in text
    assert "no run finished: 4 × side B exited with 137 (out of memory)" in text
    top, height = report.run(
        "const r = document.querySelector('iframe.duet-landing').getBoundingClientRect();"
        "return [r.top, window.innerHeight]"
    )
    assert top + worst < height


@pytest.mark.parametrize("content", ["rulegraph", "metadata"])
def test_the_summary_has_the_room_when_one_comes_and_when_one_comes_back(report, content):
    report.run("app.setView({content: 'stats'})")
    report.run("app.setView({navbarMode: 'menu', content: arguments[0]})", content)
    wide = report.wait("return document.querySelector('iframe.duet-landing')?.getBoundingClientRect().width")
    assert wide > 900


def test_nothing_comes_from_the_network(report):
    fetched = report.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert not [name for name in fetched if name.startswith(("http:", "https:", "//"))]


def test_every_result_is_there(report, campaign):
    listed = set(report.run("return Object.keys(results)"))
    _, results, _ = campaign
    stems = [f"made-up.{name}" for name in NAMES if name != "lost"]
    name = f"results/{results.name}"
    wanted = {f"{name}/figures/{stem}.{kind}.svg" for stem in stems for kind in BENCHMARK}
    wanted |= {
        f"{name}/{f}" for f in ("summary.html", "verdicts.csv", "figures/methods.svg", "provenance.html")
    }
    assert wanted | {f"{name}/figures/made-up.forest.svg"} <= listed


def shown(browser):
    """What the report shows now: its address, once an image is decoded or a page is loaded."""
    return browser.wait(
        "const i = document.querySelector('.grow img:not(nav img)');"
        "const f = document.querySelector('.grow iframe');"
        "return i && i.complete && i.naturalWidth > 100 ? i.src : f && !i ? f.src : null"
    )


def eyes(browser):
    return browser.run(
        "return [...document.querySelectorAll('nav table tbody tr')].map(r => r.innerText.trim())"
    )


@pytest.mark.parametrize("category", ["1 Verdicts", "3 Methods", "4 Provenance"])
def test_two_clicks_to_every_page(report, category):
    addresses = {k: v["data_uri"] for k, v in report.run("return results").items()}
    seen = set()
    for place in range(len(report.run(f"return Object.values(categories['{category}']).flat()"))):
        report.run("app.setView({navbarMode: 'menu', content: 'metadata'})")  # where a reader starts
        report.click("nav li a", category)
        row = f"nav table tbody tr:nth-child({place + 1})"
        if "CSV" in report.wait(f"return document.querySelector('{row}')?.innerText"):
            continue  # a download
        report.click(f"{row} a")
        seen.add(shown(report))
    assert seen <= set(addresses.values()) and seen


@pytest.mark.parametrize("name", [n for n in NAMES if n != "lost"])
def test_two_clicks_to_every_figure(report, name):
    """One on the benchmark in the verdict table shows the first figure and lists all; one on another."""
    addresses = {v["data_uri"]: k for k, v in report.run("return results").items()}
    with report.frame("iframe.duet-landing"):
        report.click("#verdicts a.benchmark", name)
    found = {addresses[shown(report)]}
    assert len(eyes(report)) == len(BENCHMARK)
    for place in range(len(BENCHMARK)):
        before = report.run("return document.querySelector('.grow img').src")
        report.click(f"nav table tbody tr:nth-child({place + 1}) a")
        if place:
            report.wait("return document.querySelector('.grow img').src !== arguments[0]", before)
        found.add(addresses[shown(report)])
    assert {path.split(".")[-2] for path in found} == set(BENCHMARK)
    assert all(f"made-up.{name}." in path for path in found)


def column(browser, number):
    return browser.run(
        "return [...document.querySelectorAll('#verdicts tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[arguments[0]].innerText.trim())",
        number,
    )


def test_the_verdict_table_sorts_and_filters(report):
    with report.frame("iframe.duet-landing"):
        report.click("#verdicts th button", "change")
        values = [float(v.split()[0]) for v in column(report, 3) if v != "–"]
        assert values == sorted(values) and column(report, 3)[-1] == "–"
        report.click("#verdicts th button", "change")
        values = [float(v.split()[0]) for v in column(report, 3) if v != "–"]
        assert values == sorted(values, reverse=True) and column(report, 3)[-1] == "–"
        report.type("#filter", "slow")
        assert set(column(report, 1)) == {"slow"}
        report.type("#filter", "zzz")
        assert column(report, 1) == []
        assert report.run("return document.querySelector('#shown').textContent").startswith("0 of")
        report.run(
            "const f = document.querySelector('#filter'); f.value = ''; f.dispatchEvent(new Event('input'))"
        )
        choose = "const v = document.querySelector('#verdict'); v.value = 'no data'"
        report.run(f"{choose}; v.dispatchEvent(new Event('change'))")
        assert set(column(report, 1)) == {"lost", "half"}


def test_captions_tell_how_to_read_and_what_to_distrust(report):
    captions = {k: v["caption"] for k, v in report.run("return results").items()}
    assert all("trust" in caption for k, caption in captions.items() if not k.endswith(".csv")), (
        captions.keys()
    )
    assert all(captions.values())


def test_the_zip_of_large_campaigns_leads_to_the_figures_too(browser, campaign, tmp_path):
    project, _, _ = campaign
    finished.snakemake(project, "mixed", "--report", "report.zip", "available")
    shutil.unpack_archive(project / "report.zip", tmp_path)
    browser.open(next(tmp_path.rglob("report.html")))
    with browser.frame("iframe.duet-landing"):
        browser.click("#verdicts a.benchmark", "fast")
    assert shown(browser).endswith(".timeline.svg")


def test_the_summary_alone_has_no_links_and_works(browser, campaign):
    browser.open(campaign[1] / "summary.html")
    assert browser.wait("return document.querySelector('#shown').textContent")
    assert browser.run("return document.querySelectorAll('a').length") == 0
    browser.type("#filter", "slow")
    assert set(column(browser, 1)) == {"slow"}
    assert not browser.errors()


def test_hostile_names_are_shown_as_text(browser, tmp_path):
    import pandas as pd

    row = dict.fromkeys(("runs", "iterations_A", "iterations_B", "coverage", "p_value", "p_adjusted"), 0.5)
    row |= dict.fromkeys(("change_percent", "ci_low_percent", "ci_high_percent"), 5.0)
    row |= {
        "suite": HOSTILE,
        "benchmark": HOSTILE,
        "type": "duet",
        "verdict": "slower",
        "method": "t",
        "warnings": HOSTILE,
    }
    facts = summary.read_facts(HOSTILE, tmp_path, [])
    rows = summary.complete(pd.DataFrame([row]), facts)
    page = summary.html_page(rows, facts)
    # as Snakemake's report embeds it: inside JSON, inside a script, put there by innerHTML
    fragment = json.dumps(summary.landing(page))
    (tmp_path / "page.html").write_text(page)
    (tmp_path / "report.html").write_text(
        f"<!doctype html><div id=x></div><script>var d = {fragment}; x.innerHTML = d</script>"
    )
    browser.open(tmp_path / "page.html")
    assert browser.wait("return document.querySelector('.benchmark').textContent") == HOSTILE
    assert browser.run("return [window.pwned, document.images.length]") == [None, 0]
    browser.open(tmp_path / "report.html")
    with browser.frame("iframe.duet-landing"):
        assert browser.wait("return document.querySelector('.benchmark')?.textContent") == HOSTILE
        assert browser.run("return [window.pwned, window.parent.pwned, document.images.length]") == [
            None,
            None,
            0,
        ]


def test_the_names_of_the_failed_runs_above_are_real():
    assert all(parse_run(f"made-up.lost.0.{rest}") for rest in RUNS)


def test_the_notebook_is_asked_for_by_its_output_and_not_by_all(campaign):
    project, results, _ = campaign
    asked = finished.snakemake(project, "mixed", "-n", "results/mixed/explore.svg")
    assert "explore" in asked.stdout + asked.stderr
    usual = finished.snakemake(project, "mixed", "-n", "available")
    assert "explore" not in usual.stdout + usual.stderr
    assert not (results / "explore.svg").exists()
