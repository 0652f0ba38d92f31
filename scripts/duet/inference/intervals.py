"""From the log ratios of runs to an estimate, an interval and p-values.

A method takes an array (..., n) of log ratios, one per run, and returns arrays (...): the same code
serves one benchmark and thousands of simulated campaigns. With n < 2 everything but the estimate is NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from duet.inference import dependence

RESAMPLES = 10_000
STRATA = 10
"""Runs from which `t` takes the spread within the orders: there it costs 1 % of width at most."""
SWAPS = 6
"""Runs from which `t` looks at which side had which cores."""
_SEED = 20260101


Floats = np.ndarray | np.float64
"""(...) of many benchmarks, a number of one."""


@dataclass(frozen=True)
class Interval:
    """All on the log scale; p is of "no difference", p_equivalence of "at least the margin apart"."""

    estimate: Floats
    low: Floats
    high: Floats
    p: Floats
    p_equivalence: Floats


Method = Callable[[np.ndarray, float, float], Interval]
"""(log ratios, confidence, margin on the log scale) -> Interval."""


def t(
    x: np.ndarray,
    confidence: float,
    margin: float,
    order: np.ndarray | None = None,
    swapped: np.ndarray | None = None,
    extra: float = 0.0,
    measured_in_order: bool = False,
) -> Interval:
    """Student's t on the runs: mean +- t(n-1) s / sqrt(n) (Student, Biometrika 1908).

    With `order` (n,), the side that was started first in each run, the mean is that of the means
    of both orders, so that an advantage of the first is in neither side's favour; from STRATA runs up
    s is the spread within the orders, with n - 2 degrees of freedom (a stratified mean; Cochran,
    *Sampling Techniques*, 5). With fewer runs the lost degree of freedom would cost more than
    the advantage does. `swapped` (n,), whether the sides had changed cores, is a second factor
    of the same kind, from SWAPS runs up: cores differ by more than orders do. Where less than a third
    of the runs have one of the two values all are alike. `extra` is a variance of the mean that the runs do
    not show. Runs that are given in the order in which they were measured are looked at for `dependence`.
    """
    n = x.shape[-1]
    if n < 2:
        return _unknown(x.mean(axis=-1))
    weights = _fit(list(factors(n, order, swapped)), n)[1][0]
    left, design = rest(x, order, swapped)
    freedom = n - design.shape[1]
    variance = (left**2).sum(axis=-1) / freedom * (weights**2).sum()
    if measured_in_order:
        variance = variance * dependence.inflation(left, design)[0]
    return by_t(
        x[..., 0] + (x - x[..., :1]) @ weights, np.sqrt(variance + extra), freedom, confidence, margin
    )


def rest(
    x: np.ndarray, order: np.ndarray | None, swapped: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """What order and swap leave of the runs (..., n) in the spread of `t`, and the design (n, k) that they
    make."""
    n = x.shape[-1]
    sides, cores = factors(n, order, swapped)
    design, fit = _fit([sides if n >= STRATA else None, cores], n)
    away = x - x[..., :1]  # runs that do not differ have a spread of exactly 0
    return away - away @ fit.T @ design.T, design


def detectable(half: float, freedom: float, confidence: float, level: float, power: float = 0.9) -> float:
    """The change, on the log scale, that a two-sided t test at `level` finds with this power (noncentral
    t), from the half width of the t interval of `confidence`; NaN without one.
    """
    if not np.isfinite(half) or freedom < 1:
        return float("nan")
    error = half / special.stdtrit(freedom, (1 + confidence) / 2)
    return float(error * special.nctdtrinc(freedom, 1 - power, special.stdtrit(freedom, 1 - level / 2)))


def factors(
    n: int, order: np.ndarray | None, swapped: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Order and swap as +1 and -1 by run; None where it is not known, lopsided, or the same as the other."""
    sides, cores = _signs(order), _signs(swapped) if n >= SWAPS else None
    if sides is not None and cores is not None and abs(sides @ cores) == n:
        cores = None
    return sides, cores


