#!/usr/bin/env python3
"""Where verdicts break: machines and programs that disturb the two sides differently or for long.

Writes a row per scenario of `simulation.BREAKS`, change, number of runs and method: how often A is told from
B, whether intervals hold, and how far off the estimate is. `docs/breaks-before.csv` is what it wrote before
the methods of docs/statistics.md against these breaks; `docs/breaks.csv` is what it writes with them.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import simulation  # noqa: E402
from calibration import ITERATIONS, MARGIN, cell, orders  # noqa: E402
from duet.inference import estimators, intervals, warmup  # noqa: E402
from duet.inference.overlap import join  # noqa: E402
from duet.inference.samples import Samples  # noqa: E402

RUNS = (3, 6, 10, 20)
FAMILY = 0.003
"""The level at which Holm's correction begins in a suite of 17 benchmarks."""
CHANGES = (0.0, 0.02, 0.05, -0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="a scenario's name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "breaks.csv")
    args = parser.parse_args()
    begin, rows = time.perf_counter(), []
    for scenario in simulation.BREAKS:
        if args.only and scenario.name != args.only:
            continue
        for change in CHANGES:
            for n, log in measured(scenario, change, args.campaigns, args.seed).items():
                found = intervals.t(log, 0.95, MARGIN, orders(n))
                small = {"rejected_at_0.3_percent": np.mean(found.p <= FAMILY)}
                rows.append(cell(scenario, change, n, "t", found) | small)
        print(f"{time.perf_counter() - begin:6.0f} s {scenario.name}", flush=True)
    table = pd.DataFrame(rows).round(4)
    table.to_csv(args.out, index=False)
    print(table.to_string(index=False))


def measured(
    scenario: simulation.Scenario, change: float, campaigns: int, seed: int
) -> dict[int, np.ndarray]:
    """Log ratios (campaigns, n) for each number n of runs."""
    most, x = max(RUNS), defaultdict(list)
    for samples in simulation.simulate(scenario, change, campaigns, most, ITERATIONS, seed):
        for n in RUNS:
            part = cut(scenario, simulation.first_runs(samples, n, most), n)
            log = estimators.index(part, join(part, 0.0), np.arange(len(part.runs)) // n).log_ratio
            x[n].append(log.reshape(-1, n))
    return {n: np.concatenate(parts) for n, parts in x.items()}


def cut(scenario: simulation.Scenario, samples: Samples, n: int) -> Samples:
    """Without the warm-up that `auto` sees, where there is one."""
    if "warm-up" not in scenario.name:
        return samples
    group = np.arange(len(samples.runs)) // n
    return samples.where(samples.ordinal() >= warmup.changepoints(samples, group)[samples.run])


if __name__ == "__main__":
    main()
