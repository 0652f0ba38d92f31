"""The strip below a timeline: what others took while a run was measured, and what each side waited for."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from duet.records.noise import Stretch
from duet.report.figures import style

NoiseOf = Callable[[str, int, str], Sequence[Stretch]]
"""Type, run and order of a benchmark's run -> its stretches; none where nothing was sampled."""
OTHERS, STOLEN = "#CCCCCC", "#777777"


def strip(ax: Axes, stretches: Sequence[Stretch], origin: int) -> None:
    """Percent of one core's time, by stretch: what others computed and what was stolen, one upon the other,
    and as lines how long the threads of each side waited for a core."""
    edges = (np.array([stretches[0].start_ns, *(s.end_ns for s in stretches)]) - origin) / 1e9
    length_ns = np.array([max(s.end_ns - s.start_ns, 1) for s in stretches])
    stolen = _percent([s.machine.steal_ns for s in stretches], length_ns)
    others = _percent([s.others_ns for s in stretches], length_ns)
    low = np.nan_to_num(stolen)
    top = [100.0]
    for values, base, colour, name in ((stolen, 0 * low, STOLEN, "stolen"), (others, low, OTHERS, "others")):
        if np.isfinite(values).any():
            ax.stairs(
                np.nan_to_num(values) + base, edges, baseline=base, fill=True, color=colour, lw=0, label=name
            )
            top.append(float((np.nan_to_num(values) + base).max()))
    for side in sorted({side for s in stretches for side in s.sides}):
        delays = [s.sides[side].run_delay_ns if side in s.sides else None for s in stretches]
        waited = _percent(delays, length_ns)
        if np.isfinite(waited).any():
            ax.stairs(waited, edges, baseline=None, color=style.SIDE[side], lw=0.9, label=f"{side} waited")
            top.append(float(np.nanmax(waited)))
    ax.set_ylim(0, 1.4 * max(top))  # the legend needs room, too
    ax.set_ylabel("noise\n(% of a core)")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper right", ncols=4, fontsize="x-small", frameon=False)


def _percent(counts_ns: Sequence[int | None], length_ns: np.ndarray) -> np.ndarray:
    return 100 * np.array([np.nan if ns is None else ns for ns in counts_ns], float) / length_ns
