"""The numbers of the predecessor's notebooks, computed as its `duet.process` does, on the unified table.

What it does differently from us, and is done so here:

- warm-up: of Renaissance, DaCapo and ScalaBench an iteration counts from half of the highest number of the
  run on, over both sides; DaCapo's numbers begin with 1 there. Run times have the warm-up in them;
- pairs of a duet: both sides' iterations are walked in the order of their starts, each only compared with
  its neighbours there, and kept where they overlap by more than a share of both lengths. One iteration may
  be in several pairs, and some that overlap are never compared. Other types are paired by iteration number;
- CI test: BCa bootstrap of the runs' means of t_A - t_B, width relative to the mean of all times; U test:
  all iteration times of A against those of B; variation: of all times of both sides and all runs together;
- slowdowns are injected into B as it is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from duet.inference import intervals
from duet.inference.overlap import each_with
from duet.inference.samples import GROUP_KEYS, WARMUP, Samples, groups

MIN_OVERLAP = 0.4
MIN_OVERLAPS = tuple(m / 10 for m in range(1, 10))
SLOWDOWNS = tuple(s / 100 for s in range(16))
"""Injected, 0 among them: what is found there is a false positive of A against A."""
JAVA = ("renaissance", "dacapo", "scalabench")
FROM_ONE = ("dacapo", "scalabench")
OVERLAPPING = ("duet", "aaduet")
RESAMPLES = 2000
_LONGEST_NS = 2.0**53


def frame_of(samples: Samples) -> pd.DataFrame:
    """GROUP_KEYS, a row per group, by the number of the group."""
    return (
        samples.runs.groupby(list(GROUP_KEYS), sort=False, observed=True).size().index.to_frame(index=False)
    )


def without_warmup(samples: Samples) -> Samples:
    """The iterations that the notebooks keep."""
    highest = np.zeros(len(samples.runs), np.int64)
    one = samples.runs["suite"].isin(FROM_ONE).to_numpy().astype(np.int64)
    number = samples.iteration + one[samples.run]
    np.maximum.at(highest, samples.run, number)
    java = samples.runs["suite"].isin(JAVA).to_numpy()
    return samples.keep(~java[samples.run] | (2 * number >= highest[samples.run]), WARMUP)


def overlapping(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a duet's iterations that overlap, as the notebooks find them, at any minimum overlap.

    Positions of A and of B, the overlap in ns, and the overlap as a share of the longer one. Walked in the
    order of starts (of equal ones the shorter first), A is compared with each B that starts after the A
    before it, up to the first that starts after itself.
    """
    rows = np.flatnonzero(samples.timed & samples.runs["type"].isin(OVERLAPPING).to_numpy()[samples.run])
    start, end = samples.start_ns[rows], samples.start_ns[rows] + samples.length_ns[rows]
    order = np.lexsort((samples.side[rows], end, start, samples.run[rows]))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows))
    a, b = (np.flatnonzero(samples.side[rows] == side) for side in (0, 1))
    a, b = a[np.argsort(rank[a])], b[np.argsort(rank[b])]
    run_a, run_b = samples.run[rows][a], samples.run[rows][b]
    of_run, behind_run = np.searchsorted(run_b, run_a), np.searchsorted(run_b, run_a, "right")
    until = np.searchsorted(rank[b], rank[a])  # the first B that starts after this A
    same = np.r_[False, run_a[1:] == run_a[:-1]]
    first = np.where(same, np.r_[0, until[:-1]], of_run)
    last = np.minimum(until + 1, behind_run)
    left, right, overlap, share = each_with(a, b, first, last, start, end)
    good = overlap > 0
    return rows[left[good]], rows[right[good]], overlap[good], share[good]


