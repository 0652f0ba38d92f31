"""What an estimate takes for granted, and how far off it would be otherwise: numbers of each run."""

from dataclasses import replace

import numpy as np

from duet.inference import estimators
from duet.inference.overlap import Pairs
from duet.inference.samples import Samples, first_of
from duet.inference.work import shared_work

ALONE = 0.01
"""Share of a group's joint iterations that a side spent alone, from which company is looked at."""
TICKS_NS = (10**9, 10**6, 10**3)
"""Steps of clocks: the greatest counts that divides all stamps of a benchmark."""


def shifts(
    samples: Samples, overlaps: Pairs, group: np.ndarray, parts: estimators.Parts | None = None
) -> dict[str, np.ndarray]:
    """By how much each run's log ratio would be greater under another assumption, shape (runs,).

    `trend`: what grows or falls with the iteration number in all runs is the machine's doing where the
    estimate takes it for work, and the other way round. `company`: an iteration that ran partly
    alone is corrected by what that did to its length (turbo, caches, memory bandwidth): the slope of the log
    lengths on the share spent alone, within the sides of the runs, common to a group. 0 where there is
    nothing to correct. `parts`: where they are known already.
    """
    parts = parts or estimators.parts_of(samples, overlaps, group)
    share, weights = parts.share, parts.work
    plain = estimators.ratio(samples, share, weights.weight)
    return {
        "trend": estimators.ratio(samples, share, weights.other) - plain,
        "company": _company(samples, share, group),
    }


def _company(samples: Samples, share: np.ndarray, group: np.ndarray) -> np.ndarray:
    joint = samples.where(share > 0)
    share = share[share > 0]
    alone, of = 1 - share, group[joint.run]
    size = int(group.max(initial=-1)) + 1
    time = np.bincount(of, alone * joint.length_ns, minlength=size)
    whole = np.bincount(of, joint.length_ns, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        partly = time / whole > ALONE
    kept = joint.where(partly[of])
    out = np.zeros(len(samples.runs))
    if len(kept) == 0:
        return out
    share, of = share[partly[of]], of[partly[of]]
    alone = _centred(kept, 1 - share)
    weight = shared_work(kept, group).weight
    length = _centred(kept, np.log(kept.length_ns / weight))
    square = np.bincount(of, alone**2, minlength=size)
    slope = np.bincount(of, alone * length, minlength=size) / np.where(square > 0, square, 1)
    in_company = replace(kept, length_ns=kept.length_ns * np.exp(-slope[of] * (1 - share)))
    corrected = estimators.ratio(in_company, share, shared_work(in_company, group).weight)
    return np.nan_to_num(corrected - estimators.ratio(kept, share, weight))


def _centred(samples: Samples, x: np.ndarray) -> np.ndarray:
    mean = samples.sums(x) / np.maximum(samples.sums(), 1)
    return x - mean[samples.run, samples.side]


def rounding(samples: Samples, group: np.ndarray) -> np.ndarray:
    """Variance that the clock's step gives each run's log ratio, shape (runs,); 0 for clocks of nanoseconds.

    A stamp is off by up to half a step, its square by q^2 / 12 in the mean (Sheppard 1898). Stamps that
    end one iteration and begin the next one cancel in a sum; what has no stamps has two errors an
    iteration. Lengths that vary by much less than a step are all rounded alike, which no number of
    iterations averages out: (q / mean)^2 / 2 pi^2 exp(-4 pi^2 s^2 / q^2) with their variance s^2 (Widrow
    and Kollar, *Quantization Noise*, 2008).
    """
    runs = len(samples.runs)
    tick = _ticks(samples, group)[group]
    step = np.ones(len(samples), bool)
    step[1:] = samples.start_ns[1:] != samples.end_ns[:-1]
    apart = np.where(samples.timed, step, True) | (np.arange(len(samples)) == first_of(samples.slot))
    total, count = samples.sums(samples.length_ns), samples.sums()
    with np.errstate(divide="ignore", invalid="ignore"):
        out = samples.sums(apart) * tick[:, None] ** 2 / 6 / total**2
        mean = total / count
        spread = samples.sums((samples.length_ns - mean[samples.run, samples.side]) ** 2) / count
        spread = np.maximum(spread - tick[:, None] ** 2 / 12, 0)
        alike = (
            np.exp(-4 * np.pi**2 * spread / tick[:, None] ** 2) * (tick[:, None] / mean) ** 2 / (2 * np.pi**2)
        )
    untimed = samples.sums(~samples.timed) > 0
    out = out + np.where(untimed, alike, 0)
    return np.where(tick > 0, np.nan_to_num(out).sum(axis=1), np.zeros(runs))


def _ticks(samples: Samples, group: np.ndarray) -> np.ndarray:
    """By group the step of its clock, 0 where it is finer than the coarsest of TICKS_NS that could be
    seen."""
    out = np.zeros(int(group.max(initial=-1)) + 1)
    of = group[samples.run]
    for tick in sorted(TICKS_NS):
        off = (samples.length_ns % tick != 0) | samples.timed & (samples.start_ns % tick != 0)
        out[(np.bincount(of, off, minlength=len(out)) == 0) & (np.bincount(of, minlength=len(out)) > 0)] = (
            tick
        )
    return out
