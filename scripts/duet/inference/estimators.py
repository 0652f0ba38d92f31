"""From the iterations of a run to one number: ln(time of B / time of A).

Every function works on all runs at once and returns arrays over runs; `docs/statistics.md` has
the formulas, and the numbers by which `index` was chosen as the default.
"""

from dataclasses import dataclass, replace

import numpy as np

from duet.inference.overlap import Pairs
from duet.inference.samples import Samples, first_of
from duet.inference.work import Work, shared_work

NAMES = ("index", "rate", "pairs", "pairs-weighted")
STRETCHES = 5
_LARGEST = 0.25**2
"""Variance up to which the second order of the delta method is followed."""


@dataclass(frozen=True)
class Estimates:
    """One entry per run; `used` (runs, 2) is the fractional number of iterations that took part."""

    log_ratio: np.ndarray
    mean_ns: np.ndarray
    """(runs, 2): mean iteration time of A and of B in what was compared."""
    used: np.ndarray
    busy_ns: np.ndarray
    """(runs, 2): time inside those iterations."""


@dataclass(frozen=True)
class Parts:
    """What `index` makes of the iterations before it sums them up."""

    share: np.ndarray
    """(N,): see `shares`."""
    work: Work


def parts_of(samples: Samples, overlaps: Pairs, group: np.ndarray) -> Parts:
    return Parts(shares(samples, overlaps), shared_work(samples, group))


def shares(samples: Samples, overlaps: Pairs) -> np.ndarray:
    """Of each iteration the share of its length during which the other side was in one, too.

    `overlaps` are all pairs, however little they overlap (`join(samples, 0)`).
    """
    both = np.concatenate([overlaps.a, overlaps.b])
    inside_ns = np.bincount(both, np.tile(overlaps.overlap_ns, 2), minlength=len(samples))
    return inside_ns / (samples.end_ns - samples.start_ns)


def rate(samples: Samples, overlaps: Pairs, group: np.ndarray) -> Estimates:
    """Iteration rates of both sides in the time both were inside an iteration.

    With f_i the share of iteration i in that time (`shares`): n = sum f_i, busy = sum f_i t_i,
    mean = busy / n, log ratio = ln(mean_B / mean_A), less its `excess`. Both sides do their work
    during the same disturbance, whatever the lengths of their iterations and the gaps between
    them. `group`: a number for each run.
    """
    share = shares(samples, overlaps)
    plain = _ratio(samples, share)
    return replace(plain, log_ratio=plain.log_ratio - excess(samples, share, plain, group))


def index(samples: Samples, overlaps: Pairs, group: np.ndarray, parts: Parts | None = None) -> Estimates:
    """The rate with every iteration counted by its work w_i (see `work`): n = sum f_i w_i.

    Joint time that cuts a repeating pattern of lengths, or a trend by iteration number, then does not
    favour a side. The weights come from all runs of a group (a number for each run); what
    each run contributed to them is in its log ratio, so that the runs vary as much as the mean errs.
    `parts`: where they are known already.
    """
    parts = parts or parts_of(samples, overlaps, group)
    share, work = parts.share, parts.work
    plain = _ratio(samples, share, work.weight)
    part = share * work.weight
    with np.errstate(divide="ignore", invalid="ignore"):
        part = part / samples.sums(part)[samples.run, samples.side]
    gradient = np.nan_to_num(np.where(samples.side == 0, part, -part))
    influence = work.influence(gradient, len(samples.runs))
    return replace(plain, log_ratio=plain.log_ratio + influence - excess(samples, share, plain, group))


