"""The predecessor's analysis, for comparison with the verdicts (its research questions 1 to 4).

Its CI test asks whether a BCa bootstrap interval of run means of the differences of overlapping pairs,
at minimum overlap 0.4, leaves out zero; its U test compares all iteration times of A with all of B;
sensitivity is the smallest slowdown, injected into B, that a test finds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from duet.inference import estimators, intervals, warmup
from duet.inference.effects import BY_TIME, groups
from duet.inference.overlap import Pairs, join
from duet.inference.samples import GROUP_KEYS, Samples, from_table, monotone
from duet.model import Analysis

MIN_OVERLAP = 0.4
SLOWDOWNS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Injected, smallest first; a test that finds none of them has no minimal detectable slowdown (NaN)."""
_LONGEST_NS = 2.0**53
COMPARED = ("duet", "aaduet", "bbduet", "syncduet", "seqn")

Test = Callable[[Samples, np.ndarray], np.ndarray]
"""(samples, group of each run) -> p-value of "A and B are equal" for each group."""


def comparison(
    table: pd.DataFrame, analysis: Analysis, warmup_rules: Mapping[str, warmup.Warmup] | None = None
) -> pd.DataFrame:
    """One row per benchmark and type, of the runs that have both sides.

    suite, benchmark, type, environment, runs, cv_A_percent, cv_B_percent (coefficient of variation of a
    side's iteration times over all runs), run_time_A_s, run_time_B_s (mean over runs, first start to last
    end, else the sum of iterations, with the warm-up), speed_up (time of A / time of B), ci_change_percent
    and its ends (of the differences, relative to A's mean), and for each test (`ci`, `u`, and `verdict`,
    ours) its p-value, whether it tells A from B at the analysis's confidence, and the minimal detectable
    slowdown.
    """
    raw = from_table(table)
    samples = warmup.drop(raw, warmup_rules or {})
    by_time = samples.runs["type"].isin(BY_TIME).to_numpy()
    samples = monotone(samples.where(samples.timed | ~by_time[samples.run]))
    compared = samples.runs["type"].isin(COMPARED).to_numpy() & (samples.sums() > 0).all(axis=1)
    samples, raw = only(samples, compared), only(raw, compared)
    if not len(samples):
        return pd.DataFrame()
    group = groups(samples.runs)
    frame = (
        samples.runs.groupby(list(GROUP_KEYS), sort=False, observed=True).size().rename("runs").reset_index()
    )
    frame = _described(frame, samples, raw, group)
    change = differences(samples, group, analysis)
    for name in ("change", "low", "high"):
        frame[f"ci_{name}_percent"] = change[name]
    alpha = 1 - analysis.confidence
    for name, test in tests(analysis).items():
        frame[f"{name}_p_value"] = test(samples, group)
        frame[f"{name}_different"] = frame[f"{name}_p_value"] <= alpha
        frame[f"{name}_detectable_percent"] = 100 * smallest_injected(samples, group, test, alpha)
    return frame


def only(samples: Samples, runs: np.ndarray) -> Samples:
    """The samples of the runs where `runs` is true, renumbered."""
    kept = samples.where(runs[samples.run])
    return replace(kept, run=(np.cumsum(runs) - 1)[kept.run], runs=samples.runs[runs].reset_index(drop=True))


def tests(analysis: Analysis) -> dict[str, Test]:
    return {
        "ci": lambda samples, group: differences(samples, group, analysis)["p"],
        "u": u_test,
        "verdict": lambda samples, group: ours(samples, group, analysis),
    }


def differences(samples: Samples, group: np.ndarray, analysis: Analysis) -> dict[str, np.ndarray]:
    """The CI test: BCa of run means of t_B - t_A over pairs, in percent of A's mean time.

    Pairs overlap by MIN_OVERLAP; synchronised and sequential runs are paired by iteration number.
    By group: change, low, high, p (NaN with less than two runs).
    """
    pairs = _pairs(samples)
    runs = len(samples.runs)
    run = samples.run[pairs.a]
    count = np.bincount(run, minlength=runs)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.bincount(run, samples.length_ns[pairs.b] - samples.length_ns[pairs.a], runs) / count
        base = np.bincount(run, samples.length_ns[pairs.a], runs) / count
    out = {name: np.full(group.max() + 1, np.nan) for name in ("change", "low", "high", "p")}
    size = np.bincount(group, count > 0).astype(int)
    for n in np.unique(size[size >= 2]):  # all groups of so many runs at once
        chosen = np.flatnonzero(size == n)
        here = np.flatnonzero((count > 0) & (size[group] == n))
        rows = here[np.argsort(group[here], kind="stable")].reshape(-1, n)
        x = difference[rows] / base[rows].mean(axis=1, keepdims=True)
        interval = intervals.bca(x, analysis.confidence, 0.0, resamples=2000)
        for name, value in zip(out, (interval.estimate, interval.low, interval.high), strict=False):
            out[name][chosen] = 100 * value
        out["p"][chosen] = np.where(x.std(axis=1) > 0, interval.p, x.mean(axis=1) == 0)
    return out


def _pairs(samples: Samples) -> Pairs:
    timed = samples.runs["type"].isin(BY_TIME).to_numpy()[samples.run]
    where = np.flatnonzero(timed)
    pairs = join(samples.where(timed), MIN_OVERLAP)
    rest = np.flatnonzero(~timed)
    a, b = estimators.index_pairs(samples.where(~timed))
    zero = np.zeros(len(a))
    return Pairs(
        np.concatenate([where[pairs.a], rest[a]]),
        np.concatenate([where[pairs.b], rest[b]]),
        np.concatenate([pairs.overlap_ns, zero.astype(np.int64)]),
        np.concatenate([pairs.share, zero]),
    )


