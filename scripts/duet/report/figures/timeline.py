"""A/B timeline of one run: when each side was in which iteration, and which iterations overlapped."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from duet.records.noise import Stretch
from duet.report.figures import style
from duet.report.figures.noise import NoiseOf, strip
from duet.report.summary.wording import TYPE_NAME

BARS = 120
"""Iterations of a side that can be told apart as bars."""
LANE = {"A": (1.12, 1.88), "B": (0.12, 0.88)}


def draw_timeline(
    table: pd.DataFrame,
    pairs: pd.DataFrame | None = None,
    title: str = "",
    note: str = "",
    noise: NoiseOf | None = None,
) -> Figure:
    """The typical run of each type: the one whose ratio of iteration times is the median.

    `table`: rows of one benchmark; `pairs`: its overlapping pairs (overlap.pairs), if there are any; `noise`:
    what was sampled of a run, drawn below it (not of sequential ones, whose sides ran at different times).
    """
    heading = f"{title}: both sides over time" if title else "Both sides over time"
    timed = table.dropna(subset=["iteration_start_ns", "iteration_end_ns"])
    shown = style.types(timed)
    if not shown:
        why = (
            "No iteration."
            if table.empty
            else "This format has no absolute times: nothing to place on a clock."
        )
        return style.missing(heading, why, note)
    handles = [Patch(color=style.SIDE[s], label=f"{s}, one bar per iteration") for s in "AB"]
    handles.append(Patch(color="#BBBBBB", label="overlap of a pair"))
    typical = {type_: _typical(timed[timed["type"].astype(str) == type_]) for type_ in shown}
    seen = {type_: _noise_of(run, noise) for type_, run in typical.items()}
    strips = sum(map(bool, seen.values()))
    fig = style.figure(0.3 + 2.2 * len(shown) + 0.9 * strips, heading, note, handles)
    heights = [h for type_ in shown for h in (1.0, 0.9, *([0.7] if seen[type_] else []))]
    left = iter(fig.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    for type_, run in typical.items():
        rows = timed[timed["type"].astype(str) == type_]
        runid = int(run["runid"].iloc[0])
        bars, pace = next(left), next(left)
        axes = [bars, pace, *([next(left)] if seen[type_] else [])]
        if type_ == "seqn":
            run = _from_own_start(run)
        mine = _pairs_of(pairs, type_, runid)
        origin, end = int(run["iteration_start_ns"].min()), int(run["iteration_end_ns"].max())
        part = excerpt(run)
        _lanes(bars, part, mine, origin)
        _pace(pace, run, origin)
        pace.set_xlim(0, max((end - origin) / 1e9, 1e-9))
        if seen[type_]:
            strip(axes[-1], seen[type_], origin)
            axes[-1].set_xlim(pace.get_xlim())
            pace.tick_params(axis="x", labelbottom=False)
        if len(part) < len(run):
            pace.axvspan(*bars.get_xlim(), color=style.BAND, lw=0, zorder=0)
        else:
            bars.set_xlim(pace.get_xlim())
            bars.tick_params(axis="x", labelbottom=False)
        bars.set_title(_heading(rows, run, part, mine))
    axes[-1].set_xlabel("time since the run's first iteration began (s)")
    return fig


def _typical(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["runid"] == typical_run(rows)]


def _noise_of(run: pd.DataFrame, noise: NoiseOf | None) -> Sequence[Stretch]:
    if noise is None or str(run["type"].iloc[0]) == "seqn":
        return ()
    return noise(str(run["type"].iloc[0]), int(run["runid"].iloc[0]), str(run["order"].iloc[0]))


def _heading(rows: pd.DataFrame, run: pd.DataFrame, part: pd.DataFrame, pairs: pd.DataFrame | None) -> str:
    type_, runid, order = str(run["type"].iloc[0]), run["runid"].iloc[0], str(run["order"].iloc[0])
    first = f", started {order}" if order != "None" else ""
    runs = style.count(rows["runid"].nunique(), "run")
    shown = "" if len(part) == len(run) else "; its middle, shaded below"
    return f"{TYPE_NAME[type_]}, run {runid}{first} (typical of {runs}); {_paired(run, pairs)}{shown}"


def excerpt(run: pd.DataFrame) -> pd.DataFrame:
    """The whole run, or where a bar per iteration could not be seen, what runs in its middle."""
    longest = int(run["pair"].astype(str).value_counts().max())
    if longest <= BARS:
        return run
    start, end = run["iteration_start_ns"].astype("int64"), run["iteration_end_ns"].astype("int64")
    low, high = int(start.min()), int(end.max())
    half = int((high - low) * BARS / longest / 2)
    middle = (low + high) // 2
    part = run[(end > middle - half) & (start < middle + half)]
    return part if len(part) else run.head(2 * BARS)


def _from_own_start(run: pd.DataFrame) -> pd.DataFrame:
    """Both sides of a sequential run moved to begin together: hours may lie between them."""
    begin = run.groupby("pair", observed=True)["iteration_start_ns"].transform("min")
    columns = ["iteration_start_ns", "iteration_end_ns"]
    return run.assign(**{c: run[c] - begin for c in columns})


def typical_run(rows: pd.DataFrame) -> int:
    """The run with the median ratio of mean iteration times; the first one where a side is missing."""
    means = rows.groupby(["runid", "pair"], observed=True)["iteration_time_ns"].mean().unstack("pair")
    if {"A", "B"} <= set(means.columns):
        ratio = (means["B"] / means["A"]).dropna().sort_values()
        if len(ratio):
            return int(ratio.index[(len(ratio) - 1) // 2])
    return int(rows["runid"].min())


def _pairs_of(pairs: pd.DataFrame | None, type_: str, runid: int) -> pd.DataFrame | None:
    if pairs is None:
        return None
    return pairs[(pairs["type"].astype(str) == type_) & (pairs["runid"] == runid)]


def _paired(run: pd.DataFrame, pairs: pd.DataFrame | None) -> str:
    sides = set(run["pair"].astype(str))
    if len(sides) < 2:
        return f"only side {''.join(sides)} has iterations"
    if str(run["type"].iloc[0]) == "seqn":
        return "each side alone, from its own start"
    return "pairs not computed" if pairs is None else style.count(len(pairs), "overlapping pair")


def _lanes(ax: Axes, run: pd.DataFrame, pairs: pd.DataFrame | None, origin: int) -> None:
    """Every iteration a bar, light and dark by turns so that each one's ends are seen."""
    start, end = _seconds(run["iteration_start_ns"], origin), _seconds(run["iteration_end_ns"], origin)
    ax.set_xlim(start.min(), max(end.max(), start.min() + 1e-9))
    if pairs is not None and len(pairs):
        lo, hi = _seconds(pairs["overlap_start_ns"], origin), _seconds(pairs["overlap_end_ns"], origin)
        here = (hi > start.min()) & (lo < end.max())
        ax.add_collection(PolyCollection(_boxes(lo[here], hi[here], 0.88, 1.12), facecolor="#BBBBBB", lw=0))
    for side, rows in run.groupby(run["pair"].astype(str)):
        lo, hi = _seconds(rows["iteration_start_ns"], origin), _seconds(rows["iteration_end_ns"], origin)
        odd = rows["iteration"].to_numpy() % 2
        colours = [(style.SIDE[side], style.SIDE_PALE[side])[k] for k in odd]
        ax.add_collection(PolyCollection(_boxes(lo, hi, *LANE[side]), facecolor=colours, lw=0))
    ax.set_ylim(0, 2)
    ax.set_yticks([0.5, 1.5], ["B", "A"])
    ax.grid(visible=False)