def by_number(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of equal run and iteration number: sequential and synchronised runs."""
    rest = ~samples.runs["type"].isin(OVERLAPPING).to_numpy()[samples.run]
    a, b = (np.flatnonzero(rest & (samples.side == side)) for side in (0, 1))
    span = int(samples.iteration.max(initial=0)) + 1
    key = samples.run * span + samples.iteration
    _, in_a, in_b = np.intersect1d(key[a], key[b], return_indices=True)
    return a[in_a], b[in_b]


def ci_test(samples: Samples, group: np.ndarray, min_overlap: float = MIN_OVERLAP) -> pd.DataFrame:
    """By group: ci_low_ns and ci_high_ns of t_A - t_B, ci_width (of all times' mean), ci_match (0 is inside).

    Null for a group of less than two runs with pairs.
    """
    a, b, _, share = overlapping(samples)
    kept = share > min_overlap
    by_a, by_b = by_number(samples)
    left, right = np.r_[a[kept], by_a], np.r_[b[kept], by_b]
    runs, groups_ = len(samples.runs), int(group.max(initial=-1)) + 1
    run = samples.run[left]
    count = np.bincount(run, minlength=runs)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(run, samples.length_ns[left] - samples.length_ns[right], runs) / count
    low, high = np.full(groups_, np.nan), np.full(groups_, np.nan)
    size = np.bincount(group, count > 0, groups_).astype(int)
    for n in np.unique(size[size >= 2]):  # all groups of so many runs at once
        chosen = np.flatnonzero(size == n)
        here = np.flatnonzero((count > 0) & (size[group] == n))
        x = mean[here[np.argsort(group[here], kind="stable")]].reshape(-1, n)
        interval = intervals.bca(x, 0.95, 0.0, resamples=RESAMPLES)
        flat = x.std(axis=1) == 0
        low[chosen] = np.where(flat, x[:, 0], interval.low)
        high[chosen] = np.where(flat, x[:, 0], interval.high)
    total = np.bincount(group[samples.run], samples.length_ns, groups_)
    with np.errstate(invalid="ignore"):
        width = (high - low) / (total / np.bincount(group[samples.run], minlength=groups_))
    match = pd.array(np.where(np.isnan(low), 0, (low <= 0) & (high >= 0)).astype(bool), dtype="boolean")
    match[np.isnan(low)] = pd.NA
    return pd.DataFrame({"ci_low_ns": low, "ci_high_ns": high, "ci_width": width, "ci_match": match})


def mann_whitney(samples: Samples, group: np.ndarray) -> pd.DataFrame:
    """By group: u_statistic, u_p_value, u_match (p > 0.05) of Mann and Whitney (Ann. Math. Statist. 1947)."""
    groups_ = int(group.max(initial=-1)) + 1
    u, p = np.full(groups_, np.nan), np.full(groups_, np.nan)
    of = group[samples.run]
    order = np.argsort(of, kind="stable")
    bounds = np.searchsorted(of[order], np.arange(groups_ + 1))
    for g in range(groups_):
        rows = order[bounds[g] : bounds[g + 1]]
        a, b = (samples.length_ns[rows[samples.side[rows] == side]] for side in (0, 1))
        if len(a) and len(b):
            test = stats.mannwhitneyu(a, b)
            u[g], p[g] = test.statistic, test.pvalue
    match = pd.array(p > 0.05, dtype="boolean")
    match[np.isnan(p)] = pd.NA
    return pd.DataFrame({"u_statistic": u, "u_p_value": p, "u_match": match})


def variation(samples: Samples, group: np.ndarray) -> pd.DataFrame:
    """By group: iterations, mean_ns and cv, the coefficient of variation, over all runs and both sides."""
    times = pd.Series(samples.length_ns).groupby(group[samples.run])
    groups = times.agg(["size", "mean", "std"]).reindex(range(int(group.max(initial=-1)) + 1))
    return pd.DataFrame(
        {
            "iterations": groups["size"].fillna(0).astype(int),
            "mean_ns": groups["mean"],
            "cv": groups["std"] / groups["mean"],
        }
    )


def times_of_runs(samples: Samples) -> pd.DataFrame:
    """A row per run of the samples, warm-up and all: group's keys, runid, run_time_s, iterations.

    From the first start to the last end; of sequential runs the sum over both sides.
    """
    timed = samples.where(samples.timed)
    none = np.iinfo(np.int64).max
    start, end = np.full((len(samples.runs), 2), none), np.zeros((len(samples.runs), 2), np.int64)
    at = (timed.run, timed.side)
    np.minimum.at(start, at, timed.start_ns)
    np.maximum.at(end, at, timed.start_ns + timed.length_ns)
    ran = end > 0
    alone = (samples.runs["type"] == "seqn").to_numpy()
    each = np.where(ran, end - start, 0).sum(axis=1)
    time_ns = np.where(alone, each, end.max(axis=1) - start.min(axis=1)).astype(float)
    time_ns[~ran.any(axis=1)] = np.nan
    frame = samples.runs[[*GROUP_KEYS, "runid"]].copy()
    frame["run_time_s"] = time_ns / 1e9
    frame["iterations"] = samples.sums().sum(axis=1)
    return frame


def injected(samples: Samples, slowdown: float) -> Samples:
    """B's iterations longer by a share, in duets each later one shifted by what earlier ones took more."""
    b = samples.side == 1
    longer = np.where(b, np.rint(np.minimum(samples.length_ns * slowdown, _LONGEST_NS)), 0).astype(np.int64)
    until = np.cumsum(longer)
    first = np.searchsorted(samples.slot, samples.slot)
    before = until - longer - (until - longer)[first]
    duet = samples.runs["type"].isin(OVERLAPPING).to_numpy()[samples.run]
    start = samples.start_ns + np.where(duet, before, 0)
    length = samples.length_ns + longer
    return replace(samples, length_ns=length, start_ns=start, end_ns=start + length)


def found_slowdowns(
    samples: Samples, slowdowns: Sequence[float] = SLOWDOWNS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(slowdowns, groups) whether the CI test and the U test tell A from B, and whether each was done."""
    group = groups(samples.runs)
    tests: dict[str, list[np.ndarray]] = {"ci": [], "u": [], "ci_done": [], "u_done": []}
    for slowdown in slowdowns:
        longer = injected(samples, slowdown)
        for name, match in (
            ("ci", ci_test(longer, group)["ci_match"]),
            ("u", mann_whitney(longer, group)["u_match"]),
        ):
            tests[name].append(~match.fillna(True).to_numpy(bool))
            tests[f"{name}_done"].append(match.notna().to_numpy())
    ci, u, ci_done, u_done = (np.array(tests[name]) for name in ("ci", "u", "ci_done", "u_done"))
    return ci, u, ci_done, u_done


def smallest(detected: np.ndarray, slowdowns: Sequence[float] = SLOWDOWNS) -> np.ndarray:
    """By group the smallest slowdown above 0 from which on all are found, in percent; NaN for none."""
    out = np.full(detected.shape[1], np.nan)
    still = np.ones(detected.shape[1], bool)
    for slowdown, row in sorted(zip(slowdowns, detected, strict=True), key=lambda one: -one[0]):
        still &= row
        if slowdown > 0:
            out[still] = 100 * slowdown
    return out
