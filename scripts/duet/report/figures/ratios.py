"""Distribution of pair ratios: what the overlapping iterations say one by one."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME
from duet.report.verdict_row import VerdictRow

BINS = 60


def draw_ratios(
    pairs: pd.DataFrame | None,
    effects: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    title: str = "",
    note: str = "",
    margin_percent: float = 2.0,
    confidence: float = 0.95,
) -> Figure:
    """Per type a histogram of time B / time A of the pairs, below it a tick for each run's effect.

    `pairs`, `effects`, `verdicts`: rows of one benchmark.
    """
    heading = f"{title}: ratios of overlapping iterations" if title else "Ratios of overlapping iterations"
    shown = style.types(pairs) if pairs is not None else []
    if pairs is None or not shown:
        return style.missing(heading, _why(pairs, effects), note)
    fig = style.figure(0.5 + 1.9 * len(shown), heading, note, _legend(margin_percent, confidence))
    axes = fig.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, type_ in zip(axes, shown, strict=True):
        rows = pairs[pairs["type"].astype(str) == type_]
        change = 100 * (rows["time_B_ns"].to_numpy() / rows["time_A_ns"].to_numpy() - 1)
        runs = style.run_changes(effects, type_)
        verdict = style.verdict_of(verdicts, type_)
        low, high, outside = _range(change, runs, verdict)
        _histogram(ax, change, low, high, margin_percent)
        _marks(ax, runs, verdict, low, high)
        beyond = f"; {outside} beyond the axis" if outside else ""
        ax.set_title(
            f"{TYPE_NAME[type_]}: {style.count(len(rows), 'pair')} of"
            f" {style.count(rows['runid'].nunique(), 'run')},"
            f" median {style.percent(float(np.median(change)))}{beyond}"
        )
        ax.set_ylabel("pairs")
    axes[-1].set_xlabel("change of iteration time within a pair, B against A (%)")
    return fig


def _why(pairs: pd.DataFrame | None, effects: pd.DataFrame | None) -> str:
    if pairs is None:
        return "The overlapping pairs were not computed."
    shown = style.types(effects) if effects is not None else []
    if shown == ["seqn"]:
        return "Sequential runs only: the sides never run at the same time, so there are no pairs."
    return (
        "No iterations of A and B overlap enough to be a pair: the runs have one side only, the format "
        "has no absolute times, or the iterations' lengths differ too much for the minimum overlap."
    )


def _legend(margin_percent: float, confidence: float) -> list[Artist]:
    return [
        Patch(color="#9DB7C9", label="pairs"),
        Line2D([], [], marker="|", ls="none", ms=9, color=style.INK, label="one run's effect"),
        Line2D([], [], marker="D", ms=5, color="black", lw=2, label=f"estimate, {confidence:.0%} interval"),
        Patch(color=style.BAND, label=f"margin ±{margin_percent:g} %"),
    ]


def _range(change: np.ndarray, runs: np.ndarray, verdict: VerdictRow | None) -> tuple[float, float, int]:
    """Axis ends: the middle 98 % of the pairs with some room, and all of the runs' effects."""
    low, high = np.percentile(change, [1, 99])
    must = [*runs, 0.0]
    if verdict is not None:
        must += list(
            style.quantities([verdict.ci_low_percent, verdict.ci_high_percent, verdict.change_percent])
        )
    low, high = min(low, *must), max(high, *must)
    room = max(0.08 * (high - low), 0.05)
    low, high = low - room, high + room
    return low, high, int(((change < low) | (change > high)).sum())


def _histogram(ax: Axes, change: np.ndarray, low: float, high: float, margin_percent: float) -> None:
    inside = change[(change >= low) & (change <= high)]
    bins = int(np.clip(np.sqrt(len(inside)) * 2, 8, BINS))
    ax.axvspan(-margin_percent, margin_percent, color=style.BAND, lw=0, zorder=0)
    ax.hist(inside, bins=bins, range=(low, high), color="#9DB7C9", edgecolor="white", lw=0.3)
    ax.axvline(0, color=style.INK, lw=0.8)
    ax.set_xlim(low, high)
    ax.grid(axis="x", visible=False)
    top = ax.get_ylim()[1]
    ax.set_ylim(-0.28 * top, top)
    ax.set_yticks([t for t in ax.get_yticks() if 0 <= t <= top])
    ax.axhline(0, color=style.FAINT, lw=0.6)


def _marks(ax: Axes, runs: np.ndarray, verdict: VerdictRow | None, low: float, high: float) -> None:
    bottom = ax.get_ylim()[0]
    ax.vlines(runs, 0, 0.1, transform=ax.get_xaxis_transform(), color=style.INK, lw=1)
    if verdict is None or not np.isfinite(verdict.change_percent):
        return
    y, colour = 0.28 * bottom, style.VERDICT.get(verdict.verdict, style.FAINT)
    if np.isfinite(verdict.ci_low_percent) and np.isfinite(verdict.ci_high_percent):
        ax.plot(
            [max(low, verdict.ci_low_percent), min(high, verdict.ci_high_percent)], [y, y], color=colour, lw=2
        )
    ax.plot(verdict.change_percent, y, "D", color=colour, ms=5)
