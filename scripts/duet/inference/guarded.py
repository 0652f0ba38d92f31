"""Student's t with a guard: a trimmed mean that a few runs gone astray cannot silence.

One run in ten that is off by a factor makes the mean's interval wide for good: the more runs, the surer is
one of them off. A trimmed mean does not mind, but costs power where nothing is off. So both are asked, each
with a fixed share of the error: no choice is made from the data, and the level holds whatever it is.
"""

import numpy as np

from duet.inference import dependence, intervals
from duet.inference.intervals import Interval

TRIMMED_SHARE = 0.1
"""Of the error alpha: for the trimmed mean; the rest is for the mean of all runs."""
FEWEST = 10
"""Runs from which the trimmed mean is asked: below there is nothing to trim that leaves enough."""


def guarded_t(
    x: np.ndarray,
    confidence: float,
    margin: float,
    order: np.ndarray | None = None,
    swapped: np.ndarray | None = None,
    extra: float = 0.0,
    measured_in_order: bool = False,
) -> Interval:
    """Where both the t interval at 1 - 0.9 alpha and the trimmed one at 1 - 0.1 alpha are (..., n).

    By the union bound both hold together with `confidence` (Bonferroni with unequal shares; Rosenthal and
    Rubin, Psychological Bulletin 1983); p = min(p_t / 0.9, p_trimmed / 0.1). The estimate is the mean, or
    the end of the interval that is nearest to it. Where the two have nothing in common the interval is all
    from the lower end of the one to the upper end of the other. Equivalence is asked of the mean of all
    runs only, at the full level: a run gone astray may be the regression. Below FEWEST runs it is
    `intervals.t`.
    """
    design = (margin, order, swapped, extra, measured_in_order)
    whole = intervals.t(x, confidence, *design)
    if x.shape[-1] < FEWEST:
        return whole
    alpha = 1 - confidence
    mean = intervals.t(x, 1 - (1 - TRIMMED_SHARE) * alpha, *design)
    middle = trimmed(x, 1 - TRIMMED_SHARE * alpha, *design)
    low, high = np.maximum(mean.low, middle.low), np.minimum(mean.high, middle.high)
    apart = low > high
    p = np.minimum(1, np.minimum(mean.p / (1 - TRIMMED_SHARE), middle.p / TRIMMED_SHARE))
    p = np.where(apart, np.where(mean.low * middle.low > 0, np.maximum(mean.p, middle.p), 1), p)
    low = np.where(apart, np.minimum(mean.low, middle.low), low)
    high = np.where(apart, np.maximum(mean.high, middle.high), high)
    return Interval(np.clip(mean.estimate, low, high), low, high, p, whole.p_equivalence)


def trimmed(
    x: np.ndarray,
    confidence: float,
    margin: float,
    order: np.ndarray | None = None,
    swapped: np.ndarray | None = None,
    extra: float = 0.0,
    measured_in_order: bool = False,
) -> Interval:
    """The mean without the highest and lowest tenth, and its interval by the Winsorised variance.

    (Tukey and McLaughlin, Sankhya A 1963; Yuen, Biometrika 1974.) What order and swap do is taken off
    first, by the difference of medians, at the price of a degree of freedom each.
    """
    n = x.shape[-1]
    columns = [c for c in intervals.factors(n, order, swapped) if c is not None]
    for sign in columns:
        up, down = (np.median(x[..., sign == side], axis=-1, keepdims=True) for side in (1, -1))
        x = x - sign * (up - down) / 2
    cut = n // 10
    kept = n - 2 * cut
    freedom = kept - 1 - len(columns)
    wider: np.ndarray | float = 1.0
    if measured_in_order:
        away = x - np.median(x, axis=-1, keepdims=True)
        wider = dependence.inflation(away - away.mean(axis=-1, keepdims=True), np.ones((n, 1)))[0]
    x = np.sort(x, axis=-1)
    mean = x[..., cut : n - cut].mean(axis=-1)
    drawn_in = np.clip(x, x[..., cut, None], x[..., n - cut - 1, None])
    squares = ((drawn_in - drawn_in.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    error = np.sqrt(squares / (kept * freedom) * wider + extra)
    return intervals.by_t(mean, error, freedom, confidence, margin)
