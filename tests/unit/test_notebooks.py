"""The predecessor's numbers on the predecessor's data are the predecessor's.

tests/data/study.csv: iterations of made-up runs on two hosts in the format of `duetprocess parse`.
tests/data/study-notebooks.csv: what duet.process and the notebooks of asynchronous-duet (fb202dd) make of it,
a row per benchmark, type and environment, written down once; the found_* columns have a digit for each
injected slowdown of 0 % to 15 %.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from duet import harnesses
from duet.inference import notebooks
from duet.inference.questions import KEYS, tables
from duet.inference.samples import from_table, groups
from duet.model import Analysis
from duet.report.figures.questions import drawers
from duet.table import imports
from synthetic import campaign

DATA = Path(__file__).parents[1] / "data"
LABELS = (("cirrus*", "bare-metal"), ("ip-*", "AWS t3.medium"))
INDEX = ["suite", "benchmark", "type", "environment"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return imports.read(DATA / "study.csv", LABELS)


@pytest.fixture(scope="module")
def theirs() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "study-notebooks.csv", dtype={"found_ci": str, "found_u": str})
    return frame.set_index(INDEX).sort_index()


@pytest.fixture(scope="module")
def ours(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return tables(table, Analysis(), harnesses.warmups())


def by(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index(INDEX).sort_index()


def test_the_same_benchmarks_types_and_environments(ours, theirs):
    assert list(by(ours["rq3_tests"]).index) == list(theirs.index)
    assert len(theirs) == 14


def test_variation_is_pooled_and_the_warm_up_rule_is_theirs(ours, theirs):
    found = by(ours["rq3_tests"])
    assert found["iterations"].tolist() == theirs["iterations"].tolist()
    np.testing.assert_allclose(found["mean_ns"], theirs["mean_ns"], rtol=1e-6)
    np.testing.assert_allclose(found["cv"], theirs["cv"], rtol=1e-5)


def test_u_tests(ours, theirs):
    found = by(ours["rq3_tests"])
    np.testing.assert_allclose(found["u_p_value"], theirs["u_test_pvalue"], rtol=1e-9)
    assert found["u_statistic"].tolist() == theirs["u_test_statistics"].tolist()
    assert found["u_match"].tolist() == theirs["match_utest"].tolist()


def test_ends_of_the_ci_within_bootstrap_error(ours, theirs):
    found = by(ours["rq3_tests"])
    width = (theirs["hi"] - theirs["lo"]).to_numpy()
    for mine, their in (("ci_low_ns", "lo"), ("ci_high_ns", "hi")):
        assert (np.abs(found[mine] - theirs[their]) <= 0.15 * width).all(), mine
    np.testing.assert_allclose(found["ci_width"], theirs["ci_width"], rtol=0.2)
    assert found["ci_match"].tolist() == theirs["match_ci"].tolist()


def test_run_times_have_the_warm_up_in_them(table, ours, theirs):
    """Its seconds are whole, and so is a run's mean over runs of them."""
    runs = notebooks.times_of_runs(from_table(table))
    each = runs.assign(whole=np.floor(runs["run_time_s"])).groupby(INDEX)
    np.testing.assert_allclose(each["whole"].mean().sort_index(), theirs["run_time_s"])
    found = by(ours["rq1_run_times"].query("benchmark != '*'"))
    np.testing.assert_allclose(found["run_time_s"] * 1e9, theirs["run_time_ns"], rtol=1e-6)
    assert (found["runs"] * found["iterations"]).round().tolist() == theirs["raw_iterations"].tolist()


def test_overlaps_at_each_minimum(ours, theirs):
    found = ours["rq2_overlaps"]
    duets = theirs[theirs.index.get_level_values("type") == "duet"]
    for m in (0.1, 0.4, 0.5, 0.9):
        here = by(found[np.isclose(found["min_overlap"], m)])
        expected = duets[f"pairs_{m}"].fillna(0)
        assert here["pairs"].tolist() == expected.tolist(), m
        np.testing.assert_allclose(here["overlap_s"], duets[f"overlap_s_{m}"].fillna(0), rtol=1e-5)


def test_some_pairs_are_never_compared_there(table):
    """What is equal to theirs is not what overlaps."""
    from duet.inference.overlap import join
    from duet.inference.samples import monotone

    samples = notebooks.without_warmup(from_table(table))
    duet = (samples.runs["type"] == "duet").to_numpy()[samples.run]
    all_of_them = join(monotone(samples.where(duet & samples.timed)), 0.1)
    assert len(all_of_them.a) > (notebooks.overlapping(samples)[3] > 0.1).sum()


