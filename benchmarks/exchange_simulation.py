"""How far runs of A against A scatter when each core is disturbed by itself, by period: a simulation.

    python benchmarks/exchange_simulation.py [--runs 400] [--seconds 2.5] [--once]

Each of two cores runs at 0.6 of its speed while it is disturbed, a quarter of the time; disturbances last
exponentially, 0.1 to 30 s on average. A side's work is its core's speed over time, less 50 µs for each
move. Printed is the standard deviation in percent of ln(work of A / work of B): over the whole run, and for
comparison of a robust estimate, the median over ten blocks of stretches between moves.
"""

import argparse

import numpy as np

STEP_S = 0.001
SLOW, SHARE = 0.6, 0.25
LENGTHS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
PERIODS_S = (None, 0.01, 0.03, 0.1, 0.3, 1.0)
MOVE_S = 50e-6
BLOCKS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--once", action="store_true", help="each period drawn again, not for two stretches")
    options = parser.parse_args()
    print("| disturbances last | " + " | ".join(named(p) for p in PERIODS_S) + " |")
    print("| --- |" + " --- |" * len(PERIODS_S))
    for length_s in LENGTHS_S:
        rng = np.random.default_rng(1)
        cells = []
        speeds = np.stack([speed(rng, options, length_s) for _ in "AB"])
        for period_s in PERIODS_S:
            whole, robust = ratios(rng, speeds, period_s, not options.once)
            cells.append(
                f"{100 * whole.std():.2f}" + ("" if period_s is None else f" ({100 * robust.std():.2f})")
            )
        print(f"| {length_s:g} s | " + " | ".join(cells) + " |")


def named(period_s: float | None) -> str:
    return "own core" if period_s is None else f"{1000 * period_s:g} ms (robust)"


def speed(rng: np.random.Generator, options: argparse.Namespace, length_s: float) -> np.ndarray:
    """Of one core in every run, (runs, steps): 1 or SLOW, in the long run SLOW for SHARE of the time."""
    steps = round(options.seconds / STEP_S)
    disturbed = rng.random(options.runs) < SHARE
    out = np.empty((options.runs, steps))
    ends, begins = STEP_S / length_s, STEP_S / length_s * SHARE / (1 - SHARE)
    for step in range(steps):
        out[:, step] = np.where(disturbed, SLOW, 1.0)
        disturbed ^= rng.random(options.runs) < np.where(disturbed, ends, begins)
    return out


def ratios(
    rng: np.random.Generator, speeds: np.ndarray, period_s: float | None, twice: bool
) -> tuple[np.ndarray, np.ndarray]:
    """ln(A / B) of each run, of the whole and as the median of blocks."""
    _, runs, steps = speeds.shape
    a, b = speeds[0].copy(), speeds[1].copy()
    if period_s is None:
        return np.log(a.sum(axis=1) / b.sum(axis=1)), np.zeros(runs)
    robust = np.empty(runs)
    for run in range(runs):
        periods = rng.uniform(0.5, 1.5, int(steps * STEP_S / period_s * 2) + 4) * period_s
        drawn = np.cumsum(np.repeat(periods, 2) if twice else periods)
        moves = np.round(drawn / STEP_S).astype(int)
        moves = moves[moves < steps]
        other = np.searchsorted(moves, np.arange(steps), "right") % 2 == 1
        a[run, other], b[run, other] = b[run, other], a[run, other]
        for work in (a, b):
            np.subtract.at(work[run], moves, MOVE_S / STEP_S)
        # Blocks of whole pairs of stretches, so that each side was as often on either core in each.
        edges = np.concatenate([[0], moves[1::2]])
        edges = edges[:: max(1, len(edges) // BLOCKS)]
        works = [np.add.reduceat(work[run], edges) for work in (a, b)]
        robust[run] = np.median(np.log(works[0] / works[1]))
    return np.log(a.sum(axis=1) / b.sum(axis=1)), robust


if __name__ == "__main__":
    main()
