"""Results of several hosts: judged each by itself, and what holds across them."""

import math

import numpy as np
import pandas as pd
import pytest
from duet.inference import across, gate_decision, judge, run_effects
from duet.inference.environments import random_effects
from duet.model import Analysis
from duet.report.figures.forest import draw_forest
from duet.report.summary.rows import environments
from duet.report.verdict_row import named
from duet.table.build import environment
from test_inference import campaign


def table(changes: dict[str, float], **more: object) -> pd.DataFrame:
    """A campaign a host, with the same numbers of runs."""
    parts = [
        campaign(change, seed=i, **more).assign(environment=host)
        for i, (host, change) in enumerate(changes.items())
    ]
    return pd.concat(parts, ignore_index=True)


def verdicts(changes: dict[str, float], **more: object) -> pd.DataFrame:
    return judge(run_effects(table(changes, **more), Analysis()), Analysis())


def test_two_hosts_are_never_pooled():
    """Pooled, one at 0 % and one at +10 % were `slower +5 %`."""
    found = verdicts({"one": 0.0, "two": 0.1}).set_index("environment")
    assert found.loc["one", "verdict"] == "equivalent"
    assert found.loc["two", "verdict"] == "slower"
    assert found.loc["two", "change_percent"] == pytest.approx(10, abs=1)
    assert list(judge(run_effects(campaign(), Analysis()), Analysis())["environment"]) == [""]


def test_each_environment_is_what_it_is_alone():
    both = table({"one": 0.0, "two": 0.1})
    found = judge(run_effects(both, Analysis()), Analysis())
    for host in ("one", "two"):
        alone = judge(run_effects(both[both["environment"] == host], Analysis()), Analysis())
        mine = found[found["environment"] == host].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, alone)


def test_a_table_without_the_column_is_of_one_environment():
    one = judge(run_effects(campaign(0.1), Analysis()), Analysis())
    other = judge(run_effects(campaign(0.1).assign(environment="x"), Analysis()), Analysis())
    pd.testing.assert_frame_equal(one.drop(columns="environment"), other.drop(columns="environment"))


def test_what_holds_across_them_is_counted():
    (row,) = across(verdicts({"a": 0.1, "b": 0.1, "c": 0.0})).itertuples()
    assert (row.environments, row.verdict, row.holds_on, row.compared) == (3, "slower", 2, 3)
    assert row.ci_low_percent < row.change_percent < row.ci_high_percent
    assert row.between_percent > 3 and row.i2_percent > 90
    assert across(verdicts({"a": 0.1})).empty


def test_environments_that_agree_give_a_narrow_interval():
    agree = across(verdicts({h: 0.1 for h in "abcde"})).iloc[0]
    differ = across(verdicts({h: i / 20 for i, h in enumerate("abcde")})).iloc[0]
    assert (agree["verdict"], agree["holds_on"]) == ("slower", 5)
    assert agree["ci_low_percent"] > 5 and agree["p_value"] < 0.01
    assert differ["ci_high_percent"] - differ["ci_low_percent"] > 10


def test_random_effects_of_a_worked_example():
    """Two equal variances by hand: tau^2 = s^2 - v, mean the middle, t with 1 degree of freedom."""
    log, v = np.array([0.0, 0.2]), np.array([0.001, 0.001])
    mean, low, high, p, tau2, i2 = random_effects(log, v)
    assert mean == pytest.approx(0.1)
    assert tau2 == pytest.approx(0.02 - 0.001, rel=1e-6)
    assert high - mean == pytest.approx(12.7062 * math.sqrt(0.02 / 2), rel=1e-4) == mean - low
    assert i2 == pytest.approx((20 - 1) / 20)
    assert p == pytest.approx(0.5, abs=1e-6)  # t = 1 with one degree of freedom


def test_environments_closer_than_chance_do_not_narrow_the_interval():
    log, v = np.array([0.1, 0.1, 0.1]), np.array([0.01, 0.01, 0.01])
    mean, low, high, *_ = random_effects(log, v)
    assert high - mean == pytest.approx(4.3027 * math.sqrt(0.01 / 3), rel=1e-4)
    assert mean == pytest.approx(0.1) and low < 0


def test_coverage_of_the_random_effects_interval():
    rng = np.random.default_rng(1)
    for k in (3, 6):
        hits = 0
        for _ in range(600):
            v = rng.uniform(0.0005, 0.004, k)
            log = 0.05 + rng.normal(0, 0.05, k) + rng.normal(0, np.sqrt(v))
            _, low, high, *_ = random_effects(log, v)
            hits += low <= 0.05 <= high
        assert hits / 600 >= 0.93, k


def test_the_gate_judges_each_environment():
    rows = named(verdicts({"one": 0.0, "two": 0.1}))
    decision = gate_decision(rows)
    assert decision.exit == 1 and list(decision.judged["outcome"]) == ["passed", "regression"]
    assert list(decision.judged["name"]) == ["b @ one", "b @ two"]


def test_a_type_is_chosen_in_each_environment_by_itself():
    rows = verdicts({"one": 0.0, "two": 0.1})
    rows.loc[rows["environment"] == "two", "type"] = "seqn"
    assert len(gate_decision(named(rows)).judged) == 2


def test_texts_and_forest_have_a_row_for_each_and_one_over_all():
    rows = verdicts({"one": 0.0, "two": 0.1, "three": 0.1})
    (told,) = environments(rows.assign(suite="s"))
    assert "slower holds on 2 of 3; over all, by random effects, +" in told
    figure = draw_forest(rows, "s")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0] == "b  all 3" and sorted(names[1:]) == ["b @ one", "b @ three", "b @ two"]
    right = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert right[0].endswith("slower on 2 of 3")


def test_labels_of_hosts():
    labels = (("ip-*", "t3.medium"), ("*", "other"))
    assert environment("ip-10-0-0-1", labels) == "t3.medium"
    assert environment("bench1", labels) == "other"
    assert environment("bench1", ()) == "bench1"
    assert environment("", ()) is None and environment(None, ()) is None
    assert environment(None, (("*", "x"),)) == "x"
