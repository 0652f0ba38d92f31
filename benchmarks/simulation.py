"""Campaigns made up iteration by iteration, thousands at a time, with a known change.

A run is a stretch of machine time whose speed varies; a side works through its iterations at that
speed, so that a disturbance stretches whatever runs while it lasts, on both sides alike.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from duet.inference.samples import Samples
from scenarios import BREAKS, SCENARIOS, Scenario
from scipy.signal import lfilter

__all__ = [
    "BREAKS",
    "SCENARIOS",
    "Scenario",
    "first_runs",
    "one_after_the_other",
    "samples_of",
    "simulate",
    "swaps",
    "worked_off",
]

CELLS = 5
"""Cells of time, an iteration long each, that a run has for each of its iterations."""
EPOCH_NS = 1_700_000_000_000_000_000
ITERATION_S = 1.0
"""Mean length of an undisturbed iteration of A; everything below is in such iterations."""


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
    work = np.exp(_offsets(scenario, campaigns, shape, rng))[..., None]
    work = work * _lengths(scenario, campaigns, runs, shape, rng)
    own = rng.standard_t(2.5, shape) if scenario.heavy else rng.standard_normal(shape)
    work = work * np.exp(scenario.own * np.clip(own, -60, 60))
    if scenario.pauses:
        work = work + (rng.random(shape) < scenario.pauses) * 0.5 * (1 + rng.pareto(1.5, shape))
    work[:, 1] *= 1 + change
    gap = np.array([scenario.gap, scenario.unequal_gap or scenario.gap])[:, None]
    pause = gap * rng.exponential(size=shape) if gap.any() else np.zeros(shape)
    delay = _one_side(rng, shape[0]) * rng.uniform(0, scenario.late, (shape[0], 1)) * iterations
    if scenario.turbo:
        start_s, end_s = _with_turbo(scenario.turbo, pause, work)
    else:
        start_s, end_s = _at_speed(scenario, pause, work, delay, rng, together)
    lost = _one_side(rng, shape[0]) * rng.uniform(0, scenario.early, (shape[0], 1)) * iterations
    kept = np.arange(iterations) < iterations - np.floor(lost)[..., None]
    kept &= np.arange(iterations) >= scenario.cut * iterations // 2
    return samples_of(start_s, end_s, kept, scenario.resolution)


def _one_side(rng: np.random.Generator, runs: int) -> np.ndarray:
    """(runs, 2): 1 for a side drawn by lot, 0 for the other."""
    return np.eye(2)[rng.integers(2, size=runs)]


def _offsets(
    scenario: Scenario, campaigns: int, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """(runs, 2): what each side of a run is off by."""
    heavy, runs = scenario.heavy_offset, shape[0] // campaigns
    drawn = rng.standard_t(3, shape[:2]) if heavy else rng.standard_normal(shape[:2])
    if scenario.persistence:
        drawn = _autocorrelated((campaigns, 2, runs), rng, scenario.persistence)
        drawn = drawn.swapaxes(1, 2).reshape(-1, 2)
    out = scenario.offset * drawn
    order = np.arange(shape[0]) % 2
    out[np.arange(shape[0]), order] -= scenario.first
    if scenario.cores:
        slower = scenario.cores + scenario.wandering * rng.standard_normal((campaigns, runs)).cumsum(axis=1)
        out[:, 1] += (np.where(swaps(runs), 1, -1) * rng.choice([-1, 1], (campaigns, 1)) * slower).ravel()
    if scenario.coin:
        out[:, 1] += scenario.coin * rng.choice([-1, 1], shape[0])
    if scenario.twice:
        hit = rng.random((shape[0], 1)) < scenario.twice
        out += np.log(2) * hit * _one_side(rng, shape[0])
    return out


def swaps(runs: int) -> np.ndarray:
    """Whether the sides have changed cores in each run: as `duet.campaign.order.swapped` has it, each two
    consecutive runs have it both ways and each four all combinations with the order."""
    run = np.arange(runs)
    return (run + run // 2) % 2 == 1


def _lengths(
    scenario: Scenario, campaigns: int, runs: int, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Work of each iteration (or broadcast), mean about 1."""
    iterations = shape[2]
    if scenario.lengths == "pattern":
        return np.resize([0.2, 0.6, 2.2], iterations)
    if scenario.lengths == "warm-up":
        return 1 + 1.5 * np.exp(-np.arange(iterations) / 4)
    if scenario.lengths == "unequal warm-up":
        return 1 + 1.5 * np.exp(-np.arange(iterations) / np.array([[1], [3]]))
    if scenario.lengths == "growing":
        return np.linspace(0.5, 1.5, iterations)
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
    cells = int(CELLS * iterations)
    slow = np.broadcast_to(_shared(scenario.shared, runs, cells, rng)[:, None], (runs, 2, cells))
    if scenario.unshared:
        slow = slow + scenario.unshared * _autocorrelated((runs, 2, cells), rng)
    if scenario.neighbour:
        begin, length = rng.uniform(0, 0.6, (runs, 1)), rng.uniform(0.2, 0.6, (runs, 1))
        place = np.arange(cells) / iterations
        here = (place >= begin) & (place < begin + length) & (rng.random((runs, 1)) < scenario.neighbour)
        slow = slow + np.log(2) * here[:, None] * _one_side(rng, runs)[..., None]
    return worked_off(slow, pause, work, delay, together)


