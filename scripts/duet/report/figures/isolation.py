"""How far runs of A against A scatter, by the way in which the sides are given their cores."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from duet.inference.isolation import mode_rows
from duet.report.figures import style


def draw_isolation(effects: pd.DataFrame, rows: pd.DataFrame, title: str, note: str = "") -> Figure:
    """A strip of dots for each mode, a dot a run; right of it spread and work done.

    `effects`: mode, log_ratio; `rows`: see `duet.inference.isolation.compare_modes`.
    """
    if rows.empty:
        return style.missing(title, "No run of A against A has finished.", note)
    fig = style.figure(0.7 + 0.55 * len(rows), title, note)
    ax = fig.add_subplot()
    ax.axvline(0, color=style.INK, lw=0.8)
    labels = []
    for y, row in enumerate(reversed(mode_rows(rows))):
        changes = 100 * np.expm1(effects.loc[effects["mode"] == row.mode, "log_ratio"].to_numpy(float))
        changes = style.quantities(changes)
        # Moved apart by a fixed pattern: equal ones can be told apart, and the figure is always the same.
        height = 0.22 * ((np.arange(len(changes)) * 0.618) % 1 - 0.5)
        ax.barh(y, 2 * row.spread_percent, 0.62, -row.spread_percent, color=style.BAND, zorder=0)
        ax.plot(changes, y + height, "o", ms=3.5, mfc=style.TYPE["aaduet"], mec="white", mew=0.4, ls="none")
        labels.append(f"spread {row.spread_percent:.2f} %, work {row.work_percent:.0f} %")
    ax.set_yticks(range(len(rows)), [f"cpus: {mode}" for mode in rows["mode"][::-1]])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel("A against itself: change found by each run (%); grey: one standard deviation either way")
    ax.grid(axis="y", visible=False)
    right = ax.twinx()
    right.set_ylim(ax.get_ylim())
    right.set_yticks(range(len(rows)), labels)
    for one in (ax, right):
        one.tick_params(axis="y", length=0)
    right.grid(visible=False)
    return fig
