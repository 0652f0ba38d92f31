"""Google Benchmark: the JSON that `--benchmark_out=FILE --benchmark_out_format=json` writes, and our
probe's file.

Each benchmark, with its arguments (`BM_sort/1024`), has an iteration for each repetition
(`--benchmark_repetitions`), of as many operations as Google Benchmark calls iterations; its aggregates
(mean, stddev) are left out. `cpu_time` of one operation is the column `operation_cpu_time_ns`, rates and
counters are columns by their own names.

The JSON has no absolute times. The probe is a header with a reporter (images/probes/cpp/duetbench.hpp):
it stamps every repetition, and meets at the barrier. A benchmark that ends by SkipWithError loses
itself only. The file grows with each benchmark: of a run that was stopped, what is whole is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files
from duet.harnesses._json_values import is_number, load, mapping, number, sequence, text

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured

UNITS_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_NO_COUNTER = frozenset((
    "name", "run_name", "run_type", "family_index", "per_family_instance_index", "repetitions",
    "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit", "label",
    "error_occurred", "error_message", "skipped", "skip_message", "aggregate_name", "aggregate_unit",
))  # fmt: skip


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The JSON with the probe's times, or the probe's file alone; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find(result_files(files))
    stamps, warnings = _many.beside(probe, others)
    if stamps and not others:
        measured = _many.of_stamps(stamps, benchmark)
        return _many.alone(stamps, "JSON of Google Benchmark", measured, warnings=warnings)
    path = others[0]
    content, truncated = load(path, read_bytes(path))
    warnings += [f"{path.name}: cut off"] if truncated else []
    entries = sequence(path, "$.benchmarks", mapping(path, "$", content).get("benchmarks"))
    runs: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    failures: dict[str, str] = {}
    for i, entry in enumerate(entries):
        at = f"$.benchmarks[{i}]"
        entry = mapping(path, at, entry)
        if truncated and i == len(entries) - 1 and "time_unit" not in entry:
            continue
        if entry.get("run_type", "iteration") != "iteration":
            continue
        name = text(path, f"{at}.run_name", entry.get("run_name", entry.get("name")))
        if entry.get("error_occurred") or entry.get("skipped"):
            reason = entry.get("error_message") or entry.get("skip_message") or "no reason given"
            failures.setdefault(name, f"{name} failed: {reason}")
        else:
            runs.setdefault(name, []).append((at, entry))
    measured = []
    for name, repetitions in runs.items():
        each = _benchmark(path, name, repetitions)
        if stamps:
            each, warning = _many.stamped(each, stamps.of(name))
            warnings += [warning] if warning else []
        measured.append(each)
    lost = list(failures.values())
    return _many.frame(path, measured, warnings=warnings, truncated=truncated, failures=lost)


def _benchmark(path: Path, name: str, repetitions: Sequence[tuple[str, Mapping[str, Any]]]) -> Measured:
    import numpy as np

    from duet.harnesses._many import Measured

    count, real_ns, cpu_ns = [], [], []
    for at, entry in repetitions:
        iterations, unit = entry.get("iterations"), entry.get("time_unit")
        if type(iterations) is not int or not 0 < iterations < 2**62:
            raise FormatError(path, f"{at}.iterations", f"{iterations!r:.40}, not a count")
        if not isinstance(unit, str) or unit not in UNITS_NS:
            raise FormatError(path, f"{at}.time_unit", f"{unit!r:.40}, not one of {', '.join(UNITS_NS)}")
        count.append(iterations)
        real_ns.append(number(path, f"{at}.real_time", entry.get("real_time")) * UNITS_NS[unit])
        cpu_ns.append(number(path, f"{at}.cpu_time", entry.get("cpu_time")) * UNITS_NS[unit])
    counters = {key: None for _, entry in repetitions for key in entry if key not in _NO_COUNTER}
    extra = {"operation_cpu_time_ns": np.array(cpu_ns)}
    for key in counters:
        values = [entry.get(key) for _, entry in repetitions]
        if all(value is None or is_number(value) for value in values):
            extra[key] = np.array([np.nan if value is None else float(value) for value in values])
    operations = np.array(count, np.int64)
    return Measured(name, np.array(real_ns) * operations, operations, extra=extra)


HARNESS = Harness(
    name="googlebenchmark",
    parse=parse,
    results=("results.json",),
)
