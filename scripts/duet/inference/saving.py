"""What measuring together saves against measuring one side after the other, benchmark by benchmark."""

import numpy as np
import pandas as pd
from scipy import special

from duet.inference import intervals
from duet.model import Analysis

COLUMNS = ("saving", "saving_ci_low", "saving_ci_high", "width_of_sequential")
TOGETHER = ("duet", "syncduet")


def savings_of(effects: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """One row per duet or syncduet benchmark that was, in its environment, also measured sequentially.

    Columns: suite, benchmark, environment, type, COLUMNS. `saving` is the factor of machine time that
    sequential runs need for an interval as narrow: (s_s^2 T_s) / (s_d^2 T_d), with s the standard deviation
    of a run's log ratio and T the machine time that a run takes (of both sides where one runs after the
    other). `width_of_sequential`, its root, is how many times as wide their interval is at equal machine
    time.
    """
    keys = ["suite", "benchmark", "environment"]
    if "machine_ns" not in effects:
        return pd.DataFrame(columns=[*keys, "type", *COLUMNS])
    usable = effects[effects["log_ratio"].notna()]
    alone = dict(list(usable[usable["type"] == "seqn"].groupby(keys, observed=True)))
    rows = []
    for (*key, type_), together in usable.groupby([*keys, "type"], observed=True):
        other = alone.get(tuple(key))
        if type_ in TOGETHER and other is not None:
            factors = saving_of(together, other, analysis.confidence)
            row = {**dict(zip(keys, key, strict=True)), "type": type_}
            rows.append(row | dict(zip(COLUMNS, factors, strict=True)))
    return pd.DataFrame(rows, columns=[*keys, "type", *COLUMNS])


def saving_of(
    together: pd.DataFrame, alone: pd.DataFrame, confidence: float
) -> tuple[float, float, float, float]:
    """COLUMNS of one benchmark from the rows of its runs; NaN where either has too few runs or no times.

    The logs of both variances and of their errors are the jackknife's (Miller, Annals of Mathematical
    Statistics 1968): an F interval would be too narrow where runs have heavy tails. Degrees of freedom by
    Satterthwaite. Of the times, which differ little from run to run, no error is known of.
    """
    variances = [_log_variance(runs) for runs in (together, alone)]
    times = [runs["machine_ns"].dropna().astype(float).mean() for runs in (together, alone)]
    if None in variances or not all(time > 0 for time in times):
        return (np.nan,) * 4
    (duet, duet_error, n), (seqn, seqn_error, m) = (each for each in variances if each is not None)
    log = seqn - duet + np.log(times[1] / times[0])
    error = duet_error + seqn_error
    freedom = error**2 / (duet_error**2 / (n - 1) + seqn_error**2 / (m - 1)) if error > 0 else 1.0
    half = special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(error)
    with np.errstate(over="ignore"):
        ends = np.exp([log, log - half, log + half])
    return float(ends[0]), float(ends[1]), float(ends[2]), float(np.exp(log / 2))


def _log_variance(runs: pd.DataFrame) -> tuple[float, float, int] | None:
    """Of the runs' log ratios about what order and cores explain: the log of their variance, the variance of
    that, both by the jackknife, and the number of runs. None where the runs, or all but one, do not vary."""
    x = runs["log_ratio"].to_numpy(float)
    swapped = runs["swapped"].to_numpy() if "swapped" in runs else None
    rest, design = intervals.rest(x, runs["order"].astype(str).to_numpy(), swapped)
    n, freedom = len(x), len(x) - design.shape[1]
    if freedom < 2:
        return None
    # what is left of all others is less by this, without fitting them anew
    hat = np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    squares = (rest**2).sum()
    without = squares - rest**2 / (1 - hat)
    if not (without > 1e-12 * squares).all():
        return None
    pseudo = n * np.log(squares / freedom) - (n - 1) * np.log(without / (freedom - 1))
    return float(pseudo.mean()), float(pseudo.var(ddof=1) / n), n
