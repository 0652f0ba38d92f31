"""Renaissance: `--json` (format_version 5 and 6) and `--csv` of its harness, and our probe's file.

Where the probe (a plugin) wrote its native CSV, start and end of the iterations are taken from
there, and the rest from the harness's file if there is one too: among it `duration_ns`, its own time.

Without the probe: the harness gives `duration_ns` and `uptime_ns`, the start measured from the
start of the JVM by System.nanoTime. Absolute start: the JVM's start in epoch milliseconds
(`environment.vm.start_unix_ms`, in CSV `vm_start_unix_ms`) plus the uptime; where the file also
has the JVM's start in nanoseconds (`start_ns`, `vm_start_ns`) and it agrees with the milliseconds
to a second, that is the more exact one. So absolute times are good to about a millisecond, and
durations to the nanosecond. Further metrics of plugins are kept as columns.

The harness writes at its end or from a shutdown hook; a JSON cut short is read up to the last
whole iteration, without absolute times when the JVM's start was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness, native
from duet.harnesses._files import (
    MAX_NS,
    header,
    is_column,
    read_bytes,
    read_start,
    result_files,
    same_name,
)
from duet.harnesses._json_values import load

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from duet.harnesses._frames import Column

PROBE = "/duet/duet-probe-renaissance.jar"
VERSIONS = (5, 6)
_MS = 1_000_000


_Reader = Callable[[Path, str], "pd.DataFrame"]
"""(file, benchmark) -> the frame."""


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first file of the harness and the first of the probe; see duet.harnesses for the frame."""
    results = result_files(files)
    harness: tuple[_Reader, Path] | None = None
    probe: Path | None = None
    for path in results:
        start = read_start(path)
        if native.recognised(start):
            probe = probe or path
        elif start.lstrip().startswith(b"{"):
            harness = harness or (_json, path)
        elif {"benchmark", "duration_ns"} <= set(header(start)):
            harness = harness or (_csv, path)
    if harness is None:
        if probe is None:
            read_bytes(results[0])
            raise FormatError(results[0], "", "neither Renaissance's JSON nor its CSV")
        return native.read(probe)
    read, path = harness
    return read(path, benchmark) if probe is None else _joined(native.read(probe), read, path, benchmark)


def _joined(probe: pd.DataFrame, read: _Reader, path: Path, benchmark: str) -> pd.DataFrame:
    """The probe's iterations with what only the harness's file knows.

    The harness writes at its end, the probe as it goes: of a run that was killed the harness's file may
    be torn or lack iterations, which is said and costs nothing else. Results of another benchmark
    remain an error.
    """
    import pandas as pd

    try:
        harness = read(path, benchmark)
    except OtherBenchmark:
        raise
    except FormatError as e:
        probe.attrs["warnings"].append(f"{e}; only the probe's file is used")
        return probe
    if len(harness) != len(probe):
        probe.attrs["warnings"].append(
            f"{path.name}: {len(harness)} iterations, but {len(probe)} in the probe's file, which is used"
        )
    # The probe encloses the harness's own clock by some microseconds; both are kept.
    harness["duration_ns"] = harness["iteration_time_ns"].astype("Int64")
    rest = harness.drop(columns=[c for c in harness if c in probe]).set_index(harness["iteration"])
    rest = rest.reindex(probe["iteration"]).reset_index(drop=True)
    at = list(probe.columns).index("iteration_time_ns") + 1
    whole = pd.concat([probe.iloc[:, :at], rest, probe.iloc[:, at:]], axis=1)
    whole.attrs = probe.attrs | {"benchmark": harness.attrs["benchmark"]}
    return whole


class OtherBenchmark(FormatError):
    """Results of another benchmark than the one that was to run."""


