"""Methods for machines that do not disturb both sides alike: known answers and invariances."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from duet.inference import dependence, guarded, intervals, judge, run_effects, warmup
from duet.inference.assumptions import rounding, shifts
from duet.inference.decision import FalsePositives, false_positives
from duet.inference.overlap import join
from duet.inference.samples import from_table
from duet.model import Analysis
from scipy import stats
from test_inference import campaign, orders, run

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import simulation

RNG = np.random.default_rng(21)
DEFAULT = Analysis()


def simulated(name, change=0.0, campaigns=40, runs=10, seed=4):
    scenario = next(s for s in simulation.BREAKS if s.name == name)
    return next(simulation.simulate(scenario, change, campaigns, runs, 30, seed))


def fields(interval):
    return np.stack([interval.estimate, interval.low, interval.high])


def one(table):
    return judge(run_effects(table, DEFAULT), DEFAULT).iloc[0]


# the trimmed mean and the guard


def test_trimmed_by_hand():
    """Twenty runs without the two highest and lowest: Yuen's standard error from the Winsorised runs."""
    x = RNG.normal(0.02, 0.05, 20)
    interval = guarded.trimmed(x, 0.95, 0.03)
    ordered = np.sort(x)
    drawn_in = np.clip(ordered, ordered[2], ordered[17])
    error = np.sqrt(((drawn_in - drawn_in.mean()) ** 2).sum() / (16 * 15))
    assert interval.estimate == pytest.approx(stats.trim_mean(x, 0.1))
    assert interval.high - interval.estimate == pytest.approx(stats.t.ppf(0.975, 15) * error)
    assert interval.p == pytest.approx(2 * stats.t.sf(abs(interval.estimate) / error, 15))


@pytest.mark.parametrize("by", [intervals.t, guarded.guarded_t, guarded.trimmed])
@pytest.mark.parametrize("n", [6, 10, 13, 20])
def test_exchange_scale_and_order_of_rows(by, n):
    x, order, swapped = RNG.standard_t(3, (7, n)), np.resize(["AB", "BA"], n), simulation.swaps(n)
    there = by(x, 0.95, 0.3, order, swapped)
    back = by(-x, 0.95, 0.3, order, swapped)
    assert back.estimate == pytest.approx(-there.estimate)
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert (back.p, back.p_equivalence) == (pytest.approx(there.p), pytest.approx(there.p_equivalence))
    larger = by(5 * x, 0.95, 1.5, order, swapped)
    assert fields(larger) == pytest.approx(5 * fields(there)) and larger.p == pytest.approx(there.p)
    mixed = RNG.permutation(n)
    assert fields(by(x[:, mixed], 0.95, 0.3, order[mixed], swapped[mixed])) == pytest.approx(fields(there))
    assert (by(x, 0.95, 0.3, order[::-1], ~swapped).high > there.low).all()


def test_the_guard_holds_what_both_hold_and_is_t_below_ten_runs():
    x = RNG.normal(0.02, 0.05, (200, 12))
    x[::4, 0] += 1
    interval = guarded.guarded_t(x, 0.95, 0.02)
    mean, middle = intervals.t(x, 1 - 0.045, 0.02), guarded.trimmed(x, 1 - 0.005, 0.02)
    assert interval.low == pytest.approx(np.maximum(mean.low, middle.low))
    assert interval.high == pytest.approx(np.minimum(mean.high, middle.high))
    assert ((interval.p <= 0.05) == ((interval.low > 0) | (interval.high < 0))).all()
    assert ((interval.low <= interval.estimate) & (interval.estimate <= interval.high)).all()
    few = guarded.guarded_t(x[:, :9], 0.95, 0.02)
    assert fields(few) == pytest.approx(fields(intervals.t(x[:, :9], 0.95, 0.02)))


def test_intervals_that_exclude_each_other_are_joined():
    x = np.r_[np.full(18, -0.01), 3.0, 3.1] + RNG.normal(0, 1e-4, 20)
    x[:18] += np.where(np.arange(18) < 9, 0, -1e-3)
    mean, middle = intervals.t(x + 10, 0.19, 0.02), guarded.trimmed(x + 10, 0.91, 0.02)
    assert mean.low > middle.high
    interval = guarded.guarded_t(x + 10, 0.1, 0.02)
    assert interval.low <= middle.low and interval.high >= mean.high and interval.p <= 0.05


