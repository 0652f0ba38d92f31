"""The predecessor's research questions on the unified table, by environment, suite, benchmark and type.

    rq1_run_times    how long runs take, an iteration's share of it, what running together saves
    rq2_overlaps     share of iterations and of time in pairs, by minimum overlap
    rq3_tests        variation, the CI test, the U test and ours, of each benchmark
    rq3_match_rates  how often each test calls A and B equal: where A is B, the rate of right answers
    rq4_slowdowns    share of benchmarks in which each test finds an injected slowdown
    rq4_detectable   the smallest slowdown that each test finds, of each benchmark
    benchmarks       runs, iterations and their times; hosts: what measured when

Numbers called ci and u are those of the notebooks (duet.inference.notebooks), with the notebooks' warm-up;
`verdict` is our t-test of the default estimator with the campaign's own warm-up.
"""

from collections.abc import Container, Mapping

import numpy as np
import pandas as pd

from duet.inference import notebooks, predecessor, warmup
from duet.inference.effects import BY_TIME
from duet.inference.samples import Samples, from_table, groups, monotone
from duet.model import Analysis

KEYS = ["environment", "suite", "benchmark", "type"]
TESTS = ("ci", "u", "verdict")
HOST = ("hostname", "lscpu", "meminfo", "uname")


def tables(
    table: pd.DataFrame,
    analysis: Analysis,
    rules: Mapping[str, warmup.Warmup] | None = None,
    same_sides: Container[str] = (),
) -> dict[str, pd.DataFrame]:
    """Every table by its name (see the module). `same_sides`: `suite/benchmark` whose B is A."""
    raw = from_table(table)
    prepared = notebooks.without_warmup(raw)
    tested, detected = _tests(raw, prepared, analysis, rules, same_sides)
    return {
        "rq1_run_times": run_times(raw),
        "rq2_overlaps": overlaps(prepared),
        "rq3_tests": tested,
        "rq3_match_rates": match_rates(tested),
        "rq4_slowdowns": _curve(tested, detected),
        "rq4_detectable": _detectable(tested, detected),
        "benchmarks": benchmarks(raw, prepared),
        "hosts": hosts(table),
    }


def run_times(raw: Samples) -> pd.DataFrame:
    """A row per benchmark and type, and one per suite and type with benchmark `*` for all of it.

    runs, run_time_s (mean of a run), iterations (mean), per_iteration_s (mean over runs of a run's time by
    its iterations of both sides; of a suite total by total), speed_up_percent (seqn's time per iteration by
    this one's, less 100) and saved_percent (what it takes less than seqn).
    """
    runs = notebooks.times_of_runs(raw).dropna(subset=["run_time_s"])
    runs = runs.assign(per_iteration_s=runs["run_time_s"] / runs["iterations"])
    each = (
        runs.groupby(KEYS, sort=False)
        .agg(
            runs=("runid", "size"),
            run_time_s=("run_time_s", "mean"),
            iterations=("iterations", "mean"),
            per_iteration_s=("per_iteration_s", "mean"),
        )
        .reset_index()
    )
    suite = runs.groupby(["environment", "suite", "type"], sort=False)
    whole = suite.agg(
        runs=("runid", "size"), run_time_s=("run_time_s", "sum"), iterations=("iterations", "sum")
    ).reset_index()
    whole["per_iteration_s"] = whole["run_time_s"] / whole["iterations"]
    whole[["run_time_s", "iterations"]] = whole[["run_time_s", "iterations"]].div(whole["runs"], axis=0)
    frame = pd.concat([each, whole.assign(benchmark="*")], ignore_index=True)
    alone = frame[frame["type"] == "seqn"].set_index(KEYS[:3])["per_iteration_s"]
    there = pd.MultiIndex.from_frame(frame[KEYS[:3]])
    ratio = alone.reindex(there).to_numpy(float) / frame["per_iteration_s"].to_numpy(float)
    ratio = np.where(frame["type"] == "seqn", np.nan, ratio)
    frame["speed_up_percent"], frame["saved_percent"] = 100 * (ratio - 1), 100 * (1 - 1 / ratio)
    return frame[[*KEYS, *frame.columns.difference(KEYS, sort=False)]]


