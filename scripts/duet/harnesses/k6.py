"""k6: the JSON of `--summary-export FILE`, or of a `handleSummary` that writes all it is given.

It tells a distribution of `http_req_duration` in milliseconds, no single request: a run is one row, its time
is the mean latency (`avg`), and quantiles are columns (`med` as `p50_ns`, `p(95)` as `p95_ns`), with
`requests/s` and `requests`. p99 is there where k6 was told `--summary-trend-stats 'avg,med,p(95),p(99)'`.
Requests that k6 counts as failed are a warning, and so are checks that were not met.
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

TREND = "http_req_duration"
_QUANTILE = re.compile(r"p\((\d{1,2}(?:\.\d{1,6})?)\)")
_BAD = {"http_req_failed": ("passes", "requests failed"), "checks": ("fails", "checks were not met")}
"""Metrics that are rates: which of their two counts is the bad one, and what it is called."""


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file; see duet.harnesses for the frame."""
    from duet.harnesses._requests import distribution

    path = result_files(files)[0]
    content, truncated = load(path, read_bytes(path))
    if truncated:
        raise FormatError(path, "", "cut off: k6 writes its summary at once, at its end")
    metrics = mapping(path, "$.metrics", mapping(path, "$", content).get("metrics"))
    trend = _values(path, metrics, TREND)
    if trend is None:
        raise FormatError(path, f"$.metrics.{TREND}", "missing: no request was made over HTTP")
    at = f"$.metrics.{TREND}"
    mean = number(path, f"{at}.avg", trend.get("avg"))
    quantiles = {"50": 1e6 * number(path, f"{at}.med", trend["med"])} if "med" in trend else {}
    for key, value in trend.items():
        if (m := _QUANTILE.fullmatch(key)) and float(m[1]) > 0:
            quantiles[f"{float(m[1]):g}"] = 1e6 * number(path, f"{at}.{key}", value)
    warnings = []
    for name, (bad, told) in _BAD.items():
        n = (_values(path, metrics, name) or {}).get(bad)
        if n is not None and count(path, f"$.metrics.{name}.{bad}", n):
            warnings.append(f"{path.name}: {n} {told}")
    requests = _values(path, metrics, "http_reqs") or {}
    extra: dict[str, float | int | None] = {
        "requests/s": number(path, "$.metrics.http_reqs.rate", requests.get("rate")),
        "requests": count(path, "$.metrics.http_reqs.count", requests.get("count")),
    }
    return distribution(path, 1e6 * mean, quantiles, resolution_ns=1, extra=extra, warnings=warnings)


def _values(path: Path, metrics: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A metric's numbers, which `handleSummary` is given one level deeper; None where it is not there."""
    if name not in metrics:
        return None
    metric = mapping(path, f"$.metrics.{name}", metrics[name])
    return mapping(path, f"$.metrics.{name}.values", metric["values"]) if "values" in metric else metric


HARNESS = Harness(
    name="k6",
    parse=parse,
    results=("summary.json",),
    no_barrier="k6's requests are not sent in step with those of another side",
)
