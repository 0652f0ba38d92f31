"""Which way of giving cores to the sides makes runs of A against A agree best."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

CONFIDENCE = 0.95
RUNS = 6
"""For so many runs the width of an interval is told."""
LEAST_WORK = 0.75
"""A mode that does less than this share of the fastest one's work is not recommended."""
NEAR = 1.2
"""Spreads that differ by less than this factor are called equal: the earlier mode is taken."""


class ModeRow(NamedTuple):
    """How runs of A against A agreed in one mode."""

    mode: str
    runs: int
    spread_percent: float
    """Standard deviation of a run's log ratio, pooled over benchmarks."""
    low_percent: float
    high_percent: float
    """Its 95 % interval."""
    interval_points: float
    """Width of a verdict's interval from RUNS runs."""
    work_percent: float
    """Against the first mode."""
    skew_percent: float
    """Mean log ratio, 0 where no side is favoured."""
    skew_p_value: float


def mode_rows(rows: pd.DataFrame) -> list[ModeRow]:
    """The rows of `compare_modes`, in its order."""
    return [ModeRow(*row) for row in rows[list(ModeRow._fields)].itertuples(index=False, name=None)]


def compare_modes(effects: pd.DataFrame) -> pd.DataFrame:
    """A ModeRow per `mode` of the effects of A/A runs, in order of appearance.

    `effects`: mode, benchmark, log_ratio, mean_A_ns, mean_B_ns.
    """
    rows: list[ModeRow] = []
    usable = effects[effects["log_ratio"].notna()]
    speed = pd.Series(-np.log(usable["mean_A_ns"] * usable["mean_B_ns"]) / 2, index=usable.index)
    speeds = speed.groupby([usable["mode"], usable["benchmark"]], sort=False).mean()
    for mode, part in usable.groupby("mode", sort=False):
        groups = part.groupby("benchmark")["log_ratio"]
        squares = float(((part["log_ratio"] - groups.transform("mean")) ** 2).sum())
        freedom = len(part) - groups.ngroups
        spread = np.sqrt(squares / freedom) if freedom else np.nan
        low, high = _spread_interval(squares, freedom)
        skew, n = float(part["log_ratio"].mean()), len(part)
        error = spread / np.sqrt(n)
        first = usable["mode"].iloc[0]
        work = np.exp((speeds[mode] - speeds[first]).mean())
        rows.append(
            ModeRow(
                mode=str(mode),
                runs=n,
                spread_percent=100 * spread,
                low_percent=100 * low,
                high_percent=100 * high,
                interval_points=200 * spread * special.stdtrit(RUNS - 1, 0.975) / np.sqrt(RUNS),
                work_percent=100 * float(work),
                skew_percent=100 * skew,
                skew_p_value=float(2 * special.stdtr(max(freedom, 1), -abs(skew) / error)) if error else 1.0,
            )
        )
    return pd.DataFrame(rows, columns=list(ModeRow._fields))


def _spread_interval(squares: float, freedom: int) -> tuple[float, float]:
    """Of a standard deviation, by the chi-square distribution."""
    if not freedom:
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    bounds = special.chdtri(freedom, [tail, 1 - tail])
    return float(np.sqrt(squares / bounds[0])), float(np.sqrt(squares / bounds[1]))


def recommend(rows: pd.DataFrame, preferred: str = "exchange") -> str | None:
    """The mode with the least spread among those that do enough work. None without data.

    Where several are about equal it is `preferred`, else the one that does most work.
    """
    known = rows[rows["spread_percent"].notna()]
    enough = known[known["work_percent"] >= LEAST_WORK * known["work_percent"].max()]
    if enough.empty:
        return None
    near = enough[enough["spread_percent"] <= NEAR * enough["spread_percent"].min()]
    if preferred in set(near["mode"]):
        return preferred
    return str(near.sort_values("work_percent", ascending=False, kind="stable")["mode"].iloc[0])
