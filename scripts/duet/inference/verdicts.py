"""Runs -> one verdict per benchmark and type."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from duet.inference import cautions, guarded, interference, intervals, multiplicity
from duet.inference.effects import LEFT_OUT, MIN_OVERLAPS
from duet.inference.intervals import Interval
from duet.inference.samples import GROUP_KEYS
from duet.model import Analysis

SLOWER, FASTER, EQUIVALENT, INCONCLUSIVE = "slower", "faster", "equivalent", "inconclusive"
VERDICTS = (SLOWER, FASTER, EQUIVALENT, INCONCLUSIVE)

COLUMNS = (
    *("suite", "benchmark", "type", "runs", "iterations_A", "iterations_B", "coverage"),
    *("change_percent", "ci_low_percent", "ci_high_percent", "p_value", "p_adjusted"),
    *("verdict", "method", "warnings"),
    *("estimator", "ci_low_simultaneous_percent", "ci_high_simultaneous_percent"),
    *("p_equivalence", "p_equivalence_adjusted", "mean_A_ns", "mean_B_ns", "coverage_time"),
    *("icc", "design_effect", "holds_for_min_overlap", "runs_left_out", "iterations_left_out", "left_out"),
    *interference.COLUMNS,
    *("difference", "detectable_percent"),
    *("trimmed_change_percent", "trimmed_ci_low_percent", "trimmed_ci_high_percent"),
    "environment",
)


@dataclass(frozen=True)
class _Runs:
    """The usable runs of a benchmark, n of them, in the order in which they were measured where that is
    known."""

    x: np.ndarray
    order: np.ndarray
    swapped: np.ndarray | None
    batches: list[list[float] | None]
    rounding: float
    """Variance of the mean of runs by the clock's step: they are rounded alike, it does not average out."""
    in_order: bool


