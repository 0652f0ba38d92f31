"""Metrics beside iteration time: quantiles of it, what an engine or a harness measured.

A metric is compared as times are: one log ratio a run, the run is the sampling unit. A side's value in
a run is the mean over its iterations after the warm-up, of a quantile the quantile of their times. Where the
harness itself tells a quantile (a column `p99_ns` or `p99`) that one is taken: it knows all requests.
"""

import numpy as np
import pandas as pd

from duet.inference.samples import GROUP_KEYS, Samples, first_of
from duet.model import TIME, WITHIN, Analysis, Metric

FEW_BEYOND = 10
"""Requests beyond a quantile below which it is hardly told."""
STEPS = {"peak_memory": 4096.0}
"""In what steps an engine measures: pages. Two runs that differ by nothing may differ by one."""


def metric_effects(
    table: pd.DataFrame, samples: Samples, times: pd.DataFrame, analysis: Analysis
) -> pd.DataFrame:
    """`times` (the rows of `run_effects` for iteration time) with the column `metric`, and behind them a row
    per run and further metric.

    `samples`: the table's after the warm-up. Columns value_A and value_B are those of a run, in the metric's
    own unit. Rows of benchmarks that do not have a metric say so in `reason`.
    """
    frames = [times.assign(metric=TIME, value_A=times["mean_A_ns"], value_B=times["mean_B_ns"])]
    frames += [_effects(table, samples, times, m) for m in analysis.metrics if m.name != TIME]
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _effects(table: pd.DataFrame, samples: Samples, times: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    value, count = _values(table, samples, metric)
    group = times.groupby(list(GROUP_KEYS), sort=False, observed=True).ngroup().to_numpy()
    ratio, reason, warning = _log_ratios(value, group, metric)
    absent = np.bincount(group, np.isfinite(value).any(axis=1)) == 0
    reason[absent[group]] = _absent(metric)
    if metric.name in Metric.COLUMNS:
        shared = np.array([WITHIN in name for name in times["benchmark"].astype(str)])
        sentence = f"{metric.name} is of the whole process, which ran several benchmarks"
        warning = np.where(shared & (reason == ""), sentence, warning)
    steps = np.full(value.shape, STEPS.get(metric.name, 0.0))
    resolution = _numbers(table, "resolution_ns") if metric.quantile is not None else None
    if resolution is not None and samples.row is not None:
        steps = np.nan_to_num(_means(resolution, samples)[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        rounding = np.nan_to_num((steps**2 / 12 / value**2).sum(axis=1), posinf=0.0)
    frame = times.assign(
        metric=metric.name, log_ratio=ratio, reason=reason, warnings=warning, rounding=rounding,
        value_A=value[:, 0], value_B=value[:, 1], iterations_A=count[:, 0], iterations_B=count[:, 1],
        coverage=1.0, coverage_time=1.0, pairs=0, batches=None, shift_trend=0.0, shift_company=0.0,
        half_1=ratio, half_2=ratio,
    )  # fmt: skip
    nothing = [name for name in map(str, frame.columns) if name.startswith("log_ratio_m")]
    nothing += ["pair_mean", "pair_variance"]
    if metric.quantile is None:
        nothing += ["mean_A_ns", "mean_B_ns"]
    else:
        frame["mean_A_ns"], frame["mean_B_ns"] = value[:, 0], value[:, 1]
        few = np.where(count > 1, count * (1 - metric.quantile), np.inf).min(axis=1) < FEW_BEYOND
        sentence = f"fewer than {FEW_BEYOND} requests of a side are beyond {metric.name}: it is hardly told"
        frame["warnings"] = np.where(few & frame["log_ratio"].notna(), sentence, frame["warnings"])
    return frame.assign(**dict.fromkeys(nothing, np.nan))


def _absent(metric: Metric) -> str:
    if metric.name in Metric.COLUMNS:
        return f"the engine measured no {metric.name}"
    return f"its results have no {metric.name}"


def _values(table: pd.DataFrame, samples: Samples, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """By run and side the metric's value (NaN for none), and from how many iterations; both (runs, 2)."""
    names = [metric.column]
    if metric.quantile is not None:
        names = [f"{metric.name}_ns", metric.name]
    value, count = np.full((len(samples.runs), 2), np.nan), np.zeros((len(samples.runs), 2), np.int64)
    if metric.quantile is not None:
        value, count = _quantiles(samples, metric.quantile), samples.sums().astype(np.int64)
    for name in reversed(names):
        column = _numbers(table, name)
        if column is None or samples.row is None:
            continue
        mean, n = _means(column, samples)
        value, count = np.where(n > 0, mean, value), np.where(n > 0, n, count).astype(np.int64)
    return value, count


def _means(column: np.ndarray, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """By run and side the mean of a column where it is known, and of how many; both (runs, 2)."""
    cells = column[samples.row]
    finite = np.isfinite(cells)
    n = samples.sums(finite)
    with np.errstate(divide="ignore", invalid="ignore"):
        return samples.sums(np.where(finite, cells, 0.0)) / n, n


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray | None:
    """A column as floats, NaN where null; None for one that is not there or is text."""
    if name not in table.columns or isinstance(table[name].dtype, pd.CategoricalDtype):
        return None
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan)


def _quantiles(samples: Samples, share: float) -> np.ndarray:
    """Of the iteration times of each run and side, linear between order statistics, shape (runs, 2).

    (Hyndman and Fan, American Statistician 1996, definition 7.)
    """
    order = np.lexsort((samples.length_ns, samples.slot))
    length, slot = samples.length_ns[order].astype(float), samples.slot[order]
    out = np.full(2 * len(samples.runs), np.nan)
    if len(slot):
        first = np.unique(first_of(slot))
        last = np.r_[first[1:], len(slot)] - 1
        place = first + share * (last - first)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, last)
        out[slot[first]] = length[low] + (place - low) * (length[high] - length[low])
    return out.reshape(-1, 2)


def _log_ratios(
    value: np.ndarray, group: np.ndarray, metric: Metric
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By run ln(value of B / value of A), why there is none, and what is to be known of it.

    Nothing on both sides is no change. Nothing on one side only, as zero allocations against one, has no
    ratio: it counts as half of the least value that the benchmark has anywhere (as below a limit of
    detection), and the row says so.
    """
    positive = np.where(value > 0, value, np.inf)
    least = np.full(int(group.max(initial=-1)) + 1, np.inf)
    np.minimum.at(least, group, positive.min(axis=1, initial=np.inf))
    zero = value == 0
    stands_for = np.where(np.isfinite(least[group]), least[group] / 2, 1.0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(np.where(zero, stands_for, value))
    out = log[:, 1] - log[:, 0]
    reason = np.where(np.isfinite(out), "", "").astype(object)
    for i, side in enumerate("AB"):
        reason[~np.isfinite(value[:, i])] = f"no {metric.name} of {side}"
        reason[value[:, i] < 0] = f"{metric.name} of {side} is negative: there is no ratio"
    reason[~np.isfinite(value).any(axis=1)] = f"no {metric.name} of either side"
    out[reason != ""] = np.nan
    warning = np.full(len(out), "", object)
    for i, side in enumerate("AB"):
        half = f"{metric.name} is 0 on side {side}: that has no ratio, it counts as half the least value seen"
        warning[zero[:, i] & (value[:, 1 - i] > 0)] = half
    return out, reason, warning
