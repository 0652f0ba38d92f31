#!/usr/bin/env python3
"""What stopping early costs and saves: campaigns of ten benchmarks of unequal noise, simulated.

    benchmarks/stopping.py [CAMPAIGNS] [--csv docs/stopping.csv]

A run's change is normal about the true one (or, `tails`, Student's t with 4 degrees of freedom; or, `astray`,
one run in twenty is off by 10 %); its standard deviation is 0.1 to 3 % by benchmark. Ways to measure:

    fixed        always all 40 runs
    looks        `precision: {or: verdict}`: as the tool does it, looks at planned numbers of runs
    width        `precision: {ci_width: 1}`
    peeking      looks after every run from the 4th and stops at the first p <= 5 %, as one should not

Told for each: family-wise error where nothing differs, error of "equivalent" at the margin, coverage of the
interval at the stop, how many of the changes were found and of the equal ones recognised, and the share of
the fixed plan's runs that was measured.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from duet.inference import guarded, intervals, multiplicity, stopping

MOST, ALPHA, MARGIN = 40, 0.05, 0.02
SPREADS = np.geomspace(0.001, 0.03, 10)
TRUTHS = {
    "null": np.zeros(10),
    "mixed": np.array([0, 0.01, 0, 0.03, 0, 0.05, 0, 0.05, 0, 0.05]),
    "margin": np.full(10, np.expm1(np.log1p(MARGIN))),
}
NOISES = ("normal", "tails", "astray")


@dataclass
class Stopped:
    """By campaign and benchmark, as it was when measuring it ended."""

    runs: np.ndarray
    p: np.ndarray
    p_equivalence: np.ndarray
    low: np.ndarray
    high: np.ndarray
    estimate: np.ndarray


def drawn(rng: np.random.Generator, noise: str, truth: np.ndarray, campaigns: int) -> np.ndarray:
    """Log ratios (campaigns, benchmarks, MOST)."""
    shape = (campaigns, len(truth), MOST)
    x = rng.standard_t(4, shape) / np.sqrt(2) if noise == "tails" else rng.normal(size=shape)
    x = x * SPREADS[:, None]
    if noise == "astray":
        x = x + (rng.random(shape) < 0.05) * rng.choice([-0.1, 0.1], shape)
    return np.log1p(truth)[:, None] + x


def looked_at(x: np.ndarray, way: str) -> Stopped:
    margin = np.log1p(MARGIN)
    shape = x.shape[:2]
    out = Stopped(*(np.full(shape, np.nan) for _ in range(6)))
    going = np.ones(shape, bool)
    at = {"fixed": (MOST,), "peeking": tuple(range(4, MOST + 1))}.get(way, stopping.looks(MOST))
    for n in at:
        method = intervals.t if way == "peeking" else guarded.guarded_t
        level = stopping.level(ALPHA, n, MOST) if way in ("looks", "width") else ALPHA
        interval = method(x[..., :n], 1 - level, margin)
        p, equal = interval.p, interval.p_equivalence
        if way in ("looks", "width"):
            p = stopping.overall(p, n, MOST)
            equal = stopping.overall(np.minimum(2 * equal, 1), n, MOST) / 2
        for name, value in (
            ("p", p), ("p_equivalence", equal), ("low", interval.low), ("high", interval.high),
            ("estimate", interval.estimate),
        ):  # fmt: skip
            getattr(out, name)[going] = value[going]
        out.runs[going] = n
        ends = {
            "fixed": going,
            "looks": (equal <= ALPHA) | (p * shape[1] <= ALPHA),
            "width": interval.high - interval.low <= 0.01,
            "peeking": (equal <= ALPHA) | (p <= ALPHA),
        }[way]
        going = going & ~ends
    return out


def judged(stopped: Stopped, truth: np.ndarray) -> dict[str, float]:
    adjusted = np.stack([multiplicity.adjust(p, "holm") for p in stopped.p])
    equivalent = stopped.p_equivalence <= ALPHA
    different = (adjusted <= ALPHA) & ~equivalent
    null, changed = truth == 0, truth >= 0.03
    inside = (stopped.low <= np.log1p(truth)) & (np.log1p(truth) <= stopped.high)
    nan = float("nan")
    return {
        "family_error": float((adjusted[:, null] <= ALPHA).any(axis=1).mean()) if null.any() else nan,
        "equivalent_at_margin": float(equivalent.mean()) if (truth == TRUTHS["margin"]).all() else nan,
        "coverage": float(inside.mean()),
        "found": float((different & (stopped.estimate > 0))[:, changed].mean()) if changed.any() else nan,
        "recognised": float(equivalent[:, null].mean()) if null.any() else nan,
        "runs": float(stopped.runs.mean()) / MOST,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaigns", nargs="?", type=int, default=2000)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = []
    for noise in NOISES:
        for name, truth in TRUTHS.items():
            x = drawn(np.random.default_rng(20260101), noise, truth, options.campaigns)
            for way in ("fixed", "looks", "width", "peeking"):
                rows.append({"noise": noise, "truth": name, "way": way, **judged(looked_at(x, way), truth)})
                shares = {k: v for k, v in rows[-1].items() if isinstance(v, float)}
                columns = "  ".join(f"{k} {100 * v:5.1f} %" for k, v in shares.items())
                print(f"{noise:7} {name:7} {way:8} {columns}", flush=True)
    if options.csv:
        pd.DataFrame(rows).to_csv(options.csv, index=False, float_format="%.4f", na_rep="nan")


if __name__ == "__main__":
    main()
