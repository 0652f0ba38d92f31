"""Looking at a benchmark while it is measured, and stopping, without making more errors for it.

A test that is looked at again and again errs more often than once. So the error alpha is spent over looks
that are planned beforehand (Lan and DeMets, Biometrika 1983): of it, alpha t^2 may have been used when the
share t of the most runs is there (Kim and DeMets, Biometrika 1987). Each look has a nominal level of its own,
by recursive integration for a normal mean (Armitage, McPherson, Rowe, JRSS A 1969), which is asked of
Student's t or whatever the method is: the significance level approach (Jennison and Turnbull, *Group
Sequential Methods*, 3.3). An interval at the nominal confidence of its look is a repeated confidence interval
(ibid., 9): it holds whenever, and for whatever reason, measuring stops. For t all this is approximate: over
nine looks up to 40 runs a level of 5 % is 5.3 % (200,000 series of normal values).
"""

from functools import lru_cache

import numpy as np
from scipy import special

FIRST = 4
"""Runs at the first look: both orders twice."""
GROWTH = 1.35
RHO = 2
"""Power of the share of runs with which the error is spent."""
_POINTS = 301
_ALPHAS = np.r_[np.logspace(-11, -0.31, 48), np.linspace(0.55, 0.999, 6)]


@lru_cache(maxsize=64)
def looks(most: int) -> tuple[int, ...]:
    """Numbers of runs at which a benchmark is looked at; even ones, so that both orders are there alike."""
    out, n = [], FIRST
    while n < most:
        out.append(n)
        n = max(n + 2, 2 * round(n * GROWTH / 2))
    return (*out, max(most, 1))


def look_of(runs: int, most: int) -> int:
    """Which look so many runs have reached, from 0; before the first one that one, which is the strictest."""
    return max(int(np.searchsorted(looks(most), runs, "right")) - 1, 0)


def level(alpha: float, runs: int, most: int) -> float:
    """The nominal two-sided level at so many runs, where all looks together may err with `alpha`."""
    nominal = _table(most)[:, look_of(runs, most)]
    return float(np.exp(np.interp(np.log(alpha), np.log(_ALPHAS), np.log(nominal))))


def last_level(alpha: float) -> float:
    """About the nominal level of the last look, which hardly depends on how many there are."""
    return level(alpha, 40, 40)


def overall(p: np.ndarray | float, runs: int, most: int) -> np.ndarray:
    """The least alpha at which p-values of so many runs would have been significant: ones that may be looked
    at any time. 1 for what no alpha below it gives; NaN stays."""
    nominal = _table(most)[:, look_of(runs, most)]
    with np.errstate(divide="ignore"):
        out = np.exp(np.interp(np.log(p), np.log(nominal), np.log(_ALPHAS)))
    return np.where(np.asarray(p) >= nominal[-1], 1.0, out)


@lru_cache(maxsize=16)
def _table(most: int) -> np.ndarray:
    """Nominal levels by alpha (of _ALPHAS) and look."""
    return np.array([_nominal(float(alpha), looks(most)) for alpha in _ALPHAS])


def _nominal(alpha: float, at: tuple[int, ...]) -> list[float]:
    """The nominal level of each look of a mean of normal values, with which just alpha t^RHO is spent."""
    out: list[float] = []
    spent, before = 0.0, 0
    # density of the sum among those that went on, on a grid
    place, density = np.zeros(1), np.ones(1)
    for n in at:
        step = np.sqrt(n - before)
        share = alpha * (n / at[-1]) ** RHO - spent
        spent += share
        bound = _bound(place, density, step, share)
        out.append(float(2 * special.ndtr(-bound / np.sqrt(n))))
        reach = min(bound, 9 * np.sqrt(n))
        grid, gap = np.linspace(-reach, reach, _POINTS, retstep=True)
        kernel = np.exp(-(((grid[:, None] - place) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
        weights = np.full(_POINTS, gap)
        weights[[0, -1]] /= 2
        place, density, before = grid, (kernel @ density) * weights, n
    return out


def _bound(place: np.ndarray, density: np.ndarray, step: float, share: float) -> float:
    """Which sum is exceeded either way with probability `share`; bisected on the log of it."""
    low, high = 0.0, 60.0 * step + float(np.abs(place).max())
    for _ in range(50):
        middle = (low + high) / 2
        tails = special.ndtr((place - middle) / step) + special.ndtr((-place - middle) / step)
        low, high = (middle, high) if density @ tails > share else (low, middle)
    return (low + high) / 2
