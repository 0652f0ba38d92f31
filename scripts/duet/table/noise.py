"""What disturbed a run, as columns of the unified table: in all, and iteration by iteration."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from duet.records.noise import Stretch
from duet.records.run import NoiseRecord

OF_RUN = (
    *("steal_ns", "others_ns", "pressure_cpu_ns", "pressure_memory_ns", "pressure_io_ns"),
    "frequency_khz",
)
"""Of the whole run: the same in each row of both sides."""
OF_SIDE = (
    *("run_delay_ns", "throttled_ns"),
    *("side_pressure_cpu_ns", "side_pressure_memory_ns", "side_pressure_io_ns"),
)
"""Of a side in the whole run: the same in each of its rows."""
OF_ITERATION = ("iteration_cpu_ns", "disturbance_percent")


def totals(noise: NoiseRecord, side: str) -> dict[str, int | None]:
    """OF_RUN and OF_SIDE of one side."""
    mine, machine = noise.sides.get(side), noise.machine
    return {
        **{name: getattr(machine, name, getattr(noise, name, None)) for name in OF_RUN},
        **{name: getattr(mine, name.removeprefix("side_"), None) for name in OF_SIDE},
    }


def of_iterations(stretches: Sequence[Stretch], side: str, frame: pd.DataFrame) -> pd.DataFrame:
    """OF_ITERATION of a side's iterations, null where no sample tells; the index of `frame`.

    CPU time is taken as even within a stretch, so that single iterations are told roughly and many of them
    well. `disturbance_percent` is that of the most disturbed stretch which the iteration touches.
    """
    out = pd.DataFrame(index=frame.index, columns=list(OF_ITERATION), dtype="Float64")
    names = ["iteration_start_ns", "iteration_end_ns"]
    stretches = [s for s in stretches if side in s.sides]
    if not stretches or not set(names) <= set(frame):
        return out
    stamps = [frame[name] for name in names]
    known = (stamps[0].notna() & stamps[1].notna()).to_numpy(bool).copy()
    origin = stretches[0].start_ns
    edges = np.array([origin, *(s.end_ns for s in stretches)]) - origin
    start, end = (column[known].to_numpy(np.int64) - origin for column in stamps)
    inside = (start >= 0) & (end <= edges[-1]) & (end > start)
    known[known] = inside
    start, end = start[inside], end[inside]
    cpu = [s.sides[side].cpu_ns for s in stretches]
    used_ns = np.r_[0.0, np.cumsum([np.nan if c is None else c for c in cpu])]
    out.loc[known, "iteration_cpu_ns"] = _float(
        np.interp(end, edges, used_ns) - np.interp(start, edges, used_ns)
    )
    share = [s.disturbance for s in stretches]
    level = np.array([-np.inf if d is None else 100 * d for d in share])
    first = np.searchsorted(edges, start, "right") - 1
    last = np.searchsorted(edges, end, "left")
    worst = (
        np.maximum.reduceat(np.r_[level, -np.inf], np.c_[first, last].ravel())[::2] if len(start) else start
    )
    out.loc[known, "disturbance_percent"] = _float(np.where(np.isfinite(worst), worst, np.nan))
    return out


def _float(values: np.ndarray) -> "pd.arrays.FloatingArray":
    return pd.arrays.FloatingArray(np.asarray(np.nan_to_num(values), float), ~np.isfinite(values))