def _json(path: Path, benchmark: str) -> pd.DataFrame:
    content, truncated = _load(path, read_bytes(path))
    version = content.get("format_version")
    if version not in VERSIONS and not (truncated and version is None):
        raise FormatError(path, "$.format_version", f"{version!r:.40}; 5 and 6 are known")
    data = content.get("data")
    if not isinstance(data, dict):
        raise FormatError(path, "$.data", "missing or not an object: not a result of Renaissance")
    if not data:
        raise FormatError(path, "$.data", "no iterations")
    if others := [name for name in data if not same_name(name, benchmark)]:
        raise OtherBenchmark(path, "$.data", f"results of {others[0]!r:.60}, not only of {benchmark!r}")
    if len(data) > 1:
        raise FormatError(path, "$.data", "results of two benchmarks")
    (name, entry), at = next(iter(data.items())), f"$.data.{benchmark}.results"
    rows = entry.get("results") if isinstance(entry, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatError(path, at, "missing or not a list of objects")
    if truncated and rows and not {"duration_ns", "uptime_ns"} <= rows[-1].keys():
        rows.pop()
    if not rows:
        raise FormatError(path, at, "no iterations")
    columns = {key: _integers(path, at, rows, key) for key in ("duration_ns", "uptime_ns")}
    warnings = [f"{path.name}: cut off after {len(rows)} iterations"] if truncated else []
    if entry.get("termination") == "failure":
        warnings.append(f"{path.name}: the harness reports that {name} failed after {len(rows)} iterations")
    vm = content.get("environment")
    vm = vm.get("vm") if isinstance(vm, dict) else None
    start_ms = vm.get("start_unix_ms") if isinstance(vm, dict) else None
    start_ns = vm.get("start_ns") if isinstance(vm, dict) else None
    if start_ms is None and not truncated:
        raise FormatError(path, "$.environment.vm.start_unix_ms", "missing")
    if start_ms is None:
        warnings.append(f"{path.name}: the start of the JVM was cut off: no absolute times")
    elif type(start_ms) is not int or not 0 <= start_ms <= MAX_NS // _MS:
        raise FormatError(path, "$.environment.vm.start_unix_ms", f"{start_ms!r:.40} is not a time in ms")
    start_ns = start_ns if type(start_ns) is int and abs(start_ns) <= MAX_NS else None
    extra = {key: _integers(path, at, rows, key) for key in _metrics(rows)}
    return _frame(path, name, columns, start_ms, start_ns, extra, f"{at}[{{}}]".format, warnings, truncated)


def _load(path: Path, data: bytes) -> tuple[dict, bool]:
    """The object, and whether its end was missing and had to be supplied."""
    content, truncated = load(path, data)
    if not isinstance(content, dict):
        raise FormatError(path, "", "not a JSON object")
    return content, truncated


def _metrics(rows: list[dict]) -> list[str]:
    """Names of plugins' metrics that every iteration has, as far as they can be columns."""
    names = [name for name in rows[0] if is_column(name) and name not in ("duration_ns", "uptime_ns")]
    return [name for name in names if all(name in row for row in rows)]


def _integers(path: Path, at: str, rows: list[dict], key: str) -> np.ndarray:
    import numpy as np

    values = [row.get(key) for row in rows]
    whole = [v for v in values if type(v) is int and abs(v) < 2**63]
    if len(whole) == len(values):
        return np.array(whole, dtype=np.int64)
    i = next(i for i, v in enumerate(values) if type(v) is not int or abs(v) >= 2**63)
    raise FormatError(path, f"{at}[{i}].{key}", f"{values[i]!r:.40}, not an integer")


def _csv(path: Path, benchmark: str) -> pd.DataFrame:
    import pandas as pd

    from duet.harnesses._frames import read_csv

    must, extra, warnings, truncated = read_csv(
        path, read_bytes(path), ("duration_ns", "uptime_ns", "vm_start_unix_ms"), ("benchmark",)
    )
    names, start_ms = set(must["benchmark"]), must["vm_start_unix_ms"]
    if others := sorted(n for n in names if not same_name(n, benchmark)):
        raise OtherBenchmark(path, "", f"results of {others[0]!r:.60}, not only of {benchmark!r}")
    if len(set(start_ms.tolist())) > 1:
        raise FormatError(path, "", "results of two JVMs: vm_start_unix_ms changes")
    if not 0 <= start_ms[0] <= MAX_NS // _MS:
        raise FormatError(path, "line 2", f"vm_start_unix_ms {start_ms[0]} is not a time in ms")
    starts_ns = extra.pop("vm_start_ns", None)
    start_ns = None if starts_ns is None or starts_ns[0] is pd.NA else int(starts_ns[0])
    where = lambda row: f"line {row + 2}"  # noqa: E731
    return _frame(path, names.pop(), must, int(start_ms[0]), start_ns, extra, where, warnings, truncated)


def _frame(
    path: Path,
    name: str,
    columns: Mapping[str, np.ndarray],
    start_ms: int | None,
    start_ns: int | None,
    extra: Mapping[str, Column],
    where: Callable[[int], str],
    warnings: list[str],
    truncated: bool,
) -> pd.DataFrame:
    import numpy as np

    from duet.harnesses._frames import iterations

    uptime_ns = columns["uptime_ns"]
    if (uptime_ns < 0).any() or (uptime_ns > MAX_NS).any():
        row = int(np.argmax((uptime_ns < 0) | (uptime_ns > MAX_NS)))
        raise FormatError(path, where(row), f"uptime_ns {uptime_ns[row]} is not a plausible time of a run")
    origin_ns = None
    if start_ms is not None:
        origin_ns = start_ms * _MS
        if start_ns is not None and abs(start_ns - origin_ns) < 1_000_000_000:
            origin_ns = start_ns
    return iterations(
        path,
        columns["duration_ns"],
        None if origin_ns is None else origin_ns + uptime_ns,
        epoch_start_ms=start_ms,
        extra={"uptime_ns": uptime_ns, **extra},
        where=where,
        warnings=warnings,
        truncated=truncated,
        benchmark=name,
    )


def with_probe(base: str) -> str:
    return f"{base} --plugin {PROBE}"


HARNESS = Harness(
    name="renaissance",
    parse=parse,
    results=("results.json",),
    warmup=0.5,
    with_probe=with_probe,
)
