"""wrk and wrk2: what they print with `--latency`, in a file or in the log.

They tell a distribution, no single request: a run is one row, its time is the mean latency, and the
quantiles that stand there (`50%   47.00us`) are columns (`p50_ns`), with `requests/s` and `requests`. Errors
(`Socket errors`, `Non-2xx or 3xx responses`) are warnings. The precision is that of the print.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_lines

if TYPE_CHECKING:
    import pandas as pd

_UNITS = {"us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_TIME = r"(\d{1,9})(?:\.(\d{1,9}))?(us|ms|s|m|h)"
_MEAN = re.compile(rf"\s+Latency\s+{_TIME}\s")
_QUANTILE = re.compile(rf"\s+(\d{{1,3}}(?:\.\d{{1,6}})?)%\s+{_TIME}\s*")
_TOTAL = re.compile(r"\s+(\d{1,15}) requests in ")
_RATE = re.compile(r"Requests/sec:\s+(\d{1,15}(?:\.\d{1,9})?)\s*")
_ERRORS = ("Socket errors:", "Non-2xx or 3xx responses:")
_MARKS = (b"Latency", b"%", b"requests in", b"Requests/sec", *(e.encode() for e in _ERRORS))


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first file that has a mean latency, the log last; see duet.harnesses for the frame."""
    from duet.harnesses._requests import distribution

    fault = FormatError(Path(files[-1] if files else "."), "", "no result of wrk")
    for path in map(Path, files):
        if path.is_dir():
            continue
        mean, quantiles, extra, warnings, step = _read(path)
        if mean is None:
            fault = FormatError(path, "", "no line `Latency` of wrk")
            continue
        if not quantiles:
            warnings.append(f"{path.name}: no quantiles: wrk prints them with --latency")
        return distribution(path, mean, quantiles, resolution_ns=step, extra=extra, warnings=warnings)
    raise fault


def _read(path: Path) -> tuple[float | None, dict[str, float], dict[str, float | int], list[str], float]:
    """Mean in ns, quantiles, further columns, warnings, and the coarsest step of what is printed."""
    mean, step = None, 1000.0
    quantiles: dict[str, float] = {}
    extra: dict[str, float | int] = {}
    warnings: list[str] = []
    for _, line in read_lines(path, *_MARKS):
        line = line.rstrip("\n")
        if (m := _MEAN.match(line)) and mean is None:
            mean, _ = _time_ns(*m.groups())
        elif m := _QUANTILE.fullmatch(line):
            name = f"{float(m[1]):g}"
            if 0 < float(m[1]) < 100 and name not in quantiles:
                quantiles[name], own = _time_ns(*m.groups()[1:])
                step = max(step, own)
        elif m := _TOTAL.match(line):
            extra["requests"] = int(m[1])
        elif m := _RATE.fullmatch(line):
            extra["requests/s"] = float(m[1])
        elif line.strip().startswith(_ERRORS):
            warnings.append(f"{path.name}: {line.strip()}")
    return mean, quantiles, extra, warnings, step


def _time_ns(whole: str, part: str | None, unit: str) -> tuple[float, float]:
    """A printed time and its last digit's worth, which is no finer than wrk's clock of microseconds."""
    scale = _UNITS[unit]
    return float(f"{whole}.{part or 0}") * scale, max(scale / 10 ** len(part or ""), 1000.0)


HARNESS = Harness(
    name="wrk",
    parse=parse,
    results=("results.txt",),
    log_is_enough=True,
    no_barrier="wrk's requests are not sent in step with those of another side",
)
