"""The unified table as sorted arrays: what overlap and inference compute on.

A table of a million rows is grouped once, here, by integer codes; everything after it is plain
numpy over all runs at the same time.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

RUN_KEYS = ("suite", "benchmark", "type", "environment", "runid", "order")
GROUP_KEYS = ("suite", "benchmark", "type", "environment")
"""What is judged by itself. A table without the column `environment` is all of one, called nothing."""
RUN_FACTS = ("swapped",)
"""Columns of `runs` beside its keys, where the table has them: as text, `None` where not known."""

NO_SIDE = "side is neither A nor B"
NO_DURATION = "no duration"
CLOCK = "clock stepped back"
UNSYNCHRONISED = "not synchronised"
WARMUP = "warm-up"
DISTURBED = "disturbed"


@dataclass(frozen=True)
class Samples:
    """Iterations of all runs, sorted by run, side and iteration. All arrays have N entries.

    `side` is 0 for A and 1 for B; `length_ns` is the reported iteration time; `start_ns` and
    `end_ns` (int64) are meaningful where `timed`. `runs` has a row per run of the table (RUN_KEYS),
    also for runs of which no iteration is left, and `left_out[reason]` counts the iterations
    of each run that were dropped.
    """

    runs: pd.DataFrame
    run: np.ndarray
    side: np.ndarray
    iteration: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    length_ns: np.ndarray
    timed: np.ndarray
    left_out: dict[str, np.ndarray]
    row: np.ndarray | None = None
    """Where each iteration stands in the table; None for made-up ones."""

    def __len__(self) -> int:
        return len(self.run)

    @property
    def slot(self) -> np.ndarray:
        """2 * run + side: one number per run and side, non-decreasing."""
        return self.run * 2 + self.side

    def sums(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Sum of the weights (count without them) by run and side, shape (runs, 2)."""
        return np.bincount(self.slot, weights, minlength=2 * len(self.runs)).reshape(-1, 2)

    def keep(self, mask: np.ndarray, reason: str) -> "Samples":
        """Only the iterations where `mask`; the others are counted under `reason`."""
        if mask.all():
            return self
        dropped = np.bincount(self.run[~mask], minlength=len(self.runs))
        known = self.left_out.get(reason, 0)
        return replace(
            self.where(mask),
            left_out={**self.left_out, reason: known + dropped},
        )

    def where(self, mask: np.ndarray) -> "Samples":
        """Only the iterations where `mask`, uncounted."""
        names = ("run", "side", "iteration", "start_ns", "end_ns", "length_ns", "timed")
        rows = None if self.row is None else self.row[mask]
        return replace(self, **{name: getattr(self, name)[mask] for name in names}, row=rows)

    def ordinal(self) -> np.ndarray:
        """Place of each iteration within its run and side, from 0."""
        return np.arange(len(self)) - first_of(self.slot)


def first_of(sorted_keys: np.ndarray) -> np.ndarray:
    """For each entry the position at which its key begins; keys must be non-decreasing."""
    if len(sorted_keys) == 0:
        return np.zeros(0, np.int64)
    new = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    return np.repeat(new, np.diff(np.r_[new, len(sorted_keys)]))


def from_table(table: pd.DataFrame) -> Samples:
    """Group and sort the table; iterations without a positive duration are left out and counted.

    Where `iteration_time_ns` is null and both stamps are known, their difference stands in. Where an
    iteration is several `operations`, its length is that of as many as the benchmark's longest one has: so
    that sides whose harness chose other numbers of them are compared by the time of one.
    """
    run, runs = _runs(table)
    is_a, is_b = ((table["pair"] == side).to_numpy(bool) for side in "AB")
    side = is_b.astype(np.int64)
    start_ns, has_start = _integers(table, "iteration_start_ns")
    end_ns, has_end = _integers(table, "iteration_end_ns")
    length_ns, has_length = _integers(table, "iteration_time_ns")
    timed = has_start & has_end & _sane(start_ns) & _sane(end_ns)
    length_ns = _of_as_many(table, np.where(has_length, length_ns, end_ns - start_ns))
    iteration, _ = _integers(table, "iteration")

    slot = run * 2 + side
    step = np.diff(slot)
    if not ((step > 0) | ((step == 0) & (np.diff(iteration) >= 0))).all():
        order = np.lexsort((iteration, slot))
    else:
        order = np.arange(len(slot))
    samples = Samples(
        runs,
        run[order],
        side[order],
        iteration[order],
        start_ns[order],
        end_ns[order],
        length_ns[order],
        timed[order],
        left_out={},
        row=order,
    )
    usable = (has_length | timed)[order] & _duration(samples.length_ns)
    usable &= ~samples.timed | _duration(samples.end_ns - samples.start_ns)
    unsynchronised = _unsynchronised(table)[order]
    is_side = (is_a | is_b)[order]
    samples = samples.keep(is_side, NO_SIDE)
    usable, unsynchronised = usable[is_side], unsynchronised[is_side]
    samples = samples.keep(usable, NO_DURATION)
    return samples.keep(~unsynchronised[usable], UNSYNCHRONISED)


