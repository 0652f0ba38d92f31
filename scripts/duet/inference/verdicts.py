"""Runs -> one verdict per benchmark and type."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from duet.inference import cautions, guarded, interference, intervals, multiplicity, noise, saving, stopping
from duet.inference.decision import NOT_MEASURED, PROMISED
from duet.inference.effects import BY_TIME, LEFT_OUT, MIN_OVERLAPS
from duet.inference.intervals import Interval
from duet.inference.samples import GROUP_KEYS
from duet.model import ALIKE, TIME, Analysis, Metric, Precision

SLOWER, FASTER, EQUIVALENT, INCONCLUSIVE = "slower", "faster", "equivalent", "inconclusive"
WORSE, BETTER = "worse", "better"
VERDICTS = (SLOWER, FASTER, EQUIVALENT, INCONCLUSIVE, WORSE, BETTER, NOT_MEASURED)
"""`worse` and `better` are of metrics that are no times, `not measured` of those that a benchmark lacks."""

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
    *("metric", "better", "value_A", "value_B", "injected_percent", "injected_p_adjusted"),
    "environment",
    *saving.COLUMNS,
    *noise.COLUMNS,
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
    """COLUMNS, one row per (suite, benchmark, type, environment) of `run_effects` and metric of the analysis,
    the rows of its first metric first, sorted by the others.

    A benchmark without a usable run is inconclusive, its numbers are NaN and `warnings` says why; one that
    does not have a further metric is `not measured` by it. The p-values of a suite, type and metric in an
    environment are one family for the correction.
    """
    if "environment" not in effects:
        effects = effects.assign(environment="")
    if "metric" not in effects:
        effects = effects.assign(metric=TIME, value_A=effects["mean_A_ns"], value_B=effects["mean_B_ns"])
    rows = [
        _benchmark(tuple(map(str, key)), part, metric, analysis)
        for metric in analysis.metrics
        for key, part in effects[effects["metric"] == metric.name].groupby(
            list(GROUP_KEYS), sort=True, observed=True
        )
    ]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    families = frame.groupby(["environment", "metric", "suite", "type"], sort=False)
    parts = [_corrected(part, analysis) for _, part in families]
    frame = pd.concat(parts).sort_index()
    words = {metric.name: metric.words for metric in analysis.metrics}
    shown = list(zip(*(frame[name] for name in _SHOWN), strict=True))
    frame["verdict"] = [decide(p, equal, change, analysis, words[m]) for m, p, equal, change in shown]
    frame.loc[frame.pop("_absent"), "verdict"] = NOT_MEASURED
    frame["difference"] = [difference(p, change, analysis, words[m]) for m, p, _, change in shown]
    frame["injected_p_adjusted"] = np.nan  # `injection` knows
    against = [noise.contradiction(row) if row["metric"] == TIME else "" for row in frame.to_dict("records")]
    frame["warnings"] = _joined(frame["warnings"], against)
    times = effects[effects["metric"] == TIME]
    return _with_saving(_with_interference(frame, times, analysis), times, analysis)[list(COLUMNS)]


_SHOWN = ("metric", "p_adjusted", "p_equivalence", "change_percent")


def _with_interference(frame: pd.DataFrame, effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """The columns of `interference` where there are seqn runs, and its warnings behind the others."""
    keys = [*GROUP_KEYS, "metric"]
    rows = interference.interference_of(effects, analysis).assign(metric=TIME)
    frame = frame.merge(rows[[*keys, *interference.COLUMNS, "warning"]], how="left", on=keys)
    return frame.assign(warnings=_joined(frame["warnings"], frame["warning"].fillna("")))


def _with_saving(frame: pd.DataFrame, effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    rows = saving.savings_of(effects, analysis).assign(metric=TIME)
    return frame.merge(rows, how="left", on=[*GROUP_KEYS, "metric"])


def _joined(warnings: Iterable[str], more: Iterable[str]) -> list[str]:
    return ["; ".join(filter(None, pair)) for pair in zip(warnings, more, strict=True)]


def decide(
    p: float,
    p_equivalence: float,
    change_percent: float,
    analysis: Analysis,
    words: tuple[str, str] = (SLOWER, FASTER),
) -> str:
    """The rule. With alpha = 1 - confidence, p corrected over the suite, p_equivalence not (NaN shows
    nothing):

    equivalent    |change| < margin is shown (p_equivalence <= alpha), whether or not it is 0
    slower        else, a difference is shown (p <= alpha) and change > 0
    faster        else, a difference is shown (p <= alpha) and change < 0
    inconclusive  else

    `words`: what B is whose value is greater, and whose is less, where that is not slower and faster.
    """
    alpha = 1 - analysis.confidence
    if p_equivalence <= alpha:
        return EQUIVALENT
    if p <= alpha:
        return words[0] if change_percent > 0 else words[1]
    return INCONCLUSIVE


def difference(
    p: float, change_percent: float, analysis: Analysis, words: tuple[str, str] = (SLOWER, FASTER)
) -> str:
    """`slower` or `faster` where a difference is shown, however small it may be; else empty."""
    if not p <= 1 - analysis.confidence:
        return ""
    return words[0] if change_percent > 0 else words[1]


def interval(runs: _Runs, analysis: Analysis, confidence: float) -> Interval:
    """By the analysis's method from the log ratios of runs and what is known of each.

    Of one run the interval is from its batches and nothing is tested: how runs differ is not known.
    """
    margin = np.log1p(max(analysis.margin_percent, 0.0) / 100)
    x, batches = runs.x, runs.batches
    if len(x) == 1:
        inside = np.array(x if batches[0] is None else batches[0], float)
        estimate = intervals.t(intervals.centred(inside, x[0]), confidence, margin)
        nan = np.float64(np.nan)
        return replace(estimate, estimate=x[0], p=nan, p_equivalence=nan)
    method = _method(x, batches, analysis)
    if method == "hierarchical-bootstrap":
        inside = intervals.centred(np.array(batches, float), x)
        return intervals.hierarchical_bootstrap(inside, confidence, margin)
    if method in cautions.BY_T:
        by = intervals.t if method == "t" else guarded.guarded_t
        return by(x, confidence, margin, runs.order, runs.swapped, runs.rounding, runs.in_order)
    return intervals.METHODS[method](x, confidence, margin)


def _benchmark(
    key: tuple[str, ...], runs: pd.DataFrame, metric: Metric, analysis: Analysis
) -> dict[str, object]:
    used = runs[runs["log_ratio"].notna()].sort_values("start_ns", kind="stable")
    effects = _Runs(
        used["log_ratio"].to_numpy(float),
        used["order"].astype(str).to_numpy(),
        used["swapped"].to_numpy() if "swapped" in used else None,
        used["batches"].tolist(),
        float(used["rounding"].mean()) if len(used) else 0.0,
        bool(used["start_ns"].notna().all()),
    )
    row: dict[str, object] = dict(zip(GROUP_KEYS, key, strict=True))
    type_ = str(row["type"])
    row |= {"metric": metric.name, "better": metric.better}
    row["_absent"] = metric.name != TIME and not runs[["value_A", "value_B"]].notna().to_numpy().any()
    row |= {"runs": len(used), "iterations_A": int(used["iterations_A"].sum())}
    row |= {
        "iterations_B": int(used["iterations_B"].sum()),
        "estimator": _estimator(type_, metric, analysis),
    }
    counts = (used["iterations_A"] + used["iterations_B"]).to_numpy(float)
    for name in ("coverage", "coverage_time"):
        row[name] = float(np.average(used[name], weights=counts)) if len(used) else np.nan
    for side in "AB":
        row[f"mean_{side}_ns"] = (
            float(np.exp(np.log(used[f"mean_{side}_ns"]).mean())) if len(used) else np.nan
        )
        row[f"value_{side}"] = _typical(used[f"value_{side}"].to_numpy(float))
    estimate = _looked_at(effects, type_, analysis, analysis.confidence) if len(used) else _nothing()
    row |= _percent(estimate, "") | {"change_percent": _to_percent(estimate.estimate)}
    row |= {"p_value": float(estimate.p), "p_equivalence": float(estimate.p_equivalence)}
    row["method"] = _method(effects.x, effects.batches, analysis)
    row |= _trimmed(effects, analysis.confidence)
    cpu = noise.witness(used, analysis.confidence) if metric.name == TIME else (np.nan,) * 3
    row |= dict(zip(noise.COLUMNS, (_to_percent(np.float64(value)) for value in cpu), strict=True))
    row["icc"], row["design_effect"] = correlation(used)
    row["holds_for_min_overlap"] = _holds(used, estimate, analysis) if metric.name == TIME else ""
    row["warnings"] = "; ".join(cautions.cautions_of(runs, used, row, estimate, analysis))
    row |= _left_out(runs, used)
    row["_runs"] = effects
    return row


def nominal_confidence(runs: int, type_: str, analysis: Analysis, confidence: float) -> float:
    """That of an interval of so many runs which, with those of all other looks, holds with `confidence`."""
    precision = analysis.precision
    if precision is None or type_ not in Precision.TYPES or runs < 2:
        return confidence
    return 1 - stopping.level(1 - confidence, runs, precision.max_repetitions)


def _looked_at(runs: _Runs, type_: str, analysis: Analysis, confidence: float) -> Interval:
    """`interval`; with p-values and an interval that hold whenever measuring stopped, where it may stop."""
    n, precision = len(runs.x), analysis.precision
    estimate = interval(runs, analysis, nominal_confidence(n, type_, analysis, confidence))
    if precision is None or type_ not in Precision.TYPES or n < 2:
        return estimate
    most = precision.max_repetitions
    # one side at alpha is one of two at 2 alpha; of more than half a level nothing is known
    equal = stopping.overall(np.minimum(2 * estimate.p_equivalence, 1.0), n, most) / 2
    return replace(
        estimate, p=stopping.overall(estimate.p, n, most), p_equivalence=np.where(equal >= 0.5, 1.0, equal)
    )


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


def _spread(runs: _Runs, level: float, analysis: Analysis) -> tuple[float, int, float]:
    """Half width of the t interval of the runs, its degrees of freedom, and the level at which they are
    tested."""
    whole = intervals.t(
        runs.x, analysis.confidence, 0.0, runs.order, runs.swapped, runs.rounding, runs.in_order
    )
    if analysis.method == "guarded-t" and len(runs.x) >= guarded.FEWEST:
        level *= 1 - guarded.TRIMMED_SHARE
    freedom = len(runs.x) - intervals.rest(runs.x, runs.order, runs.swapped)[1].shape[1]
    return float(whole.high - whole.low) / 2, freedom, level


def _detectable(runs: _Runs, level: float, analysis: Analysis) -> float:
    """The slowdown in percent that so many runs find with 90 % power at this level, by t."""
    if len(runs.x) < 2:
        return np.nan
    half, freedom, level = _spread(runs, level, analysis)
    return _to_percent(np.float64(intervals.detectable(half, freedom, analysis.confidence, level)))


def _injected(runs: _Runs, level: float, analysis: Analysis) -> float:
    """The slowdown in percent that these very runs find with 90 % power, their spread given: by t, less than
    `_detectable`, in which the spread of other runs may be another one."""
    if len(runs.x) < 2:
        return np.nan
    half, freedom, level = _spread(runs, level, analysis)
    error = half / special.stdtrit(freedom, (1 + analysis.confidence) / 2)
    reach = special.stdtrit(freedom, 1 - level / 2) + special.stdtrit(freedom, PROMISED)
    return _to_percent(np.float64(reach * error))


def _typical(values: np.ndarray) -> float:
    """The geometric mean, as of ratios; 0 where one is 0."""
    if not len(values):
        return np.nan
    if (values == values[0]).all():
        return float(values[0])
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else float(values.min())


def _nothing() -> Interval:
    nan = np.float64(np.nan)
    return Interval(nan, nan, nan, nan, nan)


def _to_percent(log_ratio: intervals.Floats) -> float:
    value = 100 * float(np.expm1(log_ratio))
    return value if np.isfinite(log_ratio) else np.nan


def _percent(estimate: Interval, suffix: str) -> dict[str, float]:
    return {
        f"ci_low{suffix}_percent": _to_percent(estimate.low),
        f"ci_high{suffix}_percent": _to_percent(estimate.high),
    }


def _estimator(type_: str, metric: Metric, analysis: Analysis) -> str:
    if metric.name != TIME:
        return "means" if metric.quantile is None else "quantiles"
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
        _percent(_looked_at(runs, t, analysis, confidence) if len(runs.x) else _nothing(), "_simultaneous")
        for runs, t in zip(family["_runs"], family["type"], strict=True)
    ]
    tests = max(int(family["p_value"].notna().sum()), 1) if analysis.correction != "none" else 1
    level = (1 - analysis.confidence) / tests
    family["detectable_percent"] = [
        _detectable(runs, 1 - nominal_confidence(len(runs.x), t, analysis, 1 - level), analysis)
        for runs, t in zip(family["_runs"], family["type"], strict=True)
    ]
    family["injected_percent"] = [
        _injected(runs, level, analysis) if t in ALIKE and m == TIME else np.nan
        for runs, t, m in zip(family["_runs"], family["type"], family["metric"], strict=True)
    ]
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


def _holds(used: pd.DataFrame, estimate: Interval, analysis: Analysis) -> str:
    """The minimum overlaps at which weighted pairs give the same verdict (uncorrected), as `0.1-0.6`."""
    if len(used) < 2 or used["type"].iloc[0] not in BY_TIME:
        return ""
    margin = np.log1p(max(analysis.margin_percent, 0.0) / 100)
    verdict = decide(float(estimate.p), float(estimate.p_equivalence), float(estimate.estimate), analysis)
    good, order = [], used["order"].astype(str).to_numpy(object)
    for i, m in enumerate(MIN_OVERLAPS):
        x = used[f"log_ratio_m{m:.1f}"].to_numpy(float)
        known = np.isfinite(x)
        if known.sum() < 2:
            continue
        at = intervals.t(x[known], analysis.confidence, margin, order[known])
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
    text = ", ".join(f"{reason} {n}" for reason, n in counts.items() if n)
    return {
        "runs_left_out": len(runs) - len(used),
        "iterations_left_out": sum(counts.values()),
        "left_out": text,
    }
