"""The file of a run's noise: what the machine and each side went through, stretch by stretch.

One row a stretch between two samples. Every count is what was added in it; an empty cell is not known here.
"""

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Self

from duet.model import SIDES

NOISE = "noise.csv.gz"
"""Beside run.json."""


@dataclass(frozen=True)
class Counters:
    """Counts that only grow; None where the machine does not tell."""

    def since(self, before: Self) -> Self:
        """What was added since `before`; never negative (some counters of the kernel step back)."""
        pairs = zip(astuple(self), astuple(before), strict=True)
        return type(self)(*(None if None in pair else max(0, pair[0] - pair[1]) for pair in pairs))

    def plus(self, other: Self) -> Self:
        """The sum of what is known."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return type(self)(*(one if two is None else two + (one or 0) for one, two in pairs))


@dataclass(frozen=True)
class MachineCounters(Counters):
    """Of the cores that the sides may use, but for the pressure, which is the whole machine's."""

    steal_ns: int | None = None
    """Time in which a core was another virtual machine's."""
    busy_ns: int | None = None
    """Time in which cores computed, for whomever."""
    pressure_cpu_ns: int | None = None
    """Time in which some task waited for a core (PSI, `some`)."""
    pressure_memory_ns: int | None = None
    pressure_io_ns: int | None = None


@dataclass(frozen=True)
class SideCounters(Counters):
    """Of one side."""

    cpu_ns: int | None = None
    """CPU time, user and system."""
    run_delay_ns: int | None = None
    """Time in which its threads could have run and waited for a core, summed over threads."""
    throttled_ns: int | None = None
    """Time for which its cgroup was held back by a limit."""
    pressure_cpu_ns: int | None = None
    """As of the machine, of its own cgroup (version 2)."""
    pressure_memory_ns: int | None = None
    pressure_io_ns: int | None = None


@dataclass(frozen=True)
class Stretch:
    """Times since the epoch, as iterations have them."""

    start_ns: int
    end_ns: int
    machine: MachineCounters = field(default_factory=MachineCounters)
    sides: Mapping[str, SideCounters] = field(default_factory=dict)
    frequency_khz: int | None = None
    """Mean of the sides' cores at its end."""

    @property
    def others_ns(self) -> int | None:
        """CPU time on the sides' cores that was neither side's."""
        mine = [side.cpu_ns for side in self.sides.values()]
        if self.machine.busy_ns is None or not mine or None in mine:
            return None
        return max(0, self.machine.busy_ns - sum(ns for ns in mine if ns is not None))

    @property
    def disturbance(self) -> float | None:
        """What others computed and what was stolen, as a share of one core's time."""
        if self.others_ns is None:
            return None
        return (self.others_ns + (self.machine.steal_ns or 0)) / max(self.end_ns - self.start_ns, 1)


_MACHINE = tuple(f.name for f in fields(MachineCounters))
_SIDE = tuple(f.name for f in fields(SideCounters))
COLUMNS = (
    *("start_ns", "end_ns", "frequency_khz", *_MACHINE),
    *(f"{name}_{side}" for side in SIDES for name in _SIDE),
)


def write_noise(path: Path, stretches: Iterable[Stretch]) -> None:
    with gzip.open(path, "wt", compresslevel=1, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for s in stretches:
            cells = [s.start_ns, s.end_ns, s.frequency_khz, *(getattr(s.machine, name) for name in _MACHINE)]
            for side in SIDES:
                cells += [getattr(s.sides.get(side), name, None) for name in _SIDE]
            writer.writerow("" if cell is None else cell for cell in cells)


def read_noise(path: Path) -> list[Stretch]:
    """Raises OSError, and ValueError where it is cut off or not ours."""
    try:
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.reader(file))
    except EOFError as e:
        raise ValueError(f"{path}: cut off or not ours") from e
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ValueError(f"{path}: not a file of noise")
    return [_stretch([int(cell) if cell else None for cell in row]) for row in rows[1:]]


def _stretch(cells: Sequence[int | None]) -> Stretch:
    start_ns, end_ns, frequency_khz, *counts = cells
    if start_ns is None or end_ns is None or len(cells) != len(COLUMNS):
        raise ValueError("a row of the file of noise is cut off")
    machine, rest = MachineCounters(*counts[: len(_MACHINE)]), counts[len(_MACHINE) :]
    sides = {side: SideCounters(*rest[i * len(_SIDE) : (i + 1) * len(_SIDE)]) for i, side in enumerate(SIDES)}
    known = {side: counters for side, counters in sides.items() if counters != SideCounters()}
    return Stretch(start_ns, end_ns, machine, known, frequency_khz)