def groups(runs: pd.DataFrame) -> np.ndarray:
    """The number of each run's (suite, benchmark, type, environment)."""
    return runs.groupby(list(GROUP_KEYS), sort=False, observed=True).ngroup().to_numpy()


def monotone(samples: Samples) -> Samples:
    """Leaves out stamped iterations before which the clock stepped back by more than one of them.

    Small overlaps of neighbours stay: a clock of milliseconds makes them. After this the starts
    and the ends of each run and side are non-decreasing.
    """
    if len(samples) == 0:
        return samples
    bad = np.zeros(len(samples), bool)
    for stamps in (samples.start_ns, samples.end_ns):
        back = np.r_[False, stamps[1:] < stamps[:-1]] & np.r_[False, samples.slot[1:] == samples.slot[:-1]]
        for slot in np.unique(samples.slot[back & samples.timed]):
            here = np.flatnonzero((samples.slot == slot) & samples.timed)
            bad[here] |= stamps[here] < np.maximum.accumulate(stamps[here])
    return samples.keep(~bad, CLOCK)


def _unsynchronised(table: pd.DataFrame) -> np.ndarray:
    """Syncduet iterations that the probe marked as run without the other side."""
    if "synchronised" not in table.columns:
        return np.zeros(len(table), bool)
    is_sync = (table["type"].astype(str) == "syncduet").to_numpy()
    flag = pd.to_numeric(table["synchronised"], errors="coerce")
    return is_sync & (flag == 0).fillna(False).to_numpy(bool)


