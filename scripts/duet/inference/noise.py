"""What the sampler of noise saw: stretches to leave out, and CPU time as a second witness."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from duet.inference.samples import DISTURBED, Samples
from duet.model import Analysis

COLUMNS = ("cpu_change_percent", "cpu_ci_low_percent", "cpu_ci_high_percent")
FEWEST = 3
"""Runs below which the witness is not heard."""


def calm(samples: Samples, table: pd.DataFrame, analysis: Analysis) -> Samples:
    """Without iterations of either side that touch a stretch in which more was taken from the sides' cores
    than `max_disturbance_percent` of one core.

    What a stretch is, and how disturbed, is the same for both sides; it was sampled without a look at either
    one's iterations. Iterations of which nothing is known stay.
    """
    level = _column(table, "disturbance_percent")
    if analysis.max_disturbance_percent is None or level is None or samples.row is None:
        return samples
    return samples.keep(~(level[samples.row] > analysis.max_disturbance_percent), DISTURBED)


def cpu_log_ratio(samples: Samples, table: pd.DataFrame) -> np.ndarray:
    """By run ln(CPU time per iteration of B / that of A); NaN where it is not known of nine in ten iterations
    of either side, shape (runs,)."""
    cpu_ns = _column(table, "iteration_cpu_ns")
    if cpu_ns is None or samples.row is None:
        return np.full(len(samples.runs), np.nan)
    cells = cpu_ns[samples.row]
    known = np.isfinite(cells)
    count = samples.sums(known)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(samples.sums(np.where(known, cells, 0.0)) / count)
        log[count < 0.9 * samples.sums()] = np.nan
        out = log[:, 1] - log[:, 0]
    return np.where(np.isfinite(out), out, np.nan)


def _column(table: pd.DataFrame, name: str) -> np.ndarray | None:
    if name not in table.columns:
        return None
    return table[name].to_numpy(float, na_value=np.nan)


def witness(runs: pd.DataFrame, confidence: float) -> tuple[float, float, float]:
    """The mean of the runs' `cpu_log_ratio` and its interval by t; NaN with too few runs that have one."""
    x = runs["cpu_log_ratio"].dropna().to_numpy(float) if "cpu_log_ratio" in runs else np.empty(0)
    n = len(x)
    if n < FEWEST:
        return np.nan, np.nan, np.nan
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * x.std(ddof=1) / np.sqrt(n)
    return float(x.mean()), float(x.mean() - half), float(x.mean() + half)


def contradiction(row: Mapping[Hashable, Any]) -> str:
    """What the witness says against a difference that is shown: that CPU time differs, if at all, by less
    than half as much. Empty where it does not say so."""
    change, cpu, low, high = (float(row[name]) for name in ("change_percent", *COLUMNS))
    if not row["difference"] or np.isnan(cpu):
        return ""
    half = abs(np.log1p(change / 100)) / 2
    if not max(abs(np.log1p(low / 100)), abs(np.log1p(high / 100))) < half:
        return ""
    return (
        f"time says {row['difference']} ({change:+.2f} %), CPU time per iteration says equal "
        f"({cpu:+.2f} %, {low:+.2f} to {high:+.2f} %): what differs is waiting (a lock, a device, a core)"
    )
