"""What harnesses of servers share: a frame of single requests, and one of a distribution that was told.

Imported inside the functions that read: it loads pandas and numpy.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from duet.harnesses._frames import Column, iterations

RESOLUTION = "resolution_ns"
"""Column: in what steps the latencies are told."""


def of_requests(
    path: Path,
    start_ns: np.ndarray,
    time_ns: np.ndarray,
    *,
    resolution_ns: int,
    extra: Mapping[str, Column] | None = None,
    warnings: Iterable[str] = (),
    truncated: bool = False,
) -> pd.DataFrame:
    """Requests in any order, sorted by their starts. Start and end are null where a client did not wait for
    one before it sent the next: their sum is no time that passed, so only means and quantiles compare."""
    order = np.argsort(start_ns, kind="stable")
    start_ns, time_ns = start_ns[order], time_ns[order]
    extra = {name: values[order] for name, values in (extra or {}).items()}
    extra[RESOLUTION] = np.full(len(order), resolution_ns, np.int64)
    overlap = bool((start_ns[1:] + 2 * resolution_ns < (start_ns + time_ns)[:-1]).any())
    warnings = list(warnings)
    if overlap:
        warnings.append(
            f"{path.name}: requests overlap (several clients, or a late one): without start and end"
        )
    return iterations(
        path,
        time_ns,
        None if overlap else start_ns,
        slack_ns=2 * resolution_ns,
        extra=extra,
        where=lambda row: f"request {order[row] + 1}",
        warnings=warnings,
        truncated=truncated,
    )


def distribution(
    path: Path,
    mean_ns: float,
    quantiles_ns: Mapping[str, float],
    *,
    resolution_ns: float,
    extra: Mapping[str, float | int | None] | None = None,
    warnings: Iterable[str] = (),
) -> pd.DataFrame:
    """One row: the mean of all requests as its time, a column `p99_ns` of each quantile (`99`, `99.9`)."""
    columns: dict[str, Column] = {
        f"p{name}_ns": pd.array([float(value)], dtype="Float64") for name, value in quantiles_ns.items()
    }
    columns[RESOLUTION] = np.array([max(round(resolution_ns), 1)], np.int64)
    for name, value in (extra or {}).items():
        if value is not None:
            whole = isinstance(value, int)
            columns[name] = pd.array([value], dtype="Int64" if whole else "Float64")
    mean = np.array([round(mean_ns) if np.isfinite(mean_ns) and abs(mean_ns) < 2**62 else -1], np.int64)
    return iterations(path, mean, extra=columns, warnings=warnings)