def _signs(values: np.ndarray | None) -> np.ndarray | None:
    if values is None:
        return None
    known = np.unique(values)
    if len(known) != 2:
        return None
    signs = np.where(values == known[0], 1.0, -1.0)
    return signs if 3 * (signs < 0).sum() >= len(signs) <= 3 * (signs > 0).sum() else None


def _fit(columns: list[np.ndarray | None], n: int) -> tuple[np.ndarray, np.ndarray]:
    """The design of a constant and these columns, and its pseudo-inverse (least squares)."""
    return _fitted(n, tuple(c.tobytes() for c in columns if c is not None))


@lru_cache(maxsize=256)
def _fitted(n: int, columns: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    design = np.stack([np.ones(n), *(np.frombuffer(c) for c in columns)], axis=1)
    return design, np.linalg.pinv(design)


def by_t(mean: np.ndarray, error: np.ndarray, freedom: float, confidence: float, margin: float) -> Interval:
    half = special.stdtrit(freedom, (1 + confidence) / 2) * error
    p = 2 * special.stdtr(freedom, -_over(np.abs(mean), error))
    inside = np.minimum(_over(margin - mean, error), _over(margin + mean, error))
    return Interval(mean, mean - half, mean + half, p, special.stdtr(freedom, -inside))


def _over(distance: np.ndarray, error: np.ndarray) -> np.ndarray:
    """distance / error; without any error an infinity of the distance's sign, 0 at no distance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0, 0.0, np.divide(distance, error))


def wilcoxon(x: np.ndarray, confidence: float, margin: float) -> Interval:
    """Wilcoxon's signed ranks: the Hodges-Lehmann estimate, an interval of Walsh averages, exact p.

    It cannot reject below n = 6 at 95 %: the least p is 2 / 2^n, and the interval is unbounded.
    (Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3.1-3.3.)
    """
    n = x.shape[-1]
    i, j = np.triu_indices(n)
    walsh = np.sort((x[..., i] + x[..., j]) / 2, axis=-1)
    estimate = np.median(walsh, axis=-1)
    if n < 2:
        return _unknown(estimate)
    cdf = _signed_rank_cdf(n)
    k = int(np.searchsorted(cdf, (1 - confidence) / 2, "right"))
    infinite = np.full(estimate.shape, np.inf)
    low = walsh[..., k - 1] if k else -infinite
    high = walsh[..., walsh.shape[-1] - k] if k else infinite
    p = np.minimum(1, 2 * np.minimum(_above(walsh, 0, cdf), _above(-walsh, 0, cdf)))
    outside = np.maximum(_above(walsh, -margin, cdf), _above(-walsh, -margin, cdf))
    return Interval(estimate, low, high, p, outside)


def _signed_rank_cdf(n: int) -> np.ndarray:
    """P(T <= t) for t = 0 .. n(n+1)/2 under the null, exact, by convolution."""
    counts = np.ones(1)
    for rank in range(1, n + 1):
        longer = np.zeros(len(counts) + rank)
        longer[: len(counts)] += counts
        longer[rank:] += counts
        counts = longer / 2
    return np.cumsum(counts)


def _above(walsh: np.ndarray, centre: float, cdf: np.ndarray) -> np.ndarray:
    """One-sided p of "the centre is above `centre`"; ties at it count for the null."""
    below = (walsh <= centre).sum(axis=-1)
    return cdf[below]


def bca(x: np.ndarray, confidence: float, margin: float, resamples: int = RESAMPLES) -> Interval:
    """Bias-corrected accelerated bootstrap of the mean over runs (Efron, JASA 1987), the predecessor's.

    Calls too many equal benchmarks different below some 40 runs: kept for comparison.
    """
    n = x.shape[-1]
    mean = x.mean(axis=-1)
    if n < 2:
        return _unknown(mean)
    boot = np.sort(x @ _draws(n, resamples).T / n, axis=-1)
    z0 = special.ndtri(np.clip(_level(boot, mean), 1 / resamples, 1 - 1 / resamples))
    away = x - mean[..., None]  # a jackknife mean falls short of their mean by this / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.nan_to_num((away**3).sum(-1) / (6 * (away**2).sum(-1) ** 1.5))

    def quantile(level: float) -> np.ndarray:
        z = z0 + special.ndtri(level)
        return _at(boot, special.ndtr(z0 + z / (1 - a * z)))

    def level_of(value: float) -> np.ndarray:
        w = special.ndtri(np.clip(_level(boot, value), 1e-12, 1 - 1e-12)) - z0
        return special.ndtr(w / (1 + a * w) - z0)

    return _inverted(mean, quantile, level_of, confidence, margin)


@lru_cache(maxsize=8)
def _draws(n: int, resamples: int) -> np.ndarray:
    """How often each of n runs is in each resample."""
    counts = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=resamples)
    return counts.astype(float)


def hierarchical_bootstrap(
    x: np.ndarray, confidence: float, margin: float, resamples: int = RESAMPLES
) -> Interval:
    """Runs are resampled, then batches within each run; percentile interval of the mean.

    `x` is (..., n, k): k batches inside each of n runs. (Kalibera and Jones, ISMM 2013, section 9.)
    """
    n, k = x.shape[-2:]
    mean = x.mean(axis=(-1, -2))
    if n < 2:
        return _unknown(mean)
    rng = np.random.default_rng(_SEED)
    run = rng.integers(n, size=(resamples, n, 1))
    chosen = (run * k + rng.integers(k, size=(resamples, n, k))).reshape(resamples, n * k)
    cell = np.arange(resamples)[:, None] * (n * k) + chosen
    draws = np.bincount(cell.ravel(), minlength=resamples * n * k).reshape(resamples, n * k)
    boot = np.sort(x.reshape(*x.shape[:-2], n * k) @ draws.T / (n * k), axis=-1)
    return _inverted(
        mean, lambda level: _at(boot, level), lambda value: _level(boot, value), confidence, margin
    )


def centred(batches: np.ndarray, x: np.ndarray | float) -> np.ndarray:
    """Batches (..., k) moved so that their means are x (...), the runs: they tell the spread only."""
    return batches + (x - batches.mean(axis=-1))[..., None]


def _level(sorted_boot: np.ndarray, value: float | np.ndarray) -> np.ndarray:
    """The share of resamples below the value, half of those at it, never quite 0 or 1."""
    value = np.asarray(value)[..., None]
    rank = (sorted_boot < value).sum(-1) + 0.5 * (sorted_boot == value).sum(-1)
    return (rank + 0.5) / (sorted_boot.shape[-1] + 1)


def _at(sorted_boot: np.ndarray, level: float | np.ndarray) -> np.ndarray:
    """Quantiles of sorted resamples, linear between them."""
    last = sorted_boot.shape[-1] - 1
    place = np.broadcast_to(np.asarray(level) * last, sorted_boot.shape[:-1])
    low = np.floor(place).astype(int)
    part = place - low
    pick = lambda k: np.take_along_axis(sorted_boot, k[..., None], -1)[..., 0]  # noqa: E731
    return pick(low) * (1 - part) + pick(np.minimum(low + 1, last)) * part


def _inverted(
    mean: np.ndarray,
    quantile: Callable[[float], np.ndarray],
    level_of: Callable[[float], np.ndarray],
    confidence: float,
    margin: float,
) -> Interval:
    """An interval of quantiles, and p-values from the levels at which its ends reach 0 or the margin."""
    at_zero = level_of(0.0)
    p = np.minimum(1, 2 * np.minimum(at_zero, 1 - at_zero))
    outside = np.maximum(level_of(-margin), 1 - level_of(margin))
    tail = (1 - confidence) / 2
    return Interval(mean, quantile(tail), quantile(1 - tail), p, outside)


def _unknown(estimate: np.ndarray) -> Interval:
    nan = np.full(np.shape(estimate), np.nan)
    return Interval(estimate, nan, nan, nan, nan)


METHODS: dict[str, Method] = {"t": t, "wilcoxon": wilcoxon, "bca": bca}
"""Methods on run-level log ratios; guarded-t is in `guarded`, hierarchical-bootstrap wants batches."""
NAMES = (*METHODS, "guarded-t", "hierarchical-bootstrap")
