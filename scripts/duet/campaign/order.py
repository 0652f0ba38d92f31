"""Campaign -> runs and their order. Pure: no file, no clock, no random state but the seed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from duet.model import PER_HOST, SIDES, Benchmark, Campaign, Order, Precision, Run, Schedule, Type


def runs(campaign: Campaign) -> tuple[Run, ...]:
    """All runs in the order in which they are to be measured.

    `sequential`: by benchmark as in the file. `randomized_interleaving_trials` (Abedi and Brecht,
    ICPE 2017): a permutation of all runs drawn from the seed. A run keeps its place relative to
    the others when repetitions are added, since its place depends on its own name only. Where measuring may
    stop early (`precision`) both are done in rounds: each benchmark's first runs, then their second ones.
    """
    listed = [run for b in campaign.benchmarks for run in _of_benchmark(campaign, b)]
    if campaign.schedule == Schedule.RMIT:
        listed.sort(key=lambda run: _draw(campaign.seed, "place", run.name))
    if campaign.analysis.precision:
        listed.sort(key=lambda run: run.runid)
    return tuple(listed)


def host_of(campaign: Campaign, run: Run) -> str:
    """The one of the campaign's hosts that measures this run."""
    return campaign.hosts[run.runid // PER_HOST]


def _of_benchmark(campaign: Campaign, benchmark: Benchmark) -> Iterable[Run]:
    seed, firsts = campaign.seed, range(0, PER_HOST * max(1, len(campaign.hosts)), PER_HOST)
    for type_ in (Type.DUET, Type.SYNCDUET, Type.AADUET, Type.BBDUET, Type.SEQN):
        count = benchmark.repetitions.get(type_, 0)
        for runid in (first + i for first in firsts for i in range(count)):
            if type_ == Type.SEQN:
                first = _draw(seed, "first", benchmark.stem, runid) % 2
                for side in SIDES[first:] + SIDES[:first]:
                    yield Run(benchmark.suite, benchmark.name, runid, type_, side=side)
            else:
                order = Order.BA if _flipped(seed, benchmark.stem, type_, runid) else Order.AB
                yield Run(benchmark.suite, benchmark.name, runid, type_, order)


def _flipped(seed: int, stem: str, type_: Type, runid: int) -> bool:
    """Order of a run: each two consecutive runs have one AB and one BA, which comes first is drawn."""
    return bool((_draw(seed, "order", stem, type_, runid // 2) + runid) % 2)


def swapped(seed: int, run: Run) -> bool:
    """Whether A gets the second half of the cores.

    Each two consecutive runs have it both ways, and each four have all four combinations
    with the order, so that neither a core nor a starting place favours a side.
    """
    stem = Run(run.suite, run.benchmark, 0, run.type).stem
    if run.type == Type.SEQN:
        return bool((_draw(seed, "core", stem, run.runid // 2) + run.runid) % 2)
    pair, block = run.runid // 2, run.runid // 4
    coin = _draw(seed, "core", stem, block) + pair
    return bool((coin + (run.order == Order.BA)) % 2)


PADDING_BYTES = 4096
"""Below this paddings are drawn: a page, after which the lowest bits of addresses repeat."""


def padding_bytes(seed: int, run: Run, side: str) -> int:
    """By how much a side's environment is made longer in a run: it moves the stack.

    Programs may run several percent faster or slower by where their stack begins (Mytkowicz et al., ASPLOS
    2009). Drawn for each side of each run, so that it is noise between runs, which the interval knows of, and
    no difference between A and B that all runs share (Curtsinger and Berger, ASPLOS 2013).
    """
    return _draw(seed, "padding", run.stem, side) % PADDING_BYTES


def _draw(seed: int, *what: object) -> int:
    text = "\0".join(map(str, (seed, *what)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def time_left_s(left: Iterable[Run], seconds: Mapping[Run, float]) -> float | None:
    """Estimate for the runs left from the durations of finished ones.

    A run is expected to take the mean of its benchmark and type, else of its benchmark, else of
    all; None when nothing has finished.
    """
    groups: dict[object, list[float]] = defaultdict(list)
    for run, s in seconds.items():
        for key in ((run.suite, run.benchmark, run.type), (run.suite, run.benchmark), None):
            groups[key].append(s)
    if not groups:
        return None
    mean = {key: sum(v) / len(v) for key, v in groups.items()}
    total = 0.0
    for run in left:
        keys = ((run.suite, run.benchmark, run.type), (run.suite, run.benchmark), None)
        total += next(mean[k] for k in keys if k in mean)
    return total


def longest_s(campaign: Campaign, left: Iterable[Run]) -> float | None:
    """Upper bound from the timeouts; None when a run has none."""
    timeouts = [campaign.benchmark(run).timeout_s for run in left]
    return None if None in timeouts else float(sum(t for t in timeouts if t))


def plan_line(campaign: Campaign, all_runs: Sequence[Run], left: Sequence[Run]) -> str:
    """The plan in one line: how many runs, of what, how long at most."""
    kinds = [(type_, sum(run.type == type_ for run in all_runs)) for type_ in Type]
    made = ", ".join(f"{n} {type_}" for type_, n in kinds if n)
    if not all_runs:
        return f"{campaign.name}: nothing to measure, results are imported"
    text = f"{campaign.name}: {_count(campaign.benchmarks, 'benchmark')}, {_count(all_runs, 'run')} ({made})"
    shared = [f"{b.name} runs {len(b.members)}" for b in campaign.benchmarks if b.members]
    text += f", {', '.join(shared)} in one process" if shared else ""
    if precision := campaign.analysis.precision:
        text += f", {enough(precision)}"
    if not left:
        return f"{text}, all measured"
    longest = longest_s(campaign, left)
    bound = (
        f"at most {duration(longest)} if all reach their timeouts" if longest else "no timeout limits them"
    )
    return f"{text}, {len(left)} to measure; {bound}"


def enough(precision: Precision) -> str:
    """When measuring ends, in words."""
    width = precision.ci_width_percent
    ends = [f"an interval is {width:g} % wide"] if width else []
    ends += ["there is a verdict"] if precision.verdict else []
    until = f"each benchmark until {' or '.join(ends)}" if ends else "each benchmark"
    budget = precision.time_budget_s
    return until + (f", all within {duration(budget)}" if budget else "")


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def duration(seconds: float) -> str:
    """As people say it: `8 s`, `6 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
