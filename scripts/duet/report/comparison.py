"""What came out of comparing two commands: one sentence and both sides' times; terminal, JSON, Markdown."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from duet.inference.decision import primary
from duet.model import Benchmark, Campaign, DuetError, Side
from duet.records.layout import Layout
from duet.records.plan import AnalysisPlan
from duet.report.summary.outcome import Outcome
from duet.report.summary.wording import MARK, line, percent, seconds


@dataclass(frozen=True)
class Times:
    """Of one execution on one side: mean over the runs of their means, smallest and largest of these."""

    command: str
    image: str | None
    mean_s: float
    low_s: float
    high_s: float
    revision: str | None = None

    @property
    def what(self) -> str:
        """What was run, and in what."""
        inside = ", ".join(filter(None, (self.image, self.revision)))
        return f"{inside}: {self.command}" if inside else self.command


@dataclass(frozen=True)
class Comparison:
    campaign: str
    verdict: str
    runs: int
    change_percent: float
    low_percent: float
    high_percent: float
    confidence: float
    margin_percent: float
    a: Times
    b: Times
    warnings: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The answer in words."""
        change = percent(self.change_percent)
        if math.isfinite(self.low_percent):
            low, high = percent(self.low_percent)[:-2], percent(self.high_percent)
            change += f" ({self.confidence * 100:g} % interval {low} to {high})"
        margin = f"{self.margin_percent:g} %"
        return {
            "slower": f"B is slower than A: {change}",
            "faster": f"B is faster than A: {change}",
            "equivalent": f"B takes as long as A: the change is smaller than {margin}: {change}",
            "inconclusive": f"it cannot be told yet whether B is slower or faster than A: {change}",
        }.get(self.verdict, "no run could be used, so nothing is known")


def read(campaign: Campaign, results: Path, outcome: Outcome) -> Comparison:
    """Of a campaign with one benchmark. Raises DuetError where it has no verdict."""
    layout, benchmark = Layout(results), campaign.benchmarks[0]
    rows = primary(outcome.rows)
    if rows.empty:
        raise DuetError(f"{layout.verdicts}: no verdict", "see the runs' logs")
    row = rows.iloc[0]
    analysis = AnalysisPlan.read(layout.analysis_plan)
    warnings = [text for text in str(row["warnings"] or "").split("; ") if text and text != "nan"]
    warnings += [f"{text} ({count} runs)" for text, count in outcome.facts.warnings]
    a, b = (_times(benchmark, side, layout) for side in (benchmark.a, benchmark.b))
    return Comparison(
        campaign=campaign.name,
        verdict=str(row["verdict"]),
        runs=int(row["runs"]),
        change_percent=float(row["change_percent"]),
        low_percent=float(row["ci_low_percent"]),
        high_percent=float(row["ci_high_percent"]),
        confidence=outcome.confidence,
        margin_percent=analysis.margin_percent,
        a=a,
        b=b,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _times(benchmark: Benchmark, side: Side, layout: Layout) -> Times:
    table = pd.read_parquet(layout.table)
    warmup = benchmark.warmup if isinstance(benchmark.warmup, int) else 0
    mine = table[(table["pair"].astype(str) == side.name) & (table["iteration"] >= warmup)]
    batch = mine["batch"].astype(float) if "batch" in mine.columns else 1.0
    per_run = (mine["iteration_time_ns"] / batch / 1e9).groupby([mine["runid"], mine["order"]], observed=True)
    means_s = per_run.mean()
    image = dict(side.image.args).get("IMAGE") if side.image else None
    revision = side.image.checkout.title if side.image and side.image.checkout else None
    command = side.run.rpartition(" -- ")[2]
    if means_s.empty:
        return Times(command, image, math.nan, math.nan, math.nan, revision)
    mean_s, low_s, high_s = map(float, (means_s.mean(), means_s.min(), means_s.max()))
    return Times(command, image, mean_s, low_s, high_s, revision)


def terminal(comparison: Comparison) -> str:
    lines = ["", f"{MARK.get(comparison.verdict, '?')} {comparison.sentence}", ""]
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        span = f"({seconds(side.low_s)} to {seconds(side.high_s)} in {comparison.runs} runs)"
        lines.append(f"  {name}  {seconds(side.mean_s):>8}  {span}  {line(side.what)}")
    if comparison.warnings:
        lines += ["", *(f"  note: {line(text)}" for text in comparison.warnings)]
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Numbers that are not known are null."""
    return {
        "campaign": comparison.campaign,
        "verdict": comparison.verdict,
        "sentence": comparison.sentence,
        "runs": comparison.runs,
        "change_percent": _known(comparison.change_percent),
        "interval_percent": [_known(comparison.low_percent), _known(comparison.high_percent)],
        "confidence": comparison.confidence,
        "margin_percent": comparison.margin_percent,
        "A": _side_as_json(comparison.a),
        "B": _side_as_json(comparison.b),
        "warnings": list(comparison.warnings),
    }


def _side_as_json(side: Times) -> dict[str, Any]:
    numbers = {"mean_s": side.mean_s, "low_s": side.low_s, "high_s": side.high_s}
    words = {"command": side.command, "image": side.image, "revision": side.revision}
    return words | {k: _known(v) for k, v in numbers.items()}


def markdown(comparison: Comparison) -> str:
    lines = [
        f"{comparison.sentence}.",
        "",
        "| side | command | time | runs' means |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        code = line(side.what).replace("`", "'").replace("|", "\\|")
        span = f"{seconds(side.low_s)} to {seconds(side.high_s)}"
        lines.append(f"| {name} | `{code}` | {seconds(side.mean_s)} | {span} |")
    return "\n".join(lines) + "\n"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
