"""Sensitivity to m: would another minimum overlap have given another answer?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import stdtrit  # scipy.stats takes half a second to import

from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME

BY_TIME = ("duet", "aaduet", "bbduet")
"""Types whose iterations are compared where they overlap."""


def draw_sensitivity(
    effects: pd.DataFrame | None,
    title: str = "",
    note: str = "",
    margin_percent: float = 2.0,
    confidence: float = 0.95,
    min_overlap: float = 0.5,
) -> Figure:
    """Per type the estimate over runs from pairs at each minimum overlap m, with its interval.

    `effects`: rows of one benchmark with the columns log_ratio_m<m> (inference.run_effects).
    """
    heading = (
        f"{title}: sensitivity to the minimum overlap m" if title else "Sensitivity to the minimum overlap m"
    )
    columns = overlap_columns(effects)
    shown = [t for t in style.types(effects) if t in BY_TIME] if effects is not None and columns else []
    if effects is None or not shown:
        return style.missing(heading, _why(effects, columns), note)
    if effects[list(columns.values())].isna().all(axis=None):
        why = "No iterations of A and B overlap enough to be a pair at any m, or the format has no"
        return style.missing(heading, f"{why} absolute times.", note)
    if "syncduet" in style.types(effects):
        note = f"Synchronised runs are not shown: they are compared by iteration number.\n{note}"
    handles = [
        Line2D([], [], marker="o", ms=4, color=style.INK, label="weighted pairs, mean over runs"),
        Patch(color="#C9D6DF", label=f"{confidence:.0%} interval (Student t)"),
        Line2D([], [], color=style.TYPE["duet"], ls="--", label="the campaign's estimate"),
        Patch(color=style.BAND, label=f"margin ±{margin_percent:g} %"),
    ]
    fig = style.figure(0.5 + 1.9 * len(shown), heading, note, handles)
    axes = fig.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, type_ in zip(axes, shown, strict=True):
        rows = effects[effects["type"].astype(str) == type_]
        _panel(ax, rows, columns, margin_percent, confidence, min_overlap)
        ax.set_title(f"{TYPE_NAME[type_]}, {style.count(len(rows), 'run')}; {ax.get_title(loc='left')}")
    axes[-1].set_xlabel("minimum overlap m (share of the longer iteration of a pair)")
    return fig


def overlap_columns(effects: pd.DataFrame | None) -> dict[float, str]:
    """m -> the column of the pairs' log ratio at that minimum overlap."""
    if effects is None:
        return {}
    columns = {}
    for column in effects.columns:
        try:
            columns[float(str(column).removeprefix("log_ratio_m"))] = column
        except ValueError:
            continue
    return {m: columns[m] for m in sorted(columns)}


def _why(effects: pd.DataFrame | None, columns: dict) -> str:
    if effects is None or not columns:
        return "Estimates at other minimum overlaps were not computed."
    if effects.empty:
        return "No run of this benchmark has finished."
    return "Only sequential or synchronised runs: they are not compared by overlap, so there is no m to vary."


def _panel(
    ax: Axes, rows: pd.DataFrame, columns: dict[float, str], margin: float, confidence: float, chosen: float
) -> None:
    logs = rows[list(columns.values())].to_numpy(dtype=float)
    m = np.array(list(columns))
    n = np.isfinite(logs).sum(axis=0)
    mean, half = interval(logs, confidence)
    if not n.any():
        ax.set_title("no pair at any m")
        style.say(ax, "No iterations of A and B overlap enough to be a pair.")
        return
    change, low, high = (100 * np.expm1(x) for x in (mean, mean - half, mean + half))
    ax.axhspan(-margin, margin, color=style.BAND, lw=0, zorder=0)
    ax.axhline(0, color=style.INK, lw=0.8)
    ax.fill_between(m, low, high, color="#C9D6DF", lw=0, alpha=0.9)
    ax.plot(m, change, color=style.INK, marker="o", ms=4, lw=1.2)
    ax.axvline(chosen, color=style.FAINT, lw=0.8, ls=":")
    own = rows["log_ratio"].to_numpy(dtype=float)
    own = own[np.isfinite(own)]
    if own.size:
        ax.axhline(100 * np.expm1(own.mean()), color=style.TYPE["duet"], ls="--", lw=1)
    ax.set_xlim(m.min() - 0.05, m.max() + 0.05)
    ax.set_xticks(m)
    ax.set_ylabel("change, B against A (%)")
    lost = m[n < n.max()]
    ax.set_title(
        f"runs without a pair from m = {lost.min():g} up" if lost.size else "pairs in every run at every m"
    )


def interval(logs: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half width of Student's t interval over the rows of [runs, m]; NaN where it has none."""
    n = np.isfinite(logs).sum(axis=0)
    some = np.where(np.isfinite(logs), logs, 0.0)
    mean = np.where(n > 0, some.sum(axis=0) / np.maximum(n, 1), np.nan)
    square = np.where(np.isfinite(logs), (logs - mean) ** 2, 0.0).sum(axis=0)
    spread = np.sqrt(square / np.maximum(n - 1, 1) / np.maximum(n, 1))
    half = np.where(n > 1, spread * stdtrit(np.maximum(n - 1, 1), 0.5 + confidence / 2), np.nan)
    return mean, half
