"""The file of a run's moves: when its sides were exchanged between two sets of cores."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def write_moves(path: Path, moves: Sequence[Move]) -> None:
    with gzip.open(path, "wt", compresslevel=1, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start_ns", "end_ns", "late_ns", "moved", "cores_A", "cores_B"))
        writer.writerows((m.start_ns, m.end_ns, m.late_ns, m.moved, m.a, m.b) for m in moves)


def read_moves(path: Path) -> list[Move]:
    """Raises OSError, and ValueError where it is cut off or not ours."""
    try:
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.reader(file))[1:]
            return [Move(int(s), int(e), int(late), moved, a, b) for s, e, late, moved, a, b in rows]
    except EOFError as e:
        raise ValueError(f"{path}: cut off or not ours") from e
