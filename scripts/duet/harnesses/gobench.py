"""go test -bench: its output as text or with `-json` (test2json), in a file or the log, and our probe's
file.

A line `BenchmarkParse-8 1000 1234 ns/op 16 B/op 2 allocs/op` is an iteration of 1000 operations; with
`-count N` a benchmark has N of them. What stands beside `ns/op` are columns by their units (`B/op`,
`MB/s`, those of ReportMetric). The number of processors (`-8`) is no part of a benchmark's name where
all lines have the same one; its package is, where two have a benchmark of one name.

Text has no absolute times. `-json` tells when a line was written, which is when its iteration ended:
start and end are good to some milliseconds. The probe is a package of a few lines (images/probes/go):
it stamps exactly, and meets at the barrier. A benchmark that fails loses itself only: go test then ends
with 1, which a campaign's command allows by `|| test $? = 1`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import MAX_NS, read_bytes

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured, Stamps

_NAME = re.compile(r"Benchmark\S*")
_RESULT = re.compile(
    r"(?:(?P<name>Benchmark\S*)\s+|\s*)(?P<count>[0-9]+)\t\s*(?P<values>[0-9.].*/.*)", re.ASCII
)
_VALUE = re.compile(r"(\S+) (\S+)")
_FAILED = re.compile(r"\s*--- FAIL: (?P<name>Benchmark\S*)")
_EVENT = re.compile(
    r'\{"Time":"([^"\\]*)","Action":"output"(?:,"Package":"([^"\\]*)")?(?:,"Test":"[^"\\]*")?'
    r',"Output":"([^"\\]*(?:\\[tn][^"\\]*)*)"(?:,"OutputType":"[^"\\]*")?\}'
)
"""An event of output as go writes it; what is written otherwise is read as any JSON."""
_PROCESSORS = re.compile(r"-[0-9]+$")


@dataclass
class _Run:
    """The iterations of a benchmark as printed."""

    count: list[int] = field(default_factory=list)
    per_operation_ns: list[float] = field(default_factory=list)
    end_ns: list[int | None] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)


@dataclass
class _Output:
    """What an output tells: iterations by package and name, and failures."""

    runs: dict[tuple[str, str], _Run] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    whole: bool = False
    """It has go test's last line."""


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first file with a benchmark's line; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find([Path(file) for file in files])
    stamps, warnings = _many.beside(probe, others)
    read, output = None, _Output()
    for path in others:
        if path.is_file() and path.stat().st_size:
            output = _output(path)
            read = path
            if output.runs or output.failures:
                break
    if read is None or not (output.runs or output.failures):
        if stamps is None:
            path = read or (others or [Path(".")])[0]
            read_bytes(path)
            raise FormatError(path, "", "no line of a benchmark, such as BenchmarkX 100 1234 ns/op")
        measured = _many.of_stamps(_last(stamps), benchmark)
        return _many.alone(stamps, "output of go test", measured, warnings=warnings)
    names = _names(output.runs)
    measured = []
    for key, run in output.runs.items():
        each = _benchmark(read, names[key], run)
        if stamps:
            own = stamps.of(_PROCESSORS.sub("", key[1])) if stamps.name is not None else stamps
            own = own if len(own) else stamps.of(key[1])
            each, warning = _many.stamped(each, _last(own))
            warnings += [warning] if warning else []
        measured.append(each)
    if not output.whole:
        warnings.append(f"{read.name}: ends before go test's last line")
    lost = output.failures
    return _many.frame(read, measured, warnings=warnings, truncated=not output.whole, failures=lost)


def _last(stamps: Stamps) -> Stamps:
    """Of one benchmark's passes those that are reported: b.N grows, and begins anew from 1 after each."""
    import numpy as np

    if stamps.operations is None or not len(stamps):
        return stamps
    same = np.ones(len(stamps) - 1, bool) if stamps.name is None else stamps.name[1:] == stamps.name[:-1]
    return stamps.where(np.r_[(stamps.operations[1:] == 1) | ~same, True])


