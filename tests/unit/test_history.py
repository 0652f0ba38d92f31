"""Many campaigns: what adds up, where it began, and what no single one of them shows."""

import csv
import html.parser
import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from commands import DUETBENCH, ROOT
from duet.inference import drift, judge
from duet.inference.decision import gate_decision
from duet.inference.effects import LEFT_OUT, MIN_OVERLAPS
from duet.model import Analysis, DuetError, parse_run
from duet.report import history, summary
from run_records import run_record

RUNS = 10
SEED = 9
ERROR = 0.006
"""Standard error of a campaign's log ratio."""


def steps(changes, error=ERROR, seed=1):
    """Campaigns that find these true changes, each in RUNS runs."""
    rng = np.random.default_rng(seed)
    samples = [rng.normal(change, error * math.sqrt(RUNS), RUNS) for change in changes]
    return [drift.Step(x.mean(), x.std(ddof=1) / math.sqrt(RUNS), RUNS - 1) for x in samples]


def test_without_a_change_there_is_hardly_ever_a_change_point():
    """Of 60 histories of 20 campaigns 3 are expected at most; 8 or more happen once in a hundred times."""
    alarms = sum(bool(drift.change_points(steps([0.0] * 20, seed=seed))) for seed in range(60))
    assert alarms < 8


def test_for_many_benchmarks_the_bar_is_higher():
    points = [drift.change_points(steps([0.0] * 8 + [0.013] * 8), series=n) for n in (1, 10**6)]
    assert points[0] and not points[1]


def test_a_drift_has_its_beginning_and_a_jump_both_ends():
    gradual = drift.drift_of(steps([0.0] * 12 + [0.015] * 12))
    (place,) = gradual.change_points
    assert 10 <= place <= 14
    assert gradual.segments[0].level.low < 0 < gradual.segments[0].level.high
    assert gradual.segments[1].level.low > 0
    assert gradual.total.change == pytest.approx(0.18, abs=0.05)
    jump = drift.drift_of(steps([0.0] * 9 + [0.06] + [0.0] * 9))
    assert jump.change_points == (9, 10)


def test_intervals_of_the_sum_cover_the_truth():
    """95 % of them; of 200 fewer than 180 happen once in a thousand times."""
    totals = [drift.drift_of(steps([0.004] * 2, seed=seed)).total for seed in range(200)]
    assert sum(total.low < 0.008 < total.high for total in totals) >= 180


def test_with_a_baseline_changes_do_not_add_up():
    result = drift.drift_of(steps([0.0] * 8 + [0.05] * 8), baseline=True)
    assert result.change_points == (8,)
    assert result.total.change == pytest.approx(0.05, abs=0.01)
    assert result.segments[0].level.change == pytest.approx(0.0, abs=0.01)


def test_a_step_has_the_interval_it_was_made_from():
    made = drift.step(0.02, 0.01, 0.03, RUNS, 0.95)
    level = drift.drift_of([made]).total
    assert (level.low, level.high) == (pytest.approx(0.01), pytest.approx(0.03))


OTHERS = tuple(f"other-{i}" for i in range(9))
WEEKS, BEGAN, SLOWER = 40, 20, 0.009
"""parse loses 0.9 % in each campaign from the 20th on, one and a half standard errors: no gate sees that."""


