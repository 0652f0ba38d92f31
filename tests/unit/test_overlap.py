"""Pairing against a brute-force oracle, and its edges."""

import numpy as np
import pandas as pd
import pytest
from duet.inference import overlap
from duet.inference.samples import from_table
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = [
    *("suite", "benchmark", "type", "runid", "order", "pair", "iteration"),
    *("iteration_start_ns", "iteration_end_ns", "iteration_time_ns"),
]
EPOCH = 1_700_000_000_000_000_001  # odd: a float would lose it


def table(runs: list[tuple[list, list]], type_: str = "duet") -> pd.DataFrame:
    """A unified table of runs, each two lists of (start, end) after EPOCH."""
    rows = [
        ("s", "b", type_, runid, "AB", side, i, EPOCH + start, EPOCH + end, end - start)
        for runid, sides in enumerate(runs)
        for side, spans in zip("AB", sides, strict=True)
        for i, (start, end) in enumerate(spans)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({c: "Int64" for c in COLUMNS[-3:]})


def spans(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(gap, length) pairs -> consecutive spans."""
    out, now = [], 0
    for gap, length in steps:
        out.append((now + gap, now + gap + length))
        now += gap + length
    return out


def oracle(a: list, b: list, m: float) -> list[tuple[int, int, int]]:
    """Every (i, j, overlap) by looking at all of them; exact halves to the earlier one."""
    out, used_a, used_b = [], set(), set()
    for i, (s, e) in enumerate(a):
        for j, (u, v) in enumerate(b):
            shared = min(e, v) - max(s, u)
            if shared <= 0 or shared / (e - s) < m or shared / (v - u) < m:
                continue
            if m >= 0.5 and (i in used_a or j in used_b):
                continue
            out.append((i, j, shared))
            used_a.add(i)
            used_b.add(j)
    return out


side = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 12)), min_size=0, max_size=25).map(spans)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(side, side), min_size=1, max_size=4),
    st.sampled_from([0.1, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0]),
)
def test_pairs_are_those_of_the_oracle(runs, m):
    frame = overlap.pairs(table(runs), m)
    for runid, (a, b) in enumerate(runs):
        rows = frame[frame["runid"] == runid]
        got = list(zip(rows["iteration_A"], rows["iteration_B"], rows["overlap_ns"], strict=True))
        assert got == oracle(a, b, m)
        for row in rows.itertuples():
            s, e = a[row.iteration_A]
            u, v = b[row.iteration_B]
            assert (row.overlap_start_ns, row.overlap_end_ns) == (EPOCH + max(s, u), EPOCH + min(e, v))
            assert (row.time_A_ns, row.time_B_ns) == (e - s, v - u)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(side, side), min_size=1, max_size=3), st.sampled_from([0.5, 0.7]))
def test_a_stricter_overlap_can_be_taken_later(runs, m):
    samples = from_table(table(runs))
    loose, strict = overlap.join(samples, 0.1).at(m), overlap.join(samples, m)
    assert np.array_equal(loose.a, strict.a) and np.array_equal(loose.b, strict.b)


def test_an_exact_half_counts_once():
    frame = overlap.pairs(table([([(0, 10)], [(0, 5), (5, 10)])]), 0.5)
    assert frame["iteration_B"].tolist() == [0]


def test_nanoseconds_are_exact():
    frame = overlap.pairs(table([([(0, 1001)], [(1, 1002)])]))
    assert frame["overlap_start_ns"].tolist() == [EPOCH + 1]
    assert frame["overlap_ns"].tolist() == [1000]
    assert frame["overlap_ns"].dtype == np.int64


def test_seqn_has_no_pairs_and_runs_never_mix():
    assert overlap.pairs(table([([(0, 9)], [(0, 9)])], "seqn")).empty
    assert overlap.pairs(table([([(0, 9)], []), ([], [(0, 9)])])).empty


def test_years_inside_and_between_runs_do_not_overflow():
    """40 runs of 20 years, laid end to end, are more nanoseconds than int64 holds."""
    day = 86_400 * 10**9
    year = 365 * day
    side = [(0, day), (20 * year, 20 * year + day)]
    frame = overlap.pairs(table([(side, side)] * 40))
    assert frame["overlap_ns"].tolist() == [day] * 80
    assert frame["iteration_A"].tolist() == frame["iteration_B"].tolist() == [0, 1] * 40


@pytest.mark.parametrize("null", ["iteration_start_ns", "iteration_end_ns"])
def test_iterations_without_absolute_time_take_no_part(null):
    frame = table([([(0, 9), (9, 18)], [(0, 9), (9, 18)])])
    frame.loc[0, null] = pd.NA
    assert overlap.pairs(frame)["iteration_A"].tolist() == [1]


def test_after_a_step_back_of_the_clock_iterations_are_left_out():
    a = [(100, 110), (110, 120), (30, 40), (120, 130)]
    frame = overlap.pairs(table([(a, [(100, 110), (110, 120), (120, 130)])]))
    assert frame["iteration_A"].tolist() == [0, 1, 3]


def test_neighbours_that_overlap_a_little_are_still_one_to_one():
    """Clocks of milliseconds make an iteration begin before the last has ended."""
    a = [(0, 1000), (999, 1999), (1999, 2999)]
    frame = overlap.pairs(table([(a, [(0, 1000), (1000, 2000), (1998, 2998)])]))
    assert frame["iteration_A"].tolist() == frame["iteration_B"].tolist() == [0, 1, 2]


def test_rows_in_any_order():
    runs = [(spans([(1, 9)] * 5), spans([(2, 8)] * 5)), (spans([(0, 7)] * 4), spans([(1, 6)] * 4))]
    frame = table(runs)
    shuffled = frame.sample(frac=1, random_state=1).astype({"suite": "category", "pair": "category"})
    first, second = overlap.pairs(frame), overlap.pairs(shuffled)
    pd.testing.assert_frame_equal(first.astype(object), second.astype(object))


def test_an_empty_table():
    assert overlap.pairs(table([([], [])])).empty
