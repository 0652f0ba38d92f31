"""Intervals, corrections, estimators and the run-level error against independent computations."""

import json
import math
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from duet.inference import COLUMNS, estimators, intervals, judge, multiplicity, run_effects
from duet.inference.overlap import join
from duet.inference.samples import from_table
from duet.inference.verdicts import correlation
from duet.inference.work import shared_work
from duet.model import Analysis
from scipy import stats
from test_inference import RATE, campaign, run

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import simulation

RNG = np.random.default_rng(11)
SAMPLES = RNG.normal(0.02, 0.05, (20, 9))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_t_and_equivalence_against_scipy(confidence):
    interval = intervals.t(SAMPLES, confidence, 0.03)
    for i, x in enumerate(SAMPLES):
        expected = stats.ttest_1samp(x, 0)
        theirs = expected.confidence_interval(confidence)
        assert (interval.low[i], interval.high[i]) == pytest.approx((theirs.low, theirs.high))
        assert interval.p[i] == pytest.approx(expected.pvalue)
        above = stats.ttest_1samp(x, -0.03, alternative="greater").pvalue
        below = stats.ttest_1samp(x, 0.03, alternative="less").pvalue
        assert interval.p_equivalence[i] == pytest.approx(max(above, below))


@pytest.mark.parametrize("n", [2, 5, 6, 9, 20])
def test_wilcoxon_against_scipy(n):
    x = RNG.normal(0.1, 0.2, (30, n))
    interval = intervals.wilcoxon(x, 0.95, 0.1)
    expected = [stats.wilcoxon(row, method="exact").pvalue for row in x]
    assert interval.p == pytest.approx(np.array(expected))
    assert np.isinf(interval.low).all() == (n < 6)
    # the interval is the set of centres that are not rejected
    for row, low, high, p in zip(x, interval.low, interval.high, interval.p, strict=True):
        assert (low > 0 or high < 0) == (p <= 0.05)
        if np.isfinite(low):
            assert stats.wilcoxon(row - (low + 1e-9), method="exact").pvalue > 0.05
            assert stats.wilcoxon(row - (low - 1e-9), method="exact").pvalue <= 0.05


def test_bca_against_scipy():
    x = RNG.lognormal(0, 0.5, 25) - 0.8
    interval = intervals.bca(x, 0.95, 0.1)
    expected = stats.bootstrap((x,), np.mean, method="BCa", n_resamples=10_000, rng=1).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.015)
    assert (interval.low > 0) == (interval.p <= 0.05)


def test_hierarchical_bootstrap_without_spread_in_runs_is_the_bootstrap_of_runs():
    x = RNG.normal(0, 1, 15)
    interval = intervals.hierarchical_bootstrap(np.repeat(x[:, None], 4, axis=1), 0.95, 0.5)
    expected = stats.bootstrap((x,), np.mean, method="percentile", rng=1).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.03)


@pytest.mark.parametrize("method", [*intervals.METHODS])
def test_one_run_and_no_variance(method):
    one = intervals.METHODS[method](np.array([0.1]), 0.95, 0.02)
    assert one.estimate == pytest.approx(0.1) and np.isnan([one.low, one.high, one.p]).all()
    same = intervals.METHODS[method](np.full(8, 0.1), 0.95, 0.02)
    assert same.p < 0.05 and same.p_equivalence > 0.05
    zero = intervals.METHODS[method](np.zeros(8), 0.95, 0.02)
    assert zero.p >= 0.99 and zero.p_equivalence < 0.05


def test_corrections_by_hand():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    assert multiplicity.adjust(p, "holm")[[4, 0, 3, 2]] == pytest.approx([0.02, 0.03, 0.06, 0.06])
    assert np.isnan(multiplicity.adjust(p, "holm")[1])
    known = ~np.isnan(p)
    expected = stats.false_discovery_control(p[known])
    assert multiplicity.adjust(p, "bh")[known] == pytest.approx(expected)
    assert multiplicity.adjust(p, "none")[known] == pytest.approx(p[known])
    assert multiplicity.simultaneous_confidence(p, "holm", 0.95) == pytest.approx(1 - 0.05 / 4)
    assert multiplicity.simultaneous_confidence(p, "bh", 0.95) == pytest.approx(1 - 0.05 * 4 / 4)
    assert multiplicity.simultaneous_confidence(p, "none", 0.95) == 0.95