def _runs(table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """The run number of each row, and the runs' keys; runs are numbered by group, then runid."""
    if "environment" not in table.columns:
        nothing = pd.Categorical([""] * len(table), categories=[""])
        table = pd.DataFrame({n: table[n] for n in table.columns if n in (*RUN_KEYS, *RUN_FACTS)})
        table = table.assign(environment=nothing)
    key = np.zeros(len(table), np.int64)
    for name in RUN_KEYS:
        codes = _codes(table[name])
        key = key * (codes.max(initial=0) + 1) + codes
    _, first, run = np.unique(key, return_index=True, return_inverse=True)
    known = [*RUN_KEYS, *(name for name in RUN_FACTS if name in table.columns)]
    runs = {name: table[name].array[first] for name in known}
    for name in known:
        if name != "runid":
            null = "" if name == "environment" else "None"
            runs[name] = np.array([null if pd.isna(x) else str(x) for x in runs[name]], object)
    return run.reshape(-1).astype(np.int64), pd.DataFrame(runs)


def _codes(column: pd.Series) -> np.ndarray:
    """Small non-negative integers that sort as the column's values do; null is 0."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        rank = np.empty(len(categories) + 1, np.int64)
        rank[-1] = -1
        rank[:-1][categories.argsort()] = np.arange(len(categories))
        return rank[column.cat.codes.to_numpy()] + 1
    codes, _ = pd.factorize(column, sort=True)
    return codes.astype(np.int64) + 1


def _integers(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A column as int64 (0 where null) and where it is known; integers never pass through a float."""
    if name not in table.columns:
        return np.zeros(len(table), np.int64), np.zeros(len(table), bool)
    column = table[name]
    if column.dtype == object:
        column = pd.to_numeric(column, errors="coerce")
    known = column.notna().to_numpy(bool)
    if column.dtype.kind == "f":
        values = column.to_numpy(np.float64, na_value=np.nan)
        known = np.abs(values) < 2**62
        return np.where(known, values, 0).astype(np.int64), known
    if known.all():
        return column.to_numpy(np.int64), known
    return column.to_numpy(np.int64, na_value=0), known


def _of_as_many(table: pd.DataFrame, length_ns: np.ndarray) -> np.ndarray:
    """The lengths as if every iteration of a benchmark had as many operations as the one that has most."""
    if "operations" not in table.columns:
        return length_ns
    count = pd.to_numeric(table["operations"]).fillna(1).clip(lower=1).astype(float)
    most = count.groupby([table["suite"], table["benchmark"]], observed=True, sort=False).transform("max")
    times = (most / count).to_numpy(float)
    scaled = np.rint(np.minimum(length_ns * times, 2.0**62)).astype(np.int64)
    return np.where(times == 1, length_ns, scaled)


def process_overlap(table: pd.DataFrame) -> np.ndarray:
    """By run of `from_table` the share of its two processes' time in which both ran; NaN where not known."""
    run, runs = _runs(table)
    both, spans = np.ones(len(runs), bool), []
    for side in "AB":
        here = (table["pair"] == side).to_numpy(bool)
        measured, first = np.unique(run[here], return_index=True)
        span = np.zeros((2, len(runs)), np.int64)
        there = np.zeros(len(runs), bool)
        there[measured] = True
        for i, name in enumerate(("process_start_ns", "process_end_ns")):
            values, known = _integers(table, name)
            span[i, measured] = values[here][first]
            there[measured] &= known[here][first]
        both &= there
        spans.append(span)
    (start_a, end_a), (start_b, end_b) = spans
    together = np.maximum(np.minimum(end_a, end_b) - np.maximum(start_a, start_b), 0)
    whole = end_a - start_a + end_b - start_b
    return np.where(both & (whole > 0), 2 * together / np.maximum(whole, 1), np.nan)


def machine_time(table: pd.DataFrame, samples: Samples) -> np.ndarray:
    """By run of the table's samples how long it occupied the machine in ns, shape (runs,): both processes
    together, of seqn runs one and the other. From the first to the last stamp of the iterations where nobody
    knows of processes; NaN where there are none either."""
    runs = len(samples.runs)
    start, end = np.full(2 * runs, np.nan), np.full(2 * runs, np.nan)
    timed = samples.where(samples.timed)
    if len(timed):
        first = np.flatnonzero(np.r_[True, np.diff(timed.slot) > 0])
        start[timed.slot[first]] = np.minimum.reduceat(timed.start_ns, first)
        end[timed.slot[first]] = np.maximum.reduceat(timed.end_ns, first)
    if len(samples) and samples.row is not None:
        first = np.flatnonzero(np.r_[True, np.diff(samples.slot) > 0])
        cells = table.iloc[samples.row[first]]
        (begin_ns, begun), (end_ns, ended) = (
            _integers(cells, n) for n in ("process_start_ns", "process_end_ns")
        )
        slot = samples.slot[first]
        known = np.zeros(2 * runs, bool)
        known[slot] = begun & ended
        known = np.repeat(known.reshape(-1, 2).all(axis=1), 2)
        start[slot] = np.where(known[slot], begin_ns, start[slot])
        end[slot] = np.where(known[slot], end_ns, end[slot])
    by_side = np.stack([start, end]).reshape(2, runs, 2)
    alone = (samples.runs["type"] == "seqn").to_numpy()
    together = by_side[1].max(axis=1) - by_side[0].min(axis=1)
    spans = np.where(alone, (by_side[1] - by_side[0]).sum(axis=1), together)
    return np.where(spans > 0, spans, np.nan)


def _duration(length_ns: np.ndarray) -> np.ndarray:
    """Lengths that an iteration can have: above 0 and within 104 days, so that sums of them fit."""
    return (length_ns > 0) & (length_ns < 2**53)


def _sane(stamps_ns: np.ndarray) -> np.ndarray:
    """Stamps that can be one: differences of any two of them fit into int64."""
    return (stamps_ns >= 0) & (stamps_ns < 2**62)
