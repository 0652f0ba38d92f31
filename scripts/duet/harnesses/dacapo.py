"""DaCapo and ScalaBench: our probe's file, the stock harness's output, the predecessor's CSV.

Taken is the first of these that is there:

- the probe's file, native CSV (see `native`): exact wall-clock times of every iteration;
- the CSV of the predecessor's patched jars, a line per iteration: `iteration_time_ns` and the start
  in epoch ms, `start_unix`. Older ones have `total_ms` instead, ms since the start of the process; then
  the `date` artifact, gathered once for all runs, is added, as the predecessor does. A and B are then aligned
  only as if both had started at that moment, which is said in a warning. Where these cannot
  be starts, since iterations would overlap, there are no absolute times;
- the output of the stock harness, in a result file or the log: `===== DaCapo <version> <benchmark> completed
  warmup N in M msec =====`, the last one `PASSED in M msec`. Whole milliseconds, no absolute times.
  N, also in `starting warmup N`, must rise: a line that another thread garbled leaves a gap, which is
  said, and the output of two runs is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness, native
from duet.harnesses._files import MAX_ITERATION, MAX_NS, header, read_bytes, read_lines, read_start, same_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PROBE = "/duet/duet-probe-dacapo.jar"
"""Starts the suite's jar with the probe, whatever that jar is called (images/probes/build)."""

_MS = 1_000_000
_LINE = re.compile(
    r"===== DaCapo (?:.* )?(?P<benchmark>\S+) (?:"
    r"(?P<starting>starting)(?: warmup (?P<begun>\d+))?|"
    r"completed warmup (?P<done>\d+) in (?P<warmup>\d+) msec|"
    r"PASSED in (?P<last>\d+) msec|"
    r"(?P<failed>FAILED\b.*?))\s*=====",
    re.ASCII,
)
_LINE_LENGTH = 300
"""The harness's own lines are shorter; matching takes time in the square of the length."""


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """See the module for which file is taken, and duet.harnesses for the frame."""
    paths = [Path(f) for f in files]
    starts = {path: read_start(path) for path in paths}
    for path, start in starts.items():
        if native.recognised(start):
            return native.read(path)
    for path, start in starts.items():
        if "iteration_time_ns" in header(start):
            return _patched(path, benchmark, (artifacts or {}).get("date"))
    # Only a side without any result file is known by its log: the first fault is that of the file.
    for path in (p for p in paths if p.is_file()):
        if (frame := _output(path, benchmark)) is not None:
            return frame
    for path in paths:
        read_bytes(path)
    raise FormatError(
        paths[0] if paths else Path("."),
        "",
        "neither the probe's CSV, the predecessor's, nor DaCapo's output",
    )


