"""Campaigns made up iteration by iteration, thousands at a time, with a known change.

A run is a stretch of machine time whose speed varies; a side works through its iterations at that
speed, so that a disturbance stretches whatever runs while it lasts, on both sides alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from duet.inference.samples import Samples
from scipy.signal import lfilter

EPOCH_NS = 1_700_000_000_000_000_000
ITERATION_S = 1.0
"""Mean length of an undisturbed iteration of A; everything below is in such iterations."""


@dataclass(frozen=True)
class Scenario:
    """A noise model. Standard deviations are of logarithms; times in iterations of A."""

    name: str
    shared: str = "none"
    """Slowdown of the machine, both sides alike: none, autocorrelated, bursty, stepwise, drift."""
    unshared: float = 0.0
    """The same autocorrelated, but for each side on its own."""
    own: float = 0.02
    """Noise of each iteration."""
    heavy: bool = False
    """Own noise from Student's t with 2.5 degrees of freedom instead of the normal."""
    offset: float = 0.003
    """What a side is off by in a whole run."""
    heavy_offset: bool = False
    first: float = 0.0
    """Advantage of the side that is started first (every other run it is B)."""
    lengths: str = "equal"
    """Work of iterations: equal, pattern (short, middle, long), irregular (by iteration, the same
    in all runs), random (of each iteration), warm-up (the first ones take longer)."""
    gap: float = 0.0
    """Mean pause before an iteration."""
    late: float = 0.0
    """Greatest delay of one side's start, as a share of the run."""
    early: float = 0.0
    """Greatest part of its iterations that one side lacks at the end."""
    cut: bool = False
    """Twice as many iterations are made, and the first half is left out as warm-up."""


SCENARIOS = (
    Scenario("quiet"),
    Scenario("autocorrelated", shared="autocorrelated"),
    Scenario("bursty", shared="bursty"),
    Scenario("stepwise", shared="stepwise"),
    Scenario("unshared", shared="autocorrelated", unshared=0.05),
    Scenario("heavy noise", shared="autocorrelated", own=0.05, heavy=True),
    Scenario("offsets", shared="autocorrelated", offset=0.01, first=0.005),
    Scenario("heavy offsets", shared="bursty", offset=0.01, heavy_offset=True),
    Scenario("drift", shared="drift"),
    Scenario("warm-up", shared="autocorrelated", lengths="warm-up", cut=True),
    Scenario("warm-up left in", shared="autocorrelated", lengths="warm-up"),
    Scenario("pattern", shared="autocorrelated", lengths="pattern"),
    Scenario("irregular", shared="autocorrelated", lengths="irregular"),
    Scenario("random", shared="autocorrelated", lengths="random"),
    Scenario("gaps", shared="bursty", gap=0.3),
    Scenario("late, early", shared="stepwise", late=0.3, early=0.3),
    Scenario("all at once", "bursty", 0.02, 0.03, True, 0.005, False, 0.005, "pattern", 0.1, 0.2, 0.2),
)


def simulate(
    scenario: Scenario,
    change: float,
    campaigns: int,
    runs: int,
    iterations: int,
    seed: int,
    together: bool = False,
) -> Iterator[Samples]:
    """Samples of at most 250 campaigns each; run r of campaign c is number c * runs + r.

    `change`: B takes (1 + change) times as long as A for the same work. Seeded by scenario too.
    `together`: as in a syncduet, iterations wait for the other side.
    """
    for part, first in enumerate(range(0, campaigns, 250)):
        rng = np.random.default_rng([seed, part, *scenario.name.encode()])
        yield _part(scenario, change, min(250, campaigns - first), runs, iterations, rng, together)


def _part(
    scenario: Scenario,
    change: float,
    campaigns: int,
    runs: int,
    iterations: int,
    rng: np.random.Generator,
    together: bool,
) -> Samples:
    iterations *= 1 + scenario.cut
    shape = (campaigns * runs, 2, iterations)
    work = np.exp(_offsets(scenario, shape, rng))[..., None] * _lengths(scenario, campaigns, runs, shape, rng)
    own = rng.standard_t(2.5, shape) if scenario.heavy else rng.standard_normal(shape)
    work = work * np.exp(scenario.own * np.clip(own, -60, 60))
    work[:, 1] *= 1 + change
    pause = scenario.gap * rng.exponential(size=shape) if scenario.gap else np.zeros(shape)
    delay = _one_side(rng, shape[0]) * rng.uniform(0, scenario.late, (shape[0], 1)) * iterations
    start_s, end_s = _at_speed(scenario, pause, work, delay, rng, together)
    lost = _one_side(rng, shape[0]) * rng.uniform(0, scenario.early, (shape[0], 1)) * iterations
    kept = np.arange(iterations) < iterations - np.floor(lost)[..., None]
    kept &= np.arange(iterations) >= scenario.cut * iterations // 2
    return _samples(start_s, end_s, kept)


def _one_side(rng: np.random.Generator, runs: int) -> np.ndarray:
    """(runs, 2): 1 for a side drawn by lot, 0 for the other."""
    return np.eye(2)[rng.integers(2, size=runs)]


