"""Many benchmarks at once: adjusted p-values and the confidence of simultaneous intervals."""

import numpy as np

NAMES = ("holm", "bh", "none")


def adjust(p: np.ndarray, correction: str) -> np.ndarray:
    """Adjusted p-values; NaN is no test and is not counted.

    `holm`: Holm, Scand. J. Statist. 1979 (family-wise error). `bh`: Benjamini and Hochberg,
    JRSS B 1995 (false discovery rate). `none`: as they are.
    """
    out = np.array(p, float)
    known = np.flatnonzero(~np.isnan(out))
    m = len(known)
    if correction == "none" or m == 0:
        return out
    order = known[np.argsort(out[known], kind="stable")]
    if correction == "holm":
        out[order] = np.minimum(1, np.maximum.accumulate(out[order] * (m - np.arange(m))))
    elif correction == "bh":
        scaled = out[order] * m / np.arange(1, m + 1)
        out[order] = np.minimum(1, np.minimum.accumulate(scaled[::-1])[::-1])
    else:
        raise ValueError(f"unknown correction {correction!r}; accepted: {', '.join(NAMES)}")
    return out


def simultaneous_confidence(p_adjusted: np.ndarray, correction: str, confidence: float) -> float:
    """The confidence of each interval such that all of them hold together.

    `holm`: Bonferroni, all m intervals cover with `confidence`. `bh`: Benjamini and Yekutieli, JASA
    2005: of the intervals of the R selected benchmarks an expected share of `confidence` covers.
    """
    m = int(np.sum(~np.isnan(p_adjusted)))
    alpha = 1 - confidence
    if correction == "none" or m == 0:
        return confidence
    if correction == "bh":
        selected = int(np.nansum(p_adjusted <= alpha))
        return 1 - alpha * max(selected, 1) / m
    return 1 - alpha / m
