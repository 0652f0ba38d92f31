"""What stands on the page: sections of rows from verdicts, what A and B are, where the numbers come from."""

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from duet.inference.decision import primary
from duet.model import TIME, file_name
from duet.records.plan import AnalysisPlan
from duet.report.page import sides
from duet.report.page.sides import Difference
from duet.report.scale import Scale, scale_of
from duet.report.summary import Answer, Outcome, answer, calibration
from duet.report.summary.facts import Facts
from duet.report.summary.provenance import Provenance
from duet.report.summary.rows import COMPARED, KEYS, beside, by_metric, notes, state
from duet.report.summary.wording import TYPE_NAME, line, p_value, percent, quantity
from duet.report.verdict_row import VerdictRow, verdict_rows

_CORRECTED = {
    "holm": ", after Holm's correction over the suite",
    "none": "",
    "bh": ", after Benjamini and Hochberg's correction",
}


@dataclass(frozen=True)
class Quantity:
    """One side's absolute value; NaN where it is not known."""

    value: float
    text: str


@dataclass(frozen=True)
class Row:
    """One comparison of A with B, and what other types of runs say beside it."""

    anchor: str
    """Of its benchmark: what an address ends with."""
    suite: str
    benchmark: str
    environment: str
    metric: str
    type: str
    """What its verdict rests on, for people."""
    verdict: str
    change: float
    low: float
    high: float
    p_adjusted: float
    runs: int
    coverage: float
    a: Quantity
    b: Quantity
    beside: tuple[VerdictRow | None, ...]
    """In the order of its section's `beside`."""
    itself: VerdictRow | None
    """A against A, where it was measured."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def brief(self) -> tuple[str, ...]:
        """Warnings up to their reasons, each once."""
        return tuple(dict.fromkeys(re.split(r": | \(|; ", warning)[0] for warning in self.warnings))

    @property
    def known(self) -> bool:
        return math.isfinite(self.change)


@dataclass(frozen=True)
class Section:
    """What was judged by one metric, worst first."""

    title: str
    anchor: str
    words: tuple[str, str]
    """What B is where it is shown to be worse, and better, than A."""
    answer: Answer
    absent: str
    """Benchmarks that do not have the metric, and why."""
    rows: tuple[Row, ...]
    beside: tuple[str, ...]
    """Names of the other types of runs that its rows have a comparison of."""
    scale: Scale
    judged: bool
    """Whether the rows compare A with B; else A with itself."""

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Verdicts that occur, worst first; the words for worse and better always."""
        worse, better = self.words
        usual = (worse, "no data", "inconclusive", "equivalent", better)
        known = dict.fromkeys((*usual, *(row.verdict for row in self.rows)))
        return tuple((v, self.count(v)) for v in known if self.count(v) or v in self.words)

    def several(self, field: str) -> bool:
        return len({getattr(row, field) for row in self.rows}) > 1


@dataclass(frozen=True)
class Decided:
    """A gate's answer, where one was asked."""

    passed: bool
    sentence: str


@dataclass(frozen=True)
class Subject:
    """A benchmark with all its rows."""

    anchor: str
    stem: str
    suite: str
    benchmark: str
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Page:
    campaign: str
    answer: Answer
    decided: Decided | None
    differences: tuple[Difference, ...]
    """Between A and B, in every benchmark."""
    others_differ: bool
    """Whether some benchmarks' sides differ in something else or nothing."""
    sides_known: bool
    where: str
    when: str
    state: tuple[tuple[str, str], ...]
    """(label, text): runs, machine time, calibration."""
    calibrated: str
    """`none`, `few`, `ok`, `failed`."""
    sections: tuple[Section, ...]
    subjects: tuple[Subject, ...]
    facts: Facts
    margin_percent: float
    confidence: float
    corrected: str
    """How differences are corrected for the number of benchmarks, for the end of a sentence."""


