"""Looks that keep their error, what settles a benchmark, closings, and how many runs are needed."""

import duetbench
import numpy as np
import pandas as pd
import pytest
import synthetic
from config_files import only_fault, read
from duet.campaign import order
from duet.campaign.due import due_runs
from duet.commands import settle
from duet.inference import gate_decision, injection, intervals, judge, planning, run_effects, stopping
from duet.inference.decision import Exit, Power, power
from duet.model import Analysis, Order, Precision, Run, Type, parse_run
from duet.records.closing import Closing, closing_of
from duet.records.layout import Layout
from duet.records.run import finished
from duet.report.summary.facts import read_facts
from scipy import stats


@pytest.mark.parametrize("most", [1, 3, 4, 5, 10, 40, 137])
def test_looks_end_with_the_last_run_and_have_both_orders_alike(most):
    at = stopping.looks(most)
    assert at[-1] == most and list(at) == sorted(set(at))
    assert all(n % 2 == 0 for n in at[:-1])


def test_levels_spend_the_error_and_not_more():
    """Against normal sums, which no part of the module knows of."""
    rng = np.random.default_rng(5)
    sums = rng.normal(size=(40_000, 40)).cumsum(axis=1)
    for alpha in (0.05, 0.2):
        crossed = np.zeros(len(sums), bool)
        for n in stopping.looks(40):
            p = 2 * stats.norm.sf(np.abs(sums[:, n - 1]) / np.sqrt(n))
            crossed |= p <= stopping.level(alpha, n, 40)
            spent = alpha * (n / 40) ** 2
            assert crossed.mean() == pytest.approx(spent, abs=4 * np.sqrt(spent / len(sums)) + 1e-4)


def test_one_look_is_the_test_itself():
    assert stopping.level(0.05, 3, 3) == pytest.approx(0.05, rel=1e-3)


def test_the_overall_p_value_is_the_inverse_of_the_level():
    for n in stopping.looks(40):
        for alpha in (1e-6, 0.001, 0.05, 0.4):
            assert stopping.overall(stopping.level(alpha, n, 40), n, 40) == pytest.approx(alpha, rel=1e-6)
    assert stopping.overall(1.0, 4, 40) == 1 and np.isnan(stopping.overall(np.nan, 4, 40))


def test_student_t_under_looks_errs_little_more_than_promised():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4000, 40))
    crossed = np.zeros(len(x), bool)
    for n in stopping.looks(40):
        crossed |= intervals.t(x[:, :n], 0.95, 0.0).p <= stopping.level(0.05, n, 40)
    assert crossed.mean() <= 0.053 + 3 * np.sqrt(0.05 * 0.95 / len(x))


SOON = Precision(verdict=True, max_repetitions=40)


def test_verdicts_hold_at_their_look_only():
    table = synthetic.campaign(2, 6, 20, ("duet", "aaduet"), 0.05)
    plain, looked = (
        judge(run_effects(table, analysis), analysis).set_index(["benchmark", "type"])
        for analysis in (Analysis(), Analysis(precision=SOON))
    )
    for name in ("bench-0", "bench-1"):
        before, now = plain.loc[name, "duet"], looked.loc[name, "duet"]
        assert now["p_value"] > before["p_value"] and now["change_percent"] == before["change_percent"]
        assert now["ci_low_percent"] < before["ci_low_percent"] < before["ci_high_percent"]
        assert now["detectable_percent"] > before["detectable_percent"]
        # A against A is not stopped
        assert looked.loc[name, "aaduet"]["p_value"] == plain.loc[name, "aaduet"]["p_value"]


def row(**cells):
    return {"ci_low_percent": -1.0, "ci_high_percent": 1.0, "p_value": 0.5, "p_equivalence": 0.5, **cells}


