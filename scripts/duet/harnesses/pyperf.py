"""pyperf: the JSON that `-o FILE` writes, and our probe's file.

Each benchmark has runs, one a process: `values` (seconds of one operation, of `loops` times
`inner_loops` that were timed together), and `warmups`, which are left out, as are the processes that
only calibrate. Peak memory of a process (`mem_max_rss`, bytes, where pyperf could tell it) is a column.

pyperf tells when a process was, not when a value was: without the probe there are no absolute times.
The probe is a pyperf hook (`--hook duet-probe`): it stamps every value, and meets at the barrier. A run
that was stopped left no JSON; of the probe's file alone benchmarks are called `task 0`, `task 1`, …
where a script has several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files
from duet.harnesses._json_values import load, mapping, number, numbers, sequence, text

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured

MEMORY = "mem_max_rss"


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The JSON with the probe's times, or the probe's file alone; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find(result_files(files))
    stamps, probe_warnings = _many.beside(probe, others)
    if stamps and not others:
        alone = _many.of_stamps(stamps, benchmark)
        alone = [replace(alone[0], name=benchmark)] if len(alone) == 1 else alone
        return _many.alone(stamps, "JSON of pyperf", alone, warnings=probe_warnings)
    benchmarks, warnings, truncated = _read(others[0])
    warnings += probe_warnings
    if stamps is None:
        return _many.frame(others[0], benchmarks, warnings=warnings, truncated=truncated)
    # The hook does not know the benchmark's name; processes follow each other as they do in the JSON.
    values, timed = stamps.where(stamps.measured), []
    if len(values) == sum(map(len, benchmarks)):
        at = 0
        for each in benchmarks:
            timed.append(_many.stamped(each, values.where(slice(at, at + len(each))))[0])
            at += len(each)
    else:
        whole = f"{sum(map(len, benchmarks))} values, but {len(values)} in the probe's file"
        warnings.append(f"{stamps.path.name}: {whole}: no absolute times")
    return _many.frame(others[0], timed or benchmarks, warnings=warnings, truncated=truncated)


def _read(path: Path) -> tuple[list[Measured], list[str], bool]:
    """Every benchmark of the JSON, warnings, and whether its end is missing."""
    content, truncated = load(path, read_bytes(path))
    content = mapping(path, "$", content)
    common = mapping(path, "$.metadata", content.get("metadata", {}))
    measured = []
    for i, entry in enumerate(sequence(path, "$.benchmarks", content.get("benchmarks"))):
        at = f"$.benchmarks[{i}]"
        entry = mapping(path, at, entry)
        known = {**common, **mapping(path, f"{at}.metadata", entry.get("metadata", {}))}
        runs = sequence(path, f"{at}.runs", entry.get("runs"))
        measured += [_benchmark(path, at, runs, known)]
    warnings = [f"{path.name}: cut off"] if truncated else []
    return [each for each in measured if each is not None], warnings, truncated


def _benchmark(path: Path, at: str, runs: Sequence[Any], known: Mapping[str, Any]) -> Measured | None:
    """A benchmark's values; None where it was only calibrated."""
    import numpy as np

    from duet.harnesses._many import Measured

    values, operations, memory, name = [], [], [], ""
    for i, run in enumerate(runs):
        run = mapping(path, f"{at}.runs[{i}]", run)
        if "values" not in run:
            continue
        facts = {**known, **mapping(path, f"{at}.runs[{i}].metadata", run.get("metadata", {}))}
        where = f"{at}.runs[{i}].metadata"
        name = text(path, f"{where}.name", facts.get("name"))
        if facts.get("unit", "second") != "second":
            raise FormatError(path, f"{where}.unit", f"{facts['unit']!r:.40}, not seconds")
        loops = [_count(path, f"{where}.{key}", facts.get(key, 1)) for key in ("loops", "inner_loops")]
        seconds = numbers(path, f"{at}.runs[{i}].values", run["values"])
        values.append(seconds)
        operations.append(np.full(len(seconds), loops[0] * loops[1], np.int64))
        peak = number(path, f"{where}.{MEMORY}", facts[MEMORY]) if MEMORY in facts else float("nan")
        memory.append(np.full(len(seconds), peak))
    if not values:
        return None
    count, peaks = np.concatenate(operations), np.concatenate(memory)
    extra = {MEMORY: peaks} if np.isfinite(peaks).any() else {}
    return Measured(name, np.concatenate(values) * count * 1e9, count, extra=extra)


def _count(path: Path, at: str, value: object) -> int:
    if type(value) is not int or not 0 < value < 2**31:
        raise FormatError(path, at, f"{value!r:.40}, not a count")
    return value


HARNESS = Harness(
    name="pyperf",
    aliases=("pyperformance",),
    parse=parse,
    results=("results.json",),
)
