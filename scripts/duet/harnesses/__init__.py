"""Harnesses: everything that this project knows of one stands in one module of this folder.

A module that does not begin with `_` ends with `HARNESS = Harness(name=…, parse=…, …)`: its names,
what it writes and where, its warm-up, how it meets at the barrier or why it cannot, and how its files
are read. Adding a harness is adding one such module; nothing else lists them.

    parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> DataFrame

`files`: the side's result files or directories in the configured order, then its log, where there
is one (named `….log`); the harness picks what it understands. `benchmark`: the name as configured
or as it stands in file names. `artifacts`: the run's host facts, raw, for harnesses whose times need
one. The frame has one row per iteration, sorted by it:

    iteration           int64, from 0
    iteration_start_ns  Int64, epoch; null where the harness writes no absolute time
    iteration_end_ns    Int64, likewise
    iteration_time_ns   int64, > 0
    epoch_start_ms      Int64, start of the process, where the harness writes it
    …                   what the harness adds: Int64 or Float64

`frame.attrs`: `warnings` (list of str), `truncated` (bool: only the readable part of the files is
in the frame), `benchmark` (the name the files give, or None).

Whatever the input, `parse` returns such a frame or raises `FormatError`. Memory is bounded by a
limit on the size of files that are read whole (`_files.MAX_BYTES`); logs are read in a stream.

The workflow reads this package whenever it is parsed, so a module imports pandas, numpy and pyarrow
(with them `_frames`) inside the functions that read, never at its top.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from duet.model import DuetError, printable

if TYPE_CHECKING:
    import pandas as pd

Parse = Callable[[Sequence[Path], str, Mapping[str, str] | None], "pd.DataFrame"]

DEFAULT = "native"
"""The harness of a suite that is not named like one: our own format, which any harness can write."""

_NAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.+-]*")


class FormatError(DuetError):
    """A result file that cannot be read: which, where in it (`line 7`, or empty), and why."""

    def __init__(self, path: Path, position: str, reason: str, remedy: str = ""):
        self.path, self.position, self.reason = Path(path), position, printable(reason)
        super().__init__(printable(": ".join(filter(None, (str(path), position, reason)))), remedy)


@dataclass(frozen=True)
class Harness:
    """What is known of a harness; DuetError where the facts cannot be true.

    A command that has `duet-probe` in it loads a probe (so the files of all probes are called) and
    meets at the barrier, whatever the harness.
    """

    name: str
    """As in a campaign's `harness`; a suite of this name has it without being told."""
    parse: Parse
    """How its files are read, see the package."""
    aliases: tuple[str, ...] = ()
    """Other names of it: suites that have the same harness."""
    results: tuple[str, ...] = ("results.csv",)
    """The files and directories to keep where a campaign names none."""
    log_is_enough: bool = False
    """`parse` reads a side's log, so `results: []` makes sense."""
    warmup: float | int = 0
    """Iterations left out where a campaign says nothing: a share below 1, or a count."""
    meets_barrier: bool = False
    """Its own command meets at the barrier when there is one, without a probe."""
    no_barrier: str = ""
    """Why its iterations cannot be synchronised: a sentence without its full stop."""
    phases: bool = False
    """Its iterations have phases, columns `t_…_ns` of the table, that are worth a figure."""
    folder: Callable[[Path], Mapping[tuple[str, str], Sequence[Path]]] | None = None
    """How a result directory of its own platform is laid out: the files of a suite and benchmark, each
    iteration in them a run of one side alone."""
    around: Callable[[str], str] | None = None
    """A side's command as a campaign has it -> the one that repeats it. None where it repeats itself."""
    with_probe: Callable[[str], str] | None = None
    """The first part of a command of the predecessor, its agent and barrier taken out -> the same
    with our probe loaded. None where no probe can stand for that agent."""
    for_stock: Callable[[str], tuple[str, list[str]]] | None = None
    """The first part of a command for a patched harness of the predecessor -> the same for the stock one,
    and what differs. None where it needs no patched one."""

    def __post_init__(self) -> None:
        self._require(_is_name(self.name), f"its name is {self.name!r}", "letters, digits, _ . + -")
        self._require(callable(self.parse), f"parse is {self.parse!r}", "a function")
        names = isinstance(self.aliases, tuple) and all(map(_is_name, self.aliases))
        self._require(names, f"aliases is {self.aliases!r}", "a tuple of names of letters, digits, _ . + -")
        paths = isinstance(self.results, tuple) and all(isinstance(r, str) and r for r in self.results)
        some = bool(self.results) or self.log_is_enough
        accepted = "a tuple of paths, empty only where log_is_enough"
        self._require(paths and some, f"results is {self.results!r}", accepted)
        number = isinstance(self.warmup, int | float) and not isinstance(self.warmup, bool)
        rule = number and (0 <= self.warmup < 1 or (self.warmup >= 1 and isinstance(self.warmup, int)))
        self._require(rule, f"warmup is {self.warmup!r}", "a share below 1, or a count of iterations")
        one = isinstance(self.no_barrier, str) and self.no_barrier.isprintable()
        self._require(one, f"no_barrier is {self.no_barrier!r}", "one line that says why")
        both = self.no_barrier and (self.meets_barrier or self.with_probe)
        what = "no_barrier says that it cannot meet, meets_barrier or with_probe how it does"
        self._require(not both, what, "one of the two")

    def _require(self, true: bool, what: str, accepted: str) -> None:
        if not true:
            raise DuetError(f"harness {self.name}: {what}", f"accepted: {accepted}")


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


@cache
def known() -> tuple[Harness, ...]:
    """Every harness, sorted by name."""
    return tuple(dict.fromkeys(sorted(_by_name().values(), key=lambda harness: harness.name)))


@cache
def names() -> tuple[str, ...]:
    """Every name that a campaign's `harness` may have, aliases among them."""
    return tuple(sorted(_by_name()))


def get(name: str) -> Harness:
    """The harness of that name or alias; DuetError where there is none."""
    if name not in _by_name():
        raise DuetError(f"there is no harness {name!r}", f"known: {', '.join(names())}")
    return _by_name()[name]


def of_suite(suite: str) -> Harness:
    """The harness of a suite for which none is given."""
    return _by_name().get(suite) or get(DEFAULT)


def in_folder(directory: Path) -> dict[tuple[str, str], tuple[Harness, Sequence[Path]]]:
    """What a harness's own platform left in a directory: (suite, benchmark) -> how it is read, its files."""
    for harness in known():
        if harness.folder and (there := harness.folder(directory)):
            return {key: (harness, files) for key, files in there.items()}
    return {}


def warmups() -> dict[str, float | int]:
    """The warm-up of every harness that has one, by its names."""
    return {name: harness.warmup for name, harness in _by_name().items() if harness.warmup}


@cache
def _by_name() -> dict[str, Harness]:
    """Name or alias -> harness."""
    harnesses: dict[str, Harness] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        harness = getattr(importlib.import_module(f"{__name__}.{module.name}"), "HARNESS", None)
        if not isinstance(harness, Harness):
            what = f"harness {module.name}: its module has no HARNESS"
            raise DuetError(what, "accepted: HARNESS = Harness(name=…, parse=…) at its end")
        for name in (harness.name, *harness.aliases):
            if name in harnesses:
                what = f"harness {harness.name}: {name} is also a name of harness {harnesses[name].name}"
                raise DuetError(what, "accepted: names that no other harness has")
            harnesses[name] = harness
    return harnesses