def _patched(path: Path, benchmark: str, date: str | None) -> pd.DataFrame:
    import numpy as np

    from duet.harnesses._frames import Column, iterations, read_csv

    data = read_bytes(path)
    names = header(data)
    clock = next((c for c in ("start_unix", "total_ms") if c in names), None)
    texts = ["benchmark"] if "benchmark" in names else []
    wanted = ["iteration_time_ns", *([clock] if clock else [])]
    must, extra, warnings, truncated = read_csv(path, data, wanted, texts)
    if others := sorted({n for n in must.get("benchmark", ()) if not same_name(n, benchmark)}):
        raise FormatError(path, "", f"results of {others[0]!r:.60}, not only of {benchmark!r}")
    extra.pop("iteration", None)
    time_ns, columns = must["iteration_time_ns"], dict[str, Column](extra)
    start_ns: np.ndarray | None = None
    if clock:
        ms = must[clock]
        if ((ms < 0) | (ms > MAX_NS // _MS)).any():
            row = int(np.argmax((ms < 0) | (ms > MAX_NS // _MS)))
            raise FormatError(path, f"line {row + 2}", f"{clock} {ms[row]} is not a time in ms")
        start_ns = ms * _MS
        columns = {clock: ms, **extra}
        if clock == "total_ms":
            start_ns, warning = _since_date(path, ms * _MS, time_ns, date)
            warnings.append(warning)
    else:
        warnings.append(f"{path.name}: neither start_unix nor total_ms: no absolute times")
    return iterations(
        path,
        time_ns,
        start_ns,
        extra=columns,
        slack_ns=_MS,
        where=lambda row: f"line {row + 2}",
        warnings=warnings,
        truncated=truncated,
        benchmark=next(iter(must.get("benchmark", ())), None),
    )


def _since_date(
    path: Path, since_ns: np.ndarray, time_ns: np.ndarray, date: str | None
) -> tuple[np.ndarray | None, str]:
    """Absolute starts from `total_ms` and the date artifact, and the warning that goes with them."""
    import numpy as np

    origin_ns = epoch_ns(date or "")
    if origin_ns is None:
        return None, f"{path.name}: total_ms without a date artifact that can be read: no absolute times"
    if (since_ns > MAX_NS - origin_ns).any():
        return None, f"{path.name}: total_ms is too large: no absolute times"
    if (since_ns[1:] + _MS < since_ns[:-1] + np.minimum(time_ns[:-1], MAX_NS // 2)).any():
        return None, f"{path.name}: iterations would overlap according to total_ms: no absolute times"
    return origin_ns + since_ns, (
        f"{path.name}: absolute times are the date artifact plus total_ms:"
        " A and B are aligned only as if both had started then"
    )


_MONTHS = {
    m: i
    for i, m in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_ZONES = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "CET": 1, "WEST": 1, "BST": 1, "CEST": 2, "EET": 2, "EEST": 3}
_ZONES |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_DATE = re.compile(
    r"(?:(?P<m1>[A-Z][a-z]{2}) +(?P<d1>\d{1,2})|(?P<d2>\d{1,2}) +(?P<m2>[A-Z][a-z]{2}) +(?P<y2>\d{4}))"
    r",? +(?P<H>\d{1,2}):(?P<M>\d\d):(?P<S>\d\d)(?: (?P<half>[AP]M))? +(?P<zone>[A-Z]+|[+-]\d\d(?:\d\d)?)"
    r"(?: +(?P<y1>\d{4}))?"
)


def epoch_ns(date: str) -> int | None:
    """Epoch ns of the output of date(1) in an English locale or ISO 8601; None where it cannot be told."""
    try:
        return _ns(datetime.fromisoformat(date.strip()))
    except ValueError:
        pass
    if (m := _DATE.search(date)) is None or not (year := m["y1"] or m["y2"]):
        return None
    zone = m["zone"]
    hours: float | None = _ZONES.get(zone)
    if zone[0] in "+-":
        hours = int(zone[:3]) + int(zone[0] + (zone[3:] or "0")) / 60
    month = _MONTHS.get(m["m1"] or m["m2"])
    if hours is None or month is None:
        return None
    hour = int(m["H"]) % 12 + 12 * (m["half"] == "PM") if m["half"] else int(m["H"])
    try:
        at = datetime(
            int(year), month, int(m["d1"] or m["d2"]), hour, int(m["M"]), int(m["S"]),
            tzinfo=timezone(timedelta(hours=hours)),
        )  # fmt: skip
    except ValueError:
        return None
    return _ns(at)


def _ns(at: datetime) -> int | None:
    if at.tzinfo is None:
        return None
    ns = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9
    return ns if 0 <= ns <= MAX_NS else None


def _output(path: Path, benchmark: str) -> pd.DataFrame | None:
    """Iterations from the harness's output; None when none of its lines is there."""
    import numpy as np

    from duet.harnesses._frames import iterations

    ms, lines, numbers, warnings = [], [], [], []
    name, ended, failed = None, False, 0
    begun = done = 0
    """Highest number of an iteration that started and of one that ended, counted from 1."""
    for number, line in read_lines(path, b" starting", b" msec ", b"FAILED"):
        if len(line) > _LINE_LENGTH or (m := _LINE.search(line)) is None:
            continue
        if m["benchmark"] != name and not same_name(name := m["benchmark"], benchmark):
            raise FormatError(path, f"line {number}", f"results of {name!r:.60}, not of {benchmark!r}")
        if fault := _out_of_turn(m, begun, done, ended):
            raise FormatError(path, f"line {number}", fault)
        if m["starting"]:
            begun = int(m["begun"] or max(begun, done) + 1)
            continue
        done = int(m["done"] or max(begun, done + 1))
        if m["failed"]:
            failed += 1
            warnings.append(f"{path.name}: line {number}: iteration {done - 1} failed its validation")
            ended = m["failed"].strip() == "FAILED"
        else:
            value = m["warmup"] or m["last"]
            if len(value) > 12:
                raise FormatError(path, f"line {number}", f"{value:.20} msec: implausibly long")
            ms.append(int(value))
            lines.append(number)
            numbers.append(done - 1)
            ended = m["last"] is not None
    if name is None:
        return None
    if not ended:
        warnings.append(f"{path.name}: ends before the harness's last iteration")
    return iterations(
        path,
        np.array(ms, dtype=np.int64) * _MS,
        iteration=np.array(numbers, dtype=np.int64),
        where=lambda row: f"line {lines[row]}",
        warnings=warnings,
        truncated=not ended or done > len(ms) + failed,
        benchmark=name,
    )


def _out_of_turn(line: re.Match[str], begun: int, done: int, ended: bool) -> str:
    """Why a line cannot come now in the output of one run, or nothing."""
    number = line["begun"] or line["done"]
    if number and (len(number) > 10 or int(number) > MAX_ITERATION):
        return f"warmup {number:.20}: implausibly many"
    if number and int(number) == 0:
        return "warmup 0: must be counted from 1"
    what = f"warmup {number}" if number else "a last iteration"
    if ended:
        return f"{what} after the last one: results of two runs"
    if number and int(number) <= (max(begun, done) if line["begun"] else max(begun - 1, done)):
        return f"{what} after warmup {max(begun, done)}: results of two runs"
    return ""


_JAR = re.compile(r"(?:^|(?<=\s))-jar\s+\S+")
_OUTPUT = re.compile(r"(?:^|(?<=\s))-o\s+(\S+)\s*")


def with_probe(base: str) -> str:
    """The probe writes what the patched jars wrote with -o, an option that stock ones do not have."""
    output = _OUTPUT.search(base)
    base = _JAR.sub(f"-jar {PROBE}", _OUTPUT.sub("", base).strip())
    return f"DUET_RESULTS={output[1]} {base}" if output else base


def for_stock(base: str) -> tuple[str, list[str]]:
    """Without -o, by which patched jars write what the probe writes."""
    if _OUTPUT.search(base) is None or "duet-probe" in base:
        return base, []
    return with_probe(base), ["our probe instead of -o, which stock jars do not have"]


HARNESS = Harness(
    name="dacapo",
    parse=parse,
    aliases=("scalabench",),
    log_is_enough=True,
    warmup=0.5,
    with_probe=with_probe,
    for_stock=for_stock,
)