def test_the_correction_is_over_each_suite_and_type():
    parts = [
        campaign(0.02, noise=0.05, suite=s, benchmark=b, seed=i)
        for i, (s, b) in enumerate([("x", "1"), ("x", "2"), ("y", "1")])
    ]
    frame = judge(run_effects(pd.concat(parts), RATE), RATE).set_index(["suite", "benchmark"])
    assert frame.loc[("y", "1"), "p_adjusted"] == frame.loc[("y", "1"), "p_value"]
    smallest = frame.loc["x", "p_value"].min()
    assert frame.loc["x", "p_adjusted"].min() == pytest.approx(2 * smallest)


@pytest.mark.parametrize("method", intervals.NAMES)
@pytest.mark.parametrize("estimator", estimators.NAMES)
def test_every_estimator_and_method_finds_a_sure_change(estimator, method):
    analysis = Analysis(estimator=estimator, method=method)
    row = judge(run_effects(campaign(0.1, runs=8), analysis), analysis).iloc[0]
    assert row["verdict"] == "slower" and row["method"] == method and row["estimator"] == estimator
    assert row["change_percent"] == pytest.approx(10, abs=1.2)


def test_wilcoxon_with_too_few_runs_says_so():
    analysis = Analysis(method="wilcoxon")
    row = judge(run_effects(campaign(0.1, runs=5), analysis), analysis).iloc[0]
    assert row["verdict"] == "inconclusive" and "wilcoxon cannot show a difference with 5" in row["warnings"]
    assert math.isnan(row["ci_low_percent"]) and row["change_percent"] == pytest.approx(10, abs=1)


def test_work_is_the_pattern_that_the_runs_share():
    pattern = np.tile([2e6, 1e7, 5e7], 12)
    noise = lambda: np.exp(RNG.normal(0, 0.05, 36))  # noqa: E731
    table = pd.concat([run(i, pattern * noise(), pattern * noise()) for i in range(5)])
    samples = from_table(table)
    interval = shared_work(samples, np.zeros(5, int))
    log = np.log(interval.weight) - np.log(pattern[samples.iteration])
    assert log.std() < 0.05
    # and nothing where the iteration number makes no difference, or with one run only
    flat = from_table(pd.concat([run(i, 1e7 * noise(), 1e7 * noise()) for i in range(5)]))
    assert (shared_work(flat, np.zeros(5, int)).weight == 1).all()
    assert (shared_work(samples, np.arange(5)).weight == 1).all()


def test_what_runs_add_by_their_weights_leaves_the_mean():
    scenario = next(s for s in simulation.SCENARIOS if s.name == "irregular")
    samples = next(simulation.simulate(scenario, 0.2, 3, 6, 30, seed=1))
    group = np.arange(18) // 6
    overlaps = join(samples, 0.0)
    interval = shared_work(samples, group)
    share = estimators.shares(samples, overlaps)
    plain = estimators._ratio(samples, share, interval.weight)
    honest = estimators.index(samples, overlaps, group).log_ratio.reshape(3, 6)
    honest += estimators.excess(samples, share, plain, group).reshape(3, 6)
    plain = plain.log_ratio.reshape(3, 6)
    assert honest.mean(axis=1) == pytest.approx(plain.mean(axis=1))
    assert (honest.std(axis=1) > plain.std(axis=1)).all()


@pytest.mark.parametrize("name", ["bursty", "pattern", "late, early", "gaps"])
def test_false_positives_and_bias_of_the_default(name):
    """A small calibration: benchmarks/calibration.py has the large one."""
    scenario = next(s for s in simulation.SCENARIOS if s.name == name)
    for change in (0.0, 0.2):
        log = np.concatenate(
            [
                estimators.index(s, join(s, 0.0), np.arange(len(s.runs)) // 5).log_ratio.reshape(-1, 5)
                for s in simulation.simulate(scenario, change, 400, 5, 30, seed=2)
            ]
        )
        interval = intervals.t(log, 0.95, 0.02)
        missed = np.mean((interval.low > np.log1p(change)) | (interval.high < np.log1p(change)))
        assert missed <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / 400)
        error = interval.estimate.std() / math.sqrt(400)
        assert abs(interval.estimate.mean() - np.log1p(change)) < 0.002 + 3 * error


