"""The predecessor's analysis beside ours, interference, and the command."""

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import DUETBENCH
from duet.inference import judge, run_effects
from duet.inference.predecessor import comparison, slowed
from duet.inference.samples import from_table
from duet.model import Analysis
from test_inference import campaign, orders, run


def test_an_injected_slowdown_shifts_what_comes_after():
    samples = from_table(run(0, [100, 100], [100, 200, 300], gap=10))
    rows = slowed(samples, np.array([1.5]))
    assert rows.length_ns.tolist() == [100, 100, 150, 300, 450]
    assert (rows.end_ns - rows.start_ns).tolist() == [100, 100, 150, 300, 450]
    b = samples.side == 1
    assert np.diff(rows.start_ns[b]).tolist() == [150 + 10, 300 + 10]
    assert rows.start_ns[~b].tolist() == samples.start_ns[~b].tolist()
    assert rows.start_ns[b][0] == samples.start_ns[b][0]


def test_comparison_of_a_sure_difference_and_of_a_sure_equality():
    table = pd.concat(
        [
            campaign(0.1, runs=8, benchmark="slower", seed=1),
            campaign(0.0, runs=8, benchmark="same", seed=2, type_="aaduet"),
            campaign(0.1, runs=8, benchmark="slower", seed=3, type_="seqn"),
        ]
    )
    rows = comparison(table, Analysis()).set_index(["benchmark", "type"])
    assert len(rows) == 3
    for key in (("slower", "duet"), ("slower", "seqn")):
        row = rows.loc[key]
        assert row["ci_different"] and row["u_different"] and row["verdict_different"]
        assert row["ci_low_percent"] < 10 < row["ci_high_percent"] or abs(row["ci_change_percent"] - 10) < 1
        assert row["speed_up"] == pytest.approx(1 / 1.1, abs=0.01)
        assert row["cv_A_percent"] == pytest.approx(1, abs=0.3)
        assert row["run_time_A_s"] == pytest.approx(0.4, abs=0.01)
    same = rows.loc["same", "aaduet"]
    assert not same["verdict_different"]
    # noise of 1 % over 40 iterations in 8 runs: half a percent is found, and not because of the level
    assert 0 < same["verdict_detectable_percent"] <= 1
    assert rows.loc[("slower", "duet"), "verdict_detectable_percent"] <= 1


def test_a_noisier_benchmark_has_a_greater_detectable_slowdown():
    quiet = campaign(runs=5, benchmark="quiet", noise=0.01)
    noisy = campaign(runs=5, benchmark="noisy", noise=0.3)
    rows = comparison(pd.concat([quiet, noisy]), Analysis()).set_index("benchmark")
    for test in ("ci", "u", "verdict"):
        low, high = rows.loc[["quiet", "noisy"], f"{test}_detectable_percent"]
        assert low < high or math.isnan(high)


def test_sides_that_do_not_suffer_alike_are_told():
    """In company B takes 20 % longer than alone, A as long: the duet must not be read by itself."""
    alone = campaign(0.0, type_="seqn", seed=1)
    company = campaign(0.2, seed=2)
    frame = judge(run_effects(pd.concat([alone, company]), Analysis()), Analysis()).set_index("type")
    duet = frame.loc["duet"]
    assert "slows A and B differently" in duet["warnings"] and "sequential" in duet["warnings"]
    assert duet["slowdown_B_percent"] == pytest.approx(20, abs=1)
    assert duet["slowdown_A_percent"] == pytest.approx(0, abs=1)
    assert duet["unfairness_percent"] == pytest.approx(20, abs=1)
    assert frame.loc["seqn", "warnings"] == ""


def test_sides_that_suffer_alike_are_not():
    alone, company = campaign(0.05, type_="seqn", seed=1), orders(campaign(0.05, seed=2))
    for name in ("iteration_time_ns", "iteration_start_ns", "iteration_end_ns"):
        first = 1_700_000_000_000_000_000 if name != "iteration_time_ns" else 0
        company[name] = (company[name] - first) * 3 // 2 + first
    frame = judge(run_effects(pd.concat([alone, company]), Analysis()), Analysis()).set_index("type")
    assert frame.loc["duet", "slowdown_A_percent"] == pytest.approx(50, abs=1)
    assert frame.loc["duet", "warnings"] == ""


def analyse(tmp_path: Path, table: pd.DataFrame, settings: dict, *more: str) -> subprocess.CompletedProcess:
    table.to_parquet(tmp_path / "iterations.parquet")
    (tmp_path / "analysis.json").write_text(json.dumps(settings))
    args = ["--table", "iterations.parquet", "--analysis", "analysis.json", *more]
    return subprocess.run([*DUETBENCH, "analyse", *args], capture_output=True, text=True, cwd=tmp_path)


def test_the_command_writes_what_it_is_asked_for(tmp_path):
    table = pd.concat([campaign(0.1, runs=4), campaign(0.1, runs=1, benchmark="once")])
    names = {"--pairs": "p.parquet", "--effects": "e.parquet", "--verdicts": "v.csv", "--comparison": "c.csv"}
    settings = {"estimator": "rate", "margin_percent": 1.0, "warmup": {"s/b": 10}}
    done = analyse(tmp_path, table, settings, *[x for pair in names.items() for x in pair])
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "v.csv", keep_default_na=False).set_index("benchmark")
    assert rows.loc["b", "iterations_A"] == 120 and rows.loc["b", "estimator"] == "rate"
    assert "one run only" in rows.loc["once", "warnings"]
    effects = pd.read_parquet(tmp_path / "e.parquet")
    rate = Analysis(estimator="rate")
    direct = run_effects(table, rate, {"s/b": 10})
    pd.testing.assert_frame_equal(judge(effects, rate), judge(direct, rate))
    assert len(pd.read_parquet(tmp_path / "p.parquet")) > 100
    assert (tmp_path / "c.csv").stat().st_size > 100


def test_a_wrong_warm_up_is_one_line(tmp_path):
    done = analyse(tmp_path, campaign(), {"warmup": {"s/b": "soon"}}, "--verdicts", "v.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: warmup: 'soon'") and done.stderr.count("\n") == 1
