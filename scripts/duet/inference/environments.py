"""What holds across environments: each is judged by itself, and this says how far they agree.

The estimate across is a random-effects mean of the environments' log ratios: their true changes are taken
to differ by a variance tau^2 of their own (Paule and Mandel, J. Res. Natl. Bur. Stand. 1982); the interval
is Hartung and Knapp's (Stat. Med. 2001) with k - 1 degrees of freedom, its variance never below that of a
common change (Röver, Knapp and Friede, BMC Med. Res. Methodol. 2015). Of two environments it is wide,
rightly.
"""

import numpy as np
import pandas as pd
from scipy import special

COLUMNS = (
    *("suite", "benchmark", "type", "environments", "verdict", "holds_on", "compared"),
    *("change_percent", "ci_low_percent", "ci_high_percent", "p_value", "between_percent", "i2_percent"),
)
DECIDED = ("slower", "worse", "faster", "better", "equivalent")
"""Verdicts that can hold, worst first."""
_MANY = 200


def across(verdicts: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """COLUMNS, a row per benchmark and type (and metric, where there is one) of several environments.

    `verdict` is the one that most environments have, of those that decide anything (ties: the worse), and
    `holds_on` on how many of the `environments`; the estimate is over those `compared`, which have an
    interval from two runs or more. `between_percent`: tau as a change; `i2_percent`: share of the
    environments' scatter that is theirs (Higgins and Thompson, Stat. Med. 2002).
    """
    keys = [name for name in ("suite", "benchmark", "type", "metric") if name in verdicts]
    if "environment" not in verdicts:
        verdicts = verdicts.assign(environment="")
    rows = []
    for key, part in verdicts.groupby(keys, sort=False, observed=True):
        if part["environment"].nunique() > 1:
            rows.append({**dict(zip(keys, key, strict=True)), **_across(part, confidence)})
    names = [*COLUMNS, *(name for name in keys if name not in COLUMNS)]
    return pd.DataFrame(rows, columns=names)


def _across(part: pd.DataFrame, confidence: float) -> dict[str, object]:
    verdicts = part["verdict"].astype(str)
    counts = {verdict: int((verdicts == verdict).sum()) for verdict in DECIDED}
    verdict = max(DECIDED, key=lambda v: (counts[v], -DECIDED.index(v)))
    if not counts[verdict]:
        verdict, counts["inconclusive"] = "inconclusive", int((verdicts == "inconclusive").sum())
    row: dict[str, object] = {
        "environments": len(part), "verdict": verdict, "holds_on": counts[verdict], "compared": 0,
    }  # fmt: skip
    log, variance = _estimates(part, confidence)
    row["compared"] = len(log)
    numbers = dict.fromkeys(COLUMNS[7:], np.nan)
    if len(log) > 1:
        mean, low, high, p, tau2, i2 = random_effects(log, variance, confidence)
        bounds = (mean, low, high)
        numbers |= dict(zip(COLUMNS[7:10], (100 * float(np.expm1(x)) for x in bounds), strict=True))
        numbers |= {"p_value": p, "between_percent": 100 * float(np.expm1(np.sqrt(tau2)))}
        numbers["i2_percent"] = 100 * i2
    return row | numbers


def _estimates(part: pd.DataFrame, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Log ratio and variance of each environment that has both, from its interval and number of runs."""
    low, high, change = (
        np.log1p(part[f"{name}_percent"].to_numpy(float) / 100) for name in ("ci_low", "ci_high", "change")
    )
    runs = part["runs"].to_numpy(float)
    with np.errstate(invalid="ignore"):
        half = (high - low) / 2 / special.stdtrit(np.maximum(runs - 1, 1), 0.5 + confidence / 2)
    known = np.isfinite(change) & np.isfinite(half) & (runs >= 2)
    return change[known], np.maximum(half[known], 1e-12) ** 2


def random_effects(
    log: np.ndarray, variance: np.ndarray, confidence: float = 0.95
) -> tuple[float, float, float, float, float, float]:
    """Mean, its interval's ends, p-value of no change, tau^2, and I^2 of k > 1 estimates; see the module."""
    k = len(log)
    fixed = 1 / variance
    common = float((fixed * log).sum() / fixed.sum())
    q_fixed = float((fixed * (log - common) ** 2).sum())
    tau2 = _between(log, variance)
    weight = 1 / (variance + tau2)
    mean = float((weight * log).sum() / weight.sum())
    spread = float((weight * (log - mean) ** 2).sum()) / (k - 1)
    error = float(np.sqrt(max(1.0, spread) / weight.sum()))
    half = float(special.stdtrit(k - 1, 0.5 + confidence / 2)) * error
    p = float(2 * special.stdtr(k - 1, -abs(mean) / error))
    i2 = max(0.0, (q_fixed - (k - 1)) / q_fixed) if q_fixed > 0 else 0.0
    return mean, mean - half, mean + half, p, tau2, i2


def _between(log: np.ndarray, variance: np.ndarray) -> float:
    """Paule and Mandel's tau^2: where the weighted scatter is what is to be expected, k - 1; else 0."""

    def excess(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        mean = (weight * log).sum() / weight.sum()
        return float((weight * (log - mean) ** 2).sum()) - (len(log) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(log.var(ddof=1)) + float(variance.max())
    while excess(high) > 0:
        high *= 2
    for _ in range(_MANY):  # the excess falls with tau^2
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
