"""What a run's record says of the exchange of cores, and the file of its moves."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

MOVES = "moves.csv.gz"
"""Beside run.json: a row for the sides' places at the gate, then one for each move."""


@dataclass(frozen=True)
class Move:
    """One exchange. Times since the epoch, as iterations have them."""

    start_ns: int
    end_ns: int
    late_ns: int
    """How long after it was due it began."""
    moved: str
    """The sides in the order in which they were moved: `AB`, `BA`, or a side that was alone."""
    a: str
    """Cores of A from then on; empty where there is none any more."""
    b: str


@dataclass(frozen=True)
class ExchangeRecord:
    """How the sides' cores were exchanged while a run was measured, or why they were not."""

    sets: tuple[str, str] | None = None
    """The two sets of cores; None where the campaign asked for something else."""
    reason: str = ""
    """Why there was no exchange although it was asked for, or why it ended before the run."""
    ways: Mapping[str, str] = field(default_factory=dict)
    """How each side is moved."""
    period_ns: int | None = None
    """Mean time between two moves, as drawn from at the end; each is drawn from 0.5 to 1.5 times it."""
    period_given: bool = False
    cost_ns: int | None = None
    """Length of a move, tried before the gate."""
    moves: int = 0
    mean_ns: int | None = None
    worst_ns: int | None = None
    time_share: float = 0.0
    """Of the run's time while a move was under way: only then may both sides be on the same cores."""
    cpu_ns: int = 0
    """CPU time of who moves them (an engine that is asked to has its own)."""
    cpu_share: float = 0.0
    """Of one core."""
    late_median_ns: int | None = None
    late_worst_ns: int | None = None
    refused: int = 0
    """Moves that were refused and taken back."""
    strange: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Other sets of cores that threads of a side were found bound to: by the program, or by somebody else."""
    priority: str = ""
    """Of who moves them."""
    cores: str = ""
    """Where who moves them may run."""
    file: str | None = None
    """Name of the file of moves."""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def read(value: object) -> ExchangeRecord:
    """From a run record's `exchange`; a record without one is of a run without exchange."""
    known = {f.name for f in fields(ExchangeRecord)}
    facts = {k: v for k, v in value.items() if k in known} if isinstance(value, Mapping) else {}
    sets = facts.get("sets")
    return ExchangeRecord(**facts | {"sets": tuple(sets) if sets else None})


def write_moves(path: Path, moves: Sequence[Move]) -> None:
    with gzip.open(path, "wt", compresslevel=1, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start_ns", "end_ns", "late_ns", "moved", "cores_A", "cores_B"))
        writer.writerows((m.start_ns, m.end_ns, m.late_ns, m.moved, m.a, m.b) for m in moves)


def read_moves(path: Path) -> list[Move]:
    """Raises OSError, and ValueError where it is cut off or not ours."""
    try:
        with gzip.open(path, "rt", newline="") as file:
            return [Move(*map(int, row[:3]), *row[3:6]) for row in list(csv.reader(file))[1:]]
    except (EOFError, TypeError) as e:
        raise ValueError(f"{path}: cut off or not ours") from e