def _offsets(scenario: Scenario, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    heavy = scenario.heavy_offset
    out = scenario.offset * (rng.standard_t(3, shape[:2]) if heavy else rng.standard_normal(shape[:2]))
    order = np.arange(shape[0]) % 2
    out[np.arange(shape[0]), order] -= scenario.first
    return out


def _lengths(
    scenario: Scenario, campaigns: int, runs: int, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Work of each iteration (or broadcast), mean about 1."""
    iterations = shape[2]
    if scenario.lengths == "pattern":
        return np.resize([0.2, 0.6, 2.2], iterations)
    if scenario.lengths == "warm-up":
        return 1 + 1.5 * np.exp(-np.arange(iterations) / 4)
    if scenario.lengths == "irregular":
        drawn = np.exp(rng.normal(-0.18, 0.6, (campaigns, iterations)))
        return np.repeat(drawn, runs, axis=0)[:, None, :]
    if scenario.lengths == "random":
        return np.exp(rng.normal(-0.18, 0.6, shape))
    return np.ones(iterations)


def _at_speed(
    scenario: Scenario,
    pause: np.ndarray,
    work: np.ndarray,
    delay: np.ndarray,
    rng: np.random.Generator,
    together: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end times of iterations that are worked off at the machine's varying speed."""
    runs, _, iterations = work.shape
    cells = int(5 * iterations)
    slow = np.broadcast_to(_shared(scenario.shared, runs, cells, rng)[:, None], (runs, 2, cells))
    if scenario.unshared:
        slow = slow + scenario.unshared * _autocorrelated((runs, 2, cells), rng)
    done = np.zeros((runs * 2, cells + 1))
    done[:, 1:] = np.cumsum(np.exp(-slow), axis=-1).reshape(runs * 2, cells)
    done = np.c_[done, done[:, -1:] + 1e5]  # undisturbed for ever after
    time = np.r_[np.arange(cells + 1.0), cells + 1e5]
    if together:
        return _in_step(time, done, pause, work)
    end = np.cumsum(pause + work, axis=-1).reshape(runs * 2, iterations)
    out = np.empty((2, runs * 2, iterations))
    for i, late in enumerate(delay.ravel()):
        at = np.interp(late, time, done[i])
        out[1, i] = np.interp(at + end[i], done[i], time)
        out[0, i] = np.interp(at + end[i] - work.reshape(runs * 2, iterations)[i], done[i], time)
    return tuple(out.reshape(2, runs, 2, iterations))


def _in_step(
    time: np.ndarray, done: np.ndarray, pause: np.ndarray, work: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same where both sides begin each iteration when the slower one has finished the last."""
    apart = 2 * time[-1] * np.arange(len(done))  # all rows in one increasing array
    times, dones = (time + apart[:, None]).ravel(), (done + apart[:, None]).ravel()

    def after(at: np.ndarray, amount: np.ndarray) -> np.ndarray:
        target = np.interp((at.ravel() + apart), times, dones) + amount.ravel()
        return (np.interp(target, dones, times) - apart).reshape(at.shape)

    start, end = np.empty(work.shape), np.empty(work.shape)
    now = np.zeros(work.shape[:2])
    for i in range(work.shape[2]):
        ready = after(now, pause[..., i])
        start[..., i] = ready.max(axis=1, keepdims=True)
        now = end[..., i] = after(start[..., i], work[..., i])
    return start, end


def _shared(kind: str, runs: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """(runs, cells): log slowdown of the machine, one cell an iteration long."""
    if kind == "autocorrelated":
        return 0.25 * _autocorrelated((runs, cells), rng)
    if kind == "drift":
        return rng.normal(0, 0.4, (runs, 1)) * np.arange(cells) / cells * 5
    if kind == "bursty":
        on, out = rng.random(runs) < 0.06 / 0.31, np.empty((runs, cells))
        for cell in range(cells):
            on = rng.random(runs) < np.where(on, 0.75, 0.06)
            out[:, cell] = on * np.log(2.5)
        return out
    if kind == "stepwise":
        level, out = np.abs(rng.normal(0, 0.5, runs)), np.empty((runs, cells))
        for cell in range(cells):
            drawn = np.abs(rng.normal(0, 0.5, runs))
            level = np.where(rng.random(runs) < 0.1, drawn, level)
            out[:, cell] = level
        return out
    return np.zeros((runs, cells))


def _autocorrelated(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Stationary first-order autoregression, standard deviation 1, correlated over some 5 cells."""
    phi = 0.8
    noise = rng.standard_normal(shape)
    noise[..., 1:] *= np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise, axis=-1)


def _samples(start_s: np.ndarray, end_s: np.ndarray, kept: np.ndarray) -> Samples:
    run, side, iteration = np.nonzero(kept)
    start = EPOCH_NS + (start_s[kept] * 1e9 * ITERATION_S).astype(np.int64)
    end = EPOCH_NS + (end_s[kept] * 1e9 * ITERATION_S).astype(np.int64)
    runs = pd.DataFrame({"runid": np.arange(len(start_s))})
    return Samples(runs, run, side, iteration, start, end, end - start, np.ones(len(run), bool), {})


def first_runs(samples: Samples, runs: int, of: int) -> Samples:
    """The campaigns cut to their first `runs` of `of` runs."""
    keep = np.arange(len(samples.runs)) % of < runs
    new = np.cumsum(keep) - 1
    cut = samples.where(keep[samples.run])
    return replace(cut, run=new[cut.run], runs=samples.runs[keep].reset_index(drop=True))


def one_after_the_other(samples: Samples, of: int) -> Samples:
    """As in seqn runs: of each `of` runs the first half gives A's and the second B's iterations."""
    half = samples.run % of // (of // 2)
    kept = samples.where(half == samples.side)
    kept = replace(
        kept,
        run=kept.run // of * (of // 2) + kept.run % of % (of // 2),
        runs=samples.runs[: len(samples.runs) // 2],
    )
    return kept.where(np.lexsort((kept.iteration, kept.side, kept.run)))
