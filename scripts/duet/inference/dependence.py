"""Do runs depend on the ones measured before them?"""

import numpy as np

LEVEL_Z = 2.326
"""Correlation counts at 1 %, one-sided."""
FEWEST = 8
"""Runs below which nothing of the kind can be seen."""
_GREATEST = 0.95


def inflation(rest: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the variance of the mean of dependent runs exceeds that of independent ones, and whether
    it is seen at all: the factor is 1 where it is not.

    `rest` (..., n) are what a least squares fit of `design` (n, k) leaves of the runs in the order in which
    they were measured. Their first autocorrelation r is judged by its exact mean and variance under
    independent normal noise (Durbin and Watson, Biometrika 1950; von Neumann 1941); (1 + r) / (1 - r) is
    the factor of a first-order autoregression (Bartlett, JRSS 1946). It only ever widens, so that it costs
    no error; it cannot repair: an offset that lasts longer than the campaign is a change to everybody who
    looks at it.
    """
    n, k = design.shape
    if n < FEWEST:
        return np.ones(rest.shape[:-1]), np.zeros(rest.shape[:-1], bool)
    left = np.eye(n) - design @ np.linalg.pinv(design)
    next_to = (np.eye(n, k=1) + np.eye(n, k=-1)) / 2
    seen = left @ next_to
    mean = np.trace(seen) / (n - k)
    variance = 2 * (np.trace(seen @ seen) - (n - k) * mean**2) / ((n - k) * (n - k + 2))
    square = (rest**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.nan_to_num((rest[..., 1:] * rest[..., :-1]).sum(axis=-1) / square) - mean
    dependent = r > LEVEL_Z * np.sqrt(variance)
    r = np.clip(r * n / (n - 3), 0, _GREATEST)  # Kendall: short series show too little of it
    return np.where(dependent, (1 + r) / (1 - r), 1.0), dependent
