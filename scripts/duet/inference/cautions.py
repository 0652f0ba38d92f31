"""What to know before trusting a verdict: one text each, from the runs of a benchmark and its row."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy import special

from duet.inference import dependence, guarded, intervals
from duet.inference.effects import LEFT_OUT
from duet.inference.intervals import Interval
from duet.inference.samples import DISTURBED, WARMUP
from duet.model import TIME, Analysis

IN_COMPANY = ("duet", "aaduet", "bbduet", "syncduet")
BY_T = ("t", "guarded-t")
_SURE = 0.01
"""Level at which runs must agree that another assumption moves the estimate."""


def cautions_of(
    runs: pd.DataFrame, used: pd.DataFrame, row: dict[str, object], interval: Interval, analysis: Analysis
) -> list[str]:
    """`runs` are all of `run_effects` of a benchmark and type, `used` those with a log ratio, in the order in
    which they were measured; `found` is the interval of its verdict."""
    out = _left_out(runs)
    out += _too_little(used, row, analysis)
    out += _faults(runs) if row["metric"] == TIME else []
    for warning, n in used.loc[used["warnings"] != "", "warnings"].value_counts().items():
        out.append(f"{warning} ({n} of {len(used)} runs)" if n < len(used) else str(warning))
    if len(used) >= 2:
        out += _lopsided(used, str(row["type"]))
        out += _assumed(used, interval, analysis)
    if row["method"] in BY_T:
        out += _runs_astray(used, row, interval, analysis)
    return out


def _left_out(runs: pd.DataFrame) -> list[str]:
    reasons = runs.loc[runs["log_ratio"].isna(), "reason"].value_counts()
    if not len(reasons):
        return []
    counted = ", ".join(f"{reason} ({n})" for reason, n in reasons.items())
    return [f"{reasons.sum()} of {len(runs)} runs left out: {counted}"]


def _too_little(used: pd.DataFrame, row: dict[str, object], analysis: Analysis) -> list[str]:
    out = []
    if row["method"] == "t on batches":
        k = len(used["batches"].iloc[0])
        out.append(
            f"one run only: the interval comes from {k} batches inside it and leaves out how runs differ: "
            "measure 2 or more"
        )
    elif len(used) == 1:
        out.append("one run only, and too few iterations in it for an interval: measure 2 or more")
    elif len(used) and used["log_ratio"].nunique() == 1:
        out.append(
            "the runs do not differ at all: times are coarse or copied"
            if row["metric"] == TIME
            else "the same in every run: taken for a count that does not vary"
        )
    if row["method"] == "wilcoxon" and 2.0 ** (1 - len(used)) > 1 - analysis.confidence:
        out.append(f"wilcoxon cannot show a difference with {len(used)} runs")
    if analysis.method == "hierarchical-bootstrap" and row["method"] == "t":
        out.append("runs are too short for batches: t is used instead of the hierarchical bootstrap")
    return out


def _faults(runs: pd.DataFrame) -> list[str]:
    """Iterations left out; warm-up and what was disturbed are meant to be, the rest is a fault of what was
    measured."""
    meant = (WARMUP, DISTURBED)
    counts = {reason: int(runs[column].sum()) for reason, column in LEFT_OUT.items() if reason not in meant}
    return [f"{n} iteration{'s' * (n != 1)} left out: {reason}" for reason, n in counts.items() if n]


def _lopsided(used: pd.DataFrame, type_: str) -> list[str]:
    count = Counter(used["order"].astype(str))
    if type_ not in IN_COMPANY or not set(count) <= {"AB", "BA"}:
        return []
    if 3 * min(count["AB"], count["BA"]) >= len(used):
        return []
    return [
        f"{count['AB']} runs started A first and {count['BA']} B: "
        "an advantage of the side that starts first is part of the change"
    ]


def _assumed(used: pd.DataFrame, interval: Interval, analysis: Analysis) -> list[str]:
    """Where the change would be another one if what it takes for granted did not hold."""
    out = []
    least = np.log1p(max(analysis.margin_percent, 0.0) / 100) / 4
    change, half = float(interval.estimate), float(interval.high - interval.low) / 2
    texts = {
        "trend": "times rise or fall within all runs: attributed the other way (to work or to the machine), "
        "the change is {}",
        "company": "a side is faster or slower while the other pauses: corrected for that, the change is {}",
    }
    for name, text in texts.items():
        shift = used[f"shift_{name}"].to_numpy(float)
        if moves(shift, max(least, half / 4)):
            out.append(text.format(percent(change + shift.mean())))
    first, second = (used[f"half_{i}"].to_numpy(float) for i in (1, 2))
    if moves(second - first, max(2 * least, half / 2)):
        out.append(
            f"the change is {percent(first.mean())} in the first half of the runs and "
            f"{percent(second.mean())} in the second: a longer warm-up of one side, or work that grows"
        )
    error = np.sqrt(used["rounding"].mean())
    if 2 * error > max(least, half / special.stdtrit(len(used) - 1, (1 + analysis.confidence) / 2)):
        out.append(f"the clock is coarse: its steps alone leave an error of {100 * 2 * error:.2g} %")
    return out


def moves(shift: np.ndarray, least: float) -> bool:
    """Whether the runs agree (t, 1 %) on a mean shift of at least so much; never with less than 3 of them."""
    n = len(shift)
    if n < 3 or not abs(shift.mean()) >= least:
        return False
    t = np.sqrt(n) * abs(shift.mean()) / max(shift.std(ddof=1), 1e-12)
    return bool(2 * special.stdtr(n - 1, -t) <= _SURE)


def _runs_astray(
    used: pd.DataFrame, row: dict[str, object], interval: Interval, analysis: Analysis
) -> list[str]:
    out = []
    n, x = len(used), used["log_ratio"].to_numpy(float)
    order = used["order"].astype(str).to_numpy()
    swapped = used["swapped"].to_numpy() if "swapped" in used else None
    if used["start_ns"].notna().all():
        rest, design = intervals.rest(x, order, swapped)
        factor, seen = dependence.inflation(rest, design)
        if seen:
            out.append(
                f"runs resemble the ones measured before them: the interval is widened {np.sqrt(factor):.1f} "
                "times and may still be too narrow: interleave the benchmarks (schedule)"
            )
    if n >= guarded.FEWEST:
        mean = float(intervals.t(x, analysis.confidence, 0.0, order, swapped).estimate)
        if not row["trimmed_ci_low_percent"] <= 100 * np.expm1(mean) <= row["trimmed_ci_high_percent"]:
            out.append(
                f"a few runs are far off: the mean of all is {percent(mean)}, without the highest and lowest "
                f"tenth it is {row['trimmed_change_percent']:+.2f} %"
            )
    return out


def percent(log_ratio: float) -> str:
    return f"{100 * np.expm1(log_ratio):+.2f} %"
