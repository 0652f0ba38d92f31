#!/usr/bin/env python3
"""Where verdicts break: machines and programs that disturb the two sides differently or for long.

Writes into docs/ breaks.csv (a row per scenario of `simulation.BREAKS`, change, number of runs and method:
how often A is told from B, whether intervals hold, how far off the estimate is) and cautions.csv (in how many
campaigns a verdict carries each warning, healthy scenarios included). breaks-before.csv is what it wrote
before there were methods against these breaks.
"""

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import simulation  # noqa: E402
from calibration import ITERATIONS, MARGIN, cell, orders  # noqa: E402
from duet.inference import assumptions, estimators, guarded, intervals, judge, warmup  # noqa: E402
from duet.inference.effects import effects_of  # noqa: E402
from duet.inference.overlap import join  # noqa: E402
from duet.inference.samples import Samples  # noqa: E402
from duet.model import Analysis  # noqa: E402

RUNS = (3, 6, 10, 20)
FAMILY = 0.003
"""The level at which Holm's correction begins in a suite of 17 benchmarks."""
CHANGES = (0.0, 0.02, 0.05, -0.05)
CAUTIONED = 40
WARNED_AT = 10
"""Runs at which it is counted how often a caution is given, for changes of 0 and 5 %."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="a scenario's name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    args = parser.parse_args()
    begin, rows, warned = time.perf_counter(), [], []
    for scenario in (*simulation.SCENARIOS, *simulation.BREAKS):
        if args.only and scenario.name != args.only:
            continue
        for change in CHANGES if scenario in simulation.BREAKS else ():
            for n, (log, rounding) in measured(scenario, change, args.campaigns, args.seed).items():
                for method, interval in intervals_of(scenario, log, rounding).items():
                    small = {"rejected_at_0.3_percent": np.mean(interval.p <= FAMILY)}
                    rows.append(cell(scenario, change, n, method, interval) | small)
        for change in (0.0, 0.05):
            warned.append(cautioned(scenario, change, min(args.campaigns, CAUTIONED), args.seed))
        print(f"{time.perf_counter() - begin:6.0f} s {scenario.name}", flush=True)
    for name, table in (("breaks", rows), ("cautions", warned)):
        table = pd.DataFrame(table).round(4)
        table.to_csv(args.out / f"{name}.csv", index=False)
        print(table.to_string(index=False))


def measured(
    scenario: simulation.Scenario, change: float, campaigns: int, seed: int
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Log ratios (campaigns, n) for each number n of runs, and the variance by the clock (campaigns,)."""
    most, x, step = max(RUNS), defaultdict(list), defaultdict(list)
    for samples in simulation.simulate(scenario, change, campaigns, most, ITERATIONS, seed):
        for n in RUNS:
            part = cut(scenario, simulation.first_runs(samples, n, most), n)
            group = np.arange(len(part.runs)) // n
            x[n].append(estimators.index(part, join(part, 0.0), group).log_ratio.reshape(-1, n))
            step[n].append(assumptions.rounding(part, group).reshape(-1, n).mean(axis=1))
    return {n: (np.concatenate(x[n]), np.concatenate(step[n])) for n in RUNS}


def intervals_of(
    scenario: simulation.Scenario, log: np.ndarray, rounding: np.ndarray
) -> dict[str, intervals.Interval]:
    """By the mean alone and by the default method, with what the table tells of each run."""
    n = log.shape[1]
    swapped = simulation.swaps(n) if "cores" in scenario.name else None
    known = (0.95, MARGIN, orders(n), swapped, rounding, True)
    return {"t": intervals.t(log, *known), "guarded-t": guarded.guarded_t(log, *known)}


def cautioned(scenario: simulation.Scenario, change: float, campaigns: int, seed: int) -> dict:
    """Share of campaigns that carry each caution, by the code that writes verdicts.csv."""
    analysis, counts = Analysis(), defaultdict(int)
    n = WARNED_AT
    samples = next(simulation.simulate(scenario, change, campaigns, n, ITERATIONS, seed))
    samples = cut(scenario, samples, n)
    keys = {"suite": "s", "type": "duet", "benchmark": np.arange(len(samples.runs)) // n}
    runs = samples.runs.assign(**keys, runid=np.arange(len(samples.runs)) % n)
    runs["order"] = np.tile(orders(n), len(runs) // n)
    if "cores" in scenario.name:
        runs["swapped"] = np.tile(simulation.swaps(n), len(runs) // n).astype(str)
    runs["benchmark"] = runs["benchmark"].astype(str).str.zfill(4)
    rows = judge(effects_of(replace(samples, runs=runs), analysis), analysis)
    for text in rows["warnings"]:
        for name, part in CAUTIONS.items():
            counts[name] += part in text
    return {"scenario": scenario.name, "change": change, "runs": n} | {
        name: counts[name] / len(rows) for name in CAUTIONS
    }


CAUTIONS = {
    "trend": "times rise or fall",
    "company": "while the other pauses",
    "halves": "in the first half of the runs",
    "clock": "the clock is coarse",
    "dependent": "resemble the ones",
    "astray": "a few runs are far off",
}


def cut(scenario: simulation.Scenario, samples: Samples, n: int) -> Samples:
    """Without the warm-up that `auto` sees, where one side's lasts longer."""
    if scenario.lengths != "unequal warm-up":
        return samples
    group = np.arange(len(samples.runs)) // n
    return samples.where(samples.ordinal() >= warmup.changepoints(samples, group)[samples.run])


if __name__ == "__main__":
    main()
