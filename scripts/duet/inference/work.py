"""How much work each iteration has to do, told apart from what disturbed it."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from duet.inference.samples import Samples, first_of

_LEVEL = 0.01
"""A scale of the profile, or the trend, counts as work where the runs agree on it at this level (F test)."""
_SURE, _POSSIBLE = 0.0005, 0.1
"""Between these levels it is doubtful whether a trend is work."""
_DEGREE = 2
"""Of the polynomial that is the trend: a line bends too little for what grows by a constant amount."""


@dataclass(frozen=True)
class Work:
    """Relative work of each of N iterations, and what each run's disturbances did to that estimate."""

    weight: np.ndarray
    """(N,): 1 throughout where iteration numbers make no difference."""
    other: np.ndarray
    """(N,): the weights by the other decision on the slow scales where that is doubtful: without the trend
    that `weight` keeps, or with the one that it takes for a disturbance."""
    entry: np.ndarray
    """(N,): the run and iteration number (E entries, sorted) of each iteration."""
    run: np.ndarray
    """(E,)"""
    cell: np.ndarray
    """(E,): the group and iteration number (C cells) of each entry."""
    excess: np.ndarray
    """(E,): how much more the run's own log profile is than the average over runs, at the kept scales."""

    def influence(self, gradient: np.ndarray, runs: int) -> np.ndarray:
        """What each run adds to a sum over runs by its part in the weights, centred: shape (runs,).

        `gradient` (N,): derivative of the run's value by the iteration's log weight. The infinitesimal
        jackknife (Jaeckel 1972): added to the runs' values it leaves their mean
        as it is, and makes their variance tell also what the estimated weights, which all runs
        share, contribute to the error of that mean.
        """
        cells = int(self.cell.max(initial=-1)) + 1
        count = np.bincount(self.cell, minlength=cells)
        mean = np.bincount(self.cell[self.entry], gradient, minlength=cells) / np.maximum(count, 1)
        return np.bincount(self.run, self.excess * mean[self.cell], minlength=runs)


