"""Which side gets which cores. Pure: machines nobody owns can be tested."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from duet.model import DuetError

KIND = 0.1
"""Cores whose capacities differ by less than this share are of one kind; favoured ones differ a little."""

_EXCHANGE = re.compile(r"exchange(?: (?P<number>[1-9]\d*)(?P<unit>m?s))?")


class HostError(DuetError):
    """This machine cannot do what was asked."""


@dataclass(frozen=True)
class Machine:
    """Logical cores, and what tells them apart as far as the kernel says."""

    online: frozenset[int]
    """Logical cores that are there."""
    allowed: frozenset[int]
    """Those this process may use: its affinity, which already lies within its cgroup's cpuset."""
    siblings: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Hardware threads of the same physical core."""
    nodes: Mapping[int, int] = field(default_factory=dict)
    """NUMA node."""
    caches: Mapping[int, int] = field(default_factory=dict)
    """First of the cores that share the last-level cache."""
    capacities: Mapping[int, int] = field(default_factory=dict)
    """The kernel's capacity of a core, else its highest frequency; comparable within one machine only."""


@dataclass(frozen=True)
class Assignment:
    """Cores for the sides of one run."""

    cpus: Mapping[str, str | None]
    """What each side is started with; None: not bound."""
    sets: tuple[str, str] | None = None
    """The two sets between which the sides are exchanged during the run; None: they keep theirs."""
    period_s: float | None = None
    """Mean time between two exchanges, where the campaign sets it."""
    spare: frozenset[int] = frozenset()
    """Allowed cores in neither set."""
    reason: str = ""
    """Why an exchange that was asked for cannot be."""
    warnings: tuple[str, ...] = ()

    @property
    def apart(self) -> bool:
        """Whether no core belongs to two sides."""
        sets = [parse_set(cores) if cores else None for cores in self.cpus.values()]
        return None not in sets and sum(map(len, sets)) == len(frozenset().union(*sets))  # type: ignore[arg-type]


def parse_set(text: str) -> frozenset[int]:
    """`0-3,8` to cores. Raises ValueError."""
    cores: set[int] = set()
    for item in text.strip().split(","):
        first, dash, last = item.partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= low <= high < 1 << 16:
            raise ValueError(text)
        cores.update(range(low, high + 1))
    return frozenset(cores)


def show_set(cores: frozenset[int] | set[int]) -> str:
    """Cores to the kernel's own notation, `0-3,8`."""
    ranges: list[list[int]] = []
    for core in sorted(cores):
        if ranges and ranges[-1][1] == core - 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def parse_mode(cpus: str) -> tuple[str, float | None]:
    """A side's `cpus` as `exchange`, `split`, `shared` or `set`, and the period in s of `exchange 30ms`."""
    if match := _EXCHANGE.fullmatch(cpus):
        number = match["number"]
        return "exchange", int(number) * (0.001 if match["unit"] == "ms" else 1) if number else None
    return (cpus, None) if cpus in ("split", "shared") else ("set", None)


def split(machine: Machine) -> tuple[frozenset[int], frozenset[int]]:
    """Two disjoint halves of the allowed cores, alike in every respect, so that exchanging them is fair.

    Hardware threads of a physical core stay together. Each half has equally many physical cores of each
    kind on each NUMA node and at each last-level cache: memory stays local, caches stay warm. What is odd is
    left to the rest of the machine. Where that leaves nothing (a VM that shows each core as a socket of its
    own), caches, then nodes are not looked at; kinds always are. Both are empty where no two are alike.
    """
    kinds = _kinds(machine)
    cores = machine.allowed
    physical = {machine.siblings.get(core, frozenset({core})) & cores | {core} for core in cores}
    for places in ((machine.nodes, machine.caches), (machine.nodes,), ()):
        alike: dict[Hashable, list[frozenset[int]]] = defaultdict(list)
        for group in sorted(physical, key=min):
            first = min(group)
            alike[len(group), kinds[first], *(place.get(first) for place in places)].append(group)
        halves: tuple[set[int], set[int]] = (set(), set())
        for groups in alike.values():
            half = len(groups) // 2
            halves[0].update(*groups[:half])
            halves[1].update(*groups[half : 2 * half])
        if halves[0]:
            break
    return frozenset(halves[0]), frozenset(halves[1])


def _kinds(machine: Machine) -> dict[int, int]:
    """A number for each allowed core: equal for about the same capacity, 0 where it is not known."""
    kinds = dict.fromkeys(machine.allowed, 0)
    kind, before = 0, None
    for core in sorted(
        machine.allowed & machine.capacities.keys(), key=lambda core: machine.capacities[core]
    ):
        capacity = machine.capacities[core]
        if before is None or capacity > before * (1 + KIND):
            kind += 1
        kinds[core], before = kind, capacity
    return kinds


def assign(
    wishes: Mapping[str, str], machine: Machine, swapped: bool, bindable: Mapping[str, bool]
) -> Assignment:
    """Cores of each side of a run.

    `wishes` has a side's `cpus` (`exchange`, `exchange 30ms`, `split`, `shared` or a set), `swapped` starts A
    in the second half, `bindable` says whether the side's engine can bind it. Raises HostError for cores that
    are not there.
    """
    halves = split(machine)
    everything = None if machine.allowed == machine.online else show_set(machine.allowed)
    cpus: dict[str, str | None] = {}
    warnings, reason, period_s, exchanged = [], "", None, True
    for side, wish in wishes.items():
        mode, asked_period_s = parse_mode(wish)
        exchanged &= mode == "exchange" and bindable[side] and bool(halves[0])
        period_s = asked_period_s if period_s is None else period_s
        if not bindable[side]:
            cpus[side] = None
            if mode != "shared":
                reason = f"side {side} is not bound to cores: its engine does not support that"
                warnings.append(reason)
        elif mode == "shared":
            cpus[side] = everything
        elif mode == "set":
            cpus[side] = show_set(_there(wish, machine))
        elif halves[0]:
            cpus[side] = show_set(halves[(side == "B") != swapped])
        else:
            cpus[side] = everything
            reason = _indivisible(machine)
            warnings.append(f"side {side} shares its cores: {reason}")
    if not exchanged:
        wanted = any(parse_mode(wish)[0] == "exchange" for wish in wishes.values())
        return Assignment(cpus, reason=reason if wanted else "", warnings=tuple(warnings))
    sets = show_set(halves[0]), show_set(halves[1])
    return Assignment(cpus, sets, period_s, machine.allowed - halves[0] - halves[1], "", tuple(warnings))


def _indivisible(machine: Machine) -> str:
    if len(machine.allowed) == 1:
        return "there is only one core"
    physical = {machine.siblings.get(core, frozenset({core})) & machine.allowed for core in machine.allowed}
    return (
        "there is only one physical core" if len(physical) == 1 else "no two physical cores are of one kind"
    )


def _there(cpus: str, machine: Machine) -> frozenset[int]:
    try:
        cores = parse_set(cpus)
    except ValueError:
        raise HostError(
            f"cpus: {cpus!r} is not exchange, split, shared or a set such as 0-3,8",
            "exchange may have a period: `exchange 30ms`",
        ) from None
    if not cores <= machine.online:
        raise HostError(
            f"cpus: {cpus} names cores that do not exist", f"this machine has {show_set(machine.online)}"
        )
    return cores