def test_lengths_at_random_do_not_bias_the_mean():
    """The log of a mean of few unequal lengths is too small; where the other side cuts, it is not."""
    scenario = next(s for s in simulation.SCENARIOS if s.name == "random")
    plain, mended = [], []
    for s in simulation.simulate(scenario, 0.5, 1500, 10, 12, seed=3):
        overlaps = join(s, 0.0)
        plain.append(estimators._ratio(s, estimators.shares(s, overlaps)).log_ratio)
        mended.append(estimators.rate(s, overlaps, np.arange(len(s.runs)) // 10).log_ratio)
    plain, mended = np.concatenate(plain), np.concatenate(mended)
    error = plain.std() / math.sqrt(len(plain))
    assert plain.mean() - math.log(1.5) > 0.005 + 2 * error
    assert abs(mended.mean() - math.log(1.5)) < 0.003 + 2 * error


def test_t_with_orders_against_least_squares():
    """From 10 runs up: the intercept of a linear model with the order as a factor."""
    order = np.array(["AB", "BA", "BA", "AB"] * 4)[:13]
    sign = np.where(order == "AB", 1.0, -1.0)
    x = RNG.normal(0.02, 0.05, (5, 13)) + 0.04 * sign
    interval = intervals.t(x, 0.95, 0.03, order)
    design = np.stack([np.ones(13), sign], axis=1)
    spread = np.linalg.inv(design.T @ design)
    for i, row in enumerate(x):
        beta = spread @ design.T @ row
        error = math.sqrt(spread[0, 0] * ((row - design @ beta) ** 2).sum() / 11)
        assert interval.estimate[i] == pytest.approx(beta[0])
        assert interval.p[i] == pytest.approx(2 * stats.t.sf(abs(beta[0]) / error, 11))
        assert interval.high[i] - beta[0] == pytest.approx(stats.t.ppf(0.975, 11) * error)


def test_orders_that_cannot_be_balanced_are_not():
    x = RNG.normal(0, 1, 8)
    plain = intervals.t(x, 0.95, 0.03)
    for order in (["None"] * 8, ["AB"] * 8, ["AB"] * 7 + ["BA"], ["AB", "BA", "None", "AB"] * 2):
        assert intervals.t(x, 0.95, 0.03, np.array(order)) == plain
    even = intervals.t(x, 0.95, 0.03, np.array(["AB", "BA"] * 4))
    assert (even.low, even.p) == pytest.approx((plain.low, plain.p))


def test_intra_run_correlation_and_design_effect():
    """Runs that differ by 0.3 with noise of 0.4 inside: ICC 0.36 / (0.36 + …) by hand."""
    runs, k = 400, 20
    level = RNG.normal(0, 0.3, runs)
    x = level[:, None] + RNG.normal(0, 0.4, (runs, k))
    frame = pd.DataFrame({"pairs": k, "pair_mean": x.mean(axis=1), "pair_variance": x.var(axis=1, ddof=1)})
    icc, effect = correlation(frame)
    assert icc == pytest.approx(0.09 / (0.09 + 0.16), abs=0.04)
    assert effect == pytest.approx(1 + 19 * icc)


def test_sensitivity_to_the_minimum_overlap_is_told():
    row = judge(run_effects(campaign(0.1), RATE), RATE).iloc[0]
    assert row["holds_for_min_overlap"].startswith("0.1-")
    row = judge(run_effects(campaign(0.1, type_="seqn"), RATE), RATE).iloc[0]
    assert row["holds_for_min_overlap"] == ""


def test_verdicts_are_as_their_schema_says():
    path = Path(__file__).parents[2] / "workflow" / "schemas" / "verdicts.schema.json"
    schema = json.loads(path.read_text())
    assert list(schema["properties"]) == list(COLUMNS)
    lost = campaign(benchmark="lost")
    parts = [campaign(0.1), campaign(0.1, type_="seqn"), campaign(type_="aaduet", runs=1)]
    parts += [campaign(type_="syncduet"), lost[lost["pair"] == "A"]]
    for method in intervals.NAMES:
        analysis = Analysis(method=method)
        frame = judge(run_effects(pd.concat(parts), analysis), analysis)
        assert len(frame) == 5
        for row in json.loads(frame.to_json(orient="records")):
            jsonschema.validate(row, schema)
