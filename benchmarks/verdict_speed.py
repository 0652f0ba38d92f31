#!/usr/bin/env python3
"""How long pairing and verdicts take; goals: 25 ms for 20,000 iterations, 3 s for 1,000,000."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from duet.inference import judge, overlap, run_effects
from duet.model import Analysis


def table(benchmarks: int, runs: int, iterations: int, seed: int = 1) -> pd.DataFrame:
    """A unified table of duet runs with as many iterations on each side, B 2 % slower."""
    rng = np.random.default_rng(seed)
    sides = benchmarks * runs * 2
    lengths = rng.lognormal(18, 0.2, (sides, iterations)).astype(np.int64)
    lengths[1::2] += lengths[1::2] // 50
    end = 1_700_000_000_000_000_000 + np.cumsum(lengths, axis=1)
    run = np.repeat(np.arange(sides) // 2, iterations)
    names = np.array([f"benchmark{i:03d}" for i in range(benchmarks)])
    frame = pd.DataFrame(
        {
            "suite": "speed",
            "benchmark": names[run // runs],
            "type": "duet",
            "runid": run % runs,
            "order": np.array(["AB", "BA"])[run % 2],
            "pair": np.tile(np.repeat(["A", "B"], iterations), sides // 2),
            "iteration": np.tile(np.arange(iterations), sides),
            "iteration_start_ns": pd.array((end - lengths).ravel(), "Int64"),
            "iteration_end_ns": pd.array(end.ravel(), "Int64"),
            "iteration_time_ns": lengths.ravel(),
        }
    )
    return frame.astype({k: "category" for k in ("suite", "benchmark", "type", "order", "pair")})


def best_s(work: Callable[[], object], times: int) -> float:
    """The shortest of several goes: other processes can only add."""
    out = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        out.append(time.perf_counter() - begin)
    return min(out)


def main() -> None:
    small = table(1, 20, 500)
    seconds = best_s(lambda: overlap.pairs(small), 7)
    print(f"pair {len(small):,} duet iterations: {seconds * 1e3:.1f} ms (goal 25 ms)")
    large = table(50, 20, 500)
    analysis = Analysis()
    seconds = best_s(lambda: judge(run_effects(large, analysis), analysis), 3)
    print(f"{len(large):,} iterations, 50 x 20 runs, table -> verdicts: {seconds:.2f} s (goal 3 s)")


if __name__ == "__main__":
    main()
