"""The table's iterations -> one row per run: how much slower B was than A, and what that rests on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from duet.inference import assumptions, estimators, metrics, noise, warmup
from duet.inference.estimators import Estimates, Parts
from duet.inference.overlap import Pairs, join
from duet.inference.samples import (
    CLOCK,
    DISTURBED,
    NO_DURATION,
    NO_SIDE,
    UNSYNCHRONISED,
    WARMUP,
    Samples,
    from_table,
    groups,
    machine_time,
    monotone,
    process_overlap,
)
from duet.model import Analysis

LEFT_OUT = {
    reason: "left_out_" + reason.replace(" ", "_").replace("-", "_")
    for reason in (WARMUP, NO_DURATION, CLOCK, UNSYNCHRONISED, NO_SIDE, DISTURBED)
}
"""Why an iteration takes no part -> the column of `run_effects` that counts it."""

MIN_OVERLAPS = tuple(m / 10 for m in range(1, 10))
"""The m for which it is told whether the verdict holds."""
BATCHES = 10
BY_TIME = ("duet", "aaduet", "bbduet")

NO_TIMES = "no absolute times: the sides are compared by their means, so disturbances of both do not cancel"
BY_PROCESS = f"{NO_TIMES}; coverage is the share of time in which both processes ran"


def run_effects(
    table: pd.DataFrame, analysis: Analysis, warmup_rules: Mapping[str, warmup.Warmup] | None = None
) -> pd.DataFrame:
    """One row per run (seqn: per runid, both sides) of the unified table, also for unusable ones.

    Columns: suite, benchmark, type, runid, order, log_ratio (ln time B / time A; NaN where `reason`
    says why), iterations_A, iterations_B (after warm-up), coverage (share of these that took part),
    coverage_time (share of their time; of iterations without absolute times both are the share of the two
    processes' time in which both ran), mean_A_ns, mean_B_ns, pairs, pair_mean, pair_variance (of
    ln t_B / t_A over pairs), batches (list of log ratios inside the run, else None), log_ratio_m*
    (weighted pairs at that minimum overlap), left_out_* (iterations, by reason), reason, warnings;
    start_ns (of its first iteration; null without stamps), shift_* and rounding (see `assumptions`), half_1
    and half_2 (log ratio of either half of the run), machine_ns (`samples.machine_time`), cpu_log_ratio
    (`noise`), swapped where the table has it, and metric: all rows of
    iteration time come first, then those of the analysis's further metrics (`metrics.metric_effects`).
    `warmup_rules`: warm-up by `suite/benchmark` or harness (`warmup.drop`); None leaves nothing out.
    """
    samples = from_table(table)
    present = samples.sums() > 0
    kept = noise.calm(warmup.drop(samples, warmup_rules or {}), table, analysis)
    times = _by_process(table, effects_of(kept, analysis, present))
    times["machine_ns"] = machine_time(table, samples)
    times["cpu_log_ratio"] = noise.cpu_log_ratio(kept, table)
    return metrics.metric_effects(table, kept, times, analysis)


def _by_process(table: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """The effects, those without absolute times with the coverage that their processes tell."""
    untimed = (times["warnings"] == NO_TIMES).to_numpy()
    if untimed.any():
        share = process_overlap(table)
        untimed = untimed & np.isfinite(share)
        for name in ("coverage", "coverage_time"):
            times[name] = np.where(untimed, share, times[name])
        times["warnings"] = np.where(untimed, BY_PROCESS, times["warnings"])
    return times


def effects_of(samples: Samples, analysis: Analysis, present: np.ndarray | None = None) -> pd.DataFrame:
    """`run_effects` after the warm-up was dropped; `present` (runs, 2): sides that had any iteration."""
    after = samples.sums() > 0
    types = samples.runs["type"].to_numpy()
    by_time = np.isin(types, BY_TIME)
    timed = np.stack([samples.sums(samples.timed)[:, s] > 0 for s in (0, 1)], axis=1).all(axis=1)
    aligned = by_time & timed
    stepped = monotone(samples.where(aligned[samples.run] & samples.timed))
    untimed = samples.where(~aligned[samples.run])

    overlaps = join(stepped, 0.0)
    by_work = analysis.estimator == "index"
    made = estimators.parts_of(stepped, overlaps, groups(stepped.runs)) if by_work else None
    parts = _parts(stepped, untimed, overlaps, aligned, analysis, made)
    frame = samples.runs.copy()
    frame["log_ratio"] = parts.log_ratio
    counts = samples.sums()
    frame["iterations_A"], frame["iterations_B"] = counts[:, 0], counts[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        frame["coverage"] = parts.used.sum(axis=1) / counts.sum(axis=1)
        frame["coverage_time"] = parts.busy_ns.sum(axis=1) / samples.sums(samples.length_ns).sum(axis=1)
    frame["mean_A_ns"], frame["mean_B_ns"] = parts.mean_ns[:, 0], parts.mean_ns[:, 1]
    _add_pairs(frame, stepped, untimed, overlaps, analysis)
    _add_assumptions(frame, stepped, untimed, overlaps, made)
    batches = _batches(frame, stepped, untimed, overlaps, analysis)
    frame["batches"] = pd.Series(batches, index=frame.index, dtype=object)
    left_out = {**samples.left_out, **{k: v for k, v in stepped.left_out.items() if k == CLOCK}}
    for reason, column in LEFT_OUT.items():
        frame[column] = left_out.get(reason, np.zeros(len(frame), np.int64))
    frame["reason"] = _reasons(frame, after if present is None else present, after, analysis)
    frame["warnings"] = np.where(by_time & ~timed & after.all(axis=1), NO_TIMES, "")
    return frame


def _parts(
    stepped: Samples,
    untimed: Samples,
    overlaps: Pairs,
    aligned: np.ndarray,
    analysis: Analysis,
    made: Parts | None,
) -> Estimates:
    """The estimates of all runs, each by the estimator of its type."""
    sync = (stepped.runs["type"] == "syncduet").to_numpy()
    by_type = (
        (aligned, _by_time(stepped, overlaps, analysis, made)),
        (sync, estimators.by_index(untimed.where(sync[untimed.run]))),
        (~aligned & ~sync, estimators.means(untimed.where(~sync[untimed.run]))),
    )
    fields = {}
    for name in Estimates.__dataclass_fields__:
        out = np.full(getattr(by_type[0][1], name).shape, np.nan)
        for mask, part in by_type:
            out[mask] = getattr(part, name)[mask]
        fields[name] = out
    return Estimates(**fields)


def _by_time(samples: Samples, overlaps: Pairs, analysis: Analysis, made: Parts | None) -> Estimates:
    if analysis.estimator == "rate":
        return estimators.rate(samples, overlaps, groups(samples.runs))
    if made is not None:
        return estimators.index(samples, overlaps, groups(samples.runs), made)
    weighted = analysis.estimator == "pairs-weighted"
    return estimators.paired(samples, overlaps.at(analysis.min_overlap), weighted)


def _add_pairs(
    frame: pd.DataFrame, stepped: Samples, untimed: Samples, overlaps: Pairs, analysis: Analysis
) -> None:
    """pairs, pair_mean, pair_variance, and the weighted pairs' log ratio for each of MIN_OVERLAPS."""
    chosen = overlaps.at(analysis.min_overlap)
    a, b = estimators.index_pairs(untimed)
    log = np.concatenate([_logs(stepped, chosen.a, chosen.b), _logs(untimed, a, b)])
    run = np.concatenate([stepped.run[chosen.a], untimed.run[a]])
    count = np.bincount(run, minlength=len(frame))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(run, log, minlength=len(frame)) / count
        frame["pairs"], frame["pair_mean"] = count, mean
        frame["pair_variance"] = np.bincount(run, (log - mean[run]) ** 2, minlength=len(frame)) / (count - 1)
    left = overlaps
    for m in MIN_OVERLAPS:
        at = left.at(m)
        frame[f"log_ratio_m{m:.1f}"] = estimators.weighted(stepped, at)
        left = at if m < 0.5 else left  # from there on pairs that compete are dropped, too


