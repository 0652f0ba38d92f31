"""From the runs that are there: how many each benchmark needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from duet.inference import guarded, intervals, stopping
from duet.inference.samples import GROUP_KEYS
from duet.model import ALIKE, TIME, Analysis, Precision

MOST = 10_000
"""Runs beyond which no number is given."""
SURE = 0.8
"""How surely the cautious number is enough: the spread of few runs is not well known itself."""


@dataclass(frozen=True)
class Need:
    """Runs of a benchmark, type and metric: those there are, and those it takes. None: more than MOST."""

    suite: str
    benchmark: str
    type: str
    metric: str
    runs: int
    spread_percent: float
    """Standard deviation of its runs' changes."""
    wanted: int | None
    """With this spread."""
    cautious: int | None
    """With the greatest spread that so few runs leave possible (SURE)."""


def needs(
    effects: pd.DataFrame, analysis: Analysis, width_percent: float | None, change_percent: float
) -> list[Need]:
    """For an interval no wider than `width_percent`; without that, to find `change_percent` with 90 % power
    at the level that the correction asks of the first benchmark (as `detectable_percent`).

    `effects`: of `run_effects`. A benchmark with less than two usable runs has no spread and is left out.
    """
    if "metric" not in effects:
        effects = effects.assign(metric=TIME)
    usable = effects[effects["log_ratio"].notna()]
    keys = [*GROUP_KEYS, "metric"]
    tests = usable.groupby(["suite", "type", "metric"], observed=True)["benchmark"].nunique()
    out = []
    for key, runs in usable.groupby(keys, sort=False, observed=True):
        named = dict(zip(keys, map(str, key), strict=True))
        suite, benchmark, type_, metric = (named[k] for k in ("suite", "benchmark", "type", "metric"))
        if len(runs) < 2 or type_ in ALIKE:
            continue
        x = runs["log_ratio"].to_numpy(float)
        swapped = runs["swapped"].to_numpy() if "swapped" in runs else None
        left, design = intervals.rest(x, runs["order"].astype(str).to_numpy(), swapped)
        freedom = len(x) - design.shape[1]
        spread = float(np.sqrt((left**2).sum() / freedom))
        greatest = spread * np.sqrt(freedom / special.chdtri(freedom, SURE))
        m = 1 if analysis.correction == "none" else int(tests[suite, type_, metric])

        def least(sigma: float, type_: str = type_, m: int = m) -> int | None:
            if width_percent is not None:
                limit = width_percent / 100
                return _least(lambda n: 2 * _half(sigma, n, type_, analysis) <= limit)
            limit = float(np.log1p(change_percent / 100))
            return _least(lambda n: _detectable(sigma, n, type_, analysis, m) <= limit)

        out.append(
            Need(suite, benchmark, type_, metric, len(x), 100 * spread, least(spread), least(float(greatest)))
        )
    return out


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least number of runs, from 2; found by doubling and bisecting."""
    high = 2
    while not enough(high):
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = max(high // 2, 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _freedom(n: int) -> int:
    return n - (2 if n >= intervals.STRATA else 1)


def _level(alpha: float, n: int, type_: str, analysis: Analysis) -> float:
    """At the end of a plan of n runs: the last look, where there are looks."""
    if analysis.precision is not None and type_ in Precision.TYPES and n > stopping.FIRST:
        alpha = stopping.last_level(alpha)
    if analysis.method == "guarded-t" and n >= guarded.FEWEST:
        alpha *= 1 - guarded.TRIMMED_SHARE
    return alpha


def _half(sigma: float, n: int, type_: str, analysis: Analysis) -> float:
    level = _level(1 - analysis.confidence, n, type_, analysis)
    return float(special.stdtrit(_freedom(n), 1 - level / 2) * sigma / np.sqrt(n))


def _detectable(sigma: float, n: int, type_: str, analysis: Analysis, tests: int) -> float:
    level = _level((1 - analysis.confidence) / tests, n, type_, analysis)
    half = special.stdtrit(_freedom(n), (1 + analysis.confidence) / 2) * sigma / np.sqrt(n)
    return intervals.detectable(float(half), _freedom(n), analysis.confidence, level)