def campaign(folder, number, changes, hours=24, seed=0):
    """results/week-NN, judged as by `analyse`; its run ended so many hours after that of the week before."""
    results = folder / f"week-{number:02d}"
    rng = np.random.default_rng([seed, number])
    effects = pd.DataFrame(
        {"suite": "s", "benchmark": benchmark, "type": "duet", "runid": run, "log_ratio": value}
        for benchmark, change in changes.items()
        for run, value in enumerate(rng.normal(change, ERROR * math.sqrt(RUNS), RUNS))
    )
    counted = ("iterations_A", "iterations_B", "coverage", "coverage_time", "mean_A_ns", "mean_B_ns", "pairs")
    none = ("pair_mean", "pair_variance", "rounding", "shift_trend", "shift_company", "half_1", "half_2")
    effects = effects.assign(**dict.fromkeys(counted, 1), **dict.fromkeys(none, 0.0), batches=None)
    effects = effects.assign(order=["AB", "BA"] * (len(effects) // 2), reason="", warnings="", start_ns=pd.NA)
    effects = effects.assign(**{column: 0 for column in LEFT_OUT.values()})
    effects = effects.assign(**{f"log_ratio_m{m:.1f}": math.nan for m in MIN_OVERLAPS})
    (results / "plan").mkdir(parents=True)
    judge(effects, Analysis()).to_csv(results / "verdicts.csv", index=False)
    run = "s.parse.0.duet.AB"
    (results / "plan/runs.txt").write_text(f"{run}\n")
    end_ns = 1_700_000_000 * 10**9 + number * hours * 3600 * 10**9
    record = run_record(parse_run(run), start_ns=end_ns - 1000, end_ns=end_ns)
    record.write(results / "runs" / run / "run.json")
    return results


@pytest.fixture(scope="module")
def weeks(tmp_path_factory):
    """Campaigns none of whose gates fails for parse, handed over shuffled."""
    folder = tmp_path_factory.mktemp("weeks")
    nothing = dict.fromkeys(OTHERS, 0.0)
    made = [campaign(folder, n, {"parse": SLOWER * (n >= BEGAN)} | nothing, seed=SEED) for n in range(WEEKS)]
    for results in made:
        judged = gate_decision(summary.read_verdicts(results / "verdicts.csv")).judged
        outcomes = dict(zip(judged["benchmark"], judged["outcome"], strict=True))
        assert outcomes["parse"] != "regression", results
    return [made[i] for i in np.random.default_rng(3).permutation(WEEKS)]


def command(folder, *args):
    return subprocess.run(
        [*DUETBENCH, "history", *map(str, args)], cwd=folder, capture_output=True, text=True
    )


def test_a_drift_that_no_gate_sees_is_told(weeks, tmp_path):
    done = command(tmp_path, *weeks, "--html", "drift.html")
    assert done.returncode == 0 and not done.stderr, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("1 of 10 benchmarks have become slower over 40 campaigns, worst: parse +")
    assert first.endswith("which no single one of them shows")
    assert done.stdout.splitlines()[-1] == "drift.html drift.csv"
    rows = list(csv.DictReader((tmp_path / "drift.csv").open()))
    assert len(rows) == 10 * WEEKS
    parse = [row for row in rows if row["benchmark"] == "parse"]
    assert [row["campaign"] for row in parse] == [f"week-{i:02d}" for i in range(WEEKS)]  # by finish time
    began = [row["campaign"] for row in parse if row["change_point"] == "True"]
    assert len(began) == 1 and "week-15" <= began[0] <= "week-25"
    assert float(parse[-1]["level_low_percent"]) > 5
    assert not [r for r in rows if r["benchmark"] != "parse" and r["change_point"] == "True"]
    page = (tmp_path / "drift.html").read_text()
    assert "PELT" in page and f"from {began[0]} on" in page
    Balanced(page)


class Balanced(html.parser.HTMLParser):
    """Fails where an element is not closed as it was opened, or loads something."""

    EMPTY = ("meta", "line", "rect", "circle", "polygon", "polyline", "br")

    def __init__(self, text):
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "link", "img")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def test_campaigns_that_lack_a_benchmark_leave_a_gap(tmp_path):
    made = [campaign(tmp_path, i, {"parse": 0.0} | ({"new": 0.0} if i else {})) for i in range(4)]
    result = history.gather([history.read_campaign(path) for path in made])
    assert {series.name: len(series.points) for series in result.series} == {"s parse": 4, "s new": 3}


def test_equal_names_are_told_apart_and_a_directory_counts_once(tmp_path):
    made = [campaign(tmp_path / part, 1, {"parse": 0.0}, hours=h) for part, h in (("a", 1), ("b", 2))]
    read = [history.read_campaign(path) for path in (*made, made[0])]
    assert [each.name for each in history.gather(read).campaigns] == [str(path) for path in made]


def test_faults_are_one_line(tmp_path):
    one, other = campaign(tmp_path, 1, {"parse": 0.0}), campaign(tmp_path, 2, {"else": 0.0})
    (tmp_path / "empty").mkdir()
    torn = campaign(tmp_path, 3, {"parse": 0.0})
    (torn / "verdicts.csv").write_text("suite\n")
    alone = campaign(tmp_path, 4, {"parse": 0.0})
    text = (alone / "verdicts.csv").read_text()
    (alone / "verdicts.csv").write_text(text.replace("duet", "aaduet"))
    for args, message in (
        ([one, "none"], "none: no verdicts.csv; name directories of campaigns"),
        ([one, "empty"], "empty: no verdicts.csv"),
        ([one, other], "week-02 has none of the benchmarks of"),
        ([one], "two campaigns or more"),
        ([one, one], "two campaigns or more"),
        ([one, torn], "verdicts.csv: no column"),
        ([one, alone], "no comparison of A with B"),
    ):
        done = command(tmp_path, *args)
        assert done.returncode == 1 and done.stderr.startswith("error: "), args
        assert done.stderr.count("\n") == 1 and message in done.stderr, done.stderr
    assert not (tmp_path / "history.html").exists()


def test_without_the_library_one_line_says_how_to_get_it(weeks, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/ruptures.py").write_text("raise ImportError('hidden')\n")
    done = subprocess.run(
        [*DUETBENCH, "history", *map(str, weeks)],
        cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "hidden")},
    )  # fmt: skip
    assert done.returncode == 1 and "; pip install ruptures" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_library_is_no_requirement_of_the_rest():
    script = "import duet.report.history, duet.commands.history, sys; print('ruptures' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "scripts", capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr


def test_a_verdict_of_the_sum_is_no_sum_of_verdicts(weeks):
    result = history.gather([history.read_campaign(path) for path in weeks])
    parse = result.series[0]
    assert (parse.verdict, parse.shown) == ("slower", 0)
    with pytest.raises(DuetError, match="two campaigns"):
        history.gather([result.campaigns[0]])
