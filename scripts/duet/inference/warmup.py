"""Which iterations are warm-up. A rule sees both sides alike: exchanging or scaling them changes nothing."""

import re
from collections.abc import Mapping

import numpy as np

from duet.inference.samples import WARMUP, Samples, first_of, groups
from duet.model import WITHIN, DuetError

_BATCH = 5
"""MSER-5: the series is averaged over fives before the rule looks at it."""
GAIN = 0.5

Warmup = str | float | int | None


def check(value: Warmup) -> Warmup:
    """The rule itself, or a DuetError that says what is accepted.

    A share (0 < x < 1), a count (0 or more), seconds (`10s`), or `auto`.
    """
    if isinstance(value, str):
        good = value == "auto" or seconds(value) is not None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        good = 0 < value < 1 or (value >= 0 and value == int(value))
    else:
        good = value is None
    if not good:
        remedy = "use a share such as 0.5, a count, seconds such as 10s, or auto"
        raise DuetError(f"warmup: {value!r} is not a warm-up rule", remedy)
    return value


def seconds(value: str) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*s", value.strip())
    return float(match[1]) if match else None


def drop(samples: Samples, rules: Mapping[str, Warmup]) -> Samples:
    """The iterations after the warm-up.

    `rules` maps `suite/benchmark` to a rule (`check`); those without one have that of the harness
    (a key without `/`) with whose name their suite's begins, and else no warm-up.
    """
    of_harness = {name: rule for name, rule in rules.items() if "/" not in name}
    of_run: dict[Warmup, list[int]] = {}
    names = zip(samples.runs["suite"], samples.runs["benchmark"], strict=True)
    for i, (suite, benchmark) in enumerate(names):
        rule = rules.get(f"{suite}/{benchmark}")
        if rule is None:  # one of several benchmarks of a process has the rule of the process
            rule = rules.get(f"{suite}/{benchmark.partition(WITHIN)[0]}")
        if rule is None:
            rule = next((of_harness[n] for n in of_harness if suite.lower().startswith(n.lower())), 0)
        of_run.setdefault(check(rule), []).append(i)
    warm = np.zeros(len(samples), bool)
    ordinal, counts = samples.ordinal(), samples.sums()
    for rule, runs in of_run.items():
        member = np.zeros(len(samples.runs), bool)
        member[runs] = True
        here = member[samples.run]
        if rule == "auto":
            cut = changepoints(samples.where(here), groups(samples.runs))
            warm |= here & (ordinal < cut[samples.run])
        elif isinstance(rule, str):
            warm |= here & (_elapsed_ns(samples) < (seconds(rule) or 0) * 1e9)
        elif rule is not None and 0 < rule < 1:
            share = np.floor(counts * rule)
            warm |= here & (ordinal < share[samples.run, samples.side])
        else:
            warm |= here & (ordinal < int(rule or 0))
    return samples.keep(~warm, WARMUP)


def _elapsed_ns(samples: Samples) -> np.ndarray:
    """Time from the start of a run's first iteration (of either side) to the start of each one.

    Without absolute times: the time spent in earlier iterations of the side.
    """
    spent = np.cumsum(samples.length_ns) - samples.length_ns
    spent -= spent[first_of(samples.slot)] if len(samples) else 0
    first = np.full(len(samples.runs), np.iinfo(np.int64).max)
    np.minimum.at(first, samples.run[samples.timed], samples.start_ns[samples.timed])
    return np.where(samples.timed, samples.start_ns - first[samples.run], spent)


def changepoints(samples: Samples, group: np.ndarray) -> np.ndarray:
    """`auto`: by run the number of first iterations to leave out, the same on both sides.

    MSER-5 (White, Cobb, Spratt: A comparison of five steady-state truncation heuristics, WSC 2000)
    on the mean of both sides' centred log times: of all cuts in the first half, the one after which
    the standard error of the mean is least. More is cut where the runs of a group (a number for each run)
    together show that a side, or what is between them, settles later: in a single run what is left of a
    warm-up may hide in the noise, and still be in the mean of all. Exchanging A and B changes nothing, and
    a factor between them is centred away, so that the cut cannot favour a difference.
    """
    cuts = np.zeros(len(samples.runs), np.int64)
    if len(samples) == 0:
        return cuts
    log = np.log(samples.length_ns.astype(float))
    counts = samples.sums()
    mean = samples.sums(log) / np.maximum(counts, 1)
    log -= mean[samples.run, samples.side]
    ordinal = samples.ordinal()
    bounds = np.searchsorted(samples.run, np.arange(len(samples.runs) + 1))
    present = np.flatnonzero(counts.any(axis=1))
    length = np.where(counts > 0, counts, counts.max()).min(axis=1)
    settled = _settled(samples, log, ordinal, length, group)
    for run in present:
        rows, n = slice(bounds[run], bounds[run + 1]), int(length[run])
        series = np.bincount(ordinal[rows], log[rows])[:n] / (counts[run] > 0).sum()
        cuts[run] = max(_mser_5(series), min(settled[group[run]], n // 2))
    return cuts


def _settled(
    samples: Samples, log: np.ndarray, ordinal: np.ndarray, length: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """By group the latest cut of the mean series of A, of B, and of B less A, over the runs of the group.

    Only a cut counts that makes the standard error less by GAIN: without warm-up the least of
    many is somewhere, too.
    """
    out = np.zeros(int(group.max()) + 1, np.int64)
    both = np.bincount(samples.run, minlength=len(samples.runs)) > 0
    shortest = np.full(len(out), np.iinfo(np.int64).max)
    np.minimum.at(shortest, group[both], length[both])
    inside = ordinal < shortest[group[samples.run]]
    span = int(ordinal.max()) + 1
    cell = (group[samples.run] * 2 + samples.side)[inside] * span + ordinal[inside]
    with np.errstate(invalid="ignore"):
        total = np.bincount(cell, log[inside], minlength=2 * span * len(out))
        mean = (total / np.bincount(cell, minlength=2 * span * len(out))).reshape(-1, 2, span)
    for g in np.unique(group[both]):
        a, b = mean[g, :, : shortest[g]]
        series = [x for x in (a, b, b - a) if np.isfinite(x).all()]
        out[g] = max((_mser_5(x, GAIN) for x in series), default=0)
    return out


def _mser_5(series: np.ndarray, gain: float = 0.0) -> int:
    n = len(series) - len(series) % _BATCH
    return _BATCH * _mser(series[:n].reshape(-1, _BATCH).mean(axis=1), gain)


def _mser(series: np.ndarray, gain: float = 0.0) -> int:
    """argmin over d <= n/2 of sum((x - mean)^2 of x[d:]) / (n - d)^2, the squared standard error; 0 where
    that is not less by the share `gain` of the error."""
    n = len(series)
    if n < 4:
        return 0
    left = n - np.arange(n // 2 + 1)
    total = np.cumsum(series[::-1])[::-1][: len(left)]
    square = np.cumsum(series[::-1] ** 2)[::-1][: len(left)]
    rest = np.maximum(square - total**2 / left, 1e-12) / left**2  # below that is rounding
    cut = int(np.argmin(rest))
    return cut if rest[cut] <= (1 - gain) ** 2 * rest[0] else 0