def worked_off(
    slow: np.ndarray, pause: np.ndarray, work: np.ndarray, delay: np.ndarray, together: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end times (runs, 2, iterations) where `slow` (runs, 2, cells) is the log slowdown of each
    cell of time."""
    runs, _, iterations = work.shape
    cells = slow.shape[2]
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


def _with_turbo(faster: float, pause: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end times where a side is so much faster while the other pauses or has ended.

    From one event to the next: a side begins or ends an iteration.
    """
    runs, sides, iterations = work.shape
    steps = np.stack([pause, work], axis=-1).reshape(runs, sides, 2 * iterations)  # in turns
    at = np.zeros((runs, sides), int)
    left, now, out = steps[..., 0].copy(), np.zeros(runs), np.zeros(steps.shape)
    while (at < 2 * iterations).any():
        working = (at % 2 == 1) & (at < 2 * iterations)
        speed = np.where(working & ~working[:, ::-1], 1 + faster, 1.0)
        needed = np.where(at < 2 * iterations, left / speed, np.inf)
        passed = needed.min(axis=1)
        passed[~np.isfinite(passed)] = 0
        now = now + passed
        left = left - passed[:, None] * speed
        run, side = np.nonzero((needed <= passed[:, None]) & (at < 2 * iterations))
        out[run, side, at[run, side]] = now[run]
        at[run, side] += 1
        left[run, side] = steps[run, side, np.minimum(at[run, side], 2 * iterations - 1)]
    return out[..., 0::2], out[..., 1::2]


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


def _autocorrelated(shape: tuple[int, ...], rng: np.random.Generator, phi: float = 0.8) -> np.ndarray:
    """Stationary first-order autoregression, standard deviation 1; 0.8: correlated over some 5 cells."""
    noise = rng.standard_normal(shape)
    noise[..., 1:] *= np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise, axis=-1)


def samples_of(start_s: np.ndarray, end_s: np.ndarray, kept: np.ndarray, resolution: float = 0.0) -> Samples:
    """Those of all runs, without the iterations that are not `kept`."""
    run, side, iteration = np.nonzero(kept)
    length_ns = 1e7 if resolution else 1e9 * ITERATION_S
    tick = max(int(resolution * length_ns), 1)
    # campaigns do not begin with a tick
    begin = EPOCH_NS + np.arange(len(start_s)) * 7_919_000_001 % tick
    start, end = (begin[run] + (x[kept] * length_ns).astype(np.int64) for x in (start_s, end_s))
    start, end = start // tick * tick, end // tick * tick
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
