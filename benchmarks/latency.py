#!/usr/bin/env python3
"""How often verdicts on quantiles of latency err: servers of known latencies, simulated.

    benchmarks/latency.py [CAMPAIGNS] [--csv docs/latency.csv]

A run has 2,000 requests a side, lognormal about 1 ms (sigma 0.3). Both sides of a run share a factor
(sigma 10 %), each has one of its own (0.5 %); one request in two hundred of a side pauses for a Pareto time
(shape 1.5) from 5 ms, as many as chance has it. So p50 is quiet, p99 less so, p99.9 rests on two requests and
is heavy-tailed. What is done with runs is the tool's: `metrics.metric_effects` takes the quantile of
each run and side, `guarded-t` the log ratios of runs. Told for each quantile and number of runs: false
positives at 5 %, coverage of the 95 % interval, and how often a delay of 20 ms for two requests of a
hundred is called slower, which moves p99 only.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from duet.inference import guarded

REQUESTS = 2000
QUANTILES = (0.5, 0.9, 0.99, 0.999)
RUNS = (3, 6, 10, 20)
ALPHA = 0.05
DELAY, LATE = 20.0, 0.02


def side(rng: np.random.Generator, runs: int, shared: np.ndarray, late: float = 0.0) -> np.ndarray:
    """Quantiles (runs, quantiles) of one side, in ms."""
    own = np.exp(0.005 * rng.normal(size=(runs, 1)))
    times = shared * own * np.exp(0.3 * rng.normal(size=(runs, REQUESTS)))
    times += (rng.random(times.shape) < 0.005) * 5 * (1 + rng.pareto(1.5, times.shape))
    if late:
        times += DELAY * (rng.random(times.shape) < late)
    return np.quantile(times, QUANTILES, axis=1).T


def log_ratios(rng: np.random.Generator, runs: int, late: float) -> np.ndarray:
    """(runs, quantiles)"""
    shared = np.exp(0.1 * rng.normal(size=(runs, 1)))
    return np.log(side(rng, runs, shared, late) / side(rng, runs, shared))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaigns", nargs="?", type=int, default=2000)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(20260101)
    # one pool of runs each, from which campaigns are drawn without replacement
    most = max(RUNS)
    pools = {
        late: np.concatenate([log_ratios(rng, most, late) for _ in range(options.campaigns)])
        for late in (0.0, LATE)
    }
    truth = np.median(pools[LATE], axis=0)
    rows = []
    for n in RUNS:
        for i, quantile in enumerate(QUANTILES):
            null, late = (pool[:, i].reshape(-1, most)[:, :n] for pool in pools.values())
            order = np.array(["AB", "BA"])[np.arange(n) % 2]
            same = guarded.guarded_t(null, 1 - ALPHA, np.log1p(0.05), order)
            moved = guarded.guarded_t(late, 1 - ALPHA, np.log1p(0.05), order)
            rows.append({
                "runs": n, "quantile": f"p{100 * quantile:g}",
                "false_positives": float((same.p <= ALPHA).mean()),
                "coverage": float(((same.low <= 0) & (same.high >= 0)).mean()),
                "equivalent": float((same.p_equivalence <= ALPHA).mean()),
                "late_change_percent": float(100 * np.expm1(truth[i])),
                "late_slower": float(((moved.p <= ALPHA) & (moved.estimate > 0)).mean()),
            })  # fmt: skip
            print(
                "  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in rows[-1].items())
            )
    if options.csv:
        pd.DataFrame(rows).to_csv(options.csv, index=False, float_format="%.4f", na_rep="nan")


if __name__ == "__main__":
    main()
