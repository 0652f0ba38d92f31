"""From the iterations of a run to one number: ln(time of B / time of A).

Every function works on all runs at once and returns arrays over runs; `docs/statistics.md` has
the formulas and why `rate` or `index` is preferred.
"""

from dataclasses import dataclass

import numpy as np

from duet.overlap import Pairs
from duet.samples import Samples

NAMES = ("rate", "index", "pairs", "pairs-weighted")


@dataclass(frozen=True)
class Estimates:
    """One entry per run; `used` (runs, 2) is the fractional number of iterations that took part."""

    log_ratio: np.ndarray
    mean_ns: np.ndarray
    """(runs, 2): mean iteration time of A and of B in what was compared."""
    used: np.ndarray
    busy_ns: np.ndarray
    """(runs, 2): time inside those iterations."""


def windows(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """By run the time both sides were running: int64 [low, high); empty where high <= low."""
    shape = (len(samples.runs), 2)
    start = np.full(shape, np.iinfo(np.int64).max)
    end = np.full(shape, np.iinfo(np.int64).min)
    np.minimum.at(start, (samples.run, samples.side), samples.start_ns)
    np.maximum.at(end, (samples.run, samples.side), samples.end_ns)
    low, high = start.max(axis=1), end.min(axis=1)
    missing = (samples.sums() == 0).any(axis=1)
    return np.where(missing, 0, low), np.where(missing, 0, high)


def shares(samples: Samples, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The share of each iteration that lies in its run's window, 0 to 1."""
    start = np.maximum(samples.start_ns, low[samples.run])
    end = np.minimum(samples.end_ns, high[samples.run])
    return np.maximum(end - start, 0) / (samples.end_ns - samples.start_ns)


def rate(samples: Samples, work: np.ndarray | None = None) -> Estimates:
    """Iteration rates of both sides in the time both were running.

    With f_i the share of iteration i in the window: n = sum f_i, busy = sum f_i t_i, mean = busy / n,
    log ratio = ln(mean_B / mean_A). Both sides do their work during the same disturbance, whatever
    the lengths of their iterations. `work` (default 1) is how much an iteration has to do.
    """
    share = shares(samples, *windows(samples))
    return _ratio(samples, share, work)


def _ratio(samples: Samples, share: np.ndarray, work: np.ndarray | None = None) -> Estimates:
    used = samples.sums(share)
    busy = samples.sums(share * samples.length_ns)
    done = used if work is None else samples.sums(share * work)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(busy[:, 1] / done[:, 1]) - np.log(busy[:, 0] / done[:, 0])
        return Estimates(_finite(log_ratio), busy / used, used, busy)


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, np.nan)


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
    _, in_a, in_b = np.intersect1d(key[a], key[b], assume_unique=False, return_indices=True)
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


def index(samples: Samples, group: np.ndarray) -> Estimates:
    """The rate with every iteration counted by its work (`work`), so that a window that cuts
    a repeating pattern of lengths, or a common trend, does not bias it. `group`: benchmark of each run."""
    return rate(samples, work(samples, group))


def work(samples: Samples, group: np.ndarray) -> np.ndarray:
    """Relative work of each iteration: what its number takes in all runs and on both sides alike.

    Iteration i of a benchmark does the same work on both sides and in every run, the disturbance
    comes at other times in every run. The log times, centred by run and side, are averaged by
    iteration number and shrunk towards "all alike" by what the runs' disagreement explains
    (positive-part James-Stein: factor max(0, 1 - V/B), B the variance of the averages and V the part
    of it that noise makes, judged from the runs). One run alone cannot tell work from disturbance:
    its factor is 0, which leaves `rate`.
    """
    if len(samples) == 0:
        return np.ones(0)
    log = np.log(samples.length_ns.astype(float))
    log -= (samples.sums(log) / np.maximum(samples.sums(), 1))[samples.run, samples.side]
    span = int(samples.iteration.max()) + 1
    of_run, run_key = np.unique(samples.run * span + samples.iteration, return_inverse=True)
    both = np.bincount(run_key, log) / np.bincount(run_key)
    run, number = of_run // span, of_run % span
    keys, cell = np.unique(group[run] * span + number, return_inverse=True)
    count = np.bincount(cell).astype(float)
    mean = np.bincount(cell, both) / count
    residual = np.bincount(cell, (both - mean[cell]) ** 2)
    cell_group = keys // span
    groups = int(group.max()) + 1
    freedom = np.bincount(cell_group, count - 1, minlength=groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.bincount(cell_group, residual, minlength=groups) / freedom
        noise = np.bincount(cell_group, within[cell_group] / count, minlength=groups)
        between = np.bincount(cell_group, mean**2, minlength=groups)
        factor = np.nan_to_num(np.clip(1 - noise / between, 0, 1))
    return np.exp(factor[cell_group] * mean)[cell][run_key]


def by_time_batches(samples: Samples, batches: int) -> list[np.ndarray]:
    """The log ratio of rates (by run) in each of as many equal stretches of the window."""
    low, high = windows(samples)
    step = (high - low) // batches
    return [
        _ratio(samples, shares(samples, low + i * step, low + (i + 1) * step)).log_ratio
        for i in range(batches)
    ]


def by_count_batches(samples: Samples, batches: int) -> list[np.ndarray]:
    """The log ratio of means (by run) over each of as many equal parts of a side's iterations."""
    batch = samples.ordinal() * batches // np.maximum(samples.sums()[samples.run, samples.side], 1)
    return [_ratio(samples, (batch == i).astype(float)).log_ratio for i in range(batches)]
