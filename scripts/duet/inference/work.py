"""How much work each iteration has to do, told apart from what disturbed it."""

import numpy as np
from scipy import special

from duet.samples import Samples, first_of

_LEVEL = 0.01
"""A scale of the profile counts as work only where the runs agree on it at this level (F test)."""


def work(samples: Samples, group: np.ndarray) -> np.ndarray:
    """Relative work of each iteration: what its number takes in all runs and on both sides alike.

    Iteration i of a benchmark does the same work on both sides and in every run; disturbances come
    at other times in every run. A run's profile (log times centred by side, averaged over the sides
    by iteration number) is split into scales, differences of moving averages over 1, 3, 9, …
    iterations. At each scale the profile averaged over runs is kept by the factor 1 - V/B (James and
    Stein), B its variance and V what the runs' disagreement explains of it, and not at all where the
    runs do not agree significantly: a slow scale has few degrees of freedom and would take a chance
    disturbance for work. One run alone has nothing to agree with; its work is 1 throughout.
    """
    if len(samples) == 0:
        return np.ones(0)
    log = np.log(samples.length_ns.astype(float))
    log -= (samples.sums(log) / np.maximum(samples.sums(), 1))[samples.run, samples.side]
    span = int(samples.iteration.max()) + 1
    entries, entry = np.unique(samples.run * span + samples.iteration, return_inverse=True)
    profile = np.bincount(entry, log) / np.bincount(entry)
    run, number = entries // span, entries % span
    cells, cell = np.unique(group[run] * span + number, return_inverse=True)
    cell_group = cells // span
    out = np.zeros(len(cells))
    for band, dimensions in _bands(profile, run):
        out += _agreed(band, cell, cell_group, np.bincount(group[run], dimensions))
    return np.exp(out)[cell][entry]


def _bands(profile: np.ndarray, run: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The profile's scales, finest first, and each entry's part of the degrees of freedom of each."""
    first = first_of(run)
    length = np.bincount(run)[run]
    last = first + length - 1
    out, rest, width = [], profile, 1
    while width * 6 <= length.max():
        width *= 3
        smooth = _moving_average(profile, first, last, width // 2)
        out.append((rest - smooth, np.full(len(run), 2 / width)))
        rest = smooth
    out.append((rest, 1 / length))  # a trend is one degree of freedom, however long the run
    return out


def _moving_average(x: np.ndarray, first: np.ndarray, last: np.ndarray, reach: int) -> np.ndarray:
    """Mean of the entries up to `reach` away; near a run's ends of the nearest as many in the run."""
    total = np.r_[0.0, np.cumsum(x)]
    here = np.arange(len(x))
    low = np.maximum(np.minimum(here - reach, last - 2 * reach), first)
    high = np.minimum(low + 2 * reach, last) + 1
    return (total[high] - total[low]) / (high - low)


def _agreed(band: np.ndarray, cell: np.ndarray, cell_group: np.ndarray, dimensions: np.ndarray) -> np.ndarray:
    """By cell the runs' mean of a band, shrunk; `dimensions` (groups) summed over all of a group's runs."""
    groups = len(dimensions)
    count = np.bincount(cell).astype(float)
    mean = np.bincount(cell, band) / count
    residual = np.bincount(cell, (band - mean[cell]) ** 2)
    entries = np.bincount(cell_group, count, minlength=groups)
    freedom = np.bincount(cell_group, count - 1, minlength=groups)
    size = np.bincount(cell_group, minlength=groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.bincount(cell_group, residual, minlength=groups) / freedom
        noise = np.bincount(cell_group, within[cell_group] / count, minlength=groups)
        between = np.bincount(cell_group, mean**2, minlength=groups)
        share = dimensions / entries
        p = special.fdtrc(size * share, freedom * share, between / noise)
        factor = np.where(p <= _LEVEL, 1 - noise / between, 0.0)
    return np.nan_to_num(factor)[cell_group] * mean
