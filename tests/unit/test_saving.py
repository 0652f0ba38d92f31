"""What duets save against sequential runs: known answers, and intervals that hold the truth."""

import math

import numpy as np
import pandas as pd
import pytest
from duet.inference import judge, run_effects
from duet.inference.samples import from_table, machine_time
from duet.inference.saving import saving_of
from duet.model import Analysis
from duet.report.summary import savings
from scipy import stats
from test_inference import campaign

RNG = np.random.default_rng(8)


def runs(x, seconds, order=None):
    order = np.resize(["AB", "BA"], len(x)) if order is None else order
    return pd.DataFrame({"log_ratio": x, "order": order, "machine_ns": 1e9 * seconds})


def jackknifed(x):
    """Log variance and its variance, each run left out by hand."""
    n = len(x)
    without = np.array([np.log(np.var(np.delete(x, i), ddof=1)) for i in range(n)])
    pseudo = n * np.log(np.var(x, ddof=1)) - (n - 1) * without
    return pseudo.mean(), pseudo.var(ddof=1) / n


def test_by_hand():
    """Runs of 2 s against runs of 4 s."""
    x, y = RNG.normal(0, 0.01, 7), RNG.normal(0, 0.03, 5)
    factor, low, high, width = saving_of(runs(x, 2), runs(y, 4), 0.95)
    (duet, one), (seqn, two) = jackknifed(x), jackknifed(y)
    freedom = (one + two) ** 2 / (one**2 / 6 + two**2 / 4)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(one + two)
    assert factor == pytest.approx(2 * math.exp(seqn - duet)) and width == pytest.approx(math.sqrt(factor))
    assert (low, high) == pytest.approx((factor * math.exp(-half), factor * math.exp(half)))


def test_what_orders_explain_is_no_spread_of_the_duets():
    """From ten runs on, as in the interval; fitted anew without each run."""
    x = RNG.normal(0, 0.01, 12)
    order = np.resize(["AB", "BA"], 12)
    shifted = np.where(order == "AB", x + 0.5, x)
    y = runs(RNG.normal(0, 0.03, 5), 2)
    assert saving_of(runs(x, 1, order), y, 0.95) == pytest.approx(saving_of(runs(shifted, 1, order), y, 0.95))
    assert saving_of(runs(x, 1, order), y, 0.95) != pytest.approx(saving_of(runs(x, 1, ["AB"] * 12), y, 0.95))


@pytest.mark.parametrize(
    ("together", "alone"),
    [([0.1, 0.2], [0.1, 0.2, 0.4]), ([0.1, 0.2, 0.4], [0.1]), ([0.1] * 4, [0.1, 0.2, 0.4])],
)
def test_without_a_spread_nothing_is_said(together, alone):
    assert all(map(math.isnan, saving_of(runs(np.array(together), 1), runs(np.array(alone), 1), 0.95)))
    unknown = runs(np.array([0.1, 0.2, 0.4]), np.nan)
    assert all(map(math.isnan, saving_of(unknown, unknown, 0.95)))


@pytest.mark.parametrize(("duets", "alone"), [(5, 5), (10, 5), (20, 10)])
@pytest.mark.parametrize("heavy", [False, True])
def test_the_interval_holds_the_true_factor(duets, alone, heavy):
    """Sequential runs three times as noisy and twice as long: 18."""
    draw = (lambda n: RNG.standard_t(5, n)) if heavy else RNG.standard_normal
    held = 0
    for _ in range(1000):
        _, low, high, _ = saving_of(runs(draw(duets), 1), runs(3 * draw(alone), 2), 0.95)
        held += low <= 18 <= high
    assert held >= (900 if heavy else 920)


def test_verdicts_have_it_on_the_rows_of_duets():
    table = pd.concat(
        [campaign(runs=8, seed=1, noise=0.01), campaign(runs=8, seed=2, noise=0.03, type_="seqn")]
    )
    rows = judge(run_effects(table, Analysis()), Analysis()).set_index("type")
    duet = rows.loc["duet"]
    assert duet["saving_ci_low"] < duet["saving"] < duet["saving_ci_high"]
    assert duet["width_of_sequential"] == pytest.approx(math.sqrt(duet["saving"]))
    assert 3 < duet["saving"] < 60, "9 times the variance, twice the time"
    assert math.isnan(rows.loc["seqn", "saving"])
    (told,) = savings.sentences(rows.reset_index())
    assert "sequential runs need" in told and "duet" in told
    only = judge(run_effects(campaign(runs=4), Analysis()), Analysis())
    assert only["saving"].isna().all() and savings.sentences(only) == []


def time_of(table):
    return machine_time(table, from_table(table))


def test_machine_time_is_that_of_processes_else_of_iterations():
    table = campaign(runs=2)
    low = table.groupby("runid")["iteration_start_ns"].min()
    high = table.groupby("runid")["iteration_end_ns"].max()
    assert time_of(table) == pytest.approx((high - low).to_numpy(float))
    ends = {"A": 70, "B": 90}
    stamped = table.assign(
        process_start_ns=pd.array([10] * len(table), "Int64"),
        process_end_ns=pd.array([ends[side] for side in table["pair"].astype(str)], "Int64"),
    )
    assert time_of(stamped) == pytest.approx([80, 80])
    assert time_of(stamped.assign(type="seqn")) == pytest.approx([60 + 80] * 2)
    untimed = table.assign(iteration_start_ns=pd.NA, iteration_end_ns=pd.NA)
    assert np.isnan(time_of(untimed)).all()
