"""JMH: the JSON that `-rf json -rff FILE` writes, and our probe's file.

Each benchmark, by class, method and parameters (`Maps.get:size=1000`), has an iteration for each
measured iteration of each fork. Its time is that of the operations it had, from the score: of mode
thrpt 1 / score, of avgt and ss the score, of sample the mean of its histogram. What profilers add
(`secondaryMetrics`) are columns by name and unit (`gc.alloc.rate.norm B/op`).

JMH writes no absolute times. The probe is an internal profiler (`-prof duetbench.JmhProbe`): it stamps
every iteration, and meets at the barrier. A benchmark that throws is not in the JSON; JMH goes on with
the next, and the log tells which and why.
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
    import numpy as np
    import pandas as pd

    from duet.harnesses._many import Measured

UNITS_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "hr": 3.6e12, "day": 8.64e13}
_DURATION = re.compile(r"([0-9]{1,9}) (ns|us|ms|s|min|hr|day)", re.ASCII)
_MODES = ("thrpt", "avgt", "sample", "ss")


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The JSON with the probe's times, or the probe's file alone; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find(result_files(files))
    failures = _failures(files)
    stamps, warnings = _many.beside(probe, others)
    if stamps and not others:
        measured = _many.of_stamps(stamps, benchmark)
        return _many.alone(stamps, "JSON of JMH", measured, warnings=warnings, failures=failures)
    path = others[0]
    content, truncated = load(path, read_bytes(path))
    warnings += [f"{path.name}: cut off"] if truncated else []
    entries = sequence(path, "$", content)
    if truncated:
        entries = entries[:-1]
    known = [mapping(path, f"$[{i}]", entry) for i, entry in enumerate(entries)]
    long = [_name(path, f"$[{i}]", entry) for i, entry in enumerate(known)]
    short = [".".join(name.split(":")[0].split(".")[-2:]) + name[len(name.split(":")[0]) :] for name in long]
    measured = []
    for i, entry in enumerate(known):
        name = short[i] if short.count(short[i]) == 1 else long[i]
        name = name if long.count(long[i]) == 1 else f"{long[i]}:{entry.get('mode')}"
        # by the stamps the time that an iteration really took, else the one that it was to take
        own = stamps.of(long[i]) if stamps else None
        span_ns = None if own is None else own.end_ns - own.start_ns
        each = _benchmark(path, f"$[{i}]", name, entry, span_ns)
        if own is not None:
            each, warning = _many.stamped(each, own)
            warnings += [warning] if warning else []
        measured.append(each)
    return _many.frame(path, measured, warnings=warnings, truncated=truncated, failures=failures)


def _name(path: Path, at: str, entry: Mapping[str, Any]) -> str:
    """Class, method and parameters, as the probe has them, too."""
    name = text(path, f"{at}.benchmark", entry.get("benchmark"))
    params = mapping(path, f"{at}.params", entry.get("params", {}))
    return name + (":" + ",".join(f"{key}={value}" for key, value in params.items()) if params else "")


def _benchmark(
    path: Path, at: str, name: str, entry: Mapping[str, Any], span_ns: np.ndarray | None
) -> Measured:
    import numpy as np

    from duet.harnesses._many import Measured

    mode = entry.get("mode")
    if mode not in _MODES:
        raise FormatError(path, f"{at}.mode", f"{mode!r:.40}, not one of {', '.join(_MODES)}")
    metric = mapping(path, f"{at}.primaryMetric", entry.get("primaryMetric"))
    scores = _scores(path, f"{at}.primaryMetric", metric)
    unit = text(path, f"{at}.primaryMetric.scoreUnit", metric.get("scoreUnit"))
    above, _, below = unit.partition("/")
    rate = mode == "thrpt"
    if UNITS_NS.get(below if rate else above) is None or (above if rate else below) not in ("op", "ops"):
        raise FormatError(path, f"{at}.primaryMetric.scoreUnit", f"{unit!r:.40}, not a time per operation")
    if not (scores > 0).all():
        wrong = float(scores[np.argmin(scores > 0)])
        raise FormatError(path, f"{at}.primaryMetric", f"a score of {wrong:g} {unit}: must be positive")
    each_ns = UNITS_NS[below] / scores if rate else scores * UNITS_NS[above]
    operations = np.ones(len(scores), np.int64)
    if mode != "ss":
        length = _DURATION.fullmatch(str(entry.get("measurementTime")))
        planned_ns = int(length[1]) * UNITS_NS[length[2]] if length else 1e9
        fits = span_ns is not None and len(span_ns) == len(scores)
        taken = span_ns if fits and span_ns is not None else np.full(len(scores), planned_ns)
        operations = np.clip(np.rint(taken / each_ns), 1, 2**60).astype(np.int64)
    extra = {}
    secondary = mapping(path, f"{at}.secondaryMetrics", entry.get("secondaryMetrics", {}))
    for key, metric in secondary.items():
        where = f"{at}.secondaryMetrics.{key:.60}"
        metric = mapping(path, where, metric)
        if "rawData" not in metric:
            continue
        values = [v for fork in sequence(path, where, metric["rawData"]) for v in sequence(path, where, fork)]
        if len(values) == len(scores):
            column = np.array([float(value) if is_number(value) else np.nan for value in values])
            extra[f"{key} {metric.get('scoreUnit', '')}".strip()] = column
    return Measured(name, each_ns * operations, operations, extra=extra)


def _scores(path: Path, at: str, metric: Mapping[str, Any]) -> np.ndarray:
    """The score of every iteration, fork by fork."""
    import numpy as np

    if "rawData" in metric:
        forks = sequence(path, f"{at}.rawData", metric["rawData"])
        scores = [numbers(path, f"{at}.rawData[{i}]", fork) for i, fork in enumerate(forks)]
        return np.concatenate(scores) if scores else np.zeros(0)
    means = []
    for i, fork in enumerate(sequence(path, f"{at}.rawDataHistogram", metric.get("rawDataHistogram"))):
        for j, histogram in enumerate(sequence(path, f"{at}.rawDataHistogram[{i}]", fork)):
            where = f"{at}.rawDataHistogram[{i}][{j}]"
            pairs = [numbers(path, where, pair) for pair in sequence(path, where, histogram)]
            if not pairs or any(len(pair) != 2 for pair in pairs):
                raise FormatError(path, where, "not a histogram of times and counts")
            times, counts = np.array(pairs).T
            if not (counts > 0).all():
                raise FormatError(path, where, "not a histogram of times and counts")
            means.append(float((times * counts).sum() / counts.sum()))
    return np.array(means)


def _failures(files: Sequence[Path]) -> list[str]:
    """What the log says of benchmarks that threw."""
    failures: list[str] = []
    name, parameters, throwing = "", "", False
    for log in (Path(file) for file in files if str(file).endswith(".log") and Path(file).is_file()):
        for _, line in read_lines(
            log, b"# Benchmark: ", b"# Parameters: ", b"<failure>", b"Exception", b"Error"
        ):
            line = line.strip()[:500]
            if line.startswith("# Benchmark: "):
                name, parameters, throwing = line[13:], "", False
            elif line.startswith("# Parameters: "):
                parameters = f" {line[14:]}"
            elif "<failure>" in line:
                throwing = True
                failures.append(f"{name}{parameters} failed")
            elif throwing:
                failures[-1] += f": {line:.200}"
                throwing = False
    return list(dict.fromkeys(failures))


HARNESS = Harness(
    name="jmh",
    parse=parse,
    results=("results.json",),
)
