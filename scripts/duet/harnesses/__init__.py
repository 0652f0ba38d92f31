"""Result formats: what a suite's harness writes -> iterations. A room of one module a format.

Adding a format is adding one module here, named after the format, with one function

    parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> DataFrame

`files`: the side's result files or directories in the configured order, then its log, where there
is one (named `….log`); the format picks what it understands. `benchmark`: the name as configured
or as it stands in file names. `artifacts`: the run's host facts, raw, for formats whose times need
one. The frame has one row per iteration, sorted by it:

    iteration           int64, from 0
    iteration_start_ns  Int64, epoch; null where the format has no absolute time
    iteration_end_ns    Int64, likewise
    iteration_time_ns   int64, > 0
    epoch_start_ms      Int64, start of the process, where the format says it
    …                   what the format adds: Int64 or Float64

`frame.attrs`: `warnings` (list of str), `truncated` (bool: only the readable part of the files is
in the frame), `benchmark` (the name the files give, or None).

Whatever the input, `parse` returns such a frame or raises `FormatError`. Memory is bounded by a
limit on the size of files that are read whole (`_common.MAX_BYTES`); logs are read in a stream.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from duet.model import DuetError

_ALSO = {"scalabench": "dacapo"}
"""Formats that a module of another name reads: ScalaBench's harness is DaCapo's."""

NAMES: tuple[str, ...] = tuple(
    sorted({m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")} | set(_ALSO))
)


class FormatError(DuetError):
    """A result file that cannot be read: which, where in it (`line 7`, or empty), and why."""

    def __init__(self, path: Path, position: str, reason: str, remedy: str = ""):
        self.path, self.position, self.reason = Path(path), position, reason
        super().__init__(": ".join(filter(None, (str(path), position, reason))), remedy)


def get(name: str) -> Callable:
    """The `parse` function of a format; DuetError for a name that is not in NAMES."""
    if name not in NAMES:
        raise DuetError(f"there is no format {name!r}", f"known formats: {', '.join(NAMES)}")
    return importlib.import_module(f"duet.harnesses.{_ALSO.get(name, name)}").parse