@pytest.mark.parametrize(
    ("cells", "precision", "tests", "enough"),
    [
        ({}, Precision(40, 2.0), 1, True),
        ({}, Precision(40, 1.9), 1, False),
        ({"p_value": 0.04}, SOON, 1, True),
        ({"p_value": 0.04}, SOON, 2, False),
        ({"p_equivalence": 0.04}, SOON, 20, True),
        ({"p_value": 0.04}, Precision(40, 1.0), 1, False),
        ({"p_value": float("nan"), "ci_low_percent": float("nan")}, Precision(40, 2.0, True), 1, False),
    ],
)
def test_what_is_enough(cells, precision, tests, enough):
    assert bool(settle.enough(row(**cells), precision, 0.95, tests)) is enough


def test_runs_are_planned_up_to_the_most_and_in_rounds(tmp_path):
    keys = {"duet_repetitions": 2, "aa_repetitions": 3, "schedule": "randomized_interleaving_trials"}
    campaign = read(
        tmp_path, {**keys, "precision": {"or": "verdict", "max_repetitions": 6, "time_budget": "2h"}}
    )
    runs = order.runs(campaign)
    assert sum(run.type == Type.DUET for run in runs) == 2 * 6
    assert sum(run.type == Type.AADUET for run in runs) == 2 * 3
    assert [run.runid for run in runs] == sorted(run.runid for run in runs)
    assert campaign.analysis.precision == Precision(6, None, True, 7200.0)
    assert "each benchmark until there is a verdict, all within 2 h 0 min" in order.plan_line(
        campaign, runs, ()
    )


@pytest.mark.parametrize(
    ("precision", "fault"),
    [
        (
            {"max_repetitions": 5},
            "c.yml: duetbench.precision: never ends before max_repetitions; accepted: ci_w",
        ),
        ({"ci_width": 0}, "c.yml: duetbench.precision.ci_width: is 0; accepted: percent, above 0"),
        ({"or": "luck"}, 'c.yml: duetbench.precision.or: is "luck"; accepted: verdict'),
        ({"time_budget": "2 days"}, 'c.yml: duetbench.precision.time_budget: is "2 days"; accepted: seconds'),
        ({"width": 1}, "c.yml: duetbench.precision.width: unknown key"),
    ],
)
def test_faults(tmp_path, precision, fault):
    assert only_fault(tmp_path, {"precision": precision}).startswith(fault)


def closed(layout: Layout, run: Run, analysis: Analysis, rests_on=()) -> None:
    record = Closing(
        not_needed="it has a verdict", name=run.name, analysis=analysis, rests_on=tuple(rests_on)
    )
    record.write(layout.run_record(run.name))


def test_a_closing_holds_for_its_precision_and_the_runs_that_it_rests_on(tmp_path):
    layout, analysis = Layout(tmp_path), Analysis(precision=SOON)
    first, run = (Run("s", "b", i, Type.SEQN, side="A") for i in range(2))
    closed(layout, run, analysis)
    assert closing_of(layout.run(run.name)) is not None and list(finished(layout.runs)) == []
    assert due_runs([run], {}, {}, layout, analysis) == {}
    for other in (
        Analysis(),
        Analysis(precision=Precision(40, 1.0)),
        Analysis(precision=SOON, margin_percent=1.0),
    ):
        assert "precision or analysis" in due_runs([run], {}, {}, layout, other)[run.name]
    closed(layout, run, analysis, [first.name])
    due = due_runs([first, run], {}, {}, layout, analysis)  # the first one was never measured
    assert "on which it rests" in due[run.name]


def test_the_summary_counts_what_was_not_needed(tmp_path):
    run = Run("s", "b", 0, Type.SEQN, side="A")
    closed(Layout(tmp_path), run, Analysis(precision=SOON))
    facts = read_facts("c", Layout(tmp_path).runs, [run.name])
    assert (facts.planned, facts.measured, facts.not_needed, facts.missing) == (1, 0, 1, ())


def test_needed_runs_are_found_in_new_campaigns_of_that_noise():
    table = synthetic.campaign(1, 40, 12, run_noise=0.02)
    effects = run_effects(table, Analysis())
    (need,) = planning.needs(effects, Analysis(), None, 3.0)
    assert need.wanted and need.cautious and 2 < need.wanted <= need.cautious
    rng, sigma = np.random.default_rng(2), need.spread_percent / 100
    x = np.log(1.03) + sigma * rng.normal(size=(2000, need.wanted))
    assert 0.86 < (intervals.t(x, 0.95, 0.0).p <= 0.05).mean() < 0.96
    (wide,) = planning.needs(effects, Analysis(), 1.0, 0.0)
    (narrow,) = planning.needs(effects, Analysis(), 0.5, 0.0)
    assert wide.wanted and narrow.wanted and 3 * wide.wanted < narrow.wanted < 5 * wide.wanted
    (never,) = planning.needs(effects, Analysis(), 1e-6, 0.0)
    assert never.wanted is None


