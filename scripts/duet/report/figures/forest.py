"""Forest plot of a suite: the change of every benchmark with its interval, over the margin band."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from duet.inference.decision import primary
from duet.inference.environments import across
from duet.report.figures import style
from duet.report.scale import Scale, log_ratio, scale_of
from duet.report.summary.wording import TYPE_NAME
from duet.report.verdict_row import VerdictRow, named, verdict_rows


def draw_forest(
    verdicts: pd.DataFrame, suite: str, margin_percent: float = 2.0, confidence: float = 0.95, note: str = ""
) -> Figure:
    """One row per benchmark and type of the suite, types one after the other, the worst on top.

    `verdicts`: columns of verdicts.csv. A row without an estimate stands there with the reason.
    """
    title = f"{suite}: change of B against A, {confidence:.0%} confidence intervals"
    rows = verdicts[verdicts["suite"].astype(str) == suite]
    if rows.empty:
        return style.missing(title, "No verdict: no run of this suite has finished.", note)
    rows = _ordered(_with_across(_judged(rows), rows, confidence))
    n = len(rows)
    row_in = 0.25 if n <= 60 else 0.18
    ends = rows[["ci_low_percent", "ci_high_percent"]].to_numpy(float).ravel()
    scale = scale_of(rows["change_percent"].astype(float), ends, margin_percent)
    fig = style.figure(0.6 + row_in * n, title, note, _legend(rows, margin_percent, scale.clipped))
    bottom, height = style.body(fig)
    fig.set_layout_engine("none")
    room = 0.5 / fig.get_figheight()
    ax = fig.add_axes((0.3, bottom + room, 0.4, height - room * 1.2))
    ax.axvspan(scale.clip(-margin_percent), scale.clip(margin_percent), color=style.BAND, zorder=0, lw=0)
    ax.axvline(0, color=style.INK, lw=0.8, zorder=1)
    for y, row in enumerate(verdict_rows(rows)):
        _row(ax, y, row, scale)
    _axes(ax, rows, scale, 7.5 if n <= 60 else 6.5)
    return fig


def _with_across(rows: pd.DataFrame, judged: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """`rows`, and below those of a benchmark of several environments one over all of `judged`."""
    pooled = across(judged, confidence)
    rows = named(rows)
    if pooled.empty:
        return rows.assign(_over=rows["change_percent"], _all="")
    over = pooled.set_index(["benchmark", "type"])["change_percent"]
    keys = list(zip(rows["benchmark"].astype(str), rows["type"].astype(str), strict=True))
    rows = rows.assign(_over=[over.get(key, np.nan) for key in keys], _all="")
    rows["_over"] = rows["_over"].fillna(rows["change_percent"])
    more = pooled.assign(
        name=[f"{r.benchmark}  all {r.environments}" for r in pooled.itertuples()],
        warnings="",
        runs=pooled["environments"],
        _over=pooled["change_percent"],
        _all=[f"{r.verdict} on {r.holds_on} of {r.environments}" for r in pooled.itertuples()],
    )
    return pd.concat([rows, more], ignore_index=True)


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """Without verdicts of other types than that by which a benchmark is judged: those are to compare with."""
    deciding = primary(rows)
    if deciding.empty:
        return rows
    return rows.assign(verdict=rows["verdict"].astype(str).where(rows.index.isin(deciding.index), ""))


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """From the bottom up: the last type first; in each, rows without an estimate, then the least change; the
    environments of a benchmark together, and what is over all of them lowest."""
    place = {t: i for i, t in enumerate(style.TYPES)}
    rank = -rows["type"].astype(str).map(place).fillna(len(place))
    keys = ["_rank", "_over", "benchmark", "_lowest", "change_percent"]
    order = rows.assign(_rank=rank, _lowest=rows["_all"] == "").sort_values(
        keys, na_position="first", kind="stable"
    )
    return order.drop(columns=["_rank", "_lowest"])


def _row(ax: Axes, y: int, row: VerdictRow, scale: Scale) -> None:
    if not np.isfinite(row.change_percent):
        return
    colour = style.VERDICT.get(row.verdict, style.FAINT)
    low, high = row.ci_low_percent, row.ci_high_percent
    if np.isfinite(low) and np.isfinite(high):
        ax.plot([scale.clip(low), scale.clip(high)], [y, y], color=colour, lw=1.6, solid_capstyle="butt")
        for end, sign, head in ((low, -1, 4), (high, 1, 5)):  # carets left, right
            if scale.beyond(end) and np.sign(end) == sign:
                ax.plot(sign * scale.limit, y, marker=head, color=colour, ms=5, clip_on=False)
    if scale.beyond(row.change_percent):
        ax.plot(scale.clip(row.change_percent) * 0.985, y, marker=style.MARKER.get(row.verdict, "o"),
                color=colour, ms=6, clip_on=False)  # fmt: skip
        return
    filled = colour if row.verdict != "inconclusive" else "white"
    marker = style.MARKER.get(row.verdict, "o")
    ax.plot(
        log_ratio(row.change_percent), y, marker=marker, ms=5.5, mfc=filled, mec=colour, mew=1.2, ls="none"
    )


def _axes(ax: Axes, rows: pd.DataFrame, scale: Scale, size: float) -> None:
    several, drawn = rows["type"].nunique() > 1, verdict_rows(rows)
    names = [
        style.shorten(row.name, 34) + (f"  {TYPE_NAME.get(row.type, row.type)}" if several else "")
        for row in drawn
    ]
    ax.set_yticks(range(len(rows)), names, fontsize=size)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    of_type = rows["type"].astype(str).to_numpy()
    for y in np.flatnonzero(of_type[1:] != of_type[:-1]):
        ax.axhline(y + 0.5, color=style.FAINT, lw=0.5)
    ax.set_xlim(-scale.limit, scale.limit)
    ax.set_xticks([log_ratio(tick) for tick in scale.ticks()], [style.tick(tick) for tick in scale.ticks()])
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("change of iteration time, B against A, logarithmic      ← B faster   |   B slower →")
    right = ax.twinx()
    right.set_ylim(ax.get_ylim())
    right.set_yticks(
        range(len(rows)), [_numbers(*one) for one in zip(drawn, rows["_all"], strict=True)], fontsize=size
    )
    for label, row in zip(right.get_yticklabels(), drawn, strict=True):
        label.set_color(style.VERDICT.get(row.verdict, style.FAINT))
    right.tick_params(axis="y", length=0)
    right.grid(visible=False)
    for spine in right.spines.values():
        spine.set_visible(False)
    _fit(ax, right)


def _fit(ax: Axes, right: Axes) -> None:
    """Give the names and the numbers the width that they need, the intervals the rest."""
    fig = ax.figure
    margin = 0.1 / style.WIDTH_IN
    wide = [
        max(label.get_window_extent().width for label in one.get_yticklabels()) / fig.bbox.width + 2 * margin
        for one in (ax, right)
    ]
    _, y0, _, height = ax.get_position().bounds
    for one in (ax, right):
        one.set_position((wide[0], y0, 1 - sum(wide), height))


def _numbers(row: VerdictRow, over: str) -> str:
    """`over`: of a row over all environments, on how many its verdict holds."""
    if over and not np.isfinite(row.change_percent):
        return over
    if not np.isfinite(row.change_percent):
        return style.shorten(f"no estimate: {row.warnings or 'no usable run'}", 48)
    interval = f"[{style.percent(row.ci_low_percent)}, {style.percent(row.ci_high_percent)}]".replace(
        " %", ""
    )
    if over:
        return f"{style.percent(row.change_percent)} {interval} {over}"
    return (
        f"{style.percent(row.change_percent)} {interval} {row.verdict}{', ' * bool(row.verdict)}n={row.runs}"
    )


def _legend(rows: pd.DataFrame, margin_percent: float, clipped: bool) -> list[Artist]:
    handles: list[Artist] = [Patch(color=style.BAND, label=f"margin ±{margin_percent:g} %")]
    for verdict, colour in style.VERDICT.items():
        count = int(((rows["verdict"] == verdict) & (rows["_all"] == "")).sum())
        face = "white" if verdict == "inconclusive" else colour
        handles.append(
            Line2D([], [], marker=style.MARKER[verdict], mfc=face, mec=colour, color=colour, lw=1.6, ms=5.5,
                   label=f"{verdict} ({count})")
        )  # fmt: skip
    if clipped:
        handles.append(Line2D([], [], marker=5, ls="none", color=style.FAINT, label="beyond the axis"))
    return handles
