"""oha: the JSON of `--no-tui --output-format json`, its standard output led into a file.

It tells a distribution in seconds, no single request: a run is one row, its time is the mean latency, and
the quantiles of `latencyPercentiles` are columns (`p99_ns`), with `requests/s` and `requests`. oha counts a
response of any status as a success: others than 2xx and 3xx are warnings, and so are errors. Requests that
were under way when the time was over are neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files
from duet.harnesses._json_values import count, load, mapping, number

if TYPE_CHECKING:
    import pandas as pd

_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,6})?)")
_WELL = re.compile(r"[23]\d\d")
_AT_THE_END = "aborted due to deadline"


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file; see duet.harnesses for the frame."""
    from duet.harnesses._requests import distribution

    path = result_files(files)[0]
    content, truncated = load(path, read_bytes(path))
    if truncated:
        raise FormatError(path, "", "cut off: oha writes its result at once, at its end")
    result = mapping(path, "$", content)
    summary = mapping(path, "$.summary", result.get("summary"))
    statuses = _counts(path, result, "statusCodeDistribution")
    errors = _counts(path, result, "errorDistribution")
    warnings = [f"{n} responses of status {s}" for s, n in statuses.items() if not _WELL.fullmatch(s)]
    warnings += [f"{n} requests failed: {e}" for e, n in errors.items() if e != _AT_THE_END]
    if summary.get("average") is None and not statuses:
        raise FormatError(path, "", "; ".join(("no request was answered", *warnings))[:400])
    mean = number(path, "$.summary.average", summary.get("average"))
    told = mapping(path, "$.latencyPercentiles", result.get("latencyPercentiles"))
    quantiles = {
        f"{float(m[1]):g}": 1e9 * number(path, f"$.latencyPercentiles.{key}", value)
        for key, value in told.items()
        if (m := _QUANTILE.fullmatch(key)) and float(m[1]) > 0
    }
    warnings = [f"{path.name}: {warning}" for warning in warnings]
    rate = number(path, "$.summary.requestsPerSec", summary.get("requestsPerSec"))
    extra = {"requests/s": rate, "requests": sum(statuses.values())}
    return distribution(path, 1e9 * mean, quantiles, resolution_ns=1, extra=extra, warnings=warnings)


def _counts(path: Path, result: Mapping[str, Any], key: str) -> dict[str, int]:
    """How often each status or error came, in the order of the file."""
    counts = mapping(path, f"$.{key}", result.get(key))
    told = (((name if name.isprintable() else ascii(name))[:200], n) for name, n in counts.items())
    return {name: count(path, f"$.{key}.{name}", n) for name, n in told}


HARNESS = Harness(
    name="oha",
    parse=parse,
    results=("results.json",),
    no_barrier="oha's requests are not sent in step with those of another side",
)
