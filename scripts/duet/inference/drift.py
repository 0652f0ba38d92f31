"""Changes of one benchmark over many campaigns: what they add up to, and where it began.

Each campaign has its own error, known from its interval. So the changes are independent, and a drift that no
single campaign can show is shown by their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import special

from duet.model import DuetError

METHOD = "PELT (Killick, Fearnhead and Eckley, JASA 2012; library ruptures)"
ALWAYS, PER_POINT = 2.0, 3.0
"""Penalty of a change point: a constant, and by the logarithm of the number of campaigns. With PER_SERIES it
keeps the share of histories without any change that are given a change point near 5 % or below
(benchmarks/history_rates.py)."""
PER_SERIES = 2.0
"""The same by the logarithm of the number of benchmarks: the tail of chi-squared falls by exp(-x / 2)."""
PRIOR = 8.0
"""Degrees of freedom with which the other campaigns' errors count: few runs know their own badly."""


@dataclass(frozen=True)
class Step:
    """What one campaign found: a log ratio, its standard error and its degrees of freedom."""

    change: float
    error: float
    freedom: float


@dataclass(frozen=True)
class Level:
    """A sum of changes, log ratio, with its interval, and the p-value of none."""

    change: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Segment:
    """Campaigns begin to end - 1 change alike; `level`: their sum, with a baseline their mean."""

    begin: int
    end: int
    level: Level


@dataclass(frozen=True)
class Drift:
    levels: tuple[Level, ...]
    """After each campaign."""
    segments: tuple[Segment, ...]

    @property
    def total(self) -> Level:
        return self.levels[-1]

    @property
    def change_points(self) -> tuple[int, ...]:
        """Campaigns from which on the changes are others."""
        return tuple(segment.begin for segment in self.segments[1:])


def step(change: float, low: float, high: float, runs: int, confidence: float) -> Step:
    """From an estimate and its interval (log ratios) over so many runs; two or more."""
    freedom = max(runs - 1, 1)
    quantile = float(special.stdtrit(freedom, 0.5 + confidence / 2))
    return Step(change, max((high - low) / 2 / quantile, 1e-9), freedom)


def drift_of(
    steps: Sequence[Step], confidence: float = 0.95, series: int = 1, baseline: bool = False
) -> Drift:
    """Of one benchmark's campaigns in their order, one of `series` benchmarks.

    Each campaign compares with the one before it, so that changes add up; with `baseline` all of them
    with the same A, so that each is a level by itself.
    """
    ends = [0, *change_points(steps, confidence, series), len(steps)]
    segments = []
    for begin, end in pairwise(ends):
        mine = steps[begin:end]
        segments.append(Segment(begin, end, _mean(mine, confidence) if baseline else _sum(mine, confidence)))
    if baseline:
        levels = [_sum([one], confidence) for one in steps[:-1]] + [segments[-1].level]
    else:
        levels = [_sum(steps[: n + 1], confidence) for n in range(len(steps))]
    return Drift(tuple(levels), tuple(segments))


def change_points(steps: Sequence[Step], confidence: float = 0.95, series: int = 1) -> list[int]:
    """Where the mean change becomes another one: METHOD, each campaign weighted by its precision.

    The cost of a stretch is its sum of squares about its mean, in units of the campaigns' own errors. A
    single campaign may be a stretch: a jump. Raises DuetError where the library is not installed.
    """
    n = len(steps)
    if n < 3:
        return []
    try:
        import ruptures
    except ImportError:
        raise DuetError(
            "history needs the library ruptures, which is not installed",
            "pip install ruptures",
        ) from None
    x = np.array([one.change for one in steps])
    weight = 1 / _variances(steps)
    sums = [np.concatenate([[0.0], np.cumsum(weight * x**power)]) for power in (0, 1, 2)]

    class Cost(ruptures.base.BaseCost):
        model, min_size = "", 1

        def fit(self, signal: np.ndarray) -> "Cost":
            self.signal = signal
            return self

        def error(self, start: int, end: int) -> float:
            total, first, second = (each[end] - each[start] for each in sums)
            return float(second - first**2 / total)

    penalty = ALWAYS + PER_POINT * np.log(n) + PER_SERIES * np.log(max(series, 1))
    breaks = ruptures.Pelt(custom_cost=Cost(), min_size=1, jump=1).fit(x[:, None]).predict(pen=penalty)
    return [int(place) for place in breaks[:-1]]


def _variances(steps: Sequence[Step]) -> np.ndarray:
    """Of each campaign, drawn towards their median, and widened as t is against the normal distribution."""
    own, freedom = (np.array([getattr(one, name) for one in steps]) for name in ("error", "freedom"))
    drawn = (freedom * own**2 + PRIOR * np.median(own**2)) / (freedom + PRIOR)
    return drawn * (freedom + PRIOR) / (freedom + PRIOR - 2)


def _sum(steps: Sequence[Step], confidence: float) -> Level:
    """Interval by t, with Satterthwaite's degrees of freedom (Biometrics Bulletin 1946)."""
    return _level(sum(one.change for one in steps), [one.error**2 for one in steps], steps, confidence)


def _mean(steps: Sequence[Step], confidence: float) -> Level:
    n = len(steps)
    variances = [(one.error / n) ** 2 for one in steps]
    return _level(sum(one.change for one in steps) / n, variances, steps, confidence)


def _level(change: float, variances: Sequence[float], steps: Sequence[Step], confidence: float) -> Level:
    variance = sum(variances)
    freedom = variance**2 / sum(v**2 / one.freedom for v, one in zip(variances, steps, strict=True))
    error = variance**0.5
    half = error * float(special.stdtrit(freedom, 0.5 + confidence / 2))
    p = 2 * float(special.stdtr(freedom, -abs(change) / error))
    return Level(change, change - half, change + half, p)
