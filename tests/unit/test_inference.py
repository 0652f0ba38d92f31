"""From the table to verdicts: estimates, rule, bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from duet import harnesses
from duet.inference import COLUMNS, judge, run_effects
from duet.inference.verdicts import decide
from duet.model import Analysis

EPOCH = 1_700_000_000_000_000_000
RATE = Analysis(estimator="rate")


def run(runid, a, b, type_="duet", benchmark="b", gap=0, start_b=0, suite="s"):
    """Rows of a run whose sides have iterations of the given lengths, one after the other."""
    frames = []
    for side, lengths, start in (("A", a, 0), ("B", b, start_b)):
        lengths = np.asarray(lengths, np.int64)
        end = EPOCH + start + np.cumsum(lengths + gap)
        frames.append(
            pd.DataFrame(
                {
                    **{"suite": suite, "benchmark": benchmark, "type": type_, "runid": runid},
                    **{"order": "None" if type_ == "seqn" else "AB", "pair": side},
                    "iteration": np.arange(len(lengths)),
                    "iteration_start_ns": pd.array(end - lengths, "Int64"),
                    "iteration_end_ns": pd.array(end, "Int64"),
                    "iteration_time_ns": lengths,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def campaign(change=0.0, runs=6, n=40, noise=0.01, seed=1, **more):
    """Runs with B slower by `change`, with lognormal noise on both sides."""
    rng = np.random.default_rng(seed)
    sides = [1e7, 1e7 * (1 + change)]
    return pd.concat(
        [run(i, *[s * np.exp(rng.normal(0, noise, n)) for s in sides], **more) for i in range(runs)],
        ignore_index=True,
    )


def one(table, analysis=RATE, warmup=None):
    frame = judge(run_effects(table, analysis, warmup), analysis)
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == 1
    return frame.iloc[0]


def test_rate_of_the_files_window_by_hand():
    """A: 4 iterations of 100 in [0, 400). B: 150 each, from 50: [50, 200), [200, 350), [350, 500)."""
    effects = run_effects(run(0, [100] * 4, [150] * 3, start_b=50), RATE)
    assert effects["log_ratio"].tolist() == pytest.approx([math.log(1.5)])
    # the window is [50, 400): 3.5 iterations of A, 2 + 50 / 150 of B
    assert effects["coverage"].tolist() == pytest.approx([(3.5 + 2 + 1 / 3) / 7])
    assert effects["coverage_time"].tolist() == pytest.approx([(350 + 350) / 850])


@pytest.mark.parametrize("type_", ["duet", "aaduet", "syncduet", "seqn"])
@pytest.mark.parametrize(
    ("change", "verdict"), [(0.0, "equivalent"), (0.1, "slower"), (-0.1, "faster"), (0.02, "inconclusive")]
)
def test_the_four_verdicts_for_every_type(type_, change, verdict):
    noise = 0.2 if verdict == "inconclusive" else 0.01
    row = one(campaign(change, noise=noise, type_=type_))
    assert row["verdict"] == verdict
    assert row["runs"] == 6 and row["iterations_A"] == row["iterations_B"] == 240
    assert row["ci_low_percent"] < row["change_percent"] < row["ci_high_percent"]
    assert abs(row["change_percent"] - 100 * change) < 6


def test_the_rule():
    analysis = Analysis()
    assert decide(0.01, 0.2, 5.0, analysis) == "slower"
    assert decide(0.01, 0.2, -5.0, analysis) == "faster"
    assert decide(0.01, 0.01, 0.5, analysis) == "equivalent"
    assert decide(0.3, 0.01, 0.5, analysis) == "equivalent"
    assert decide(0.3, 0.2, 0.5, analysis) == "inconclusive"
    assert decide(math.nan, math.nan, 0.5, analysis) == "inconclusive"


def test_t_interval_against_scipy():
    from scipy import stats

    effects = run_effects(campaign(0.03), RATE)
    expected = stats.ttest_1samp(effects["log_ratio"], 0)
    row = judge(effects, RATE).iloc[0]
    low, high = expected.confidence_interval(0.95)
    assert row["p_value"] == pytest.approx(expected.pvalue)
    assert row["ci_low_percent"] == pytest.approx(100 * math.expm1(low))
    assert row["ci_high_percent"] == pytest.approx(100 * math.expm1(high))
    assert row["change_percent"] == pytest.approx(100 * math.expm1(effects["log_ratio"].mean()))


def test_a_files_disturbance_cancels_in_a_duet_only():
    rng = np.random.default_rng(3)
    disturbed = [1e7 * np.exp(rng.normal(0, 0.3)) for _ in range(8)]
    duet = pd.concat([run(i, [d] * 40, [d * 1.05] * 40) for i, d in enumerate(disturbed)])
    row = one(duet)
    assert row["verdict"] == "slower" and row["change_percent"] == pytest.approx(5, abs=0.1)


def test_a_window_that_cuts_a_pattern_biases_the_rate_but_not_the_index_estimator():
    pattern = np.tile([2e6, 1e7, 5e7], 40)
    table = pd.concat([run(i, pattern, pattern * 1.02, start_b=i * 10**6) for i in range(3)])
    rate = run_effects(table, RATE)["log_ratio"]
    index = run_effects(table, Analysis(estimator="index"))["log_ratio"]
    assert (abs(rate - math.log(1.02)) > 0.005).all()
    assert index.tolist() == pytest.approx([math.log(1.02)] * 3, abs=1e-6)


def test_holm_over_a_suite_and_simultaneous_intervals():
    table = pd.concat([campaign(0.015, benchmark=f"b{i}", noise=0.03, seed=i) for i in range(5)])
    frame = judge(run_effects(table, RATE), RATE)
    assert (frame["p_adjusted"] >= frame["p_value"]).all()
    assert frame["p_adjusted"].min() == pytest.approx(min(1, 5 * frame["p_value"].min()))
    assert (frame["ci_low_simultaneous_percent"] < frame["ci_low_percent"]).all()
    assert (frame["ci_high_simultaneous_percent"] > frame["ci_high_percent"]).all()


def test_warm_up_is_left_out_and_counted():
    slow = np.r_[np.full(20, 5e7), np.full(20, 1e7)]
    table = pd.concat([run(i, slow, np.full(40, 1e7), suite="renaissance", type_="seqn") for i in range(3)])
    row = one(table, warmup=harnesses.warmups())
    assert row["change_percent"] == pytest.approx(0)
    assert row["iterations_A"] == 60 and row["left_out"] == "warm-up 120"
    assert one(table)["change_percent"] < -50
    assert one(table, warmup=harnesses.warmups() | {"renaissance/b": 0})["change_percent"] < -50
    assert one(table, warmup=harnesses.warmups() | {"renaissance/b": None})["iterations_A"] == 60
    assert one(table.assign(suite="Renaissance-17"), warmup=harnesses.warmups())["iterations_A"] == 60
    assert one(table.assign(suite="jmh"), warmup={"JMH": 20})["iterations_A"] == 60


@pytest.mark.parametrize(("rule", "left"), [(0.25, 30), (7, 33), ("0.1s", 30), ("auto", 30)])
def test_warm_up_rules(rule, left):
    lengths = np.r_[np.full(10, 1e7), np.full(30, 5e6)]
    effects = run_effects(run(0, lengths, lengths), RATE, {"s/b": rule})
    assert effects["iterations_A"].tolist() == [left] and effects["iterations_B"].tolist() == [left]


def test_auto_is_blind_to_which_side_is_which():
    rng = np.random.default_rng(5)
    a = 1e7 * np.exp(rng.normal(0, 0.1, 60) + np.linspace(1, 0, 60).clip(0.6) - 0.6)
    b = 1.4e7 * np.exp(rng.normal(0, 0.1, 60))
    there = run_effects(run(0, a, b), RATE, {"s/b": "auto"})
    back = run_effects(run(0, b, a), RATE, {"s/b": "auto"})
    assert there["iterations_A"].tolist() == back["iterations_B"].tolist()


# bad input: a stated verdict or a stated reason, never a traceback, never a silent drop


def test_one_side_missing():
    table = campaign(0.1)
    row = one(table[~((table["runid"] == 2) & (table["pair"] == "B"))])
    assert row["runs"] == 5 and row["runs_left_out"] == 1
    assert "1 of 6 runs left out: no usable iteration of B (1)" in row["warnings"]
    row = one(table[table["pair"] == "A"])
    assert row["verdict"] == "inconclusive" and row["runs"] == 0 and math.isnan(row["change_percent"])


@pytest.mark.parametrize("type_", ["duet", "seqn", "syncduet", "aaduet"])
@pytest.mark.parametrize("change", [0.0, 0.2])
def test_one_run_only_shows_an_interval_but_concludes_nothing(type_, change):
    row = one(campaign(change, runs=1, type_=type_))
    assert row["verdict"] == "inconclusive" and row["method"] == "t on batches"
    assert math.isnan(row["p_value"]) and math.isnan(row["p_equivalence"])
    assert row["ci_low_percent"] < 100 * change < row["ci_high_percent"]
    assert row["warnings"].startswith("one run only: the interval comes from 10 batches")
    row = one(campaign(change, runs=1, n=2, type_=type_))
    assert row["verdict"] == "inconclusive" and "too few iterations" in row["warnings"]


def test_a_benchmark_with_one_run_does_not_count_in_the_correction_of_the_others():
    alone = campaign(0.02, noise=0.05, benchmark="a")
    both = pd.concat([alone, campaign(0.2, runs=1, benchmark="b")], ignore_index=True)
    frame = judge(run_effects(both, RATE), RATE)
    assert frame["p_adjusted"][0] == pytest.approx(one(alone)["p_value"])


def orders(table):
    """Every other run with B started first."""
    return table.assign(order=np.where(table["runid"] % 2, "BA", "AB"))


@pytest.mark.parametrize("runs", [3, 5, 10])
def test_an_advantage_of_the_side_that_is_started_first_favours_neither(runs):
    table = orders(campaign(0.0, runs=runs))
    first = table["order"].astype(str).str[0] == table["pair"]
    for column in ("iteration_start_ns", "iteration_end_ns"):
        table[column] = np.where(first, EPOCH + (table[column] - EPOCH) * 9 // 10, table[column])
    table["iteration_time_ns"] = table["iteration_end_ns"] - table["iteration_start_ns"]
    row = one(table)
    assert row["change_percent"] == pytest.approx(0, abs=0.5)
    assert (row["verdict"] == "equivalent") == (runs == 10)


def test_all_iterations_warm_up():
    row = one(campaign(0.2), warmup={"s/b": 1000})
    assert row["verdict"] == "inconclusive" and "all iterations are warm-up (6)" in row["warnings"]
    assert row["left_out"] == "warm-up 480"


def test_zero_variance():
    same = pd.concat([run(i, [10**7] * 20, [10**7] * 20) for i in range(4)])
    row = one(same)
    assert row["verdict"] == "equivalent" and "do not differ at all" in row["warnings"]
    row = one(pd.concat([run(i, [10**7] * 20, [11**7] * 20) for i in range(4)]))
    assert row["verdict"] == "slower" and row["p_value"] == 0


def test_no_overlap():
    row = one(pd.concat([run(i, [100] * 5, [100] * 5, start_b=10**6) for i in range(3)]))
    assert row["verdict"] == "inconclusive" and "A and B did not overlap (3)" in row["warnings"]


def test_a_hundred_fold_difference_has_no_pairs():
    analysis = Analysis(estimator="pairs")
    table = pd.concat([run(i, [10**5] * 1000, [10**7] * 10) for i in range(4)])
    row = one(table, analysis)
    assert "no iterations of A and B overlapped by 0.5 of their lengths (4)" in row["warnings"]


def test_a_hundred_fold_difference():
    row = one(pd.concat([run(i, [10**5] * 1000, [10**7] * 10) for i in range(4)]))
    assert row["verdict"] == "slower" and row["change_percent"] == pytest.approx(9900, rel=0.02)


def test_nulls_nan_and_absurd_numbers():
    table = campaign(0.1)
    table["iteration_time_ns"] = table["iteration_time_ns"].astype(float)
    table.loc[3, "iteration_time_ns"] = np.nan  # both stamps known: their difference
    table.loc[4, ["iteration_start_ns", "iteration_time_ns"]] = [pd.NA, np.nan]
    table.loc[5, "iteration_time_ns"] = np.inf
    table.loc[6, "iteration_time_ns"] = -1
    table.loc[7, "iteration_time_ns"] = 0
    table.loc[8, "pair"] = None
    table.loc[9, "iteration_end_ns"] = -(2**63)
    table.loc[10, "iteration_time_ns"] = 2.0**63
    table.loc[11, "iteration_time_ns"] = 2.0**60
    row = one(table)
    assert row["verdict"] == "slower"
    assert row["left_out"] == "no duration 4, side is neither A nor B 1"
    assert "4 iterations left out: no duration; 1 iteration left out: side is neither" in row["warnings"]


def test_no_absolute_times():
    table = campaign(0.1)
    table["iteration_start_ns"] = table["iteration_end_ns"] = pd.array([pd.NA] * len(table), "Int64")
    row = one(table)
    assert row["verdict"] == "slower" and "no absolute times" in row["warnings"]


def test_a_clock_that_steps_back():
    table = campaign(0.1)
    late = (table["runid"] == 1) & (table["pair"] == "A") & (table["iteration"] >= 30)
    for stamp in ("iteration_start_ns", "iteration_end_ns"):
        table.loc[late, stamp] -= 10**9
    row = one(table)
    assert row["verdict"] == "slower" and row["change_percent"] == pytest.approx(10, abs=1)
    assert "10 iterations left out: clock stepped back" in row["warnings"]


def test_iterations_run_without_the_other_side_are_not_compared():
    table = campaign(0.1, type_="syncduet").assign(synchronised=1)
    table.loc[table["iteration"] >= 35, "synchronised"] = 0
    row = one(table)
    assert row["verdict"] == "slower" and row["left_out"] == "not synchronised 60"


def test_five_hundred_benchmarks():
    parts = [campaign(0.0, runs=3, n=8, benchmark=f"b{i:03d}", seed=i) for i in range(500)]
    frame = judge(run_effects(pd.concat(parts, ignore_index=True), RATE), RATE)
    assert len(frame) == 500 and set(frame["verdict"]) <= {"equivalent", "inconclusive"}


def test_an_empty_table_has_no_verdicts():
    frame = judge(run_effects(campaign().iloc[:0], RATE), RATE)
    assert frame.empty and list(frame.columns) == list(COLUMNS)
