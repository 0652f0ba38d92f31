"""pytest-benchmark: the JSON that `--benchmark-json FILE` writes, and our probe's file.

Each test is a benchmark, by its full name without the file (`test_parse[small]`; with the file where
two are called the same). An iteration is a round of `stats.iterations` calls; `stats.data` has the
seconds of one call in each round. Numbers in `extra_info` are columns.

pytest-benchmark writes no absolute times. The probe is a pytest plugin that stamps every round, and
meets at the barrier. A test that fails loses its benchmark only: pytest then ends with 1, which a
campaign's command allows by `|| test $? = 1`, and the log tells which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, read_lines, result_files
from duet.harnesses._json_values import is_number, load, mapping, numbers, sequence, text

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured

_FAILED = re.compile(r"(?:FAILED|ERROR) (\S+?)(?: - (.*))?\s*")


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The JSON with the probe's times, or the probe's file alone; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find(result_files(files))
    failures = _failures(files)
    stamps, warnings = _many.beside(probe, others)
    if stamps and not others:
        measured = _many.of_stamps(stamps, benchmark)
        return _many.alone(stamps, "JSON of pytest-benchmark", measured, warnings=warnings, failures=failures)
    path = others[0]
    content, truncated = load(path, read_bytes(path))
    warnings += [f"{path.name}: cut off"] if truncated else []
    entries = sequence(path, "$.benchmarks", mapping(path, "$", content).get("benchmarks"))
    measured = []
    for i, (name, entry) in enumerate(_named(path, entries)):
        if truncated and i == len(entries) - 1:
            continue
        each = _benchmark(path, f"$.benchmarks[{i}]", name, entry)
        if stamps:
            fullname = text(path, f"$.benchmarks[{i}].fullname", entry.get("fullname"))
            each, warning = _many.stamped(each, stamps.of(fullname))
            warnings += [warning] if warning else []
        measured.append(each)
    return _many.frame(path, measured, warnings=warnings, truncated=truncated, failures=failures)


def _named(path: Path, entries: Sequence[Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each entry and its name: that of the test where no other file has one of the same name."""
    known = [mapping(path, f"$.benchmarks[{i}]", entry) for i, entry in enumerate(entries)]
    short = [text(path, f"$.benchmarks[{i}].name", entry.get("name")) for i, entry in enumerate(known)]
    return [
        (name if short.count(name) == 1 else str(entry.get("fullname", name)), entry)
        for name, entry in zip(short, known, strict=True)
    ]


def _benchmark(path: Path, at: str, name: str, entry: Mapping[str, Any]) -> Measured:
    import numpy as np

    from duet.harnesses._many import Measured

    stats = mapping(path, f"{at}.stats", entry.get("stats"))
    if "data" not in stats:
        raise FormatError(path, f"{at}.stats.data", "missing", "have it written by --benchmark-json")
    seconds = numbers(path, f"{at}.stats.data", stats["data"])
    count = stats.get("iterations", 1)
    if type(count) is not int or not 0 < count < 2**40:
        raise FormatError(path, f"{at}.stats.iterations", f"{count!r:.40}, not a count")
    info = mapping(path, f"{at}.extra_info", entry.get("extra_info", {}))
    extra = {key: np.full(len(seconds), float(value)) for key, value in info.items() if is_number(value)}
    operations = np.full(len(seconds), count, np.int64)
    return Measured(name, seconds * count * 1e9, operations, extra=extra)


def _failures(files: Sequence[Path]) -> list[str]:
    """What pytest's summary in the log says of tests that failed."""
    logs = [Path(file) for file in files if str(file).endswith(".log") and Path(file).is_file()]
    lines = (line for log in logs for _, line in read_lines(log, b"FAILED ", b"ERROR "))
    matches = (_FAILED.fullmatch(line[:1000]) for line in lines)
    return [f"{m[1]} failed{f': {m[2]}' if m[2] else ''}" for m in matches if m]


HARNESS = Harness(
    name="pytest_benchmark",
    aliases=("pytest-benchmark",),
    parse=parse,
    results=("results.json",),
)
