"""The summary as Markdown (also what a pull request gets), as JSON, and for the terminal."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from textwrap import wrap

import pandas as pd

from duet.inference.decision import primary
from duet.model import TIME
from duet.report.summary import metrics, savings
from duet.report.summary.facts import Facts
from duet.report.summary.rows import (
    COMPARED,
    KEYS,
    answer,
    beside,
    by_metric,
    calibration,
    counts,
    environments,
    first_metric,
    state,
    tally,
)
from duet.report.summary.wording import MARK, TYPE_NAME, fit, interval, line, p_value, percent, width
from duet.report.verdict_row import VerdictRow, verdict_rows

FILES = (
    ("report.html", "the whole report in one file: open it in a browser"),
    ("summary.html", "its tables without the figures; the first screen of Snakemake's --report"),
    ("summary.md", "the same as text, for a pull request"),
    ("verdicts.csv", "one row per benchmark, type and environment"),
    ("environments.csv", "what holds across environments, with a random-effects estimate"),
    ("verdicts.json", "the same with counts, calibration and failed runs"),
    ("provenance.html", "hosts, images, commands, configuration, versions"),
    ("iterations.parquet, iterations.csv", "the unified table: one row per iteration and side"),
    ("pairs.parquet", "overlapping iterations of A and B"),
    ("effects.parquet", "one row per run: how much slower B was"),
    ("comparison.csv", "the predecessor's analysis beside ours; which injected slowdowns each finds"),
    ("runs/<run>/", "run.json, logs and the suite's own result files; failure.json where it failed"),
    ("plan/", "the plan of the runs"),
    ("images/", "identity of the images"),
    ("logs/", "logs of the workflow's other steps"),
)
FIGURES = ("timeline", "iterations", "ratios", "sensitivity", "runs")
LISTED = 20
"""Failed runs listed one by one in Markdown; the page has all."""
ROWS = 40
"""Rows of the table in the terminal."""
WIDTH = 100
"""Columns where no terminal says how many it has."""
NAME = 20
"""Columns that a name keeps; what else would stand beside it gives way."""
_COLOUR = {"slower": "1;31", "faster": "32", "equivalent": "0", "inconclusive": "33", "no data": "35"}
_COLOUR |= {"worse": "1;31", "better": "32"}


def markdown(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95, report: str | None = None) -> str:
    """The whole summary. Names are escaped, so they stay text."""
    out = [f"# {_md(facts.campaign)}: {_md(answer(rows, confidence))}", "", f"- Verdicts: {tally(rows)}"]
    out += [f"- {label}: {_md(text)}" for label, text in state(rows, facts, confidence)]
    if report:
        out.append(f"- Report: {_md(report)}")
    head, body, right = _table(first_metric(rows), confidence)
    rule = ["--:" if i in right else "---" for i in range(len(head))]
    cells = [head, rule, *([_md(c) for c in r] for r in body)]
    out += ["", *("| " + " | ".join(r) + " |" for r in cells), ""]
    out.append("Change: iteration time of B relative to A; positive means that B is slower. Worst first.")
    for title, judged, absent in metrics.sections(rows):
        out += ["", f"## {_md(title)}", ""]
        if judged:
            lines = [metrics.HEAD, ("---",) * len(metrics.HEAD), *(tuple(map(_md, r)) for r in judged)]
            out += ["| " + " | ".join(r) + " |" for r in lines]
        out += ["", _md(absent)] if absent else []
    if holds := environments(rows, confidence):
        out += ["", "## Across environments", "", *(f"- {_md(one)}" for one in holds)]
    if factors := savings.sentences(rows):
        out += ["", "## Against one after the other", "", *(f"- {_md(one)}" for one in factors)]
    out += _distrust(rows, facts)
    out += _missing(facts)
    return "\n".join(out) + "\n"


def index(benchmarks: Iterable[str], suites: Iterable[str]) -> str:
    """What is where in results/<name>/, as Markdown. Names as in file names."""
    figures = ", ".join(f"`{kind}`" for kind in FIGURES)
    return "\n".join(
        [
            "# Files",
            "",
            *(f"- `{name}`: {what}" for name, what in FILES),
            *(f"- `figures/{suite}.forest.*`: forest plot of {suite}" for suite in suites),
            "- `figures/methods.*`: comparison of the campaign's types of runs",
            "",
            f"Every figure exists as .svg, .pdf and .png. For each benchmark: {figures}.",
            "",
            *(f"- `figures/{stem}.*`" for stem in benchmarks),
            "",
        ]
    )


def as_json(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95) -> str:
    """verdicts.json: workflow/schemas/verdicts.json.schema.json. What is not known is null."""
    check = calibration(rows, confidence)
    about = asdict(facts)
    about.pop("empty")  # they stand among the verdicts as `no data`
    numbers = {k: _plain(v) for k, v in asdict(check.false_positives).items()}
    whole = {
        "schema": 1,
        **about,
        "counts": counts(rows),
        "metrics": {name: counts(part) for name, part in by_metric(rows).items()},
        "calibration": {**numbers, "state": check.state},
        "verdicts": [{k: _plain(v) for k, v in r.items() if k != "name"} for r in rows.to_dict("records")],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def terminal(
    rows: pd.DataFrame,
    facts: Facts,
    report: str | None = None,
    confidence: float = 0.95,
    colour: bool = False,
    columns: int = WIDTH,
) -> str:
    """The verdict table for a terminal, worst first, no line wider than `columns` but the path."""
    paint = (lambda code, text: f"\033[{code}m{text}\033[0m") if colour else (lambda _, text: text)
    out = [paint("1", fit(f"{line(facts.campaign)}: {answer(rows, confidence)}", columns))]
    head, body, right = _table(first_metric(rows), confidence, brief=True)
    wide = _widths([head, *body])
    if sum(wide) - wide[1] + min(wide[1], NAME) + 2 * (len(wide) - 1) > columns:
        head, body, right = _table(first_metric(rows), confidence, alone=True)
    verdicts = [row[head.index("verdict")] for row in body]
    more, body = verdicts[ROWS:], body[:ROWS]
    if body:
        aligned = _aligned([head, *body], right, columns)
        out.append(paint("2", aligned[0]))
        out += [paint(_COLOUR.get(v, "0"), text) for v, text in zip(verdicts, aligned[1:], strict=False)]
    if more:
        out.append(f"… and {len(more)} more: {', '.join(f'{n} {v}' for v, n in Counter(more).items())}")
    for title, judged, absent in metrics.sections(rows):
        out.append(paint("1", fit(title, columns)))
        shown = _aligned([list(metrics.HEAD), *map(list, judged[:ROWS])], {3, 4, 5, 6, 7, 9}, columns)
        out += [fit(text, columns) for text in shown] if judged else []
        if len(judged) > ROWS:
            rest = Counter(cells[8] for cells in judged[ROWS:])
            out.append(f"… and {len(judged) - ROWS} more: {', '.join(f'{n} {v}' for v, n in rest.items())}")
        out += [fit(absent, columns)] if absent else []
    out += wrap(f"Verdicts: {tally(rows)}", columns)
    for label, text in state(rows, facts, confidence):
        out += wrap(f"{label}: {text}", columns, subsequent_indent="  ")
    out += _few(environments(rows, confidence), lambda _, text: text, columns)
    out += _few([f"failed: {line(f.name)}: {line(f.reason)}" for f in facts.failures], paint, columns)
    out += _few([f"warning in {_runs(n)}: {line(w)}" for w, n in facts.warnings], paint, columns)
    if report:
        out.append(f"Report: {report}")  # never shortened: it is there to be opened
    return "\n".join(out) + "\n"


def _table(
    rows: pd.DataFrame, confidence: float, brief: bool = False, alone: bool = False
) -> tuple[list[str], list[list[str]], set[int]]:
    """Head, rows, and which columns are numbers: a row a judged benchmark, other types of runs beside it.

    Suite, type and the like only where there are several; `brief`: the others without intervals;
    `alone`: without them. A campaign that compares nothing (A against A only) has all its rows.
    """
    judged, others = primary(rows), beside(rows)
    if judged.empty:
        judged, others = rows, {}
    if alone:
        others = {}
    types = [t for t in COMPARED if any(t in of for of in others.values())]
    keys = [key for key in KEYS if key in judged.columns]
    several = [key for key in (*keys, "type") if judged[key].nunique() > 1 and key != "benchmark"]
    head = ["", "benchmark", *(key for key in several if key != "suite")]
    first = len(head)
    head += ["change", f"{confidence:.0%} interval", "p adj.", "verdict", "runs"]
    head += [TYPE_NAME[t] for t in types]
    body = []
    cells = judged[[*keys, "type"]].astype(str).to_dict("records")
    for about, r in zip(cells, verdict_rows(judged), strict=True):
        about["type"] = TYPE_NAME.get(r.type, r.type)
        name = f"{r.suite} {r.benchmark}" if "suite" in several else r.benchmark
        compared = others.get(tuple(about[key] for key in keys), {})
        body.append(
            [
                MARK.get(r.verdict, ""),
                line(name),
                *(line(about[key]) for key in several if key != "suite"),
                percent(r.change_percent),
                interval(r.ci_low_percent, r.ci_high_percent),
                p_value(r.p_adjusted),
                line(r.verdict),
                str(r.runs),
                *(_beside(compared.get(t), brief) for t in types),
            ]
        )
    right = {first, first + 1, first + 2, *range(first + 4, len(head))}
    return head, body, right


def _beside(row: VerdictRow | None, brief: bool) -> str:
    if row is None or not math.isfinite(row.change_percent):
        return "–"
    change = percent(row.change_percent)
    return change if brief else f"{change} {interval(row.ci_low_percent, row.ci_high_percent)}"


def _aligned(cells: list[list[str]], right: set[int], columns: int) -> list[str]:
    """Lines of at most so many columns: the names give way."""
    wide = _widths(cells)
    wide[1] = min(wide[1], columns - sum(wide) + wide[1] - 2 * (len(wide) - 1))
    lines = []
    for row in cells:
        parts = []
        for i, (cell, most) in enumerate(zip(row, wide, strict=True)):
            text = fit(cell, most)
            pad = " " * (most - width(text))
            parts.append(pad + text if i in right else text + pad)
        lines.append("  ".join(parts).rstrip())
    return lines


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(width(row[i]) for row in cells) for i in range(len(cells[0]))]


def _few(texts: list[str], paint: Callable[[str, str], str], columns: int) -> list[str]:
    shown = [paint("35", fit(text, columns)) for text in texts[:5]]
    return [*shown, f"… and {len(texts) - 5} more (all in summary.md)"] if len(texts) > 5 else shown


def _distrust(rows: pd.DataFrame, facts: Facts) -> list[str]:
    warned = [r for r in verdict_rows(rows) if r.warnings and r.verdict not in ("no data", "not measured")]
    first = first_metric(rows)["metric"].iloc[0] if "metric" in rows and len(rows) else TIME
    if not warned and not facts.warnings:
        return []
    out = ["", "## What to distrust", ""]
    for r in warned:
        of = "" if r.metric == first else f", {_md(r.metric)}"
        kind = TYPE_NAME.get(r.type, r.type)
        out.append(f"- {_md(r.suite)} {_md(r.name)} ({kind}{of}): {_md(r.warnings)}")
    return out + [f"- {_runs(n)}: {_md(text)}" for text, n in facts.warnings]


def _missing(facts: Facts) -> list[str]:
    if not facts.failures and not facts.missing:
        return []
    out = ["", "## Missing runs", ""]
    for f in facts.failures[:LISTED]:
        out.append(f"- {_md(f.name)}: {_md(f.reason)}" + (f" (log: {_md(f.log)})" if f.log else ""))
    if len(facts.failures) > LISTED:
        out.append(f"- … and {len(facts.failures) - LISTED} more failed runs")
    if facts.missing:
        more = f" and {len(facts.missing) - 3} more" if len(facts.missing) > 3 else ""
        out.append(f"- not measured yet: {', '.join(_md(n) for n in facts.missing[:3])}{more}")
    return out


def _runs(n: int) -> str:
    return f"{n} run{'s' * (n != 1)}"


def _plain(value: object) -> object:
    """A cell as JSON has it."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value


def _md(text: object) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$@#])", r"\\\1", line(text))