def _pace(ax: Axes, run: pd.DataFrame, origin: int) -> None:
    """Iteration time against the wall clock: what both sides show at once came from outside."""
    unit_ns, unit = style.time_unit(float(run["iteration_time_ns"].median()))
    for side, rows in run.groupby(run["pair"].astype(str)):
        lo, hi = _seconds(rows["iteration_start_ns"], origin), _seconds(rows["iteration_end_ns"], origin)
        y = rows["iteration_time_ns"].to_numpy() / unit_ns
        if len(rows) > style.MANY:
            x, (low, middle, high) = style.binned((lo + hi) / 2, y)
            ax.fill_between(x, low, high, color=style.SIDE[side], alpha=0.25, lw=0)
            ax.plot(x, middle, color=style.SIDE[side], lw=0.9)
            continue
        segments = list(np.stack([np.column_stack([lo, y]), np.column_stack([hi, y])], axis=1))
        ax.add_collection(LineCollection(segments, colors=style.SIDE[side], lw=1.4))
        ax.plot((lo + hi) / 2, y, color=style.SIDE[side], lw=0.5, alpha=0.5)
    style.time_scale(ax, run["iteration_time_ns"].to_numpy() / unit_ns)
    ax.set_ylabel(f"iteration\ntime ({unit})")


def _seconds(stamps: pd.Series, origin: int) -> np.ndarray:
    """Epoch ns -> s since origin; subtracted as integers, so nothing is rounded before."""
    return (stamps.astype("int64").to_numpy() - origin) / 1e9


def _boxes(lo: np.ndarray, hi: np.ndarray, bottom: float, top: float) -> list[np.ndarray]:
    """The [4, 2] corners of n rectangles."""
    y0, y1 = np.full_like(lo, bottom), np.full_like(lo, top)
    return list(np.stack([np.column_stack(c) for c in ((lo, y0), (lo, y1), (hi, y1), (hi, y0))], axis=1))