# ---- a campaign that proves itself ----


def test_a_against_a_made_slower_is_found_as_often_as_promised():
    table = pd.concat(
        [synthetic.campaign(20, 6, 20, ("aaduet",), seed=seed, suite=f"s{seed}") for seed in range(2)],
        ignore_index=True,
    )
    analysis = Analysis()
    plain = judge(run_effects(table, analysis), analysis)
    rows = injection.with_injected(plain, table, analysis, {})
    pd.testing.assert_frame_equal(
        plain.drop(columns="injected_p_adjusted"), rows[plain.columns.drop("injected_p_adjusted")]
    )
    assert (rows["injected_percent"] < rows["detectable_percent"]).all()
    found = power(rows)
    assert found.comparisons == 40 and found.detected >= 33 and not found.failed
    assert "promised 90%" in found.sentence()


def test_injected_noise_that_hides_the_slowdown_is_refused():
    table = synthetic.campaign(20, 6, 20, ("aaduet",))
    rows = judge(run_effects(table, Analysis()), Analysis())
    rows["injected_p_adjusted"] = [0.01] * 12 + [0.9] * 8
    decision = gate_decision(rows)
    assert decision.exit == Exit.UNCALIBRATED and decision.power.failed
    rows["injected_p_adjusted"] = [0.01] * 18 + [0.9] * 2
    assert not power(rows).failed and gate_decision(rows).exit != Exit.UNCALIBRATED


def test_few_comparisons_prove_little():
    few, many = (Power(n, n, 0.0, 1.0, 1.0) for n in (2, 40))
    assert few.seen() == pytest.approx(0.16) and many.seen() > 0.99


def test_b_against_b_runs_what_b_is_and_is_judged_like_a_against_a():
    run = Run("s", "b", 0, Type.BBDUET, Order.AB)
    assert run.plan_file("A") == run.plan_file("B") == "s.b.B.json" and parse_run(run.name) == run
    table = synthetic.campaign(4, 6, 20, ("aaduet",)).assign(type="bbduet")
    rows = injection.with_injected(judge(run_effects(table, Analysis()), Analysis()), table, Analysis(), {})
    decision = gate_decision(rows)
    assert decision.power.comparisons == decision.false_positives.comparisons == 4


def test_only_a_against_a_is_made_slower():
    table = synthetic.campaign(2, 6, 20, ("duet",))
    rows = judge(run_effects(table, Analysis()), Analysis())
    assert rows["injected_percent"].isna().all()
    pd.testing.assert_frame_equal(injection.with_injected(rows, table, Analysis(), {}), rows)


def test_the_command_tells_runs_and_time(tmp_path, capsys):
    layout = Layout(tmp_path)
    effects = run_effects(synthetic.campaign(2, 8, 12), Analysis())
    effects.to_parquet(layout.effects)
    layout.durations.write_text("synthetic.bench-0.0.duet.AB 10\nsynthetic.bench-0.1.duet.BA 12\n")
    assert duetbench.call("plan", [str(tmp_path), "--width", "0.1"]) == 0
    told = capsys.readouterr().out
    assert "Runs for an interval of 0.1 %:" in told and "synthetic bench-1" in told
    needed = planning.needs(effects, Analysis(), 0.1, 0.0)
    more = [need.wanted - need.runs for need in needed]
    assert f"{sum(more)} more runs, about {order.duration(11 * more[0])}" in told
    assert duetbench.call("plan", [str(tmp_path)]) == 0
    assert "Runs for a slowdown of 2 % (90 % power):" in capsys.readouterr().out
    assert duetbench.call("plan", [str(tmp_path / "nowhere")]) == 1