def _add_assumptions(
    frame: pd.DataFrame, stepped: Samples, untimed: Samples, overlaps: Pairs, made: Parts | None
) -> None:
    """start_ns, shift_trend, shift_company, rounding, half_1, half_2."""
    group = groups(frame)
    none = np.iinfo(np.int64).max
    start = np.full(len(frame), none)
    for part in (stepped, untimed):
        stamped = part.where(part.timed)
        np.minimum.at(start, stamped.run, stamped.start_ns)
    frame["start_ns"] = pd.arrays.IntegerArray(start, start == none)
    shifts = assumptions.shifts(stepped, overlaps, group, made) if made is not None else {}
    for name in ("trend", "company"):
        frame[f"shift_{name}"] = np.nan_to_num(shifts.get(name, np.zeros(len(frame))))
    frame["rounding"] = assumptions.rounding(stepped, group) + assumptions.rounding(untimed, group)
    by_time = estimators.by_time_batches(stepped, overlaps, 2)
    by_count = estimators.by_count_batches(untimed, 2)
    for i in (0, 1):
        frame[f"half_{i + 1}"] = np.where(np.isnan(by_time[i]), by_count[i], by_time[i])


def _logs(samples: Samples, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.log(samples.length_ns[b] / samples.length_ns[a])


def _batches(
    frame: pd.DataFrame, stepped: Samples, untimed: Samples, overlaps: Pairs, analysis: Analysis
) -> list[list[float] | None]:
    """Log ratios of up to BATCHES stretches of each run, where they are needed: for a benchmark
    with a single usable run, and for the hierarchical bootstrap; as many for each run of a benchmark.

    A batch has two iterations of each side or more, on average.
    """
    usable = frame["log_ratio"].notna()
    group = groups(frame)
    single = np.bincount(group, usable)[group] == 1
    wanted = usable & (single | (analysis.method == "hierarchical-bootstrap"))
    size = (frame[["iterations_A", "iterations_B"]].min(axis=1) * frame["coverage"]).where(wanted, np.inf)
    count = (size.groupby(group).transform("min") // 2).clip(upper=BATCHES)
    out: list[list[float] | None] = [None] * len(frame)
    for k in np.unique(count[wanted & (count >= 2)]).astype(int):
        here = (wanted & (count == k)).to_numpy()
        logs = np.stack(
            [
                np.where(np.isnan(timed), other, timed)
                for timed, other in zip(
                    estimators.by_time_batches(stepped, overlaps, k),
                    estimators.by_count_batches(untimed, k),
                    strict=True,
                )
            ],
            axis=1,
        )
        for i in np.flatnonzero(here):
            out[i] = logs[i].tolist() if np.isfinite(logs[i]).all() else None
    return out


def _reasons(frame: pd.DataFrame, present: np.ndarray, after: np.ndarray, analysis: Analysis) -> np.ndarray:
    """Why a run has no log ratio; "" where it has one."""
    none = "A and B did not overlap"
    if analysis.estimator.startswith("pairs"):
        none = f"no iterations of A and B overlapped by {analysis.min_overlap:g} of their lengths"
    out = np.where(frame["log_ratio"].notna(), "", none).astype(object)
    out[(out != "") & (frame["type"] == "syncduet").to_numpy()] = "no iteration number that both sides have"
    disturbed = frame[LEFT_OUT[DISTURBED]].to_numpy() > 0
    out[(out != "") & ~after.all(axis=1)] = "all iterations are warm-up"
    out[(out != "") & ~after.all(axis=1) & disturbed] = "all iterations are warm-up or disturbed"
    unusable = {s: (out != "") & ~present[:, i] for i, s in enumerate("AB")}
    for side in "AB":
        out[unusable[side]] = f"no usable iteration of {side}"
    out[unusable["A"] & unusable["B"]] = "no usable iteration of either side"
    return out
