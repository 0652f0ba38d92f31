"""Which iterations of A and B overlapped in time, and by how much.

Two iterations of one run are a pair when their overlap is at least `min_overlap` of each one's
length. From 0.5 up an iteration is in at most one pair (of two exact halves the earlier counts);
below, it may be in several, as in the predecessor's analysis at 0.4.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from duet.inference.samples import RUN_KEYS, Samples, from_table, monotone

PAIRED_TYPES = ("duet", "aaduet", "bbduet", "syncduet")
_LONGEST_NS = 2**61
"""A part ends here; with one more run (stamps are below 2**62) it still fits into int64."""


@dataclass(frozen=True)
class Pairs:
    """P pairs: positions of A's and B's iterations in the samples, and their overlap."""

    a: np.ndarray
    b: np.ndarray
    overlap_ns: np.ndarray
    share: np.ndarray
    """Overlap as a share of the longer of the two: the largest `min_overlap` that keeps the pair."""

    def at(self, min_overlap: float) -> "Pairs":
        """Those that hold at a greater minimum overlap."""
        return _one_to_one(self, min_overlap)


def pairs(table: pd.DataFrame, min_overlap: float = 0.5) -> pd.DataFrame:
    """One row per pair of overlapping iterations of duet, aaduet and syncduet runs.

    Columns: suite, benchmark, type, runid, order, iteration_A, iteration_B, overlap_start_ns,
    overlap_end_ns, overlap_ns, time_A_ns, time_B_ns; sorted by run and time. Iterations without
    absolute times, or before which the clock stepped back, take no part.
    """
    samples = from_table(table)
    paired = samples.runs["type"].isin(PAIRED_TYPES).to_numpy()
    samples = monotone(samples.where(paired[samples.run] & samples.timed))
    joined = join(samples, min_overlap)
    a, b = joined.a, joined.b
    start_ns = np.maximum(samples.start_ns[a], samples.start_ns[b])
    run = samples.run[a]
    columns: dict[str, object] = {}
    for name in RUN_KEYS:
        values = samples.runs[name].to_numpy()
        if name != "runid":
            codes, known = pd.factorize(values, sort=True)
            columns[name] = pd.Categorical.from_codes(codes.take(run), pd.Index(known))
        else:
            columns[name] = values.take(run)
    columns |= {"iteration_A": samples.iteration[a], "iteration_B": samples.iteration[b]}
    columns |= {"overlap_start_ns": start_ns, "overlap_end_ns": start_ns + joined.overlap_ns}
    columns |= {"overlap_ns": joined.overlap_ns}
    columns |= {"time_A_ns": samples.length_ns[a], "time_B_ns": samples.length_ns[b]}
    return pd.DataFrame(columns)


def join(samples: Samples, min_overlap: float = 0.5) -> Pairs:
    """All pairs of all runs. Every iteration must be timed and monotone (see `monotone`).

    With starts and ends sorted, the iterations of B that overlap one of A are a range, and both of
    its bounds are found by binary search: what a merge that advances by earliest end visits.
    """
    parts = [_join_part(samples, rows, min_overlap) for rows in _parts(samples)]
    if not parts:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none, np.zeros(0))
    return Pairs(*(np.concatenate([getattr(p, f) for p in parts]) for f in Pairs.__dataclass_fields__))


def _parts(samples: Samples) -> list[slice]:
    """Rows cut at runs so that the runs of a part, laid end to end, fit into int64."""
    if len(samples) == 0:
        return []
    first = np.flatnonzero(np.r_[True, np.diff(samples.run) > 0])
    span = np.maximum.reduceat(samples.end_ns, first).astype(float) - np.minimum.reduceat(
        samples.start_ns, first
    )
    part = (np.cumsum(span + 2.0) // _LONGEST_NS).astype(np.int64)
    cuts = first[np.flatnonzero(np.r_[True, np.diff(part) > 0])]
    return [slice(lo, hi) for lo, hi in zip(cuts, np.r_[cuts[1:], len(samples)], strict=True)]


def _join_part(samples: Samples, rows: slice, min_overlap: float) -> Pairs:
    run, side = samples.run[rows], samples.side[rows]
    start, end = _laid_end_to_end(run, samples.start_ns[rows], samples.end_ns[rows])
    a, b = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
    first = np.searchsorted(end[b], start[a], "right")
    last = np.searchsorted(start[b], end[a], "left")
    left, right, overlap, share = each_with(a, b, first, last, start, end)
    joined = Pairs(left + rows.start, right + rows.start, overlap, share)
    return _one_to_one(joined, min_overlap)


def each_with(
    a: np.ndarray, b: np.ndarray, first: np.ndarray, last: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each a[i] with b[first[i]] to b[last[i] - 1], flat: both, their overlap in ns, and its share of the
    longer one."""
    count = np.maximum(last - first, 0)
    left = np.repeat(np.arange(len(a)), count)
    right = first[left] + np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    left, right = a[left], b[right]
    overlap = np.minimum(end[left], end[right]) - np.maximum(start[left], start[right])
    longer = np.maximum(end[left] - start[left], end[right] - start[right])
    return left, right, overlap, overlap / longer


def _laid_end_to_end(
    run: np.ndarray, start_ns: np.ndarray, end_ns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The runs' times moved so that each run begins after the one before it has ended."""
    first = np.flatnonzero(np.r_[True, np.diff(run) > 0])
    low = np.minimum.reduceat(start_ns, first)
    span = np.maximum.reduceat(end_ns, first) - low + 1
    shift = np.repeat(np.cumsum(span) - span - low, np.diff(np.r_[first, len(run)]))
    return start_ns + shift, end_ns + shift


def _one_to_one(joined: Pairs, min_overlap: float) -> Pairs:
    """Those with enough overlap; from 0.5 up no two of them with a common member."""
    keep = (joined.share >= min_overlap) & (joined.overlap_ns > 0)
    if min_overlap >= 0.5 and keep.any():
        rows = np.flatnonzero(keep)
        a, b = joined.a[rows], joined.b[rows]
        rows = rows[(np.bincount(a)[a] > 1) | (np.bincount(b)[b] > 1)]
        keep[rows[_taken(joined.a[rows], joined.b[rows])]] = False
    return Pairs(joined.a[keep], joined.b[keep], joined.overlap_ns[keep], joined.share[keep])


def _taken(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which of the pairs (a, b), in time order, have a member that an earlier one has.

    Needed where two pairs share exact halves, or a coarse clock lets neighbours overlap.
    """
    used_a: set[int] = set()
    used_b: set[int] = set()
    out = np.zeros(len(a), bool)
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        out[i] = x in used_a or y in used_b
        if not out[i]:
            used_a.add(x)
            used_b.add(y)
    return out
