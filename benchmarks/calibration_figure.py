#!/usr/bin/env python3
"""docs/calibration.csv and docs/estimators.csv -> docs/calibration.svg."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = {"guarded-t": "#0072b2", "t": "#56b4e9", "wilcoxon": "#e69f00", "bca": "#d55e00"}
COLOURS["hierarchical-bootstrap"] = "#cc79a7"
ESTIMATORS = {
    **{"index": "#0072b2", "rate": "#56b4e9", "pairs": "#d55e00", "pairs-weighted": "#e69f00"},
    **{"iteration i against i": "#999999", "sequential": "#000000"},
}
LEFT_IN = "warm-up left in"


def main() -> None:
    cells, rivals = pd.read_csv(DOCS / "calibration.csv"), pd.read_csv(DOCS / "estimators.csv")
    plt.rcParams.update({"svg.hashsalt": "duetbench", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(2, 2, figsize=(11, 9), layout="constrained")
    false_positives(axes[0, 0], cells)
    coverage(axes[0, 1], cells)
    bias(axes[1, 0], rivals)
    spread(axes[1, 1], rivals)
    handles, labels = axes[1, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(DOCS / "calibration.svg", metadata={"Date": None})


def false_positives(ax, cells: pd.DataFrame) -> None:
    """A point a scenario, a line at their mean."""
    null = cells[(cells["change"] == 0) & (cells["scenario"] != LEFT_IN)]
    runs = sorted(null["runs"].unique())
    for i, (method, colour) in enumerate(COLOURS.items()):
        part = null[null["method"] == method]
        x = part["runs"].map({n: k for k, n in enumerate(runs)}) + (i - 1.5) * 0.16
        ax.plot(x, 100 * part["rejected"], ".", color=colour, alpha=0.5, markersize=4)
        mean = part.groupby("runs")["rejected"].mean()
        ax.plot(np.arange(len(runs)) + (i - 1.5) * 0.16, 100 * mean, "-", color=colour, label=method)
    ax.axhline(5, color="black", linewidth=0.8, linestyle=":")
    ax.set(
        xticks=range(len(runs)), xticklabels=runs, xlabel="runs", ylabel="% of equal pairs called different"
    )
    ax.set_title("False positives at a nominal 5 %")
    ax.legend(frameon=False)


def coverage(ax, cells: pd.DataFrame) -> None:
    part = cells[(cells["method"] == "guarded-t") & (cells["runs"] >= 3)]
    names = list(dict.fromkeys(part["scenario"]))[::-1]
    for change, marker in ((0.0, "o"), (0.02, "^"), (-0.02, "v"), (0.2, "^"), (-0.2, "v")):
        some = part[part["change"] == change]
        face = "none" if abs(change) > 0.1 else "#0072b2"
        style = {"color": "#0072b2", "markerfacecolor": face, "markersize": 4, "alpha": 0.7}
        label = f"{100 * change:+.0f} %" if change else "0"
        ax.plot(100 * some["coverage"], some["scenario"].map(names.index), marker, label=label, **style)
    ax.axvspan(94, 96, color="#0072b2", alpha=0.12, linewidth=0)
    ax.set(yticks=range(len(names)), yticklabels=names, xlim=(80, 100))
    ax.set_xlabel("% of 95 % intervals that hold the true change")
    ax.set_title("Coverage of the default, 3 to 20 runs, by true change")
    ax.legend(frameon=False, loc="lower left")


def bias(ax, rivals: pd.DataFrame) -> None:
    """The greatest bias over the true changes."""
    part = rivals[rivals["estimator"] != "sequential"]
    part = part.assign(bias=part["bias_percent"].abs())
    worst = part.groupby(["scenario", "estimator"], sort=False)["bias"].max()
    _dots(ax, worst, "greatest bias, %, over true changes of 0, ±2 and ±20 %")
    ax.axvline(0.2, color="black", linewidth=0.8, linestyle=":")
    ax.set_title("Bias of the estimators")


def spread(ax, rivals: pd.DataFrame) -> None:
    part = rivals[rivals["change"] == 0.02].set_index(["scenario", "estimator"])["sd_percent"]
    _dots(ax, part, "standard deviation of a run's estimate, %, true change +2 %")
    ax.set_title("Spread of the estimators")


def _dots(ax, values: pd.Series, label: str) -> None:
    names = list(dict.fromkeys(values.index.get_level_values(0)))[::-1]
    for name, colour in ESTIMATORS.items():
        if name in values.index.get_level_values(1):
            some = values.xs(name, level=1)
            y = [names.index(scenario) for scenario in some.index]
            ax.plot(some, y, "o", color=colour, label=name, markersize=5, alpha=0.8)
    ax.set(yticks=range(len(names)), yticklabels=names, xscale="log", xlabel=label)


if __name__ == "__main__":
    main()
