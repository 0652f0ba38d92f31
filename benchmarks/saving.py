#!/usr/bin/env python3
"""How often the interval of `saving` holds the true factor, simulated.

    benchmarks/saving.py [CAMPAIGNS] [--csv docs/saving.csv]

The log ratios of sequential runs are three times as noisy as those of duets and their runs take twice as
long: a factor of 18. Runs are normal, or Student's t with 5 degrees of freedom (`tails`), or one in ten is
off by five standard deviations (`astray`). `ends` is how many times the upper end of the interval is the
lower one.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from duet.inference.saving import saving_of

TRUE = 18.0
COUNTS = ((5, 5), (10, 5), (10, 10), (20, 10), (20, 20))


def drawn(rng: np.random.Generator, noise: str, n: int) -> np.ndarray:
    if noise == "tails":
        return rng.standard_t(5, n)
    return rng.standard_normal(n) + 5 * (noise == "astray") * (rng.random(n) < 0.1) * rng.choice([-1, 1], n)


def runs(x: np.ndarray, seconds: float) -> pd.DataFrame:
    order = np.resize(["AB", "BA"], len(x))
    return pd.DataFrame({"log_ratio": x, "order": order, "machine_ns": 1e9 * seconds})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaigns", nargs="?", type=int, default=2000)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = []
    for noise in ("normal", "tails", "astray"):
        rng = np.random.default_rng(20260101)
        for duets, alone in COUNTS:
            found = np.array(
                [
                    saving_of(runs(drawn(rng, noise, duets), 1), runs(3 * drawn(rng, noise, alone), 2), 0.95)
                    for _ in range(options.campaigns)
                ]
            )
            held = (found[:, 1] <= TRUE) & (found[:, 2] >= TRUE)
            rows.append(
                {
                    **{"noise": noise, "duets": duets, "sequential": alone, "coverage": held.mean()},
                    "median": np.median(found[:, 0]),
                    "ends": np.median(found[:, 2] / found[:, 1]),
                }
            )
            print(" ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
    if options.csv:
        pd.DataFrame(rows).round(3).to_csv(options.csv, index=False)


if __name__ == "__main__":
    main()