def excess(samples: Samples, share: np.ndarray, estimates: Estimates, group: np.ndarray) -> np.ndarray:
    """By how much the expected log ratio of each run exceeds the true one (delta method), shape (runs,).

    The log of a mean of n lengths falls short by c^2 / 2n (Jensen; c: their coefficient of
    variation). Where the other side's end or start cuts a side, the cut iteration is a long one
    (renewal theory), worth + c^2 / 2n for each end: a side that is cut once is right, one that is
    not is too small. c_A^2 / n_A + c_B^2 / n_B is the variance that iterations give a run: the average
    over the runs of a group of what stretches of a run tell about it, or the variance between the runs where
    that is less. Both hold more than it (a pattern of lengths, cores that differ) and nothing of the
    disturbance that both sides share.
    """
    cut = np.zeros((len(samples.runs), 2))
    slot = samples.slot
    change = np.flatnonzero(slot[1:] != slot[:-1])
    for edge in (np.r_[0, change + 1], np.r_[change, len(slot) - 1]) if len(slot) else ():
        edge = edge[share[edge] == 0]
        cut[samples.run[edge], samples.side[edge]] += 1
    known = np.isfinite(estimates.log_ratio)
    x = np.where(known, estimates.log_ratio, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.bincount(group, known)
        mean = np.bincount(group, x) / count
        variance = np.bincount(group, known * (x - mean[group]) ** 2) / (count - 1)
        inside = _variance_inside(samples, share)
        measured = np.isfinite(inside)
        inside = np.bincount(group, np.where(measured, inside, 0)) / np.bincount(group, measured)
        variance = np.where(count > 1, np.fmin(variance, inside), np.nan)
        part = 1 / estimates.used
        bias = ((cut - 1) * part)[:, 1] - ((cut - 1) * part)[:, 0]
        bias *= np.minimum(variance, _LARGEST)[group] / 2 / part.sum(axis=1)
    return np.nan_to_num(bias)


def _variance_inside(samples: Samples, share: np.ndarray) -> np.ndarray:
    """Variance of each run's log ratio as its STRETCHES, equal in joint time, tell it, shape (runs,)."""
    joint = share * samples.length_ns
    before = np.cumsum(joint) - joint
    before -= before[first_of(samples.slot)] if len(samples) else 0
    total = np.maximum(samples.sums(joint), 1)[samples.run, samples.side]
    stretch = np.minimum((before + joint / 2) / total * STRETCHES, STRETCHES - 1).astype(int)
    logs = [_ratio(samples, share * (stretch == i)).log_ratio for i in range(STRETCHES)]
    return np.var(logs, axis=0, ddof=1) / STRETCHES


def means(samples: Samples) -> Estimates:
    """Mean iteration time of each side, whenever it ran (seqn, and sides without absolute times)."""
    return _ratio(samples, np.ones(len(samples)))


def by_index(samples: Samples) -> Estimates:
    """Iteration i of A against iteration i of B (syncduet: they began together).

    Log ratio of the two sums over the iterations that both sides have.
    """
    both = np.zeros(len(samples), bool)
    both[np.concatenate(index_pairs(samples))] = True
    return _ratio(samples, both.astype(float))


def index_pairs(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Positions of A's and B's iterations with the same run and iteration number."""
    a, b = np.flatnonzero(samples.side == 0), np.flatnonzero(samples.side == 1)
    span = int(samples.iteration.max(initial=0)) + 1
    key = samples.run * span + samples.iteration
    _, in_a, in_b = np.intersect1d(key[a], key[b], return_indices=True)
    return a[in_a], b[in_b]


def paired(samples: Samples, pairs: Pairs, weighted: bool = False) -> Estimates:
    """Mean over overlapping pairs of ln(t_B / t_A), as the predecessor does; or weighted by overlap.

    Biased where the lengths of iterations differ inside a run: a long one pairs with a long one only.
    """
    runs = len(samples.runs)
    run = samples.run[pairs.a]
    times = np.stack([samples.length_ns[pairs.a], samples.length_ns[pairs.b]], axis=1).astype(float)
    weight = pairs.overlap_ns.astype(float) if weighted else np.ones(len(run))
    total = np.bincount(run, weight, minlength=runs)
    count = np.bincount(run, minlength=runs)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.bincount(run, weight * np.log(times[:, 1] / times[:, 0]), minlength=runs) / total
        busy = np.stack([np.bincount(run, t, minlength=runs) for t in times.T], axis=1)
        used = np.stack([count, count], axis=1).astype(float)
        return Estimates(_finite(log_ratio), busy / used, used, busy)


def weighted(samples: Samples, pairs: Pairs) -> np.ndarray:
    """The log ratios of `paired`, weighted by overlap, alone."""
    runs, run = len(samples.runs), samples.run[pairs.a]
    log = np.log(samples.length_ns[pairs.b] / samples.length_ns[pairs.a])
    weight = pairs.overlap_ns.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _finite(
            np.bincount(run, weight * log, minlength=runs) / np.bincount(run, weight, minlength=runs)
        )


def by_time_batches(samples: Samples, overlaps: Pairs, batches: int) -> list[np.ndarray]:
    """The log ratio of rates (by run) in each of as many equal stretches of the common time."""
    runs = len(samples.runs)
    a, b = overlaps.a, overlaps.b
    run = samples.run[a]
    middle = np.maximum(samples.start_ns[a], samples.start_ns[b]) + overlaps.overlap_ns // 2
    low = np.full(runs, np.iinfo(np.int64).max)
    high = np.zeros(runs, np.int64)
    np.minimum.at(low, run, middle)
    np.maximum.at(high, run, middle)
    cell = run * batches + (middle - low[run]) * batches // (high[run] - low[run] + 1)
    rates = []
    for side in (a, b):
        share = overlaps.overlap_ns / (samples.end_ns[side] - samples.start_ns[side])
        done = np.bincount(cell, share, minlength=runs * batches)
        busy = np.bincount(cell, share * samples.length_ns[side], minlength=runs * batches)
        with np.errstate(divide="ignore", invalid="ignore"):
            rates.append(np.log(busy / done))
    return list(_finite(rates[1] - rates[0]).reshape(runs, batches).T)


def by_count_batches(samples: Samples, batches: int) -> list[np.ndarray]:
    """The log ratio of means (by run) over each of as many equal parts of a side's iterations."""
    batch = samples.ordinal() * batches // np.maximum(samples.sums()[samples.run, samples.side], 1)
    return [_ratio(samples, (batch == i).astype(float)).log_ratio for i in range(batches)]


def _ratio(samples: Samples, share: np.ndarray, weights: np.ndarray | None = None) -> Estimates:
    used = samples.sums(share)
    busy = samples.sums(share * samples.length_ns)
    done = used if weights is None else samples.sums(share * weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(busy[:, 1] / done[:, 1]) - np.log(busy[:, 0] / done[:, 0])
        return Estimates(_finite(log_ratio), busy / used, used, busy)


def ratio(samples: Samples, share: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Log ratio of each run with its iterations counted by share and work, nothing corrected."""
    return _ratio(samples, share, weights).log_ratio


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, np.nan)
