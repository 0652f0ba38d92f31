"""Requests to a server, one by one: a CSV with a line for each, by any load generator.

Columns `start_ns,end_ns` in integer epoch nanoseconds, in any order; further numeric columns are kept.
Requests may overlap. A column `benchmark` tells kinds of requests apart, which are judged one by one.
The run is the sampling unit: of its requests the mean (`time`) and quantiles (`p99`) are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import MAX_NS, header, read_bytes, read_start, result_files

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = ("start_ns", "end_ns")
BENCHMARK = "benchmark"


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file with the header; see duet.harnesses for the frame."""
    import numpy as np

    from duet.harnesses._frames import joined, read_csv
    from duet.harnesses._requests import of_requests

    results = result_files(files)
    path = next((f for f in results if set(COLUMNS) <= set(header(read_start(f)))), results[0])
    data = read_bytes(path)
    several = [BENCHMARK] if BENCHMARK in header(data) else []
    must, extra, warnings, truncated = read_csv(path, data, COLUMNS, several)
    start_ns, end_ns = must["start_ns"], must["end_ns"]
    outside = (np.minimum(start_ns, end_ns) < 0) | (np.maximum(start_ns, end_ns) > MAX_NS)
    if outside.any():
        row = int(np.argmax(outside))
        what = f"{start_ns[row]} to {end_ns[row]} ns: not a plausible time of a request"
        raise FormatError(path, f"line {row + 2}", what)

    def frame(rows: np.ndarray) -> pd.DataFrame:
        own = {name: values[rows] for name, values in extra.items()}
        return of_requests(path, start_ns[rows], (end_ns - start_ns)[rows], resolution_ns=1, extra=own)

    names = must[BENCHMARK] if several else np.zeros(len(start_ns), np.int64)
    return joined(names, frame, named=bool(several), warnings=warnings, truncated=truncated)


HARNESS = Harness(
    name="requests",
    parse=parse,
    no_barrier="requests are not sent in step with those of another side",
)
