"""What the phases of a program take, by tool: bars stacked for each side, operations side by side.

The five figures of Viand, Jattke and Hithnawi, "SoK: Fully Homomorphic Encryption Compilers" (IEEE S&P
2021), drawn for whatever programs a campaign has. A bar is the mean over runs of a run's mean; its whisker
one standard deviation over runs. What was not measured has no bar.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from duet.model import ALIKE
from duet.report.figures import style

PHASES = {
    "t_keygen_ns": "key generation",
    "t_input_encryption_ns": "encryption",
    "t_computation_ns": "computation",
    "t_decryption_ns": "decryption",
}
COLOURS = ("#0072B2", "#E69F00", "#999999", "#D55E00")
PREFIX, SUFFIX = "t_", "_ns"
FAR_APART = 30
"""Totals whose largest is so many times the smallest are shown on a logarithmic axis."""

Labels = Mapping[tuple[str, str, str], str]
"""(suite, benchmark, side) -> what ran there, in a word or two."""


def draw_phases(table: pd.DataFrame, labels: Labels, note: str = "") -> Figure:
    """One panel for each program with phases, one for each with operations; `table` as in the store."""
    heading = "Phases of the programs"
    columns = [c for c in map(str, table) if c.startswith(PREFIX) and c.endswith(SUFFIX)]
    runs = table[~table["type"].astype(str).isin(ALIKE)]
    keys = ["suite", "benchmark", "pair", "type", "runid", "order"]
    runs = runs.groupby(keys, observed=True)[columns].mean().reset_index() if columns else runs.iloc[:0]
    phased = [c for c in PHASES if c in columns and runs[c].notna().any()]
    operations = [c for c in columns if c not in PHASES and runs[c].notna().any()]
    stacked = _programs(runs.dropna(subset=phased)) if phased else {}
    single = _programs(runs.dropna(subset=operations, how="all")) if operations else {}
    if not stacked and not single:
        return style.missing(heading, "No run of this campaign has phases (columns t_…_ns).", note)
    handles = [
        Patch(color=colour, label=PHASES[c]) for c, colour in zip(PHASES, COLOURS, strict=True) if c in phased
    ]
    caption = "Bars: means over runs. Whiskers: one standard deviation of the total over runs. "
    bars = [max(len(sides) for sides in group.values()) for group in (stacked, single) if group]
    inches = 1.9 * len(stacked) * (0.6 + 0.1 * max(bars)) + 2.6 * len(single)
    fig = style.figure(inches, heading, f"{caption}\n{note}", handles)
    axes = fig.subplots(
        len(stacked) + len(single),
        1,
        squeeze=False,
        height_ratios=[1.0] * len(stacked) + [1.4] * len(single),
    ).ravel()
    for ax, (program, sides) in zip(axes, stacked.items(), strict=False):
        _stack(ax, program, sides, phased, labels)
    for ax, (program, sides) in zip(axes[len(stacked) :], single.items(), strict=True):
        _operations(ax, program, sides, operations, labels)
    return fig


Sides = Mapping[tuple[str, str, str], pd.DataFrame]


def _programs(runs: pd.DataFrame) -> dict[str, dict[tuple[str, str, str], pd.DataFrame]]:
    """Benchmark -> (suite, benchmark, side) -> its runs. Tools are suites where results were imported."""
    programs: dict[str, dict[tuple[str, str, str], pd.DataFrame]] = {}
    for (suite, benchmark, side), mine in runs.groupby(["suite", "benchmark", "pair"], observed=True):
        programs.setdefault(str(benchmark), {})[str(suite), str(benchmark), str(side)] = mine
    return programs


def _label(key: tuple[str, str, str], labels: Labels, sides: Sides) -> str:
    suite, _, side = key
    alone = sum(other[0] == suite for other in sides) == 1
    return labels.get(key) or (suite if alone else f"{suite} {side}")


def _stack(ax: Axes, program: str, sides: Sides, phased: list[str], labels: Labels) -> None:
    totals = [mine[phased].sum(axis=1) for mine in sides.values()]
    means = [float(total.mean()) for total in totals]
    unit_ns, unit = style.time_unit(max(means))
    places = np.arange(len(sides))[::-1]
    logarithmic = max(means) > FAR_APART * min(means) > 0
    before = np.zeros(len(sides))
    for column in phased:
        width = np.array([float(mine[column].mean()) for mine in sides.values()]) / unit_ns
        colour = COLOURS[list(PHASES).index(column)]
        ax.barh(places, width, 0.62, left=before, color=colour, linewidth=0)
        before += width
    spread = [float(total.std()) / unit_ns if len(total) > 1 else 0.0 for total in totals]
    ax.errorbar(before, places, xerr=spread, fmt="none", ecolor=style.INK, elinewidth=0.8, capsize=2)
    for place, end, error in zip(places, before, spread, strict=True):
        text = f"{end:.3g} {unit}"
        ax.annotate(
            text, (end + error, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7
        )
    ax.set_yticks(places, [style.shorten(_label(key, labels, sides), 34) for key in sides])
    ax.set_ylim(-0.6, len(sides) - 0.4)
    if logarithmic:
        ax.set_xscale("log")
        firsts = [float(mine[phased[0]].mean()) / unit_ns for mine in sides.values()]
        ax.set_xlim(min(f for f in firsts if f > 0) / 2, 2 * max(before))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        ax.set_xlim(0, 1.15 * max(b + s for b, s in zip(before, spread, strict=True)))
    ax.grid(axis="y", visible=False)
    ax.set_title(program)
    ax.set_xlabel(f"time ({unit}{', logarithmic' if logarithmic else ''})")


def _operations(ax: Axes, program: str, sides: Sides, operations: list[str], labels: Labels) -> None:
    width = 0.8 / len(sides)
    colours = ("#0072B2", "#E69F00", "#999999", "#D55E00", "#009E73", "#CC79A7")
    values = np.concatenate([mine[operations].mean().dropna().to_numpy(float) for mine in sides.values()])
    unit_ns, unit = style.time_unit(float(np.median(values)))
    highest = float(values.max()) / unit_ns
    for i, (key, mine) in enumerate(sides.items()):
        means = mine[operations].mean().to_numpy(float) / unit_ns
        errors = (mine[operations].std().to_numpy(float) / unit_ns) if len(mine) > 1 else np.zeros(len(means))
        there = np.isfinite(means)
        highest = max(highest, float(np.nanmax(means + np.nan_to_num(errors), initial=0)))
        places = np.arange(len(operations))[there] + (i - (len(sides) - 1) / 2) * width
        label, colour = style.shorten(_label(key, labels, sides), 34), colours[i % len(colours)]
        ax.bar(places, means[there], width * 0.92, color=colour, label=label, linewidth=0)
        ax.errorbar(places, means[there], yerr=np.nan_to_num(errors[there]), fmt="none", ecolor=style.INK,
                    elinewidth=0.8, capsize=2)  # fmt: skip
    style.log_scale(ax, float(values[values > 0].min()) / unit_ns / 2, 1.1 * highest)
    names = [
        c.removeprefix(PREFIX).removesuffix(SUFFIX).replace("_", "\n", 1).replace("_", ", ")
        for c in operations
    ]
    ax.set_xticks(np.arange(len(operations)), names)
    ax.grid(axis="x", visible=False)
    ax.set_title(program)
    ax.set_ylabel(f"time ({unit}, logarithmic)")
    ax.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)  # beside the title
