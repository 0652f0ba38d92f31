#!/usr/bin/env python3
"""What `max_disturbance` does to errors and widths: campaigns whose disturbances are seen, simulated.

Writes docs/disturbed.csv: a row per disturbance, change, number of runs, and with or without the rule. A
disturbance halves the speed of whom it hits and is seen as half of a core; what is seen besides is at most a
tenth, the rule's limit a fifth. Kinds of disturbance:

    neighbour      in three of ten runs one side is hit for a fifth to three fifths of the run
    neighbour of both   the same, of both sides at once
    bursts         in every run; a tenth of the time, each time one side by lot
    false alarms   as neighbour, but what is seen slows nobody
    nothing        nothing is seen: what the rule costs where there is nothing to leave out
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import simulation  # noqa: E402
from calibration import ITERATIONS, MARGIN, orders  # noqa: E402
from duet.inference import estimators, guarded  # noqa: E402
from duet.inference.overlap import join  # noqa: E402
from duet.inference.samples import Samples  # noqa: E402

KINDS = ("neighbour", "neighbour of both", "bursts", "false alarms", "nothing")
RUNS = (6, 10, 20)
CHANGES = (0.0, 0.02, 0.05, -0.05)
AT_ONCE = 250
BURST = 0.1
"""Share of the time that bursts take, each an iteration long."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/disturbed.csv")
    args = parser.parse_args()
    rows = []
    for kind in KINDS:
        for change in CHANGES:
            logs: dict[tuple[int, bool], list[np.ndarray]] = {
                (n, on): [] for n in RUNS for on in (False, True)
            }
            kept = dict.fromkeys(RUNS, 0.0)
            for samples, seen in made(kind, change, args.campaigns):
                for n in RUNS:
                    first = samples.run % max(RUNS) < n
                    for on in (False, True):
                        part = simulation.first_runs(samples.where(~(seen & on)), n, max(RUNS))
                        group = np.arange(len(part.runs)) // n
                        log = estimators.index(part, join(part, 0.0), group).log_ratio
                        logs[n, on].append(log.reshape(-1, n))
                    kept[n] += (first & ~seen).sum() / first.sum() * len(samples.runs) / max(RUNS)
            for (n, on), parts in logs.items():
                row = {"disturbance": kind, "change": change, "runs": n, "rule": on}
                rows.append(row | judged(np.concatenate(parts), change) | {"kept": kept[n] / args.campaigns})
            print(f"{kind}, {100 * change:+.0f} %", flush=True)
    table = pd.DataFrame(rows).round(4)
    table.to_csv(args.out, index=False)
    print(table.to_string(index=False))


def made(kind: str, change: float, campaigns: int) -> Iterator[tuple[Samples, np.ndarray]]:
    """Campaigns of the most runs, and of each iteration whether it touches a stretch seen as disturbed."""
    for part, first in enumerate(range(0, campaigns, AT_ONCE)):
        rng = np.random.default_rng([16, part, *kind.encode(), round(1000 * (1 + change))])
        runs = min(AT_ONCE, campaigns - first) * max(RUNS)
        shape, cells = (runs, 2, ITERATIONS), simulation.CELLS * ITERATIONS
        work = np.exp(0.003 * rng.standard_normal((runs, 2, 1)) + 0.02 * rng.standard_normal(shape))
        work[:, 1] *= 1 + change
        slow, seen = disturbances(kind, rng, runs, cells)
        start, end = simulation.worked_off(slow, np.zeros(shape), work, np.zeros((runs, 2)))
        before = np.c_[np.zeros(runs, int), np.cumsum(seen, axis=1)]
        run = np.arange(runs)[:, None, None]
        first_cell = np.minimum(np.floor(start).astype(int), cells)
        after_cell = np.minimum(np.ceil(end).astype(int), cells)
        touched = before[run, after_cell] > before[run, first_cell]
        everything = np.ones(shape, bool)
        yield simulation.samples_of(start, end, everything), touched[everything]


def disturbances(kind: str, rng: np.random.Generator, runs: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Log slowdown by run, side and cell of time, and by run and cell whether the sampler sees more than the
    limit."""
    if kind == "bursts":
        here = rng.random((runs, cells)) < BURST
        sides = np.eye(2)[rng.integers(2, size=(runs, cells))].swapaxes(1, 2)
    else:
        begin, length = rng.uniform(0, 0.6, (runs, 1)), rng.uniform(0.2, 0.6, (runs, 1))
        place = np.arange(cells) / ITERATIONS
        here = (place >= begin) & (place < begin + length) & (rng.random((runs, 1)) < 0.3)
        sides = np.eye(2)[rng.integers(2, size=runs)][..., None]
        if kind == "neighbour of both":
            sides = np.ones_like(sides)
    if kind == "nothing":
        here = np.zeros_like(here)
    slow = np.log(2) * here[:, None] * sides * (kind != "false alarms")
    return slow, np.where(here, 0.5, rng.uniform(0, 0.1, here.shape)) > 0.2


def judged(log: np.ndarray, change: float) -> dict[str, float]:
    """Of campaigns (campaigns, runs); those in which no run is left of some are not there to be judged."""
    whole = log[np.isfinite(log).all(axis=1)]
    n = log.shape[1]
    found = guarded.guarded_t(whole, 0.95, MARGIN, orders(n), None, np.zeros(len(whole)), True)
    truth = np.log1p(change)
    return {
        "rejected": float((found.p <= 0.05).mean()),
        "coverage": float(((found.low <= truth) & (truth <= found.high)).mean()),
        "width_percent": float(100 * np.median(found.high - found.low)),
        "bias_percent": float(100 * (np.expm1(found.estimate.mean()) - change)),
        "usable": len(whole) / len(log),
    }


if __name__ == "__main__":
    main()
