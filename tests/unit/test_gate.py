"""The gate: its rule, its exit codes, and what it prints."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import DUETBENCH, ROOT
from duet.inference import COLUMNS, Exit, gate_decision
from duet.inference.decision import false_positives
from scipy import stats


def row(benchmark: str, verdict: str, change: float = 0.0, type_: str = "duet", p: float = 0.5) -> dict:
    known = {"suite": "s", "benchmark": benchmark, "type": type_, "verdict": verdict, "runs": 5}
    known |= {"change_percent": change, "ci_low_percent": change - 1, "ci_high_percent": change + 1}
    known |= {"p_value": p, "p_adjusted": p, "method": "t", "warnings": ""}
    known |= {"metric": "time", "better": "lower"}
    return {c: known.get(c, "") for c in COLUMNS}


GOOD = row("good", "equivalent", 0.1)
BAD = row("bad", "slower", 5.0, p=0.001)
OPEN = row("open", "inconclusive", 3.0)
ONCE = row("once", "inconclusive", 0.5) | {"ci_low_percent": float("nan"), "ci_high_percent": float("nan")}
LOST = row("lost", "inconclusive", float("nan"))
AA_GOOD = [row(f"b{i}", "equivalent", type_="aaduet") for i in range(10)]
AA_BAD = [row(f"b{i}", "slower", 2.0, "aaduet", p=0.001) for i in range(4)]

CASES = [
    ([GOOD], {}, Exit.PASSED),
    ([GOOD, BAD], {}, Exit.REGRESSION),
    ([GOOD, BAD], {"threshold_percent": 5.0}, Exit.PASSED),
    ([GOOD, BAD], {"threshold_percent": 4.9}, Exit.REGRESSION),
    ([row("fast", "faster", -9.0)], {}, Exit.PASSED),
    ([GOOD, OPEN], {}, Exit.PASSED),
    ([GOOD, OPEN], {"strict": True}, Exit.INCONCLUSIVE),
    ([GOOD, OPEN, BAD], {"strict": True}, Exit.REGRESSION),
    ([GOOD, LOST], {}, Exit.NO_DATA),
    ([LOST, BAD], {}, Exit.REGRESSION),
    ([], {}, Exit.NO_DATA),
    (AA_GOOD, {}, Exit.NO_DATA),
    ([GOOD, *AA_GOOD], {}, Exit.PASSED),
    ([BAD, *AA_GOOD, *AA_BAD], {}, Exit.UNCALIBRATED),
    ([BAD, *AA_GOOD, AA_BAD[0]], {}, Exit.REGRESSION),
    ([GOOD], {"max_uncertainty_percent": 2.0}, Exit.PASSED),
    ([GOOD], {"max_uncertainty_percent": 1.9}, Exit.INCONCLUSIVE),
    ([GOOD, BAD], {"max_uncertainty_percent": 1.0}, Exit.REGRESSION),
    ([GOOD, LOST], {"max_uncertainty_percent": 1.0}, Exit.NO_DATA),
    ([ONCE], {}, Exit.PASSED),
    ([ONCE], {"max_uncertainty_percent": 50.0}, Exit.INCONCLUSIVE),
]


@pytest.mark.parametrize(("rows", "options", "code"), CASES)
def test_the_rule(rows, options, code):
    assert gate_decision(pd.DataFrame(rows, columns=list(COLUMNS)), **options).exit == code


@pytest.mark.parametrize("verdict", ["slower", "equivalent"])
def test_the_gate_speaks_of_its_users_threshold_whatever_the_margin_says(verdict):
    """A shown slowdown of 1 % is below the margin of 2 %, so it may be called equivalent."""
    shown = pd.DataFrame([row("b", verdict, 1.0, p=0.001)])
    assert gate_decision(shown, 0.5).exit == Exit.REGRESSION
    assert gate_decision(shown, 1.5).exit == Exit.PASSED


def test_a_benchmark_is_judged_by_its_duet_where_that_has_data():
    slow_alone = row("b", "slower", 9.0, "seqn", p=0.001)
    rows = pd.DataFrame([slow_alone, row("b", "equivalent")])
    assert gate_decision(rows).exit == Exit.PASSED
    rows = pd.DataFrame([slow_alone, row("b", "inconclusive", float("nan"))])
    assert gate_decision(rows).exit == Exit.REGRESSION


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 1), (1, 20), (3, 10), (10, 10)])
def test_false_positives_against_scipy(k, n):
    checked = false_positives(pd.Series([0.01] * k + [0.5] * (n - k) + [np.nan]))
    expected = stats.binomtest(k, n, 0.05, alternative="greater")
    assert checked.p_value == pytest.approx(expected.pvalue)
    exact = stats.binomtest(k, n).proportion_ci(0.95, "exact")
    assert (checked.low, checked.high) == pytest.approx((exact.low, exact.high))
    assert checked.comparisons == n and checked.different == k


def results(tmp_path: Path, rows: list[dict], planned: str = "") -> Path:
    there = tmp_path / "campaign"
    (there / "plan").mkdir(parents=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(there / "verdicts.csv", index=False)
    (there / "plan" / "runs.txt").write_text(planned)
    return there


def call(*args: object) -> subprocess.CompletedProcess:
    return subprocess.run([*DUETBENCH, "gate", *map(str, args)], capture_output=True, text=True)


def test_text_and_code(tmp_path):
    done = call(results(tmp_path, [GOOD, BAD]))
    assert done.returncode == 1 and "Gate: FAILED, regression: bad" in done.stdout and not done.stderr


def test_a_planned_benchmark_without_any_run_is_no_data(tmp_path):
    done = call(results(tmp_path, [GOOD], "s.good.0.duet.AB\ns.never.0.duet.AB\n"))
    assert done.returncode == 4 and "NO DATA for never" in done.stdout


@pytest.mark.parametrize("content", [None, "", "no,verdicts\n1,2\n", "\0\1\2"])
def test_missing_or_unusable_verdicts(tmp_path, content):
    if content is not None:
        (tmp_path / "verdicts.csv").write_text(content)
    done = call(tmp_path)
    assert done.returncode == 4 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_wrong_arguments_are_none_of_the_codes(tmp_path):
    assert call(tmp_path, "--treshold", "x").returncode == 64


def test_markdown_has_the_worst_first_and_the_link(tmp_path):
    done = call(results(tmp_path, [GOOD, BAD, OPEN]), "--markdown", "--report", "https://ci/report.html")
    text = done.stdout
    assert done.returncode == 1 and text.startswith("❌ **duetbench:**")
    assert "[Full report](<https://ci/report.html>)" in text
    assert 0 < text.index("| bad |") < text.index("| open |") < text.index("| good |")


def test_an_interval_that_is_too_wide_is_no_pass(tmp_path):
    there = results(tmp_path, [GOOD, OPEN])
    done = call(there, "--threshold", "5", "--max-uncertainty", "1.5", "--strict")
    answer = "interval wider than 1.5 points (--max-uncertainty): open, good"
    assert done.returncode == 2 and f"Gate: FAILED, {answer}\n" in done.stdout
    assert (
        json.loads(call(there, "--max-uncertainty", "1.5", "--json").stdout)["max_uncertainty_percent"] == 1.5
    )
    assert call(there, "--threshold", "5", "--max-uncertainty", "2").returncode == 0


def test_a_pass_says_what_might_not_have_been_seen(tmp_path):
    there = results(tmp_path, [GOOD | {"detectable_percent": 4.24}, OPEN | {"detectable_percent": 1.0}])
    answer = "one of less than 4.2 % might not have been seen (good)"
    assert (
        f"passed, no regression beyond 3 % among 2 benchmarks; {answer}"
        in call(there, "--threshold", "3").stdout
    )
    assert "might not" not in call(there, "--threshold", "5").stdout


def test_the_page_says_yes_or_no(tmp_path):
    for rows, word, sentence in (
        ([GOOD], "Yes", "passed, no regression"),
        ([GOOD, BAD], "No", "FAILED, regression"),
    ):
        folder = results(tmp_path / word, rows)
        done = call(folder, "--html", tmp_path / "page.html")
        assert done.returncode == int(word == "No") and not done.stderr, done.stderr
        text = (tmp_path / "page.html").read_text()
        assert f"May it pass? {word}" in text and sentence in text


def test_names_stay_text_in_markdown(tmp_path):
    evil = row("[x](http://evil) @all", "slower", 5.0, p=0.001)
    assert "[x](http" not in call(results(tmp_path, [evil]), "--markdown").stdout


def test_json_is_json_whatever_is_not_known(tmp_path):
    out = tmp_path / "gate.json"
    done = call(results(tmp_path, [GOOD, LOST, *AA_GOOD]), "--json", out)
    answer = json.loads(out.read_text(), parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    assert answer["exit"] == done.returncode == 4 and answer["decision"] == "no_data"
    assert answer["false_positives"]["comparisons"] == 10
    assert [(b["benchmark"], b["outcome"]) for b in answer["benchmarks"]] == [
        ("lost", "no data"),
        ("good", "passed"),
    ]
    assert answer["benchmarks"][0]["change_percent"] is None


def test_junit(tmp_path):
    evil = row("ctrl\x01<&>", "equivalent")
    done = call(results(tmp_path, [GOOD, BAD, OPEN, LOST, evil, *AA_GOOD]), "--junit")
    root = ET.fromstring(done.stdout)
    kinds = {c.get("name"): [k.tag for k in c] for c in root.iter("testcase")}
    assert kinds == {
        **{"A against A": [], "good": [], "bad": ["failure"], "open": ["skipped"]},
        **{"lost": ["error"], "ctrl <&>": []},
    }
    suite = root.find("testsuite[@name='s']")
    assert [suite.get(k) for k in ("tests", "failures", "errors", "skipped")] == ["5", "1", "1", "1"]
    strict = ET.fromstring(call(tmp_path / "campaign", "--junit", "--strict").stdout)
    assert strict.find("testsuite[@name='s']").get("failures") == "2"


def test_of_imported_results_it_shows_what_the_summary_shows(tmp_path):
    """Runs that were imported and what was left out of them stand in the table alone, not in any plan."""
    there = tmp_path / "imported"
    (there / "plan").mkdir(parents=True)
    (there / "plan/runs.txt").write_text("")
    (there / "plan/analysis.json").write_text("{}")
    predecessor = tmp_path / "old"
    shutil.copytree(ROOT / "tests/data/predecessor_results", predecessor)
    (predecessor / "renaissance.chi-square.1.duet.AB.A.results.json").write_text("{")
    table = there / "iterations.parquet"
    for words in (
        ("table", "--import", predecessor, "--out", table),
        ("analyse", "--table", table, "--verdicts", there / "verdicts.csv"),
    ):
        subprocess.run([*DUETBENCH, *map(str, words)], check=True, capture_output=True)
    done = subprocess.run([*DUETBENCH, "summary", "--show", there], capture_output=True, text=True)
    assert "Runs: 7 imported, 1 failed" in done.stdout and "failed: " in done.stdout
    assert "warning in 1 run: " in done.stdout
    gate = call(there)
    assert gate.stdout.rpartition("Gate: ")[0] == done.stdout and not gate.stderr
    markdown = call(there, "--markdown").stdout
    assert "- Runs: 7 imported, 1 failed\n" in markdown and "cannot be read" in markdown