def shared_work(samples: Samples, group: np.ndarray) -> Work:
    """What an iteration number takes in all runs and on both sides alike.

    Iteration i of a benchmark does the same work on both sides and in every run; disturbances come
    at other times in every run. A run's profile (log times centred by side, averaged over the sides
    by iteration number) is split into a trend and scales of what is left, differences of moving
    averages over 1, 3, 9, … iterations, and the average over runs is kept at the scales on which the
    runs agree: its variance B is above V, what their disagreement explains of it, by an F test. The
    slowest scale and the trend have too few degrees of freedom for that in few runs and are kept also
    where a scale before them is: work that is irregular is so at all scales. Elsewhere a trend is
    taken for a disturbance; where that is doubtful, `other` has it the other way. One run alone has nothing
    to agree with: its work is 1 throughout. `group`: a number for each run.
    """
    log = np.log(samples.length_ns.astype(float))
    log -= (samples.sums(log) / np.maximum(samples.sums(), 1))[samples.run, samples.side]
    span = int(samples.iteration.max(initial=0)) + 1
    entries, entry = np.unique(samples.run * span + samples.iteration, return_inverse=True)
    profile = np.bincount(entry, log) / np.bincount(entry)
    run = entries // span
    cells, cell = np.unique(group[run] * span + entries % span, return_inverse=True)
    shared, other, excess = np.zeros(len(cells)), np.zeros(len(cells)), np.zeros(len(entries))
    finer = np.zeros(1, bool)
    bands = _bands(profile, run) if len(run) else []
    for i, (band, dimensions, tested) in enumerate(bands):
        mean = np.bincount(cell, band) / np.bincount(cell)
        slow = i >= len(bands) - 2
        p = _disagreement(band, dimensions, tested, cell, cells // span)
        kept = (p <= _LEVEL) | finer if slow else p <= _LEVEL
        doubtful = (p > _SURE) & (p <= _POSSIBLE) & ~finer if slow else np.zeros_like(kept)
        finer = kept
        shared += kept[cells // span] * mean
        other += (kept ^ doubtful)[cells // span] * mean
        excess += kept[group[run]] * (band - mean[cell])
    weight, other = (np.exp(x)[cell][entry] for x in (shared, other))
    return Work(weight, other, entry, run, cell, excess)


def _bands(profile: np.ndarray, run: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The profile's scales, finest first, the trend last; each entry's part of the degrees of freedom;
    where to test.

    Near the ends of a run, where no window is centred, a mere trend shows at every scale: not tested.
    """
    first = first_of(run)
    last = first + np.bincount(run)[run] - 1
    length = last - first + 1
    widths = [3**k for k in range(1, 40) if 2 * 3**k <= length.max()]
    trend = _trend(profile, run, first, last, widths[-1] if widths else 1)
    rest, out, here = profile - trend, [], np.arange(len(run))
    smooth = rest
    for width in widths:
        smooth = _moving_average(profile - trend, first, last, width // 2)
        centred = (here - width // 2 >= first) & (here + width // 2 <= last)
        out.append((rest - smooth, np.full(len(run), 2 / width), centred))
        rest = smooth
    # one degree of freedom, however long the run: a disturbance may be a line, and the trend one like it
    everywhere = np.ones(len(run), bool)
    return [*out, (rest, 1 / length, everywhere), (trend, 1 / length, everywhere)]


def _trend(
    profile: np.ndarray, run: np.ndarray, first: np.ndarray, last: np.ndarray, width: int
) -> np.ndarray:
    """The parabola that fits each run's moving average best (least squares), where a window is centred:
    a pattern of lengths does not lean it, and a trend is not flattened towards the ends."""
    smooth = _moving_average(profile, first, last, width // 2)
    here = np.arange(len(run))
    centred = (here - width // 2 >= first) & (here + width // 2 <= last)
    place = (here - (first + last) / 2) / np.maximum(last - first, 1)
    columns = [place**k for k in range(_DEGREE + 1)]
    sums = [[np.bincount(run, centred * p * q) for p in columns] for q in columns]
    right = [np.bincount(run, centred * p * smooth) for p in columns]
    fit = (
        np.linalg.pinv(np.moveaxis(np.array(sums), -1, 0), hermitian=True)
        @ np.stack(right, axis=-1)[..., None]
    )
    trend = sum(fit[run, k, 0] * p for k, p in enumerate(columns))
    return trend - (np.bincount(run, trend) / np.maximum(np.bincount(run), 1))[run]


def _moving_average(x: np.ndarray, first: np.ndarray, last: np.ndarray, reach: int) -> np.ndarray:
    """Mean of the entries up to `reach` away; near a run's ends of the nearest as many in the run."""
    total = np.r_[0.0, np.cumsum(x)]
    here = np.arange(len(x))
    low = np.maximum(np.minimum(here - reach, last - 2 * reach), first)
    high = np.minimum(low + 2 * reach, last) + 1
    return (total[high] - total[low]) / (high - low)


def _disagreement(
    band: np.ndarray,
    dimensions: np.ndarray,
    tested: np.ndarray,
    cell: np.ndarray,
    cell_group: np.ndarray,
) -> np.ndarray:
    """By group the p-value of "its runs have nothing in common", judged by the entries that are tested."""
    groups, cells = int(cell_group.max()) + 1, len(cell_group)
    band, dimensions, cell = band[tested], dimensions[tested], cell[tested]
    count = np.bincount(cell, minlength=cells).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nan_to_num(np.bincount(cell, band, minlength=cells) / count)
        residual = np.bincount(cell, (band - mean[cell]) ** 2, minlength=cells)
        entries = np.bincount(cell_group, count, minlength=groups)
        size = np.bincount(cell_group, count > 0, minlength=groups)
        share = np.bincount(cell_group[cell], dimensions, minlength=groups) / entries
        within = np.bincount(cell_group, residual, minlength=groups) / (entries - size)
        noise = within * np.bincount(cell_group, (count > 0) / np.maximum(count, 1), minlength=groups)
        between = np.bincount(cell_group, mean**2, minlength=groups)
        return special.fdtrc(size * share, (entries - size) * share, between / noise)
