"""Comparison of the campaign's types: what each costs, and how much it can tell."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import stdtrit

from duet.inference.predecessor import SLOWDOWNS
from duet.model import ALIKE
from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME

KEYS = ["suite", "benchmark", "type"]
POWER = 0.8
INJECTED = "verdict_detectable_percent"


def draw_methods(
    table: pd.DataFrame,
    effects: pd.DataFrame | None,
    verdicts: pd.DataFrame | None,
    confidence: float = 0.95,
    comparison: pd.DataFrame | None = None,
    note: str = "",
) -> Figure:
    """One panel a question; in each a point per benchmark and type, benchmarks joined by lines.

    `table`: the whole unified table (its keys and times); `effects`: a row per run; `verdicts`;
    `comparison`: what injected slowdowns were found (inference.predecessor). Without it the detectable
    slowdown is computed from the spread of the runs.
    """
    heading = "Comparison of the types of runs"
    shown = style.types(table)
    if len(shown) < 2:
        only = f"only {TYPE_NAME[shown[0]]} runs" if shown else "no runs"
        why = f"This campaign has {only}: there is nothing to compare. To add others, set "
        return style.missing(
            heading, f"{why}syncduet_repetitions, sequential_repetitions or aa_repetitions.", note
        )
    bars = "Bars: medians. sync: synchronised duet; A/A: A against A; sequential: one side after the other."
    power_label, power_values, how = detectable_slowdown(effects, comparison, confidence)
    caption = f"{bars} {how}"
    fig = style.figure(5.4, heading, f"{caption}\n{note}")
    axes = fig.subplots(2, 3).ravel()
    panels: Mapping[str, tuple[str, Callable[[], pd.Series | str]]] = {
        "Run time": ("machine time of a run, both sides (s)", lambda: run_time_s(table)),
        "Overlap": ("share of iterations compared (%)", lambda: coverage(verdicts)),
        "Width of the interval": (
            f"width of the {confidence:.0%} interval (% points)",
            lambda: width(verdicts),
        ),
        "Variation between runs": ("CV of the runs' ratios (%)", lambda: variation(effects)),
        "A against A": ("", lambda: ""),
        "Detectable slowdown": (power_label, power_values),
    }
    for ax, (title, (label, values)) in zip(axes, panels.items(), strict=True):
        ax.set_title(title)
        if title.endswith("A against A"):
            _agreement(ax, verdicts, confidence)
            continue
        numbers = values()
        if isinstance(numbers, str):
            style.say(ax, numbers)
            continue
        _points(ax, numbers, shown)
        ax.set_ylabel(label)
    return fig


def run_time_s(table: pd.DataFrame) -> pd.Series | str:
    """Mean over runs of the time from the first iteration's start to the last one's end.

    seqn: the sum over both sides. Without absolute times: the longer side's iterations, summed.
    """
    by = [*KEYS, "runid", "pair"]
    sides = table.groupby(by, observed=True).agg(
        start=("iteration_start_ns", "min"),
        end=("iteration_end_ns", "max"),
        total=("iteration_time_ns", "sum"),
    )
    span_s = (sides["end"] - sides["start"]).astype("Float64").fillna(sides["total"].astype("Float64")) / 1e9
    runs = span_s.astype(float).groupby(level=[*KEYS, "runid"], observed=True).agg(["max", "sum"])
    alone = runs.index.get_level_values("type").astype(str) == "seqn"
    time_s = runs["max"].where(~alone, runs["sum"])
    return time_s.groupby(level=KEYS, observed=True).mean()


def coverage(verdicts: pd.DataFrame | None) -> pd.Series | str:
    if verdicts is None:
        return "No verdicts."
    return 100 * verdicts.set_index(KEYS)["coverage"]


def width(verdicts: pd.DataFrame | None) -> pd.Series | str:
    if verdicts is None:
        return "No verdicts."
    rows = verdicts.set_index(KEYS)
    return rows["ci_high_percent"] - rows["ci_low_percent"]


def variation(effects: pd.DataFrame | None) -> pd.Series | str:
    """Standard deviation of a run's log ratio over runs: for small ones the CV of its ratio."""
    if effects is None:
        return "Effects of the runs were not computed."
    spread = effects.groupby(KEYS, observed=True)["log_ratio"].std() * 100
    return spread if spread.notna().any() else "One run per benchmark: no variation between runs to show."