def u_test(samples: Samples, group: np.ndarray) -> np.ndarray:
    """Mann and Whitney's U (Ann. Math. Statist. 1947) on all iteration times of A and of B."""
    out = np.full(group.max() + 1, np.nan)
    of = group[samples.run]
    order = np.argsort(of, kind="stable")
    bounds = np.searchsorted(of[order], np.arange(len(out) + 1))
    for g in range(len(out)):
        rows = order[bounds[g] : bounds[g + 1]]
        a = samples.length_ns[rows[samples.side[rows] == 0]]
        b = samples.length_ns[rows[samples.side[rows] == 1]]
        if len(a) and len(b):
            out[g] = _mann_whitney(a, b)
    return out


def _mann_whitney(a: np.ndarray, b: np.ndarray) -> float:
    """The p-value, two-sided, by the normal approximation with corrections for ties and continuity.

    As scipy.stats.mannwhitneyu has it, whose import takes longer than all that is computed here.
    """
    both = pd.Series(np.concatenate([a, b]))
    ranks, ties = both.rank().to_numpy(), both.value_counts().to_numpy(dtype=float)
    n_a, n_b = float(len(a)), float(len(b))
    n = n_a + n_b
    u = ranks[: len(a)].sum() - n_a * (n_a + 1) / 2
    variance = n_a * n_b / 12 * ((n + 1) - (ties**3 - ties).sum() / (n * (n - 1)))
    distance = abs(u - n_a * n_b / 2) - 0.5
    if variance <= 0:
        return 1.0
    return float(min(1.0, 2 * special.ndtr(-distance / np.sqrt(variance))))


def ours(samples: Samples, group: np.ndarray, analysis: Analysis) -> np.ndarray:
    """The p-values of Student's t on log ratios of the default estimator, for the same samples."""
    log, order = _log_ratios(samples, group), samples.runs["order"].astype(str).to_numpy()
    out = np.full(group.max() + 1, np.nan)
    for g in range(len(out)):
        here = (group == g) & np.isfinite(log)
        if here.sum() >= 2:
            out[g] = intervals.t(log[here], analysis.confidence, 0.0, order[here]).p
    return out


def _log_ratios(samples: Samples, group: np.ndarray) -> np.ndarray:
    timed = samples.runs["type"].isin(BY_TIME).to_numpy()
    by_time = samples.where(timed[samples.run])
    company = estimators.index(by_time, join(by_time, 0.0), group).log_ratio
    alone = estimators.means(samples.where(~timed[samples.run])).log_ratio
    return np.where(timed, company, alone)


def slowed(samples: Samples, factor: np.ndarray) -> Samples:
    """B's iterations made `factor` (by run) times as long, and each later one shifted by what the
    earlier ones took more; gaps stay."""
    by = np.where(samples.side == 1, factor[samples.run], 1.0)
    by = np.minimum(by, _LONGEST_NS / samples.length_ns)
    length = np.maximum(np.rint(samples.length_ns * by), 1).astype(np.int64)
    span = samples.end_ns - samples.start_ns
    longer = np.where(samples.timed, np.rint(span * (by - 1)), 0).astype(np.int64)
    until = np.cumsum(longer)
    slot = samples.slot
    first = np.searchsorted(slot, slot)
    before = until - longer - (until - longer)[first]
    start = samples.start_ns + before
    return replace(samples, length_ns=length, start_ns=start, end_ns=start + span + longer)


def smallest_injected(
    samples: Samples, group: np.ndarray, test: Test, alpha: float, slowdowns: Sequence[float] = SLOWDOWNS
) -> np.ndarray:
    """By group the smallest injected slowdown that, like all greater ones, is told from equality.

    B is first scaled to be as fast as A on the whole, so that only what is injected is there to be found.
    """
    log = _log_ratios(samples, group)
    count = np.bincount(group, np.isfinite(log))
    level = np.bincount(group, np.nan_to_num(log)) / np.maximum(count, 1)
    out = np.full(group.max() + 1, np.nan)
    detected = np.ones(len(out), bool)
    for slowdown in sorted(slowdowns, reverse=True):
        injected = slowed(samples, np.exp(-level[group]) * (1 + slowdown))
        detected &= test(injected, group) <= alpha
        if not detected.any():
            break
        out[detected] = slowdown
    return out


def _described(frame: pd.DataFrame, samples: Samples, raw: Samples, group: np.ndarray) -> pd.DataFrame:
    """Coefficient of variation, run time, speed-up."""
    mean = samples.sums(samples.length_ns) / samples.sums()
    times = pd.Series(samples.length_ns.astype(float)).groupby([group[samples.run], samples.side])
    cv = (100 * times.std() / times.mean()).unstack()
    samples, count = raw, raw.sums()
    first, last = np.full(count.shape, np.iinfo(np.int64).max), np.zeros(count.shape, np.int64)
    at = (samples.run, samples.side)
    np.minimum.at(first, at, np.where(samples.timed, samples.start_ns, np.iinfo(np.int64).max))
    np.maximum.at(last, at, np.where(samples.timed, samples.end_ns, 0))
    run_time = np.where(last > 0, last - first, samples.sums(samples.length_ns)) / 1e9
    by_group = pd.DataFrame(
        {
            **{f"run_time_{s}_s": run_time[:, i] for i, s in enumerate("AB")},
            "_log_A": np.log(mean[:, 0]),
            "_log_B": np.log(mean[:, 1]),
        }
    )
    by_group = by_group.groupby(group).mean()
    speed_up = np.exp(by_group.pop("_log_A") - by_group.pop("_log_B"))
    variation = {f"cv_{s}_percent": cv[i].to_numpy() for i, s in enumerate("AB")}
    return pd.concat([frame.assign(**variation), by_group.assign(speed_up=speed_up)], axis=1)
