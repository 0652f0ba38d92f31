"""The subcommands of scripts/duetbench.py, a module each. Every one has

- a docstring: its first line stands in `duetbench --help`, the whole in its own help;
- `EXAMPLE`: a command to copy;
- `arguments(parser)`: adds its arguments and options (`--log FILE` is there for all);
- `execute(options, log)`: does it and returns the exit code, None for 0. It raises UsageError, DuetError or
  OSError for every foreseeable fault, which the entry tells in one line.

`PHASE` is what is said of it where it takes longer than two seconds; `{option}` in it is an option's value.
`FAULT` is the exit code of such faults where it is not 1; `CALLED_BY_RULES = True` marks what people rarely
type. Modules whose names begin with `_` are no subcommands.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO, TypedDict

from duet.measure.phase import columns
from duet.model import DuetError, printable

NARROWEST = 60
"""Columns that a table is given, however narrow the terminal."""


class UsageError(DuetError):
    """Arguments that do not go together: the exit code says so."""


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: on a terminal that has some, unless NO_COLOR says otherwise."""
    dumb = os.environ.get("TERM", "dumb") in ("", "dumb")
    return stream.isatty() and not dumb and not os.environ.get("NO_COLOR")


class Look(TypedDict, total=False):
    """How a text for people may look."""

    colour: bool
    columns: int


def look(stream: TextIO) -> Look:
    """In colour where that is wanted, and as wide as the terminal, but no narrower than a table can be."""
    if not stream.isatty():
        return {"colour": False}
    return {"colour": coloured(stream), "columns": max(NARROWEST, columns(stream))}


class Log:
    """Says a line at a time on stderr, and in a file that has nothing else.

    Whatever a side wrote, nothing in it moves the cursor or changes the terminal.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def __call__(self, line: str) -> None:
        line = printable(line, but="\n")
        print(line, file=sys.stderr, flush=True)
        if self.path:
            # A full disk is one of the things that are told here.
            with contextlib.suppress(OSError), self.path.open("a") as file:
                file.write(f"{line}\n")
