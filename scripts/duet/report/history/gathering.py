"""From directories of campaigns to one series a benchmark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from duet.inference import drift
from duet.inference.decision import primary
from duet.inference.drift import Drift, Level, Step
from duet.inference.multiplicity import adjust
from duet.inference.verdicts import decide
from duet.model import Analysis, DuetError
from duet.records.files import read_lines
from duet.records.layout import RUN, Layout
from duet.records.plan import AnalysisPlan
from duet.records.run import RunRecord
from duet.report.scale import log_ratio
from duet.report.summary import read_verdicts
from duet.report.summary.rows import KEYS, first_metric
from duet.report.verdict_row import VerdictRow, verdict_rows

Key = tuple[str, ...]
"""Environment (as far as verdicts have one), suite and benchmark; the metric is the campaign's first."""


@dataclass(frozen=True)
class Campaign:
    name: str
    results: Path
    finished_ns: int
    """End of its last run; where there are no records, when its verdicts were written."""
    confidence: float
    margin_percent: float
    rows: dict[Key, VerdictRow]
    """The verdict of each benchmark."""

    @property
    def finished(self) -> str:
        return f"{pd.Timestamp(self.finished_ns, tz='UTC'):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Point:
    """One campaign's change of one benchmark, in percent."""

    campaign: Campaign
    row: VerdictRow
    level: Level


@dataclass(frozen=True)
class Series:
    key: Key
    points: tuple[Point, ...]
    drift: Drift
    verdict: str
    """Of what the changes add up to, by the rule of a single campaign."""

    @property
    def name(self) -> str:
        return " ".join(filter(None, self.key))

    @property
    def shown(self) -> int:
        """Campaigns that showed a change the way it went in all."""
        return sum(point.row.verdict == self.verdict for point in self.points)


@dataclass(frozen=True)
class History:
    campaigns: tuple[Campaign, ...]
    """The first finished first."""
    series: tuple[Series, ...]
    """The most drifted to slower first."""
    confidence: float
    margin_percent: float
    baseline: bool
    """Whether all campaigns have the same A; else each compares with the one before it."""


def read_campaign(results: Path) -> Campaign:
    """Raises DuetError where there are no verdicts, or no comparison of A with B."""
    layout = Layout(results)
    if not layout.verdicts.is_file():
        raise DuetError(
            f"{results}: no {layout.verdicts.name}", "name directories of campaigns: results/<name>"
        )
    judged = primary(first_metric(read_verdicts(layout.verdicts)))
    if judged.empty:
        raise DuetError(f"{layout.verdicts}: no comparison of A with B", "leave this campaign out")
    plan = AnalysisPlan.read(layout.analysis_plan) if layout.analysis_plan.is_file() else AnalysisPlan()
    keys = [key for key in KEYS if key in judged.columns and key != "metric"]
    cells = judged[keys].astype(str).itertuples(index=False, name=None)
    rows = dict(zip(cells, verdict_rows(judged), strict=True))
    return Campaign(
        results.resolve().name, results, _finished_ns(layout), plan.confidence, plan.margin_percent, rows
    )


def _finished_ns(layout: Layout) -> int:
    names = read_lines(layout.planned_runs) if layout.planned_runs.is_file() else []
    records = (RunRecord.read_sound(layout.runs / name / RUN) for name in names)
    return max(
        (record.end_ns for record in records if record), default=int(layout.verdicts.stat().st_mtime_ns)
    )


def gather(campaigns: Sequence[Campaign], baseline: bool = False) -> History:
    """In the order in which they finished. Raises DuetError where they have nothing in common."""
    ordered = sorted(_named(campaigns), key=lambda campaign: campaign.finished_ns)
    if len(ordered) < 2:
        raise DuetError("a history needs two campaigns or more", "name their directories: results/<name> …")
    for other in ordered[1:]:
        if not ordered[0].rows.keys() & other.rows.keys():
            raise DuetError(
                f"{other.results} has none of the benchmarks of {ordered[0].results}: mixed campaigns",
                "name campaigns of the same benchmarks",
            )
    last = ordered[-1]
    keys = list(dict.fromkeys(key for campaign in ordered for key in campaign.rows))
    kept = [(key, points) for key in keys if (points := _points(key, ordered))]
    drifts = [
        drift.drift_of([step for _, step in points], last.confidence, len(kept), baseline)
        for _, points in kept
    ]
    analysis = Analysis(confidence=last.confidence, margin_percent=last.margin_percent)
    adjusted = adjust(pd.Series([each.total.p for each in drifts]).to_numpy(float), "holm")
    series = []
    for (key, points), each, p in zip(kept, drifts, adjusted, strict=True):
        made = tuple(
            Point(campaign, campaign.rows[key], level)
            for (campaign, _), level in zip(points, each.levels, strict=True)
        )
        within = _within(each.total, analysis)
        percent = 100 * math.expm1(each.total.change)
        series.append(Series(key, made, each, decide(float(p), 0.0 if within else 1.0, percent, analysis)))
    series.sort(key=lambda each: -each.drift.total.change)
    return History(tuple(ordered), tuple(series), last.confidence, last.margin_percent, baseline)


def _named(campaigns: Sequence[Campaign]) -> list[Campaign]:
    """Each directory once; by its path where another one is called the same."""
    once = list({campaign.results.resolve(): campaign for campaign in campaigns}.values())
    names = [campaign.name for campaign in once]
    return [c if names.count(c.name) == 1 else replace(c, name=str(c.results)) for c in once]


def _points(key: Key, campaigns: Sequence[Campaign]) -> list[tuple[Campaign, Step]]:
    """Campaigns that have an interval of this benchmark; others say nothing of it."""
    steps = []
    for campaign in campaigns:
        row = campaign.rows.get(key)
        if row is None or row.runs < 2:
            continue
        change, low, high = map(log_ratio, (row.change_percent, row.ci_low_percent, row.ci_high_percent))
        if math.isfinite(low) and math.isfinite(high):
            steps.append((campaign, drift.step(change, low, high, row.runs, campaign.confidence)))
    return steps


def _within(total: Level, analysis: Analysis) -> bool:
    """Whether the sum is shown to lie within the margin: its interval does."""
    margin = log_ratio(analysis.margin_percent)
    return -margin < total.low and total.high < margin
