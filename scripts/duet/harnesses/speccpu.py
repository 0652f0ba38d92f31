"""SPEC CPU 2017: the result directory of runcpu.

Its logs, `CPU2017.NNN.log`, have for each iteration under `Benchmark Times:`

     Rate Start:   2022-06-01 14:04:52 (1654092292.28303)
     Rate End:     2022-06-01 14:12:37 (1654092757.17651)

in epoch seconds, read as exact decimals. All logs of the directory are read, in the order of their
numbers; those without iterations (of a build, say) do not matter. A start without its end, as a
run that was stopped leaves, is left out with a warning. A log begins with `runcpu v… started at …` and
ends with `runcpu finished at …`: one that has iterations and the first without the second was cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import MAX_NS, read_lines, same_name

if TYPE_CHECKING:
    import pandas as pd

_LOG = re.compile(r"CPU2017\.(\d+)\.log$")
_STAMP = re.compile(r"\s*Rate (?P<what>Start|End):.*\((?P<time>[^()]*)\)")
_RUNNING = re.compile(r"\s*Running (?P<benchmark>\d{3}\.\w+) ")
_SECONDS = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
_STARTED = re.compile(r"runcpu v\S+ started at ")
_SLACK_NS = 10_000
"""The stamps have five decimals."""


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """All iterations in the logs of the result directory; see duet.harnesses for the frame."""
    paths = [Path(f) for f in files]
    starts: list[int] = []
    ends: list[int] = []
    where: list[tuple[Path, int]] = []
    warnings: list[str] = []
    name, cut = None, False
    logs = _logs(paths)
    for log in logs:
        begun, ran, unfinished = None, len(starts), False
        for number, line in read_lines(log, b"Rate ", b"Running ", b"*** Miscompare", b"runcpu "):
            if m := _STAMP.match(line):
                time_ns = _nanoseconds(log, number, m["time"])
                if m["what"] == "Start":
                    if begun is not None:
                        warnings.append(f"{log.name}: line {begun[1]}: the iteration has no end, left out")
                        cut = True
                    begun = time_ns, number
                elif begun is None:
                    raise FormatError(log, f"line {number}", "Rate End without Rate Start")
                else:
                    starts.append(begun[0])
                    ends.append(time_ns)
                    where.append((log, begun[1]))
                    begun = None
            elif m := _RUNNING.match(line):
                name = m["benchmark"]
                if not same_name(name, benchmark):
                    raise FormatError(log, f"line {number}", f"results of {name!r:.60}, not of {benchmark!r}")
            elif _STARTED.match(line):
                unfinished = True
            elif line.startswith("runcpu finished at "):
                unfinished = False
            elif line.startswith("*** Miscompare"):
                warnings.append(f"{log.name}: line {number}: {line.strip()[:100]}")
        if begun is not None:
            warnings.append(f"{log.name}: line {begun[1]}: the iteration has no end, left out")
            cut = True
        elif unfinished and len(starts) > ran:
            warnings.append(f"{log.name}: ends before runcpu has finished: iterations may be missing")
            cut = True
    if not starts:
        raise FormatError(logs[-1], "", "no iterations" + (" that ended" if cut else ""))
    return _frame(starts, ends, where, warnings, cut, name)


def _frame(
    starts: list[int],
    ends: list[int],
    where: list[tuple[Path, int]],
    warnings: list[str],
    cut: bool,
    name: str | None,
) -> pd.DataFrame:
    import numpy as np

    from duet.harnesses._frames import iterations

    start_ns, end_ns = np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
    path = where[0][0].parent if len({log for log, _ in where}) > 1 else where[0][0]
    return iterations(
        path,
        end_ns - start_ns,
        start_ns,
        slack_ns=_SLACK_NS,
        where=lambda row: f"line {where[row][1]}" + (f" of {where[row][0].name}" if path.is_dir() else ""),
        warnings=warnings,
        truncated=cut,
        benchmark=name,
    )


def _logs(paths: list[Path]) -> list[Path]:
    """SPEC's logs among and below the paths, by number; FormatError when there are none."""
    files = [p for p in paths if p.is_file()]
    for directory in (p for p in paths if p.is_dir()):
        files += directory.rglob("CPU2017.*.log")
    numbered = [(int(match[1]), str(p), p) for p in files if (match := _LOG.search(p.name))]
    if not numbered:
        first = paths[0] if paths else Path(".")
        if not first.exists():
            raise FormatError(first, "", "No such file or directory")
        raise FormatError(first, "", "no CPU2017.NNN.log in it: not a result directory of SPEC CPU 2017")
    return [path for _, _, path in sorted(numbered)]


def _nanoseconds(path: Path, number: int, seconds: str) -> int:
    """`1654092292.28303` as 1654092292283030000, exactly."""
    if not _SECONDS.fullmatch(seconds):
        raise FormatError(path, f"line {number}", f"{seconds!r:.40} is not a time in seconds")
    whole, _, fraction = seconds.partition(".")
    time_ns = int(whole) * 10**9 + int(fraction.ljust(9, "0"))
    if time_ns > MAX_NS:
        raise FormatError(path, f"line {number}", f"{seconds} s: not a plausible time of a run")
    return time_ns


HARNESS = Harness(
    name="speccpu",
    parse=parse,
    results=("/duet/speccpu/result",),
    no_barrier="SPEC CPU's harness starts a process per iteration and has no place for a barrier",
)
