"""Iteration series: how iteration times settle within the runs, and where the warm-up is cut."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME

LINES = 8
"""So many lines of style.MANY points are the most that a side is drawn with."""


def draw_iterations(
    table: pd.DataFrame, cuts: pd.DataFrame | None = None, title: str = "", note: str = ""
) -> Figure:
    """Per type one panel: every run a thin line, the median over runs a thick one, for each side.

    `table`: rows of one benchmark. `cuts`: first iteration that counts, one row per
    (type, runid, pair) in the column `first`; None when it is not known.
    """
    heading = f"{title}: iteration times within the runs" if title else "Iteration times within the runs"
    # what has no duration cannot be drawn; the verdicts count it as left out
    table = table[(table["iteration_time_ns"] > 0).fillna(False).to_numpy(bool) & table["pair"].notna()]
    shown = style.types(table)
    if not shown:
        return style.missing(heading, "No iteration: no run of this benchmark has finished.", note)
    fig = style.figure(0.5 + 2.1 * len(shown), heading, note, _legend())
    axes = fig.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, type_ in zip(axes, shown, strict=True):
        rows = table[table["type"].astype(str) == type_]
        _panel(ax, rows)
        ax.set_title(f"{TYPE_NAME[type_]}, {_count(rows)}; {_cut(ax, rows, cuts, type_)}")
    axes[-1].set_xlabel("iteration (number within the run)")
    return fig


def _legend() -> list[Artist]:
    return [
        *(Line2D([], [], color=style.SIDE[s], lw=2, label=f"{s}, median over runs") for s in "AB"),
        Line2D(
            [],
            [],
            color=style.FAINT,
            lw=0.6,
            alpha=0.6,
            label="one run (if many iterations: the middle 90 %)",
        ),
        Patch(color=style.BAND, label="warm-up, left out"),
    ]


def _count(rows: pd.DataFrame) -> str:
    runs = {side: int(g["runid"].nunique()) for side, g in rows.groupby(rows["pair"].astype(str))}
    if len(runs) == 1:
        return f"{style.count(next(iter(runs.values())), 'run')} of side {next(iter(runs))} only"
    if runs["A"] == runs["B"]:
        return style.count(runs["A"], "run")
    return f"{style.count(runs['A'], 'run')} of A, {runs['B']} of B"


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    unit_ns, unit = style.time_unit(float(rows["iteration_time_ns"].median()))
    for side, mine in rows.groupby(rows["pair"].astype(str)):
        _side(ax, mine, style.SIDE[side], unit_ns)
    style.time_scale(ax, rows["iteration_time_ns"].to_numpy() / unit_ns)
    last = int(rows["iteration"].max())
    ax.set_xlim(-0.5, last + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_ylabel(f"iteration time ({unit})")


def _side(ax: Axes, rows: pd.DataFrame, colour: str, unit_ns: float) -> None:
    """A line a run and their median; of long runs the middle 90 % and the median in bins."""
    if len(rows) > LINES * style.MANY or rows["iteration"].nunique() > style.MANY:
        bins = min(style.MANY, rows["iteration"].nunique())
        time = rows["iteration_time_ns"].to_numpy() / unit_ns
        x, (low, middle, high) = style.binned(rows["iteration"].to_numpy(), time, bins)
        ax.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)
        ax.plot(x, middle, color=colour, lw=1.2)
        return
    lines = [
        np.column_stack([r["iteration"].to_numpy(), r["iteration_time_ns"].to_numpy() / unit_ns])
        for _, r in rows.sort_values("iteration").groupby("runid")
    ]
    ax.add_collection(LineCollection(lines, colors=colour, lw=0.6, alpha=0.3))
    middle = rows.groupby("iteration")["iteration_time_ns"].median() / unit_ns
    mark = "." if len(middle) <= 60 else ""
    ax.plot(middle.index, middle.to_numpy(), color=colour, lw=1.7, marker=mark, ms=4)


def _cut(ax: Axes, rows: pd.DataFrame, cuts: pd.DataFrame | None, type_: str) -> str:
    """Shade what no run counts, and the span where runs differ; say it in words."""
    mine = cuts[cuts["type"].astype(str) == type_] if cuts is not None else None
    if mine is None or mine.empty:
        return "warm-up cut not known"
    low, high = int(mine["first"].min()), int(mine["first"].max())
    if high == 0:
        return "no warm-up is cut"
    left = ax.get_xlim()[0]
    ax.axvspan(left, low - 0.5, color=style.BAND, lw=0, zorder=0)
    ax.axvspan(low - 0.5, high - 0.5, color=style.BAND, lw=0, zorder=0, alpha=0.5)
    ax.axvline(high - 0.5, color=style.INK, lw=0.8, ls="--")
    if high > int(rows["iteration"].max()):
        return "every iteration is warm-up in some run"
    if low == high:
        return f"the first {high} iterations of each run are left out as warm-up"
    return f"the first {low} to {high} iterations are left out as warm-up, depending on the run"