def judge(effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """COLUMNS, one row per (suite, benchmark, type, environment) of `run_effects`, sorted by them.

    A benchmark without a usable run is inconclusive, its numbers are NaN and `warnings` says why.
    The p-values of a suite and type in an environment are one family for the correction.
    """
    if "environment" not in effects:
        effects = effects.assign(environment="")
    groups = effects.groupby(list(GROUP_KEYS), sort=True, observed=True)
    rows = [_benchmark(tuple(map(str, key)), part, analysis) for key, part in groups]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    families = frame.groupby(["environment", "suite", "type"], sort=False)
    parts = [_corrected(part, analysis) for _, part in families]
    frame = pd.concat(parts).sort_index()
    shown = list(zip(frame["p_adjusted"], frame["p_equivalence"], frame["change_percent"], strict=True))
    frame["verdict"] = [decide(*one, analysis) for one in shown]
    frame["difference"] = [difference(p, change, analysis) for p, _, change in shown]
    return _with_interference(frame, effects, analysis)[list(COLUMNS)]


def _with_interference(frame: pd.DataFrame, effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """The columns of `interference` where there are seqn runs, and its warnings behind the others."""
    keys = list(GROUP_KEYS)
    found = interference.interference_of(effects, analysis)
    frame = frame.merge(found[[*keys, *interference.COLUMNS, "warning"]], how="left", on=keys)
    pairs = zip(frame["warnings"], frame["warning"].fillna(""), strict=True)
    return frame.assign(warnings=["; ".join(filter(None, pair)) for pair in pairs])


def decide(p: float, p_equivalence: float, change_percent: float, analysis: Analysis) -> str:
    """The rule. With alpha = 1 - confidence, p corrected over the suite, p_equivalence not (NaN shows
    nothing):

    equivalent    |change| < margin is shown (p_equivalence <= alpha), whether or not it is 0
    slower        else, a difference is shown (p <= alpha) and change > 0
    faster        else, a difference is shown (p <= alpha) and change < 0
    inconclusive  else
    """
    alpha = 1 - analysis.confidence
    if p_equivalence <= alpha:
        return EQUIVALENT
    if p <= alpha:
        return SLOWER if change_percent > 0 else FASTER
    return INCONCLUSIVE


def difference(p: float, change_percent: float, analysis: Analysis) -> str:
    """`slower` or `faster` where a difference is shown, however small it may be; else empty."""
    if not p <= 1 - analysis.confidence:
        return ""
    return SLOWER if change_percent > 0 else FASTER


def interval(runs: _Runs, analysis: Analysis, confidence: float) -> Interval:
    """By the analysis's method from the log ratios of runs and what is known of each.

    Of one run the interval is from its batches and nothing is tested: how runs differ is not known.
    """
    margin = np.log1p(max(analysis.margin_percent, 0.0) / 100)
    x, batches = runs.x, runs.batches
    if len(x) == 1:
        inside = np.array(x if batches[0] is None else batches[0], float)
        found = intervals.t(intervals.centred(inside, x[0]), confidence, margin)
        nan = np.float64(np.nan)
        return replace(found, estimate=x[0], p=nan, p_equivalence=nan)
    method = _method(x, batches, analysis)
    if method == "hierarchical-bootstrap":
        inside = intervals.centred(np.array(batches, float), x)
        return intervals.hierarchical_bootstrap(inside, confidence, margin)
    if method in cautions.BY_T:
        by = intervals.t if method == "t" else guarded.guarded_t
        return by(x, confidence, margin, runs.order, runs.swapped, runs.rounding, runs.in_order)
    return intervals.METHODS[method](x, confidence, margin)


def _benchmark(key: tuple[str, ...], runs: pd.DataFrame, analysis: Analysis) -> dict[str, object]:
    used = runs[runs["log_ratio"].notna()].sort_values("start_ns", kind="stable")
    told = _Runs(
        used["log_ratio"].to_numpy(float),
        used["order"].astype(str).to_numpy(),
        used["swapped"].to_numpy() if "swapped" in used else None,
        used["batches"].tolist(),
        float(used["rounding"].mean()) if len(used) else 0.0,
        bool(used["start_ns"].notna().all()),
    )
    row: dict[str, object] = dict(zip(GROUP_KEYS, key, strict=True))
    row |= {"runs": len(used), "iterations_A": int(used["iterations_A"].sum())}
    row |= {"iterations_B": int(used["iterations_B"].sum()), "estimator": _estimator(key[2], analysis)}
    counts = (used["iterations_A"] + used["iterations_B"]).to_numpy(float)
    for name in ("coverage", "coverage_time"):
        row[name] = float(np.average(used[name], weights=counts)) if len(used) else np.nan
    for side in "AB":
        row[f"mean_{side}_ns"] = (
            float(np.exp(np.log(used[f"mean_{side}_ns"]).mean())) if len(used) else np.nan
        )
    found = interval(told, analysis, analysis.confidence) if len(used) else _nothing()
    row |= _percent(found, "") | {"change_percent": _to_percent(found.estimate)}
    row |= {"p_value": float(found.p), "p_equivalence": float(found.p_equivalence)}
    row["method"] = _method(told.x, told.batches, analysis)
    row |= _trimmed(told, analysis.confidence)
    row["icc"], row["design_effect"] = correlation(used)
    row["holds_for_min_overlap"] = _holds(used, found, analysis)
    row["warnings"] = "; ".join(cautions.cautions_of(runs, used, row, found, analysis))
    row |= _left_out(runs, used)
    row["_runs"] = told
    return row


def _trimmed(runs: _Runs, confidence: float) -> dict[str, float]:
    """The change without the highest and lowest tenth of the runs, where there are enough."""
    middle = _nothing()
    if len(runs.x) >= guarded.FEWEST:
        middle = guarded.trimmed(
            runs.x, confidence, 0.0, runs.order, runs.swapped, runs.rounding, runs.in_order
        )
    return {
        "trimmed_change_percent": _to_percent(middle.estimate),
        "trimmed_ci_low_percent": _to_percent(middle.low),
        "trimmed_ci_high_percent": _to_percent(middle.high),
    }


def _detectable(runs: _Runs, level: float, analysis: Analysis) -> float:
    """The slowdown in percent that so many runs find with 90 % power at this level, by t."""
    if len(runs.x) < 2:
        return np.nan
    whole = intervals.t(
        runs.x, analysis.confidence, 0.0, runs.order, runs.swapped, runs.rounding, runs.in_order
    )
    if analysis.method == "guarded-t" and len(runs.x) >= guarded.FEWEST:
        level *= 1 - guarded.TRIMMED_SHARE
    freedom = len(runs.x) - intervals.rest(runs.x, runs.order, runs.swapped)[1].shape[1]
    half = float(whole.high - whole.low) / 2
    return _to_percent(np.float64(intervals.detectable(half, freedom, analysis.confidence, level)))


def _nothing() -> Interval:
    nan = np.float64(np.nan)
    return Interval(nan, nan, nan, nan, nan)


def _to_percent(log_ratio: intervals.Floats) -> float:
    value = 100 * float(np.expm1(log_ratio))
    return value if np.isfinite(log_ratio) else np.nan


def _percent(found: Interval, suffix: str) -> dict[str, float]:
    return {
        f"ci_low{suffix}_percent": _to_percent(found.low),
        f"ci_high{suffix}_percent": _to_percent(found.high),
    }


def _estimator(type_: str, analysis: Analysis) -> str:
    return {"seqn": "means", "syncduet": "by-index"}.get(type_, analysis.estimator)


def _method(x: np.ndarray, batches: list[list[float] | None], analysis: Analysis) -> str:
    if len(x) == 0 or (len(x) == 1 and batches[0] is None):
        return "none"
    if len(x) == 1:
        return "t on batches"
    if analysis.method == "hierarchical-bootstrap" and any(b is None for b in batches):
        return "t"
    return analysis.method


def _corrected(family: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Adds the adjusted p-values and the simultaneous intervals of one family."""
    family = family.copy()
    family["p_adjusted"] = multiplicity.adjust(family["p_value"].to_numpy(), analysis.correction)
    family["p_equivalence_adjusted"] = multiplicity.adjust(
        family["p_equivalence"].to_numpy(), analysis.correction
    )
    confidence = multiplicity.simultaneous_confidence(
        family["p_adjusted"].to_numpy(), analysis.correction, analysis.confidence
    )
    wide = [
        _percent(interval(runs, analysis, confidence) if len(runs.x) else _nothing(), "_simultaneous")
        for runs in family["_runs"]
    ]
    tests = max(int(family["p_value"].notna().sum()), 1) if analysis.correction != "none" else 1
    level = (1 - analysis.confidence) / tests
    family["detectable_percent"] = [_detectable(runs, level, analysis) for runs in family["_runs"]]
    return family.join(pd.DataFrame(wide, index=family.index))


def correlation(runs: pd.DataFrame) -> tuple[float, float]:
    """Intra-run correlation of the pairs' log ratios, and the design effect 1 + (k - 1) ICC.

    One-way analysis of variance, runs as groups of unequal size (Donner, Int. Stat. Rev. 1986); a
    negative estimate is 0. NaN with less than two runs of two pairs.
    """
    runs = runs[runs["pairs"] >= 2]
    k, mean = runs["pairs"].to_numpy(float), runs["pair_mean"].to_numpy(float)
    if len(runs) < 2:
        return np.nan, np.nan
    total = k.sum()
    between = (k * (mean - (k * mean).sum() / total) ** 2).sum() / (len(k) - 1)
    within = ((k - 1) * runs["pair_variance"].to_numpy(float)).sum() / (total - len(k))
    k0 = (total - (k**2).sum() / total) / (len(k) - 1)
    if between + (k0 - 1) * within <= 0:
        return np.nan, np.nan
    icc = max(0.0, (between - within) / (between + (k0 - 1) * within))
    return float(icc), float(1 + (k0 - 1) * icc)


def _holds(used: pd.DataFrame, found: Interval, analysis: Analysis) -> str:
    """The minimum overlaps at which weighted pairs give the same verdict (uncorrected), as `0.1-0.6`."""
    if len(used) < 2 or used["type"].iloc[0] not in ("duet", "aaduet"):
        return ""
    margin = np.log1p(max(analysis.margin_percent, 0.0) / 100)
    verdict = decide(float(found.p), float(found.p_equivalence), float(found.estimate), analysis)
    good = []
    for i, m in enumerate(MIN_OVERLAPS):
        runs = used[["order", f"log_ratio_m{m:.1f}"]].dropna()
        if len(runs) < 2:
            continue
        x, order = runs.iloc[:, 1].to_numpy(float), runs["order"].astype(str).to_numpy()
        at = intervals.t(x, analysis.confidence, margin, order)
        if decide(float(at.p), float(at.p_equivalence), float(at.estimate), analysis) == verdict:
            good.append(i)
    stretches: list[list[int]] = []
    for i in good:
        if stretches and stretches[-1][-1] == i - 1:
            stretches[-1].append(i)
        else:
            stretches.append([i])
    ends = [(MIN_OVERLAPS[s[0]], MIN_OVERLAPS[s[-1]]) for s in stretches]
    return ", ".join(f"{a:.1f}" if a == b else f"{a:.1f}-{b:.1f}" for a, b in ends) or "none"


def _left_out(runs: pd.DataFrame, used: pd.DataFrame) -> dict[str, object]:
    """Counts of what took no part, and why."""
    counts = {reason: int(runs[column].sum()) for reason, column in LEFT_OUT.items()}
    told = ", ".join(f"{reason} {n}" for reason, n in counts.items() if n)
    return {
        "runs_left_out": len(runs) - len(used),
        "iterations_left_out": sum(counts.values()),
        "left_out": told,
    }
