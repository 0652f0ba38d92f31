"""The plan: counterbalanced, drawn from the seed, and stable when repetitions are added."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from duet.campaign.order import longest_s, padding_bytes, runs, swapped, time_left_s
from duet.model import Benchmark, Campaign, Order, Run, Schedule, Side, Type
from duet.records.plan import plan_of
from hypothesis import given
from hypothesis import strategies as st

DUETS = (Type.DUET, Type.SYNCDUET, Type.AADUET)
seeds = st.integers(-(2**40), 2**40)
counts = st.integers(0, 40)


def benchmark(name: str, timeout_s: float | None = None, **repetitions: int) -> Benchmark:
    a, b = (Side(s, None, "true", "true", ("results.csv",)) for s in "AB")
    by_type = {Type(t): n for t, n in repetitions.items()}
    return Benchmark("suite", name, a, b, "native", by_type, timeout_s)


def campaign(*benchmarks: Benchmark, seed: int = 0, schedule: Schedule = Schedule.SEQUENTIAL) -> Campaign:
    return Campaign("c", Path("c.yml"), benchmarks, seed=seed, schedule=schedule)


def every(n: int) -> dict[str, int]:
    return {str(t): n for t in Type}


@given(seeds, counts, st.sampled_from(DUETS))
def test_orders_are_counterbalanced_for_every_count(seed: int, n: int, type_: Type) -> None:
    planned = runs(campaign(benchmark("b", **{type_: n}), seed=seed))
    orders = Counter(run.order for run in planned)
    assert len(planned) == n
    assert abs(orders[Order.AB] - orders[Order.BA]) <= 1
    assert set(orders) <= {Order.AB, Order.BA}


def test_which_order_comes_first_is_drawn() -> None:
    firsts = Counter(runs(campaign(benchmark("b", duet=2), seed=seed))[0].order for seed in range(400))
    assert 150 < firsts[Order.AB] < 250


@given(seeds, counts)
def test_seqn_runs_each_side_once_a_repetition(seed: int, n: int) -> None:
    planned = runs(campaign(benchmark("b", seqn=n), seed=seed))
    assert Counter((run.runid, run.side) for run in planned) == {(i, s): 1 for i in range(n) for s in "AB"}
    assert all(run.order == Order.NONE for run in planned)


@pytest.mark.parametrize("schedule", Schedule)
@given(seed=seeds, few=counts, more=counts)
def test_more_repetitions_keep_the_runs_and_their_places(schedule, seed: int, few: int, more: int) -> None:
    def plan(n: int) -> tuple[Run, ...]:
        return runs(
            campaign(benchmark("x", **every(n)), benchmark("y", duet=3), seed=seed, schedule=schedule)
        )

    before, after = plan(few), plan(few + more)
    assert set(before) <= set(after)
    assert tuple(run for run in after if run in set(before)) == before


@given(seeds)
def test_rmit_is_a_permutation(seed: int) -> None:
    benchmarks = [benchmark(f"b{i}", **every(3)) for i in range(4)]
    listed = runs(campaign(*benchmarks, seed=seed))
    mixed = runs(campaign(*benchmarks, seed=seed, schedule=Schedule.RMIT))
    assert sorted(run.name for run in mixed) == sorted(run.name for run in listed)
    assert len({run.name for run in mixed}) == len(mixed) == 4 * (4 * 3 + 3 * 2)
    assert mixed == runs(campaign(*benchmarks, seed=seed, schedule=Schedule.RMIT))


@given(seeds)
def test_the_schedule_is_no_part_of_what_a_run_is(seed: int) -> None:
    """So that results of the one are those of the other."""
    benchmarks = [benchmark(f"b{i}", **every(2)) for i in range(3)]
    plans = []
    for schedule in Schedule:
        made = campaign(*benchmarks, seed=seed, schedule=schedule)
        plan = plan_of(made, runs(made))
        plans.append((plan.sides, plan.others, plan.tables))
    assert plans[0] == plans[1]


def test_rmit_mixes_and_follows_the_seed() -> None:
    benchmarks = [benchmark(f"b{i}", duet=10) for i in range(10)]
    listed = runs(campaign(*benchmarks))
    one, two = (runs(campaign(*benchmarks, seed=s, schedule=Schedule.RMIT)) for s in (1, 2))
    assert len({listed, one, two}) == 3
    neighbours = sum(a.benchmark == b.benchmark for a, b in pairwise(one))
    # 99 neighbours, of which 9 in 99 are of one benchmark by chance
    assert neighbours < 25


def test_rmit_does_not_depend_on_the_order_of_the_file() -> None:
    benchmarks = [benchmark(f"b{i}", duet=3) for i in range(5)]
    one, two = (runs(campaign(*bs, schedule=Schedule.RMIT)) for bs in (benchmarks, benchmarks[::-1]))
    assert one == two


def test_sequential_follows_the_file() -> None:
    planned = runs(campaign(benchmark("z", duet=2, seqn=1), benchmark("a", duet=1)))
    assert [(run.benchmark, run.type) for run in planned] == [
        ("z", Type.DUET),
        ("z", Type.DUET),
        ("z", Type.SEQN),
        ("z", Type.SEQN),
        ("a", Type.DUET),
    ]


@given(seeds, st.sampled_from(DUETS), st.integers(0, 30))
def test_cores_and_orders_have_all_four_combinations_in_four_runs(seed: int, type_: Type, block: int) -> None:
    planned = runs(campaign(benchmark("b", **{type_: 4 * block + 4}), seed=seed))[4 * block :]
    assert len({(run.order, swapped(seed, run)) for run in planned}) == 4


@given(seeds)
def test_each_side_of_each_run_draws_its_padding(seed: int) -> None:
    planned = runs(campaign(benchmark("b", duet=40), seed=seed))
    drawn = {(run.runid, side): padding_bytes(seed, run, side) for run in planned for side in "AB"}
    assert drawn == {(run.runid, side): padding_bytes(seed, run, side) for run in planned for side in "AB"}
    assert all(0 <= padding < 4096 for padding in drawn.values())
    assert len(set(drawn.values())) > 70  # of 80; 0.8 pairs fall together by chance
    above = [sum(drawn[run.runid, side] > 2048 for run in planned) for side in "AB"]
    assert all(5 < n < 35 for n in above), "neither side has the longer environment in all runs"


@given(seeds, st.sampled_from(Type), st.integers(1, 30))
def test_cores_change_sides_from_run_to_run(seed: int, type_: Type, n: int) -> None:
    planned = runs(campaign(benchmark("b", **{type_: n}), seed=seed))
    for side in ("A", "B") if type_ == Type.SEQN else (None,):
        halves = Counter(swapped(seed, run) for run in planned if run.side == side)
        assert abs(halves[True] - halves[False]) <= (1 if type_ == Type.SEQN else 2)


@given(seeds, st.integers(0, 20))
def test_sides_alone_get_the_same_cores(seed: int, runid: int) -> None:
    a, b = (Run("s", "b", runid, Type.SEQN, side=side) for side in "AB")
    assert swapped(seed, a) == swapped(seed, b)


def test_time_left() -> None:
    planned = runs(campaign(benchmark("x", duet=4, seqn=1), benchmark("y", duet=1)))
    duets, seqn, other = planned[:4], planned[4:6], planned[6]
    assert time_left_s(planned, {}) is None
    assert time_left_s((), {duets[0]: 3.0}) == 0
    assert time_left_s(duets[2:], {duets[0]: 2.0, duets[1]: 4.0, other: 100.0}) == pytest.approx(6)
    # no such run of its type yet: as its benchmark's others; no run of its benchmark: as all
    assert time_left_s(seqn, {duets[0]: 2.0, other: 100.0}) == pytest.approx(4)
    assert time_left_s([other], {duets[0]: 2.0, seqn[0]: 4.0}) == pytest.approx(3)


def test_longest() -> None:
    timed = campaign(benchmark("x", 10, duet=2), benchmark("y", 5, duet=1))
    assert longest_s(timed, runs(timed)) == 25
    assert longest_s(timed, ()) == 0
    untimed = campaign(benchmark("x", 10, duet=2), benchmark("y", duet=1))
    assert longest_s(untimed, runs(untimed)) is None
