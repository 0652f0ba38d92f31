"""May this change pass? The gate's rule, without any file or text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

import pandas as pd
from scipy import special

from duet.model import ALIKE, TIME


class Exit(IntEnum):
    """Exit codes of `duetbench gate`; where several hold, the first of 3, 1, 4, 2."""

    PASSED = 0
    REGRESSION = 1
    INCONCLUSIVE = 2
    UNCALIBRATED = 3
    NO_DATA = 4


NOT_MEASURED = "not measured"
"""The verdict of a benchmark by a metric that it does not have: nothing that a gate could ask for."""
PROMISED = 0.9
"""The power of `detectable_percent`."""
PRECEDENCE = ("duet", "syncduet", "seqn")
"""A benchmark is judged by the first of these types that it was measured by."""


@dataclass(frozen=True)
class FalsePositives:
    """How often A was told from A, at the level of a single test."""

    comparisons: int
    different: int
    nominal: float
    low: float
    high: float
    """Clopper-Pearson interval of the rate (Biometrika 1934)."""
    p_value: float
    """Of so many or more at the nominal rate (exact binomial); NaN without comparisons."""

    def seen(self, rate: float = 0.15) -> float:
        """How probably so many comparisons would have failed if A were told from A at this true rate."""
        n, few = self.comparisons, 0
        while few <= n and special.bdtrc(few - 1, n, self.nominal) >= 0.05:
            few += 1
        return float(special.bdtrc(few - 1, n, rate)) if 0 < few <= n else 0.0

    @property
    def failed(self) -> bool:
        return self.p_value < 0.05


@dataclass(frozen=True)
class Power:
    """How often A was told from A made slower, by what its runs promise to find in PROMISED of all cases."""

    comparisons: int
    detected: int
    low: float
    high: float
    """Clopper-Pearson interval of the rate."""
    p_value: float
    """Of so few or fewer at the promised rate (exact binomial); NaN without comparisons."""

    @property
    def failed(self) -> bool:
        return self.p_value < 0.05

    def seen(self, rate: float = 0.6) -> float:
        """How probably so many comparisons would have failed if only this share were found."""
        n, many = self.comparisons, self.comparisons
        while many >= 0 and special.bdtr(many, n, PROMISED) >= 0.05:
            many -= 1
        return float(special.bdtr(many, n, rate)) if many >= 0 else 0.0

    def sentence(self) -> str:
        if not self.comparisons:
            return ""
        return (
            f"{self.detected} of {self.comparisons} A/A comparisons with B made slower, by what they promise "
            f"to find, called different (95% interval {self.low:.0%} to {self.high:.0%}, "
            f"promised {PROMISED:.0%})"
        )


@dataclass(frozen=True)
class Decision:
    exit: Exit
    judged: pd.DataFrame
    """One row per benchmark: its verdict's row and `outcome` (regression, uncertain, inconclusive, no data,
    passed)."""
    false_positives: FalsePositives
    power: Power


def gate_decision(
    rows: pd.DataFrame,
    threshold_percent: float = 0.0,
    strict: bool = False,
    confidence: float = 0.95,
    max_uncertainty_percent: float | None = None,
) -> Decision:
    """From verdicts, with a row `no data` for each planned benchmark that has none.

    Each metric that the rows have is judged. A regression is a difference that is shown (corrected p), of a
    change beyond the threshold. The margin of equivalence plays no part: it would hide what is smaller, the
    more so the more data there are. A benchmark whose change is not known (nothing usable) is `no data`.
    Without any to judge there is no data either. An interval wider than `max_uncertainty_percent` points,
    upper end less lower end, is `uncertain` and no pass: without such a bound a noisier machine shows fewer
    regressions, and its gate is the greener one.
    """
    if "metric" not in rows:
        rows = rows.assign(metric=TIME, better="lower")
    by_metric = [part for _, part in rows.groupby("metric", sort=False)]
    checked = _worst(
        [false_positives(part.loc[part["type"].isin(ALIKE), "p_value"], confidence) for part in by_metric]
    )
    judged = pd.concat([primary(part) for part in by_metric] or [primary(rows)])
    judged = judged[judged["verdict"] != NOT_MEASURED]
    most = math.inf if max_uncertainty_percent is None else max_uncertainty_percent
    outcomes = [outcome(*row, threshold_percent, 1 - confidence, most) for row in _facts(judged)]
    judged = judged.assign(outcome=outcomes)
    kinds = set(judged["outcome"])
    proof = power(rows, confidence)
    if checked.failed or proof.failed:
        code = Exit.UNCALIBRATED
    elif "regression" in kinds:
        code = Exit.REGRESSION
    elif "no data" in kinds or judged.empty:
        code = Exit.NO_DATA
    elif "uncertain" in kinds or ("inconclusive" in kinds and strict):
        code = Exit.INCONCLUSIVE
    else:
        code = Exit.PASSED
    return Decision(code, judged, checked, proof)


def _worst(checked: list[FalsePositives]) -> FalsePositives:
    """That of the metric which tells most against the campaign, its p-value corrected for their number."""
    some = [each for each in checked if each.comparisons]
    if not some:
        return false_positives(pd.Series(dtype=float))
    least = min(some, key=lambda each: each.p_value)
    return replace(least, p_value=min(1.0, len(some) * least.p_value))


def primary(rows: pd.DataFrame) -> pd.DataFrame:
    """The row of each benchmark and environment by which it is judged (PRECEDENCE), as they were given."""
    rank = {t: i for i, t in enumerate(PRECEDENCE)}
    rows = rows[rows["type"].isin(PRECEDENCE)]
    # a type without data does not hide one that has some
    order = rows.assign(_rank=rows["type"].map(rank).astype(int) + len(rank) * rows["change_percent"].isna())
    keys = [name for name in ("suite", "benchmark", "environment") if name in rows]
    best = order.groupby(keys, sort=False, dropna=False)["_rank"].transform("min")
    return rows[order["_rank"] == best]


def _facts(rows: pd.DataFrame) -> Iterable[tuple[str, float, float, float]]:
    width = rows["ci_high_percent"].astype(float) - rows["ci_low_percent"].astype(float)
    change = rows["change_percent"].astype(float)
    # of what is better when it is more, a loss is what a regression is
    loss = change.where(rows["better"].astype(str) != "higher", -change)
    return zip(rows["verdict"].astype(str), loss, rows["p_adjusted"].astype(float), width, strict=True)


def outcome(
    verdict: str,
    change_percent: float,
    p_adjusted: float,
    width_percent: float,
    threshold_percent: float,
    level: float,
    max_uncertainty_percent: float,
) -> str:
    if change_percent != change_percent:  # NaN
        return "no data"
    if p_adjusted <= level and change_percent > max(threshold_percent, 0.0):
        return "regression"
    if not (width_percent <= max_uncertainty_percent or math.isinf(max_uncertainty_percent)):
        return "uncertain"  # a width that is not known is none that is narrow enough
    return "inconclusive" if verdict == "inconclusive" else "passed"


def false_positives(p_values: pd.Series, confidence: float = 0.95) -> FalsePositives:
    """Of the p-values of A/A comparisons, those at or below the nominal level."""
    p = p_values.dropna().astype(float)
    alpha, n, k = 1 - confidence, len(p), int((p <= 1 - confidence).sum())
    if n == 0:
        return FalsePositives(0, 0, alpha, 0.0, 1.0, float("nan"))
    low, high = _clopper_pearson(k, n)
    tail = float(special.bdtrc(k - 1, n, alpha)) if k else 1.0
    return FalsePositives(n, k, alpha, low, high, tail)


def power(rows: pd.DataFrame, confidence: float = 0.95) -> Power:
    """Of the A/A rows those whose injected slowdown was found (`injection`)."""
    if "injected_p_adjusted" not in rows:
        return Power(0, 0, 0.0, 1.0, float("nan"))
    p = pd.to_numeric(rows["injected_p_adjusted"], errors="coerce").dropna()
    n, k = len(p), int((p <= 1 - confidence).sum())
    if n == 0:
        return Power(0, 0, 0.0, 1.0, float("nan"))
    return Power(n, k, *_clopper_pearson(k, n), float(special.bdtr(k, n, PROMISED)))


def _clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """95 % interval of a rate (Clopper and Pearson, Biometrika 1934)."""
    low = float(special.betaincinv(k, n - k + 1, 0.025)) if k else 0.0
    return low, float(special.betaincinv(k + 1, n - k, 0.975)) if k < n else 1.0