def test_injected_slowdowns_that_are_found(ours, theirs, table):
    samples = notebooks.without_warmup(from_table(table))
    ci, u, *_ = notebooks.found_slowdowns(samples)
    keys = notebooks.frame_of(samples)[INDEX]
    digits = {"ci": ci, "u": u}
    for test, found in digits.items():
        mine = keys.assign(found=["".join(map(str, column.astype(int))) for column in found.T])
        mine = mine.set_index(INDEX)["found"].sort_index()
        differ = [
            sum(a != b for a, b in zip(*pair, strict=True))
            for pair in zip(mine, theirs[f"found_{test}"], strict=True)
        ]
        assert max(differ) <= (1 if test == "ci" else 0), (test, differ)  # the bootstrap's error moves a step


def test_minimal_detectable_slowdown_is_the_least_from_which_on_all_are_found():
    found = np.array([[0, 1, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(notebooks.smallest(found, (0, 0.01, 0.02, 0.03)), [3, 1, np.nan])


def test_the_curve_and_the_match_rates_count_benchmarks(ours):
    rates = ours["rq3_match_rates"].set_index(["environment", "suite", "type"])
    tested = ours["rq3_tests"].set_index(["environment", "suite", "type"])
    assert (rates["ci_match_rate"] == tested["ci_match"].astype(float).reindex(rates.index)).all()
    curve = ours["rq4_slowdowns"]
    at_zero = curve[curve["slowdown_percent"] == 0].set_index(["environment", "suite", "type"])
    assert np.allclose(at_zero["u_found_share"], 1 - rates["u_match_rate"].reindex(at_zero.index))
    assert sorted(curve["slowdown_percent"].unique()) == list(range(16))


def test_a_campaign_of_a_against_a_is_known_as_one():
    frame = campaign(2, 4, 12, types=("duet", "aaduet"))
    names = sorted(set(frame["benchmark"]))
    found = tables(frame, Analysis(), {}, [f"synthetic/{name}" for name in names])
    assert found["rq3_match_rates"]["same_sides"].all()
    assert tables(frame, Analysis())["rq3_match_rates"].set_index("type")["same_sides"].to_dict() == {
        "duet": False,
        "aaduet": True,
    }


def test_what_running_together_saves():
    """Two sides in one time: nearly half."""
    found = tables(campaign(2, 3, 20, types=("duet", "seqn"), drift=0.0), Analysis())["rq1_run_times"]
    duet = found[(found["type"] == "duet") & (found["benchmark"] == "*")].iloc[0]
    assert duet["saved_percent"] == pytest.approx(50, abs=5)
    assert duet["speed_up_percent"] == pytest.approx(100, abs=20)
    assert found[found["type"] == "seqn"]["saved_percent"].isna().all()


def test_hosts_and_benchmarks_of_a_campaign(ours):
    hosts = ours["hosts"].set_index("environment")
    assert hosts["hostname"].to_dict() == {"bare-metal": "cirrus1", "AWS t3.medium": "ip-10-0-0-7"}
    assert hosts["runs"].sum() == 90 and (hosts["busy_s"] < 1000).all()
    known = ours["benchmarks"]
    assert (known["time_p5_s"] < known["time_p50_s"]).all() and known["iterations"].sum() == 1012


def test_every_figure_is_drawn_also_of_nothing(ours, table):
    for make in drawers(ours, table).values():
        assert make().axes
    nothing = {name: frame.iloc[:0] for name, frame in ours.items()}
    for make in drawers(nothing, table.iloc[:0]).values():
        make()


def test_tables_of_a_campaign_without_absolute_times_or_of_one_side():
    frame = campaign(1, 3, 8, types=("duet", "seqn"))
    for name in ("iteration_start_ns", "iteration_end_ns"):
        frame[name] = pd.array([pd.NA] * len(frame), dtype="Int64")
    found = tables(frame, Analysis())
    assert found["rq1_run_times"].empty and (found["rq2_overlaps"]["pairs"] == 0).all()
    alone = tables(campaign(1, 3, 8).query("pair == 'A'"), Analysis())
    assert alone["rq3_tests"]["u_p_value"].isna().all()
    assert list(alone["rq3_tests"])[:4] == KEYS
    assert groups(from_table(frame).runs).max() == 1
