#!/usr/bin/env python3
"""How often `duetbench history` finds a change point in histories that have none.

True changes are 0, runs are drawn from a normal distribution; `unequal`: every third campaign has
three times the error of the others.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from duet.inference.drift import Step, change_points

ERROR = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=400)
    args = parser.parse_args()
    print(f"{'campaigns':>9} {'runs':>5} {'alike':>6} {'unequal':>8}")
    for campaigns in (4, 10, 20, 40):
        for runs in (5, 10, 20):
            alike, unequal = (
                rate(args.histories, campaigns, runs, factor, np.random.default_rng([campaigns, runs]))
                for factor in (1, 3)
            )
            print(f"{campaigns:9} {runs:5} {alike:6.1%} {unequal:8.1%}")


def rate(histories: int, campaigns: int, runs: int, factor: float, rng: np.random.Generator) -> float:
    """Share of histories that are given a change point."""
    errors = [ERROR * (factor if i % 3 == 0 else 1) for i in range(campaigns)]
    alarms = 0
    for _ in range(histories):
        alarms += bool(change_points([found_by(rng.normal(0, error, runs)) for error in errors]))
    return alarms / histories


def found_by(runs: np.ndarray) -> Step:
    return Step(float(runs.mean()), float(runs.std(ddof=1) / np.sqrt(len(runs))), len(runs) - 1)


if __name__ == "__main__":
    main()