def test_one_run_in_ten_off_by_two_hides_a_change_from_the_mean_only():
    x = RNG.normal(0.02, 0.005, (500, 20))
    x[np.arange(500), RNG.integers(20, size=500)] += RNG.choice([-1, 1], 500) * math.log(2)
    assert np.mean(intervals.t(x, 0.95, 0.02).p <= 0.05) < 0.1
    assert np.mean(guarded.guarded_t(x, 0.95, 0.02).p <= 0.05) > 0.99
    # and nobody is told that such a benchmark is equivalent
    assert guarded.guarded_t(x - 0.02, 0.95, 0.02).p_equivalence.min() > 0.05


def test_the_guard_does_not_err_more_often():
    for draw in (
        RNG.standard_normal,
        lambda size: RNG.standard_t(3, size),
        lambda size: RNG.uniform(-1, 1, size),
    ):
        p = guarded.guarded_t(draw((20_000, 10)), 0.95, 0.1).p
        for level in (0.05, 0.003):
            assert np.mean(p <= level) <= 1.35 * level + 4 * math.sqrt(level / 20_000)


def test_runs_far_off_are_told_with_both_numbers():
    table = orders(campaign(0.0, runs=20))
    slow = table["runid"] == 3
    table = table[~(slow & (table["pair"] == "B"))]
    more = run(3, [10**7] * 40, [3 * 10**7] * 40)
    more["order"] = "BA"
    row = one(pd.concat([table[table["runid"] != 3], more], ignore_index=True))
    assert "a few runs are far off: the mean of all is +5." in row["warnings"]
    assert abs(row["trimmed_change_percent"]) < 0.5 and row["verdict"] == "inconclusive"


# cores, orders, dependence


def test_a_slower_core_is_no_spread_when_it_is_known_who_had_it():
    swapped, order = simulation.swaps(8), np.array(["AB", "BA"] * 4)
    x = 0.02 + 0.05 * np.where(swapped, 1, -1) + RNG.normal(0, 0.002, 8)
    blind, seeing = intervals.t(x, 0.95, 0.02, order), intervals.t(x, 0.95, 0.02, order, swapped)
    assert blind.p > 0.2 and seeing.p < 1e-4
    sign = np.where(swapped, 1.0, -1.0)
    design = np.stack([np.ones(8), np.where(order == "AB", 1.0, -1.0), sign], axis=1)
    assert seeing.estimate == pytest.approx(np.linalg.lstsq(design, x, rcond=None)[0][0])
    table = campaign(0.0, runs=8)
    table["swapped"] = table["runid"].map(dict(enumerate(swapped)))
    slow = np.where((table["swapped"]) == (table["pair"] == "A"), 1.05, 1.0)
    table["iteration_time_ns"] = (table["iteration_time_ns"] * slow).astype("int64")
    table["iteration_start_ns"] = table["iteration_end_ns"] = pd.array([pd.NA] * len(table), "Int64")
    table["type"] = "syncduet"
    assert one(orders(table))["verdict"] == "equivalent"
    assert one(orders(table.drop(columns="swapped")))["verdict"] == "inconclusive"


def test_lopsided_orders_are_told():
    table = campaign(runs=6)
    assert "6 runs started A first and 0 B" in one(table)["warnings"]
    assert "started" not in one(orders(table))["warnings"]


def test_inflation_of_an_autoregression():
    x = simulation._autocorrelated((2000, 60), RNG, 0.6)
    design = np.ones((60, 1))
    factor, seen = dependence.inflation(x - x.mean(axis=1, keepdims=True), design)
    assert np.mean(seen) > 0.95 and np.median(factor) == pytest.approx(4, rel=0.3)
    noise = RNG.normal(0, 1, (4000, 12))
    factor, seen = dependence.inflation(noise - noise.mean(axis=1, keepdims=True), design[:12])
    assert np.mean(seen) == pytest.approx(0.01, abs=0.006) and (factor[~seen] == 1).all()


def test_runs_that_resemble_their_neighbours_widen_the_interval():
    wave = 0.03 * np.sin(np.arange(24) / 3.5)
    parts = [run(i, [10**7] * 20, [int(1e7 * math.exp(w))] * 20) for i, w in enumerate(wave)]
    for i, part in enumerate(parts):
        part[["iteration_start_ns", "iteration_end_ns"]] += i * 10**10
    row = one(orders(pd.concat(parts, ignore_index=True)))
    assert "runs resemble the ones measured before them" in row["warnings"]
    mixed = pd.concat(parts).assign(runid=lambda t: t["runid"] * 7 % 24)
    assert one(orders(mixed))["ci_high_percent"] == pytest.approx(row["ci_high_percent"], rel=0.05)


# what an estimate assumes


