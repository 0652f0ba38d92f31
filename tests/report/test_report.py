"""Snakemake's report as a reader has it: a real browser, no network, the workflow's own pages and figures."""

import shutil

import finished
import pytest
from duet.model import parse_run
from duet.report.figures import BENCHMARK
from mixed import NAMES, RUNS


@pytest.fixture
def report(browser, campaign):
    browser.open(campaign[0] / "report.html")
    browser.wait("return document.querySelector('iframe.duet-landing')")
    with browser.frame("iframe.duet-landing"):
        browser.wait("return document.documentElement.dataset.ready")
    yield browser
    assert not browser.errors()


def test_the_first_screen_answers_the_question(report):
    with report.frame("iframe.duet-landing"):
        text = report.run("return document.body.innerText")
        worst = report.run(
            "return document.querySelector('.verdicts tbody tr').getBoundingClientRect().bottom"
        )
    text = text.replace("\u00a0", " ")
    assert "1 of 5 benchmarks got slower, worst: slow +1" in text
    assert "A/A comparisons" in text and "Machine time" in text and "no run finished" in text
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
    _, results = campaign
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
        report.click(".verdicts a.benchmark", name)
    paths = {addresses[shown(report)]}
    assert len(eyes(report)) == len(BENCHMARK)
    for place in range(len(BENCHMARK)):
        before = report.run("return document.querySelector('.grow img').src")
        report.click(f"nav table tbody tr:nth-child({place + 1}) a")
        if place:
            report.wait("return document.querySelector('.grow img').src !== arguments[0]", before)
        paths.add(addresses[shown(report)])
    assert {path.split(".")[-2] for path in paths} == set(BENCHMARK)
    assert all(f"made-up.{name}." in path for path in paths)


def test_captions_tell_how_to_read_and_what_to_distrust(report):
    captions = {k: v["caption"] for k, v in report.run("return results").items()}
    assert all("trust" in caption for k, caption in captions.items() if not k.endswith(".csv")), (
        captions.keys()
    )
    assert all(captions.values())


def test_the_zip_of_large_campaigns_leads_to_the_figures_too(browser, campaign, tmp_path):
    project, _ = campaign
    finished.snakemake(project, "mixed", "--report", "report.zip", "available")
    shutil.unpack_archive(project / "report.zip", tmp_path)
    browser.open(next(tmp_path.rglob("report.html")))
    with browser.frame("iframe.duet-landing"):
        browser.click(".verdicts a.benchmark", "fast")
    assert shown(browser).endswith(".timeline.svg")


def test_the_names_of_the_failed_runs_above_are_real():
    assert all(parse_run(f"made-up.lost.0.{rest}") for rest in RUNS)


def test_the_notebook_is_asked_for_by_its_output_and_not_by_all(campaign):
    project, results = campaign
    dry = finished.snakemake(project, "mixed", "-n", "results/mixed/explore.svg")
    assert "explore" in dry.stdout + dry.stderr
    usual = finished.snakemake(project, "mixed", "-n", "available")
    assert "explore" not in usual.stdout + usual.stderr
    assert not (results / "explore.svg").exists()
