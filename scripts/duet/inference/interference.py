"""How much running together slows each side, and whether it slows both alike."""

import numpy as np
import pandas as pd
from scipy import special

from duet.model import Analysis

COLUMNS = ("slowdown_A_percent", "slowdown_B_percent", "unfairness_percent", "unfairness_p_value")
IN_COMPANY = ("duet", "syncduet")


def interference_of(effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """One row per duet or syncduet benchmark that was, in its environment, also measured one side after the
    other.

    Columns: suite, benchmark, environment, type, runs_company, runs_alone, COLUMNS, `warning`. A slowdown is
    the geometric mean over runs of a side's mean iteration time in company against alone; unfairness is how
    much more B is slowed than A (Welch's t on the runs' log ratios, company against alone).
    """
    keys = ["suite", "benchmark", "environment"]
    usable = effects[effects["log_ratio"].notna()]
    alone = dict(list(usable[usable["type"] == "seqn"].groupby(keys, observed=True)))
    rows = []
    for (*key, type_), company in usable.groupby([*keys, "type"], observed=True):
        other = alone.get(tuple(key))
        if type_ in IN_COMPANY and other is not None:
            row = {**dict(zip(keys, key, strict=True)), "type": type_}
            rows.append(row | _compare(company, other, analysis))
    columns = [*keys, "type", "runs_company", "runs_alone", *COLUMNS, "warning"]
    return pd.DataFrame(rows, columns=columns)


def _compare(company: pd.DataFrame, alone: pd.DataFrame, analysis: Analysis) -> dict[str, object]:
    row: dict[str, object] = {"runs_company": len(company), "runs_alone": len(alone)}
    for side in "AB":
        log = np.log(company[f"mean_{side}_ns"]).mean() - np.log(alone[f"mean_{side}_ns"]).mean()
        row[f"slowdown_{side}_percent"] = 100 * float(np.expm1(log))
    difference, p = welch(company["log_ratio"].to_numpy(float), alone["log_ratio"].to_numpy(float))
    row["unfairness_percent"], row["unfairness_p_value"] = 100 * float(np.expm1(difference)), p
    row["warning"] = ""
    if p <= 1 - analysis.confidence:
        a, b = row["slowdown_A_percent"], row["slowdown_B_percent"]
        row["warning"] = (
            f"running together slows A and B differently (A {a:+.1f} %, B {b:+.1f} % against alone): "
            "compare with the sequential result"
        )
    return row


def welch(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Difference of means, and the two-sided p-value of Welch's t (Biometrika 1947); NaN below n = 2."""
    difference = float(x.mean() - y.mean())
    if min(len(x), len(y)) < 2:
        return difference, np.nan
    vx, vy = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if vx + vy == 0:
        return difference, float(difference == 0)
    freedom = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
    return difference, float(2 * special.stdtr(freedom, -abs(difference) / np.sqrt(vx + vy)))