def test_rounding_by_hand_and_none_on_a_fine_clock():
    lengths = [10_000_000, 11_000_000, 10_000_000]
    samples = from_table(run(0, lengths, lengths))
    group = np.zeros(1, int)
    # contiguous stamps of 1 ms: two errors of variance 1 / 12 in a sum of 31, on each side
    assert rounding(samples, group) == pytest.approx(2 * 2 / 12 / 31**2)
    fine = from_table(run(0, [10_000_001] * 3, lengths))
    assert rounding(fine, group) == 0
    # without stamps six errors a side, and what is rounded alike in each iteration
    alone = replace(samples, timed=np.zeros(6, bool))
    assert rounding(alone, group) > 2 * 6 / 12 / 31**2


def test_two_runs_that_are_equal_by_rounding_prove_nothing():
    table = pd.concat([run(i, [10_000_000] * 3, [11_000_000] * 3) for i in range(2)])
    row = one(table)
    assert row["p_value"] > 0.05 and "the clock is coarse" in row["warnings"]


def test_work_that_grows_is_told_with_the_other_estimate():
    rows = {}
    for runs in (3, 10):
        samples = simulated("growing", 0.05, 40, runs)
        group = np.arange(len(samples.runs)) // runs
        rows[runs] = shifts(samples, join(samples, 0.0), group)["trend"].mean()
    # with few runs the trend is mostly taken for the machine's, with more for work
    assert rows[3] > 0.005 and rows[10] < -0.005


def test_turbo_is_corrected_and_absent_without_pauses():
    from duet.inference import estimators

    samples = simulated("turbo", 0.0, 40)
    group = np.arange(len(samples.runs)) // 10
    overlaps = join(samples, 0.0)
    moved = estimators.rate(samples, overlaps, group).log_ratio.mean()
    interval = shifts(samples, overlaps, group)["company"]
    assert moved > 0.006 and moved + interval.mean() == pytest.approx(0, abs=0.003)
    plain = from_table(pd.concat([run(i, [10**7] * 20, [10**7] * 20) for i in range(3)]))
    assert (shifts(plain, join(plain, 0.0), np.zeros(3, int))["company"] == 0).all()


def test_a_change_that_differs_between_the_halves_is_told():
    slow = np.r_[np.full(20, 1.1e7), np.full(20, 1e7)]
    noisy = [slow * np.exp(RNG.normal(0, 0.01, 40)) for _ in range(6)]
    row = one(orders(pd.concat([run(i, np.full(40, 1e7), b) for i, b in enumerate(noisy)])))
    assert "in the first half of the runs and" in row["warnings"]


def test_auto_cuts_what_only_all_runs_together_show():
    samples = simulated("unequal warm-up", 0.0, 10, 20)
    group = np.arange(len(samples.runs)) // 20
    alone = warmup.changepoints(samples, np.arange(len(samples.runs)))
    together = warmup.changepoints(samples, group)
    assert (together >= alone).all() and together.mean() > alone.mean()
    flipped = replace(samples, side=1 - samples.side)
    order = np.lexsort((flipped.iteration, flipped.side, flipped.run))
    assert (warmup.changepoints(flipped.where(order), group) == together).all()


# what a row says


@pytest.mark.parametrize("n", [3, 6, 10, 20])
def test_detectable_against_simulation(n):
    """A campaign whose true change is the detectable one (of the true spread) is found in 90 %."""
    spread = 0.01
    half = stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n)
    change = intervals.detectable(half, n - 1, 0.95, 0.05)
    x = RNG.normal(change, spread, (20_000, n))
    assert np.mean(intervals.t(x, 0.95, 0.02).p <= 0.05) == pytest.approx(0.9, abs=0.01)
    assert math.isnan(intervals.detectable(math.nan, n - 1, 0.95, 0.05))


def test_slower_by_less_than_the_margin_is_both():
    row = one(orders(campaign(0.01, runs=10, noise=0.005)))
    assert row["verdict"] == "equivalent" and row["difference"] == "slower"
    assert 0 < row["detectable_percent"] < 1


def test_equivalence_is_each_benchmarks_own():
    table = pd.concat([orders(campaign(0.0, benchmark=f"b{i}", noise=0.035, seed=i)) for i in range(8)])
    frame = judge(run_effects(table, DEFAULT), DEFAULT)
    assert ((frame["verdict"] == "equivalent") == (frame["p_equivalence"] <= 0.05)).all()
    assert (frame["p_equivalence_adjusted"] > frame["p_equivalence"]).any()


@pytest.mark.parametrize(("n", "seen"), [(0, 0.0), (10, 0.18), (40, 0.74)])
def test_how_little_few_comparisons_prove(n, seen):
    interval = false_positives(pd.Series(np.full(n, 0.5)))
    assert isinstance(interval, FalsePositives) and interval.seen() == pytest.approx(seen, abs=0.005)
