"""The history in a sentence, as CSV and as a page."""

import csv
import io
import math

from duet.inference.drift import METHOD
from duet.report.history.chart import HEIGHT, LEFT, RIGHT, WIDTH, chart_of
from duet.report.history.gathering import History, Series
from duet.report.page.rendering import environment
from duet.report.summary.wording import percent

COLUMNS = (
    *("suite", "benchmark", "environment", "metric", "type", "campaign", "finished", "runs", "verdict"),
    *("change_percent", "ci_low_percent", "ci_high_percent"),
    *("level_percent", "level_low_percent", "level_high_percent", "segment", "change_point"),
)


def of_log(value: float) -> float:
    """Percent of a log ratio."""
    return 100 * math.expm1(value)


def sentence(history: History) -> str:
    """What no single campaign may have said."""
    drifted = [each for each in history.series if each.verdict == "slower"]
    n = len(history.campaigns)
    if not drifted:
        return f"No benchmark has become slower over {n} campaigns"
    worst = drifted[0]
    total = percent(of_log(worst.drift.total.change))
    unseen = "" if worst.shown else ", which no single one of them shows"
    if len(history.series) == 1:
        return f"{worst.points[0].row.benchmark} has become slower over {n} campaigns: {total}{unseen}"
    many = f"{len(drifted)} of {len(history.series)} benchmarks have become slower over {n} campaigns"
    return f"{many}, worst: {worst.points[0].row.benchmark} {total}{unseen}"


def kind(history: History) -> str:
    """The verdict whose colour the sentence has."""
    return "slower" if any(each.verdict == "slower" for each in history.series) else "equivalent"


def as_csv(history: History) -> str:
    """A row a benchmark and campaign; segments are counted from 1, their first campaign is a change point."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for series in history.series:
        for place, point in enumerate(series.points):
            segment = sum(place >= each.begin for each in series.drift.segments)
            row = point.row
            cells: dict[str, object] = {"campaign": point.campaign.name, "finished": point.campaign.finished}
            cells |= {name: getattr(row, name) for name in COLUMNS if hasattr(row, name)}
            cells |= {
                "level_percent": of_log(point.level.change),
                "level_low_percent": of_log(point.level.low),
                "level_high_percent": of_log(point.level.high),
                "segment": segment,
                "change_point": place in series.drift.change_points,
            }
            writer.writerow({**about(series), **cells})
    return out.getvalue()


def about(series: Series) -> dict[str, str]:
    """Environment and metric, where verdicts have them."""
    return {name: getattr(series.points[0].row, name, "") for name in ("environment", "metric")}


def as_html(history: History) -> str:
    made = environment().overlay()
    made.filters |= {"of_log": of_log}
    return made.get_template("history.html").render(
        history=history,
        charts=[chart_of(series, history.margin_percent) for series in history.series],
        sentence=sentence(history),
        kind=kind(history),
        method=METHOD,
        size=(WIDTH, HEIGHT, LEFT, RIGHT),
    )
