"""The figure of phases: bars stand for what was measured, and nothing else."""

import numpy as np
import pandas as pd
from duet.report.figures.phases import draw_phases


def table(**sides: list[float]) -> pd.DataFrame:
    """Two runs of a program for each side: its phases in ms, the second run 10 % longer."""
    rows = []
    for side, phases_ms in sides.items():
        for runid, factor in enumerate((1.0, 1.1)):
            times = dict(zip(("t_keygen_ns", "t_computation_ns"), phases_ms, strict=True))
            row = {"suite": "fhe", "benchmark": "cardio", "type": "duet", "runid": runid, "order": "AB"}
            rows.append(row | {"pair": side} | {name: ms * 1e6 * factor for name, ms in times.items()})
    return pd.DataFrame(rows)


def widths(ax) -> list[float]:
    return [round(float(bar.get_width()), 3) for bar in ax.patches]


def test_bars_are_means_over_runs_and_stacked() -> None:
    fig = draw_phases(table(A=[100, 300], B=[200, 600]), {("fhe", "cardio", "A"): "seal"})
    (ax,) = fig.axes
    assert widths(ax) == [105.0, 210.0, 315.0, 630.0] and "ms" in ax.get_xlabel()
    assert [bar.get_x() for bar in ax.patches][2:] == [105.0, 210.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["seal", "fhe B"]
    assert ax.get_xscale() == "linear"


def test_spans_that_demand_it_have_a_logarithmic_axis() -> None:
    (ax,) = draw_phases(table(A=[1, 3], B=[2000, 6000]), {}).axes
    assert ax.get_xscale() == "log" and ax.get_xlim()[0] > 0


def test_operations_have_a_bar_each_and_what_is_missing_has_none() -> None:
    rows = table(A=[1, 1], B=[1, 1]).drop(columns=["t_keygen_ns", "t_computation_ns"])
    rows["t_mul_ct_ct_ns"] = 5e6
    rows["t_rot_ns"] = np.where(rows["pair"] == "A", 1e6, np.nan)
    (ax,) = draw_phases(rows, {}).axes
    assert len(ax.patches) == 3 and ax.get_yscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["mul\nct, ct", "rot"]


def test_without_phases_it_says_so() -> None:
    rows = table(A=[1, 1]).drop(columns=["t_keygen_ns", "t_computation_ns"])
    (ax,) = draw_phases(rows, {}).axes
    assert "has phases" in ax.texts[0].get_text()