def detectable_slowdown(
    effects: pd.DataFrame | None, comparison: pd.DataFrame | None, confidence: float
) -> tuple[str, Callable[[], pd.Series | str], str]:
    """Label, values and explanation of it: by injection where that was done, else by the formula."""
    if comparison is not None and INJECTED in comparison:
        how = (
            f"Detectable slowdown: {SLOWDOWNS[0]:.1%} to {SLOWDOWNS[-1]:.0%} were injected into measured"
            " times of B and judged like real ones; no point: none was found."
        )
        return "smallest injected slowdown found (%)", lambda: injected(comparison), how
    by = f"by the formula for the t-test at {POWER:.0%} power."
    how = f"Detectable slowdown: from the spread of the runs, {by}"
    return (
        f"minimal slowdown, at {POWER:.0%} power (%)",
        lambda: smallest_detectable(effects, confidence),
        how,
    )


def injected(comparison: pd.DataFrame) -> pd.Series | str:
    slowdowns = comparison.set_index(KEYS)[INJECTED]
    return slowdowns if slowdowns.notna().any() else "None of the injected slowdowns was found."


def smallest_detectable(effects: pd.DataFrame | None, confidence: float) -> pd.Series | str:
    """Smallest true slowdown found with the given power by a two-sided t-test over the runs.

    (t[1 - alpha/2] + t[power]) standard errors, n - 1 degrees of freedom (the usual sample-size
    approximation, e.g. Cohen 1988, solved for the effect).
    """
    if effects is None:
        return "Effects of the runs were not computed."
    groups = effects.groupby(KEYS, observed=True)["log_ratio"].agg(["std", "count"])
    groups = groups[groups["count"] > 1]
    if groups.empty:
        return "One run per benchmark: no power to compute."
    free = groups["count"] - 1
    quantiles = stdtrit(free, 0.5 + confidence / 2) + stdtrit(free, POWER)
    return 100 * np.expm1(quantiles * groups["std"] / np.sqrt(groups["count"]))


def _points(ax: Axes, values: pd.Series, shown: list[str]) -> None:
    values = values.dropna()
    wide = values.groupby(level=KEYS, observed=True).mean().unstack("type")
    wide.columns = wide.columns.astype(str)
    wide = wide.reindex(columns=shown)
    medians = [""] * len(shown)
    ax.plot(wide.to_numpy(dtype=float).T, color="#C4C4C4", lw=0.5, zorder=1)
    for i, type_ in enumerate(shown):
        there = style.quantities(wide[type_])
        ax.plot(np.full(there.size, i), there, "o", color=style.TYPE[type_], ms=4, mew=0, alpha=0.65)
        if not there.size:
            ax.text(i, 0.5, "none", transform=ax.get_xaxis_transform(), ha="center", color=style.FAINT)
            continue
        middle = float(np.median(there))
        ax.plot([i - 0.28, i + 0.28], [middle, middle], color=style.TYPE[type_], lw=2)
        medians[i] = f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"
    _type_axis(ax, shown, medians)
    finite = style.quantities(wide.to_numpy().ravel())
    if finite.size and finite.min() > 0 and finite.max() > 12 * np.median(finite):
        style.log_scale(ax, finite.min(), finite.max())
    elif finite.size:
        ax.set_ylim(0, finite.max() * 1.08 or 1)


def _agreement(ax: Axes, verdicts: pd.DataFrame | None, confidence: float) -> None:
    """How many A-against-A comparisons were called different, beside what the level promises."""
    rows = verdicts[verdicts["type"].astype(str).isin(ALIKE)] if verdicts is not None else None
    p = style.quantities(rows["p_value"]) if rows is not None else np.zeros(0)
    if not p.size:
        style.say(ax, "No A-against-A runs\n(aa_repetitions).")
        return
    ax.ecdf(p, color=style.TYPE["aaduet"], marker="o", ms=4, lw=1)
    ax.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls="--")
    ax.axvspan(0, 1 - confidence, color=style.BAND, lw=0, zorder=0)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("p-value of A against A")
    ax.set_ylabel("cumulative share of benchmarks")
    different = int((p < 1 - confidence).sum())
    ax.text(0.97, 0.05, f"{p.size - different} of {p.size} agree", transform=ax.transAxes, ha="right")


def _type_axis(ax: Axes, shown: list[str], medians: list[str]) -> None:
    names = {"syncduet": "sync", "aaduet": "A/A", "bbduet": "B/B", "seqn": "sequential"}
    labels = [f"{names.get(t, t)}\n{m}" for t, m in zip(shown, medians, strict=True)]
    ax.set_xticks(range(len(shown)), labels)
    ax.set_xlabel("")
    ax.set_xlim(-0.5, len(shown) - 0.5)
    ax.grid(axis="x", visible=False)
