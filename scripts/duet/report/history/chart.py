"""One benchmark's history as lines and dots: each campaign's change, and what they add up to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from duet.report.history.gathering import Series
from duet.report.scale import log_ratio

WIDTH, HEIGHT = 760, 250
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 14, 26
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Mark:
    """A campaign: where it stands, its change and the level after it, in the chart's units."""

    x: float
    change: float
    low: float
    high: float
    level: float
    verdict: str
    title: str


@dataclass(frozen=True)
class Chart:
    marks: tuple[Mark, ...]
    band: str
    """Points of the polygon of the level's interval."""
    line: str
    """Points of the level's line."""
    margin: tuple[float, float]
    zero: float
    ticks: tuple[tuple[float, str], ...]
    change_points: tuple[tuple[float, str], ...]
    """(x, which campaign)"""
    dates: tuple[tuple[float, str, str], ...]
    """(x, when, how the text is anchored)"""


def chart_of(series: Series, margin_percent: float) -> Chart:
    logs = [each for point in series.points for each in (point.level.low, point.level.high)]
    changes = [log_ratio(point.row.change_percent) for point in series.points]
    bottom, top = (
        min(*logs, *changes, -log_ratio(margin_percent)),
        max(*logs, *changes, log_ratio(margin_percent)),
    )
    room = 0.06 * (top - bottom)
    bottom, top = bottom - room, top + room
    n = len(series.points)

    def x(place: float) -> float:
        return round(LEFT + (place + 0.5) / n * (WIDTH - LEFT - RIGHT), 1)

    def y(log: float) -> float:
        inside = min(max(log, bottom), top)
        return round(TOP + (top - inside) / (top - bottom) * (HEIGHT - TOP - BOTTOM), 1)

    marks = tuple(
        Mark(
            x(i),
            y(log_ratio(point.row.change_percent)),
            y(log_ratio(point.row.ci_low_percent)),
            y(log_ratio(point.row.ci_high_percent)),
            y(point.level.change),
            point.row.verdict,
            f"{point.campaign.name}: {point.row.change_percent:+.2f} %",
        )
        for i, point in enumerate(series.points)
    )
    upper = [f"{x(i)},{y(point.level.high)}" for i, point in enumerate(series.points)]
    lower = [f"{x(i)},{y(point.level.low)}" for i, point in enumerate(series.points)]
    return Chart(
        marks=marks,
        band=" ".join([*upper, *reversed(lower)]),
        line=" ".join(f"{mark.x},{mark.level}" for mark in marks),
        margin=(y(log_ratio(margin_percent)), y(log_ratio(-margin_percent))),
        zero=y(0.0),
        ticks=tuple((y(log_ratio(tick)), f"{tick:+g} %" if tick else "0") for tick in _ticks(bottom, top)),
        change_points=tuple((x(i - 0.5), series.points[i].campaign.name) for i in series.drift.change_points),
        dates=(
            (x(0), series.points[0].campaign.finished[:10], "start"),
            (x(n - 1), series.points[-1].campaign.finished[:10], "end"),
        ),
    )


def _ticks(bottom: float, top: float) -> Sequence[float]:
    """Percentages at round steps, at most six."""
    low, high = (100 * math.expm1(end) for end in (bottom, top))
    size = next((each for each in _STEPS if (high - low) / each <= 6), 1000)
    return [size * k for k in range(math.ceil(low / size), math.floor(high / size) + 1)]