def _names(runs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Name of each benchmark for the table."""
    keys = list(runs)
    suffixes = {m[0] if (m := _PROCESSORS.search(name)) else "" for _, name in keys}
    short = {key: _PROCESSORS.sub("", key[1]) if len(suffixes) == 1 else key[1] for key in keys}
    taken = list(short.values())
    return {key: name if taken.count(name) == 1 else f"{key[0]}.{name}" for key, name in short.items()}


def _benchmark(path: Path, name: str, run: _Run) -> Measured:
    import numpy as np

    from duet.harnesses._many import Measured

    operations = np.array(run.count, np.int64)
    time_ns = np.array(run.per_operation_ns) * operations
    start = end = None
    if all(end_ns is not None for end_ns in run.end_ns) and (time_ns < MAX_NS).all():
        end = np.array(run.end_ns, np.int64)
        start = end - np.maximum(np.rint(time_ns).astype(np.int64), 1)
        if len(end) > 1:  # a line may be written late, but no iteration begins before the last has ended
            end = np.maximum.accumulate(end)
            start[1:] = np.maximum(start[1:], end[:-1])
        if (start < 0).any() or (end <= start).any():
            start = end = None
    units = dict.fromkeys(unit for metrics in run.metrics for unit in metrics)
    extra = {unit: np.array([metrics.get(unit, np.nan) for metrics in run.metrics]) for unit in units}
    return Measured(name, time_ns, operations, start, end, extra=extra)


def _output(path: Path) -> _Output:
    """What go test printed: iterations, failures."""
    text = read_bytes(path).decode(errors="replace")
    events = text.lstrip()[:1] == "{" and '"Action"' in text
    plain = ((number, "", line, None) for number, line in enumerate(text.split("\n"), 1))
    output, name, package, before, failed = _Output(), "", "", "", False
    for number, own_package, line, time_ns in _events(path, text) if events else plain:
        m = _RESULT.match(line)
        if failed and m is None:  # text has the reason below the line that says so, also as events
            output.failures[-1] += _reason(line)
        failed = False
        if m is not None:
            name = m["name"] or name
            if name:
                _add(path, number, output.runs.setdefault((own_package or package, name), _Run()), m, time_ns)
        elif line.startswith("Benchmark") and (named := _NAME.match(line)) is not None:
            name = named[0]
        elif line.startswith("pkg: "):
            package = line[5:].strip()
        elif (failing := _FAILED.match(line)) is not None:
            above = _reason(before) if events else ""  # where go test -json has it
            failed = not above
            output.failures.append(f"{failing['name']} failed{above}")
        elif line.startswith(("panic: ", "fatal error: ")):
            output.failures.append(f"{name or 'go test'} failed: {line.strip():.200}")
        elif line.startswith(("ok ", "ok\t", "PASS", "FAIL")):
            output.whole = True
        before = "" if m else line
    output.runs = {key: run for key, run in output.runs.items() if run.count}
    return output


def _reason(line: str) -> str:
    return f": {line.strip():.200}" if line[:1] in (" ", "\t") and line.strip() else ""


def _add(path: Path, number: int, run: _Run, line: re.Match[str], time_ns: int | None) -> None:
    """An iteration from its line, which has at least a unit with a slash."""
    metrics: dict[str, float] = {}
    for value, unit in _VALUE.findall(line["values"].replace("\t", " ")):
        try:
            metrics[unit] = float(value)
        except ValueError:
            raise FormatError(path, f"line {number}", f"{value!r:.40} {unit:.40}, not a number") from None
    per_operation_ns = metrics.pop("ns/op", None)
    count = int(line["count"]) if len(line["count"]) < 19 else 0
    if per_operation_ns is None:
        raise FormatError(path, f"line {number}", "no ns/op", "do not take it away by ReportMetric")
    if count < 1 or not 0 < per_operation_ns < MAX_NS:
        raise FormatError(path, f"line {number}", f"{line[0].strip()[:80]!r}: not a plausible iteration")
    run.count.append(count)
    run.per_operation_ns.append(per_operation_ns)
    run.end_ns.append(time_ns)
    run.metrics.append(metrics)


def _events(path: Path, text: str) -> Iterator[tuple[int, str, str, int | None]]:
    """Line number, package, line and when it was written, of the output in test2json's events."""
    parts: dict[str, str] = {}
    events = text.split("\n")
    for number, event in enumerate(events, 1):
        if (plain := _EVENT.fullmatch(event)) is not None:  # nearly all: thrice as quick as JSON's own reader
            time, package, output = plain.groups()
            package, output = package or "", output.replace("\\t", "\t").replace("\\n", "\n")
        else:
            fields = _event(event)
            if fields is None and number < len(events) and event.lstrip()[:1] == "{":
                raise FormatError(path, f"line {number}", "not an event of go test -json")
            if fields is None:
                continue  # what go itself prints between events, or a torn last line
            time, package, output = fields.get("Time"), str(fields.get("Package", "")), fields.get("Output")
            if fields.get("Action") != "output" or not isinstance(output, str):
                continue
        *lines, rest = (parts.pop(package, "") + output).split("\n")
        if rest:
            parts[package] = rest
        for line in lines:
            yield number, package, line, _epoch_ns(time)


def _event(line: str) -> dict | None:
    """The line's JSON object, if it is one."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_second: dict[str, int] = {}
"""Epoch second of the last few texts: events come by the thousand in one."""


def _epoch_ns(time: object) -> int | None:
    m = _TIME.fullmatch(time) if isinstance(time, str) else None
    if m is None:
        return None
    key = m[1] + m[3]
    if key not in _second:
        if len(_second) > 1000:
            _second.clear()
        try:
            _second[key] = int(datetime.fromisoformat(key).timestamp())
        except (ValueError, OverflowError):
            return None
    ns = _second[key] * 10**9 + int((m[2] or "0").ljust(9, "0"))
    return ns if 0 <= ns <= MAX_NS else None


HARNESS = Harness(
    name="gobench",
    parse=parse,
    results=("results.txt",),
    log_is_enough=True,
)