def overlaps(prepared: Samples) -> pd.DataFrame:
    """Of duets, a row per benchmark and minimum overlap: pairs, overlap_s, iterations, time_s, and what share
    of the iterations is in a pair and of their time in the overlaps of pairs (1: all of it)."""
    group = groups(prepared.runs)
    count = int(group.max(initial=-1)) + 1
    a, b, overlap, share = notebooks.overlapping(prepared)
    duet = prepared.runs["type"].isin(notebooks.OVERLAPPING).to_numpy()
    of = group[prepared.run]
    iterations = np.bincount(of, minlength=count)
    time_s = np.bincount(of, prepared.length_ns, count) / 1e9
    here = np.unique(group[duet])
    keys, rows = notebooks.frame_of(prepared), []
    for m in (0.0, *notebooks.MIN_OVERLAPS):
        kept = share > m
        paired = np.zeros(len(prepared), bool)
        paired[np.r_[a[kept], b[kept]]] = True
        frame = keys.assign(
            min_overlap=m,
            pairs=np.bincount(of[a[kept]], minlength=count),
            overlap_s=np.bincount(of[a[kept]], overlap[kept], count) / 1e9,
            iterations=iterations,
            time_s=time_s,
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            frame["share_of_iterations"] = np.bincount(of, paired, count) / iterations
            frame["share_of_time"] = 2 * frame["overlap_s"] / time_s
        rows.append(frame.iloc[here])
    frame = pd.concat(rows).sort_values([*KEYS, "min_overlap"], kind="stable")
    return frame[[*KEYS, *frame.columns.difference(KEYS, sort=False)]].reset_index(drop=True)


def _tests(
    raw: Samples,
    prepared: Samples,
    analysis: Analysis,
    rules: Mapping[str, warmup.Warmup] | None,
    same_sides: Container[str],
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """rq3_tests, and (slowdowns, groups) whether each test finds what is injected."""
    group = groups(prepared.runs)
    frame = notebooks.frame_of(prepared)
    frame["runs"] = np.bincount(group, (prepared.sums() > 0).all(axis=1), len(frame)).astype(int)
    for part in (
        notebooks.variation(prepared, group),
        notebooks.ci_test(prepared, group),
        notebooks.mann_whitney(prepared, group),
    ):
        frame = pd.concat([frame, part], axis=1)
    ours = warmup.drop(raw, rules or {})
    by_time = ours.runs["type"].isin(BY_TIME).to_numpy()
    ours = monotone(ours.where(ours.timed | ~by_time[ours.run]))
    alpha = 1 - analysis.confidence
    p = predecessor.ours(ours, group, analysis)
    frame["verdict_p_value"] = p
    match = pd.array(p > alpha, dtype="boolean")
    match[np.isnan(p)] = pd.NA
    frame["verdict_match"] = match
    names = [f"{s}/{b}" for s, b in zip(frame["suite"], frame["benchmark"], strict=True)]
    frame["same_sides"] = [
        n in same_sides or t == "aaduet" for n, t in zip(names, frame["type"], strict=True)
    ]
    ci, u, ci_done, u_done = notebooks.found_slowdowns(prepared)
    ones = np.ones(len(ours.runs))
    injected = (predecessor.slowed(ours, (1 + s) * ones) for s in notebooks.SLOWDOWNS)
    p_values = np.array([predecessor.ours(each, group, analysis) for each in injected])
    detected = {"ci": ci, "u": u, "verdict": p_values <= alpha}
    detected |= {"ci_done": ci_done, "u_done": u_done, "verdict_done": ~np.isnan(p_values)}
    return frame[[*KEYS, *frame.columns.difference(KEYS, sort=False)]], detected


def match_rates(tested: pd.DataFrame) -> pd.DataFrame:
    """A row per environment, suite and type: of how many benchmarks each test was done, and the share of them
    that it calls equal. `same_sides`: A is B in all of them, so that this is the rate of right answers."""
    rows = []
    for key, part in tested.groupby(["environment", "suite", "type"], sort=False):
        row: dict[str, object] = dict(zip(("environment", "suite", "type"), key, strict=True))
        row["same_sides"] = bool(part["same_sides"].all())
        for test in TESTS:
            done = part[f"{test}_match"].dropna()
            row[f"{test}_benchmarks"] = len(done)
            row[f"{test}_match_rate"] = float(done.mean()) if len(done) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _curve(tested: pd.DataFrame, detected: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = []
    for key, part in tested.groupby(["environment", "suite", "type"], sort=False):
        at = part.index.to_numpy()
        for i, slowdown in enumerate(notebooks.SLOWDOWNS):
            row = dict(zip(("environment", "suite", "type"), key, strict=True))
            row["slowdown_percent"] = round(100 * slowdown, 6)
            for test in TESTS:
                done = detected[f"{test}_done"][i, at]
                row[f"{test}_benchmarks"] = int(done.sum())
                share = detected[test][i, at][done]
                row[f"{test}_found_share"] = float(share.mean()) if done.any() else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def _detectable(tested: pd.DataFrame, detected: Mapping[str, np.ndarray]) -> pd.DataFrame:
    smallest = {f"{test}_detectable_percent": notebooks.smallest(detected[test]) for test in TESTS}
    return tested[[*KEYS, "runs", "same_sides"]].assign(**smallest)


def benchmarks(raw: Samples, prepared: Samples) -> pd.DataFrame:
    """A row per benchmark and type: runs, iterations (all, and after the notebooks' warm-up), and quantiles
    of the iteration time."""
    group = groups(raw.runs)
    frame = notebooks.frame_of(raw)
    frame["runs"] = np.bincount(group, minlength=len(frame))
    frame["iterations"] = np.bincount(group[raw.run], minlength=len(frame))
    frame["iterations_after_warmup"] = np.bincount(group[prepared.run], minlength=len(frame))
    times = pd.Series(raw.length_ns / 1e9).groupby(group[raw.run])
    for share in (0.05, 0.5, 0.95):
        frame[f"time_p{int(100 * share)}_s"] = times.quantile(share).reindex(frame.index)
    return frame[[*KEYS, *frame.columns.difference(KEYS, sort=False)]]


def hosts(table: pd.DataFrame) -> pd.DataFrame:
    """A row per host as its artifacts tell: runs, iterations, first_ns, last_ns, busy_s (time in runs)."""
    facts = [name for name in ("environment", *HOST) if name in table]
    if not facts or not len(table):
        return pd.DataFrame(columns=["environment", *HOST, "runs", "iterations", "first_ns", "last_ns"])
    keys = ["suite", "benchmark", "type", "runid", "order", "alone"]
    table = table.assign(alone=table["pair"].astype(str).where(table["type"].astype(str) == "seqn", ""))
    values = {name: table[name].astype(object).where(table[name].notna(), "") for name in facts}
    runs = (
        table.assign(**values)
        .groupby([*facts, *keys], observed=True, sort=False)
        .agg(
            iterations=("iteration", "size"),
            first_ns=("iteration_start_ns", "min"),
            last_ns=("iteration_end_ns", "max"),
        )
    )
    runs["busy_s"] = (runs["last_ns"] - runs["first_ns"]).astype("Float64") / 1e9
    by_host = runs.groupby(level=facts, sort=False)
    frame = by_host.agg({"iterations": "sum", "first_ns": "min", "last_ns": "max", "busy_s": "sum"})
    frame.insert(0, "runs", by_host.size())
    return frame.reset_index()
