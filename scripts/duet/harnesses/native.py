"""Our own format: CSV `iteration,start_ns,end_ns` and further numeric columns.

Times are integer epoch nanoseconds, `iteration` counts from 0, a line per finished iteration,
flushed, so that a killed run keeps what it finished; an unfinished last line is left out with a
warning. Further columns are kept when they are numeric and not called like one of the table's.
A column `benchmark` tells that one process ran several: each has iterations of its own, from 0.
One of the others has a meaning: `synchronised`, 1 when both sides met at the barrier before the
iteration, else 0; what is neither counts as 0, so that no iteration passes for synchronised by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import DEFAULT, FormatError, Harness
from duet.harnesses._files import MAX_NS, header, read_bytes, read_start, result_files

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("iteration", "start_ns", "end_ns")
SYNCHRONISED = "synchronised"
BENCHMARK = "benchmark"


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file with the header; see duet.harnesses for the frame."""
    results = result_files(files)
    return read(next((f for f in results if recognised(read_start(f))), results[0]))


def recognised(start: bytes) -> bool:
    return set(COLUMNS) <= set(header(start))


def read(path: Path) -> pd.DataFrame:
    """One file; FormatError with the line that is wrong."""
    import numpy as np

    from duet.harnesses._frames import iterations, joined, read_csv

    data = read_bytes(path)
    several = [BENCHMARK] if BENCHMARK in header(data) else []
    must, extra, warnings, truncated = read_csv(path, data, COLUMNS, several, flags=[SYNCHRONISED])
    start_ns, end_ns = must["start_ns"], must["end_ns"]
    outside = (np.minimum(start_ns, end_ns) < 0) | (np.maximum(start_ns, end_ns) > MAX_NS)
    if outside.any():
        row = int(np.argmax(outside))
        raise FormatError(
            path, f"line {row + 2}", f"{start_ns[row]} to {end_ns[row]} ns: not a plausible time of a run"
        )

    def frame(rows: np.ndarray) -> pd.DataFrame:
        return iterations(
            path,
            (end_ns - start_ns)[rows],
            start_ns[rows],
            iteration=must["iteration"][rows],
            extra={name: values[rows] for name, values in extra.items()},
            where=lambda row: f"line {rows[row] + 2}",
        )

    names = must[BENCHMARK] if several else np.zeros(len(start_ns), np.int64)
    return joined(names, frame, named=bool(several), warnings=warnings, truncated=truncated)


HARNESS = Harness(name=DEFAULT, parse=parse, meets_barrier=True)
