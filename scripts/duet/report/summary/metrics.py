"""The metrics beside the first one, a section each: for Markdown and the terminal."""

import pandas as pd

from duet.report.summary.rows import by_metric
from duet.report.summary.wording import MARK, interval, line, p_value, percent, quantity
from duet.report.verdict_row import VerdictRow, verdict_rows

HEAD = ("", "benchmark", "type", "A", "B", "change", "interval", "p adj.", "verdict", "runs")


def sections(rows: pd.DataFrame) -> list[tuple[str, list[tuple[str, ...]], str]]:
    """Of each further metric: title, cells below HEAD, and a line about benchmarks that do not have it."""
    out = []
    for metric, part in list(by_metric(rows).items())[1:]:
        judged = verdict_rows(part)
        better = judged[0].better if judged else "lower"
        here = [row for row in judged if row.verdict != "not measured"]
        absent = [row for row in judged if row.verdict == "not measured"]
        out.append((f"{metric} ({better} is better)", [_cells(row) for row in here], _absent(metric, absent)))
    return out


def _absent(metric: str, rows: list[VerdictRow]) -> str:
    """Which benchmarks lack it, and as their warnings say, why."""
    if not rows:
        return ""
    names = list(dict.fromkeys(line(row.benchmark) for row in rows))
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"Not measured: {shown} ({line(rows[0].warnings)})"


def _cells(row: VerdictRow) -> tuple[str, ...]:
    return (
        MARK.get(row.verdict, ""),
        line(row.benchmark),
        line(row.type),
        quantity(row.value_A, row.metric),
        quantity(row.value_B, row.metric),
        percent(row.change_percent),
        interval(row.ci_low_percent, row.ci_high_percent),
        p_value(row.p_adjusted),
        line(row.verdict),
        str(row.runs),
    )
