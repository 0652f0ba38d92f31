"""Iterations of several operations, which are compared by the time of one; and those of durations alone."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from duet.inference.effects import BY_PROCESS, NO_TIMES, run_effects
from duet.inference.samples import from_table
from duet.model import Analysis


def table(operations: dict[str, int] | None) -> pd.DataFrame:
    """B takes 5 % longer for an operation; each side's iterations have that many."""
    made = synthetic.campaign(benchmarks=1, runs=4, iterations=20, change=0.05, seed=3)
    if operations is None:
        return made
    count = made["pair"].astype(str).map(operations).to_numpy(np.int64)
    return made.assign(operations=pd.array(count, dtype="Int64"))


@pytest.mark.parametrize("operations", [{"A": 1000, "B": 1000}, {"A": 7, "B": 7}, {"A": 1, "B": 1}])
def test_equal_numbers_change_nothing(operations: dict[str, int]) -> None:
    plain, counted = (from_table(table(o)).length_ns for o in (None, operations))
    assert (plain == counted).all()


def test_unequal_numbers_are_made_equal() -> None:
    plain, counted = (run_effects(table(o), Analysis()) for o in (None, {"A": 1000, "B": 500}))
    # B's iterations were as long and had half the operations: each took twice as long.
    assert counted["log_ratio"].to_numpy() == pytest.approx(
        plain["log_ratio"].to_numpy() + np.log(2), abs=1e-3
    )


def test_each_benchmark_has_a_scale_of_its_own() -> None:
    made = synthetic.campaign(benchmarks=["few", "many"], runs=1, iterations=5)
    count = np.where(made["benchmark"].astype(str) == "many", 10**9, 3)
    found = from_table(made.assign(operations=count))
    assert (found.length_ns == from_table(made).length_ns).all()


def test_a_number_that_is_not_known_counts_as_one() -> None:
    made = table({"A": 1, "B": 1})
    made.loc[made.index[::3], "operations"] = pd.NA
    assert (from_table(made).length_ns == from_table(table(None)).length_ns).all()


def without_times(runs: int = 3) -> pd.DataFrame:
    """Durations only; A's process runs from 100 to 200 s, B's from 150 to 250 s of each run."""
    made = synthetic.campaign(benchmarks=1, runs=runs, iterations=20)
    nothing = pd.array([pd.NA] * len(made), dtype="Int64")
    is_a = (made["pair"].astype(str) == "A").to_numpy()
    return made.assign(
        iteration_start_ns=nothing,
        iteration_end_ns=nothing,
        process_start_ns=pd.array(np.where(is_a, 100, 150) * 10**9, dtype="Int64"),
        process_end_ns=pd.array(np.where(is_a, 200, 250) * 10**9, dtype="Int64"),
    )


def test_of_durations_alone_coverage_is_that_of_the_processes() -> None:
    found = run_effects(without_times(), Analysis())
    assert found["coverage"].tolist() == found["coverage_time"].tolist() == [0.5] * 3
    assert set(found["warnings"]) == {BY_PROCESS}
    assert found["log_ratio"].notna().all()


@pytest.mark.parametrize("lost", ["process_start_ns", "process_end_ns"])
def test_where_the_processes_are_not_known_nothing_is_said_of_them(lost: str) -> None:
    made = without_times()
    unknown = made.assign(**{lost: pd.array([pd.NA] * len(made), dtype="Int64")})
    for table in (unknown, made.drop(columns=lost)):
        found = run_effects(table, Analysis())
        assert set(found["coverage"]) == {1.0} and set(found["warnings"]) == {NO_TIMES}


def test_processes_that_did_not_run_together_are_seen() -> None:
    made = without_times()
    later = made["process_start_ns"] + 10**12 * (made["pair"].astype(str) == "B").astype("Int64")
    apart = made.assign(process_start_ns=later, process_end_ns=later + 10**9)
    assert set(run_effects(apart, Analysis())["coverage"]) == {0.0}
