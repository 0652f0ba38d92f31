"""Run means: each run's iteration times and effect, in the order of the runs."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from duet.model import PER_HOST
from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME
from duet.report.verdict_row import VerdictRow

ORDER = {"AB": "^", "BA": "v", "None": "o"}


def draw_runs(
    effects: pd.DataFrame | None,
    verdicts: pd.DataFrame | None = None,
    title: str = "",
    note: str = "",
    margin_percent: float = 2.0,
    confidence: float = 0.95,
) -> Figure:
    """Per type, left the mean iteration time of each side by run, right the change by run.

    `effects` (inference.run_effects) and `verdicts`: rows of one benchmark.
    """
    heading = f"{title}: run means" if title else "Run means"
    shown = style.types(effects) if effects is not None else []
    if effects is None or not shown:
        return style.missing(
            heading, "No run of this benchmark has finished, or effects were not computed.", note
        )
    fig = style.figure(0.5 + 2.0 * len(shown), heading, note, _legend(margin_percent, confidence))
    axes = fig.subplots(len(shown), 2, squeeze=False)
    for (left, right), type_ in zip(axes, shown, strict=True):
        rows = effects[effects["type"].astype(str) == type_].sort_values("runid")
        rows = rows.assign(place=_places(rows["runid"]))
        _means(left, rows)
        left.set_title(f"{TYPE_NAME[type_]}: mean iteration time")
        _changes(right, rows, style.verdict_of(verdicts, type_), margin_percent)
    for ax in axes[-1]:
        ax.set_xlabel("run")
    return fig


def _legend(margin_percent: float, confidence: float) -> list[Artist]:
    return [
        *(Line2D([], [], color=style.SIDE[s], marker="o", ms=4, lw=1, label=s) for s in "AB"),
        Line2D([], [], marker="^", ls="none", ms=5, color=style.INK, label="A started first"),
        Line2D([], [], marker="v", ls="none", ms=5, color=style.INK, label="B first"),
        Patch(color="#C9D6DF", label=f"{confidence:.0%} interval"),
        Patch(color=style.BAND, label=f"margin ±{margin_percent:g} %"),
    ]


def _means(ax: Axes, rows: pd.DataFrame) -> None:
    values = style.quantities(rows[["mean_A_ns", "mean_B_ns"]].to_numpy().ravel())
    if not values.size:
        style.say(ax, "no usable run")
        return
    unit_ns, unit = style.time_unit(float(np.median(values)))
    for side in "AB":
        mean = rows[f"mean_{side}_ns"] / unit_ns
        there = mean.notna()
        ax.plot(rows["place"][there], mean[there], color=style.SIDE[side], marker="o", ms=3.5, mew=0, lw=1)
    ax.set_xlabel("")
    style.time_scale(ax, values / unit_ns)
    ax.set_ylabel(f"time ({unit})")
    _ticks(ax, rows)


def _changes(ax: Axes, rows: pd.DataFrame, verdict: VerdictRow | None, margin_percent: float) -> None:
    change = 100 * np.expm1(rows["log_ratio"].to_numpy(dtype=float))
    good = np.isfinite(change)
    title = f"{int(good.sum())} of {len(rows)} runs usable"
    if not good.any():
        reasons = sorted(set(rows.get("reason", pd.Series(dtype=str)).dropna().astype(str)) - {""})
        style.say(ax, f"no run is usable: {'; '.join(reasons) or 'one side is missing'}")
        ax.set_title("change of B against A")
        return
    ax.axhspan(-margin_percent, margin_percent, color=style.BAND, lw=0, zorder=0)
    ends = []
    if verdict is not None and np.isfinite(verdict.change_percent):
        ends = list(style.quantities([verdict.ci_low_percent, verdict.ci_high_percent]))
        if len(ends) == 2:
            ax.axhspan(*ends, color="#C9D6DF", lw=0, zorder=0, alpha=0.9)
        ax.axhline(verdict.change_percent, color=style.VERDICT.get(verdict.verdict, style.FAINT), lw=1.4)
        title = f"{style.percent(verdict.change_percent)} {verdict.verdict}, {title}"
    ax.axhline(0, color=style.INK, lw=0.8)
    order = rows["order"].astype(str)
    for name, marker in ORDER.items():
        here = (order == name).to_numpy() & good
        x, y = rows["place"][here], change[here]
        ax.scatter(x, y, s=25, marker=marker, facecolor="white", edgecolor=style.INK, lw=1.1)
    ax.set_xlabel("")
    values = np.array([*change[good], *ends, 0.0])
    room = max(0.08 * (values.max() - values.min()), 0.1)
    ax.set_ylim(values.min() - room, values.max() + room)
    ax.set_title(title)
    ax.set_ylabel("change, B against A (%)")
    _ticks(ax, rows)


def _places(runid: pd.Series) -> pd.Series:
    """Where runs stand: at their numbers, and side by side where each host has a thousand of its own."""
    return runid if runid.max() < PER_HOST else runid.rank(method="dense") - 1


def _ticks(ax: Axes, rows: pd.DataFrame) -> None:
    low, high = int(rows["place"].min()), int(rows["place"].max())
    ax.set_xlim(low - 0.5, high + 0.5)
    if high - low <= 20:
        ax.set_xticks(range(low, high + 1))
