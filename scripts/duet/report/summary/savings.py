"""What measuring together saved against measuring one side after the other."""

import math

import pandas as pd

from duet.report.summary.wording import TYPE_NAME
from duet.report.verdict_row import VerdictRow, verdict_rows


def sentences(rows: pd.DataFrame) -> list[str]:
    """A sentence for each benchmark that was measured both ways."""
    texts = ((row, saving(row)) for row in verdict_rows(rows))
    return [f"{r.suite} {r.name} ({TYPE_NAME.get(r.type, r.type)}): {text}" for r, text in texts if text]


def saving(row: VerdictRow) -> str:
    """Of one row; empty where it was not measured both ways."""
    if not math.isfinite(row.saving):
        return ""
    return (
        f"sequential runs need {_factor(row.saving)} times the machine time for an interval as narrow "
        f"({_factor(row.saving_ci_low)} to {_factor(row.saving_ci_high)}); in equal time theirs is "
        f"{_factor(row.width_of_sequential)} times as wide"
    )


def _factor(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"