def page_of(
    outcome: Outcome,
    gathered: Provenance,
    analysis: AnalysisPlan,
    results: Path,
    decided: Decided | None = None,
) -> Page:
    """The page of a campaign in results/<name>, whose plan says what the sides are."""
    rows, facts = outcome.rows, outcome.facts
    anchors = anchors_of(rows)
    sections = _sections(rows, anchors, analysis)
    of_plan = sides.sides_of(results, outcome.planned)
    shared, others = sides.common(of_plan)
    return Page(
        campaign=facts.campaign,
        answer=answer(rows, outcome.confidence),
        decided=decided,
        differences=shared,
        others_differ=others,
        sides_known=bool(of_plan),
        where=_where(gathered),
        when=_when(gathered),
        state=tuple(state(rows, facts, outcome.confidence)),
        calibrated=calibration(rows, outcome.confidence).state,
        sections=sections,
        subjects=_subjects(sections, of_plan),
        facts=facts,
        margin_percent=analysis.margin_percent,
        confidence=analysis.confidence,
        corrected=_CORRECTED.get(analysis.correction, f" after {analysis.correction} correction"),
    )


def anchors_of(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(suite, benchmark) -> what an address ends with: the name where no other suite has it, all different.

    The page's own anchors have a colon, these have none.
    """
    keys = list(dict.fromkeys(rows[["suite", "benchmark"]].astype(str).itertuples(index=False, name=None)))
    names = [benchmark for _, benchmark in keys]
    anchors: dict[tuple[str, str], str] = {}
    for suite, benchmark in keys:
        text = benchmark if names.count(benchmark) == 1 else f"{suite}.{benchmark}"
        slug = re.sub(r"[^\w.+=,\[\]-]+", "-", text) or "-"
        number = 1
        while (anchor := slug if number == 1 else f"{slug}-{number}") in anchors.values():
            number += 1
        anchors[suite, benchmark] = anchor
    return anchors


def _sections(
    rows: pd.DataFrame, anchors: Mapping[tuple[str, str], str], analysis: AnalysisPlan
) -> tuple[Section, ...]:
    out = []
    for place, (name, mine) in enumerate(by_metric(rows).items()):
        judged, others = primary(mine), beside(mine)
        lacking = judged["verdict"] == "not measured"
        absent, judged = judged[lacking], judged[~lacking]
        compares = not judged.empty
        if not compares:
            judged, others = mine, {}
        types = tuple(t for t in COMPARED if any(t in of for of in others.values()))
        made = tuple(_rows(judged, others, types, anchors, name))
        numbers = [row for row in made if row.known]
        ends = [end for row in numbers for end in (row.low, row.high)]
        out.append(
            Section(
                title=_title(name, mine),
                anchor=f"section:{place}",
                words=_words(name, mine),
                answer=answer(mine, analysis.confidence),
                absent=_absent(absent),
                rows=made,
                beside=tuple(TYPE_NAME[t] for t in types),
                scale=scale_of((row.change for row in numbers), ends, analysis.margin_percent),
                judged=compares,
            )
        )
    return tuple(out)


def _title(metric: str, rows: pd.DataFrame) -> str:
    title = metric[:1].upper() + metric[1:].replace("_", " ")
    return f"{title} (more is better)" if "better" in rows and (rows["better"] == "higher").any() else title


def _words(metric: str, rows: pd.DataFrame) -> tuple[str, str]:
    """Of times and their quantiles slower and faster, of anything else worse and better."""
    timed = metric == TIME or re.fullmatch(r"p[\d.]+", metric) or (rows["verdict"] == "slower").any()
    return ("slower", "faster") if timed else ("worse", "better")


def _absent(rows: pd.DataFrame) -> str:
    absent = verdict_rows(rows)
    if not absent:
        return ""
    names = list(dict.fromkeys(line(row.benchmark) for row in absent))
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"Not measured: {', '.join(names[:10])}{more} ({absent[0].warnings})"


def _rows(
    judged: pd.DataFrame,
    others: Mapping[tuple[str, ...], Mapping[str, VerdictRow]],
    types: Sequence[str],
    anchors: Mapping[tuple[str, str], str],
    metric: str,
) -> list[Row]:
    keys = [key for key in KEYS if key in judged.columns]
    out = []
    for cells, verdict in zip(judged.to_dict("records"), verdict_rows(judged), strict=True):
        compared = others.get(tuple(str(cells[key]) for key in keys), {})
        out.append(
            Row(
                anchor=anchors[verdict.suite, verdict.benchmark],
                suite=verdict.suite,
                benchmark=verdict.benchmark,
                environment=str(cells.get("environment") or ""),
                metric=metric,
                type=TYPE_NAME.get(verdict.type, verdict.type),
                verdict=verdict.verdict,
                change=verdict.change_percent,
                low=verdict.ci_low_percent,
                high=verdict.ci_high_percent,
                p_adjusted=verdict.p_adjusted,
                runs=verdict.runs,
                coverage=verdict.coverage,
                a=_quantity(cells, "A", metric),
                b=_quantity(cells, "B", metric),
                beside=tuple(compared.get(t) for t in types),
                itself=compared.get("aaduet"),
                warnings=tuple(text for text in verdict.warnings.split("; ") if text),
                notes=tuple(notes(verdict)),
            )
        )
    return out


def _quantity(cells: Mapping[Hashable, Any], side: str, metric: str) -> Quantity:
    """The side's mean in what was compared."""
    value = _number(cells.get(f"mean_{side}_ns" if metric == TIME else f"value_{side}"))
    return Quantity(value, quantity(value, metric))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _subjects(
    sections: Sequence[Section], of_plan: Mapping[str, tuple[sides.Side, sides.Side]]
) -> tuple[Subject, ...]:
    """Benchmarks in the order in which the first section has them."""
    subjects: dict[tuple[str, str], list[Row]] = {}
    for section in sections:
        for row in section.rows:
            subjects.setdefault((row.suite, row.benchmark), []).append(row)
    out = []
    for (suite, benchmark), rows in subjects.items():
        stem = f"{file_name(suite)}.{file_name(benchmark)}"
        differ = sides.differences(*of_plan[stem]) if stem in of_plan else ()
        out.append(Subject(rows[0].anchor, stem, suite, benchmark, tuple(rows), differ))
    return tuple(out)


def _where(gathered: Provenance) -> str:
    """The host with its processor and the engine; of several their names."""
    hosts = list(gathered.hosts)
    if not hosts:
        return ""
    names = sorted({host[1] for host in hosts if host[1]})
    engines = " and ".join(sorted({host[0] for host in hosts if host[0]}))
    if len(names) > 1:
        return f"on {len(names)} hosts ({', '.join(names)}), engine {engines}"
    cores = ", ".join(sorted({host[3] for host in hosts if host[3]}))
    cpu = ""
    if "lscpu" in gathered.artifacts:
        place = 4 + gathered.artifacts.index("lscpu")
        cpu = ", ".join(sorted({host[place] for host in hosts if host[place]}))
    about = "; ".join(filter(None, (cpu, f"cores {cores}" if cores else "")))
    return f"on {names[0] if names else 'this host'}{f' ({about})' if about else ''}, engine {engines}"


def _when(gathered: Provenance) -> str:
    if gathered.first_ns is None or gathered.last_ns is None:
        return ""
    first, last = (pd.Timestamp(ns, tz="UTC") for ns in (gathered.first_ns, gathered.last_ns))
    if first.date() == last.date():
        span = f"{first:%H:%M}" if f"{first:%H:%M}" == f"{last:%H:%M}" else f"{first:%H:%M} to {last:%H:%M}"
        return f"{first.day} {first:%B %Y}, {span} UTC"
    return f"{first.day} {first:%B %Y, %H:%M} to {last.day} {last:%B %Y, %H:%M} UTC"


def facts_of(row: Row) -> tuple[tuple[str, str], ...]:
    """(label, text) of what the row's table has no room for."""
    out = [("runs", str(row.runs)), ("judged by", f"{row.type} runs")]
    if math.isfinite(row.p_adjusted):
        out.append(("p-value, corrected for all benchmarks of the suite", p_value(row.p_adjusted)))
    if math.isfinite(row.coverage):
        out.append(("iterations that took part", f"{row.coverage:.0%}"))
    if row.itself is not None and math.isfinite(row.itself.change_percent):
        low, high = (signed(end) for end in (row.itself.ci_low_percent, row.itself.ci_high_percent))
        out.append(("A against A", f"{signed(row.itself.change_percent)}, interval {low} to {high}"))
    return tuple(out)


def signed(value: float) -> str:
    """A percentage with a true minus."""
    return percent(value).replace("-", "−")
