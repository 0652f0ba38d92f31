"""The summary page: counts, the worst, what to distrust, and the sortable, filterable verdict table.

It stands alone, is an item of Snakemake's report, and is the report's first screen (`landing`).
The script reads the table from the page and never makes markup from text.
"""

import math
from collections.abc import Iterable
from html import escape

import pandas as pd

from duet.inference.decision import primary
from duet.model import file_name
from duet.report.summary.facts import Facts
from duet.report.summary.html import document, table, text
from duet.report.summary.rows import VERDICTS, calibration, counts, notes, state
from duet.report.summary.wording import MARK, interval, p_value, percent
from duet.report.verdict_row import VerdictRow, verdict_rows

WORST = 5
LISTED = 1000
FOOT = (
    "Change: iteration time of B relative to A; positive means that B is slower. Interval: for this "
    "comparison alone; the verdict uses the p-value adjusted over the suite. Coverage: share of the "
    "iterations that took part. Click a heading to sort."
)
NUMERIC = {3, 4, 5, 7, 8}
"""Columns of the verdict table that are numbers."""


def html_page(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95) -> str:
    """The whole page. `rows`: verdicts as `complete` returns them."""
    parts = (
        f"<h1>{text(facts.campaign)}</h1>",
        _answer(rows),
        _state(rows, facts, confidence),
        _worst(rows),
        _verdicts(rows, confidence),
        _warnings(facts),
        _missing(facts),
    )
    return document(f"{facts.campaign}: verdicts", "\n".join(filter(None, parts)), script="page.js")


def landing(page: str) -> str:
    """The page as the first screen of Snakemake's report: a fragment for `raw:: html`.

    The report shows its description in a narrow column beside the rule graph; the style gives it
    the whole width. In the iframe's `srcdoc` the page's script runs and may ask the report to
    show a benchmark's figures. Nothing unescaped stands in it: the report puts it into a script.
    """
    wide = (
        ".prose:has(.duet-landing){max-width:none!important;width:100%}"
        "div:has(>div>.prose .duet-landing),div:has(>ul>.prose .duet-landing)"
        "{flex-direction:column;width:100%}"
        "div:has(>.prose .duet-landing),ul:has(>.prose .duet-landing){width:100%}"
        "div.h-screen:has(.duet-landing){align-items:flex-start}"
    )
    frame = '<iframe class="duet-landing" title="summary" style="width:100%;height:94vh;border:0"'
    return f'<style>{wide}</style>\n{frame} srcdoc="{escape(page, quote=True)}"></iframe>\n'


def _answer(rows: pd.DataFrame) -> str:
    tiles = "".join(
        f'<li class="{v.replace(" ", "-")}"><b>{n}</b> {v}</li>'
        for v, n in counts(rows).items()
        if n or v != "no data"
    )
    return f'<ul class="tiles">{tiles}</ul>'


def _state(rows: pd.DataFrame, facts: Facts, confidence: float) -> str:
    failed = calibration(rows, confidence).state == "failed"
    items = "".join(
        f"<dt>{label}</dt><dd{' class=alarm' if label == 'Calibration' and failed else ''}>{text(told)}</dd>"
        for label, told in state(rows, facts, confidence)
    )
    return f"<dl>{items}</dl>"


def _worst(rows: pd.DataFrame) -> str:
    judged = primary(rows)
    slower = judged[judged["verdict"] == "slower"].head(WORST)
    if slower.empty:
        return "<p>No benchmark was found slower.</p>"
    several = rows["type"].nunique() > 1
    items = "".join(
        f"<li>{_name(r)}{f' ({text(r.type)})' if several else ''} <b>{percent(r.change_percent)}</b> "
        f"{interval(r.ci_low_percent, r.ci_high_percent)}</li>"
        for r in verdict_rows(slower)
    )
    return f"<h2>Worst regressions</h2><ol>{items}</ol>"


def _verdicts(rows: pd.DataFrame, confidence: float) -> str:
    head = ["suite", "benchmark", "type", "change", f"{confidence:.0%} interval", "p adj.", "verdict"]
    head += ["runs", "coverage", "warnings and notes"]
    ths = "".join(
        f'<th scope="col"{_numeric(i)}><button type="button">{h}</button></th>' for i, h in enumerate(head)
    )
    options = "".join(f"<option>{v}</option>" for v in VERDICTS if (rows["verdict"] == v).any())
    filters = (
        '<p class="filters"><label>Filter '
        '<input type="search" id="filter" placeholder="name, type or warning"></label> '
        f'<label>Verdict <select id="verdict"><option value="">all</option>{options}</select></label> '
        '<span id="shown" aria-live="polite"></span></p>'
    )
    body = "".join(_row(r) for r in verdict_rows(rows))
    return (
        f'<h2>Verdicts</h2>{filters}<div class="scroll"><table id="verdicts"><thead><tr>{ths}</tr></thead>'
        f'<tbody>{body}</tbody></table></div><p class="foot">{FOOT}</p>'
    )


def _row(row: VerdictRow) -> str:
    low, high = row.ci_low_percent, row.ci_high_percent
    width = high - low if math.isfinite(low) and math.isfinite(high) else None
    told = "; ".join(notes(row))
    cells: Iterable[tuple[str, float | None]] = (
        (text(row.suite), None),
        (_name(row), None),
        (text(row.type), None),
        (percent(row.change_percent), row.change_percent),
        (interval(low, high), width),
        (p_value(row.p_adjusted), row.p_adjusted),
        (_badge(row.verdict), None),
        (text(row.runs), row.runs),
        (f"{row.coverage:.0%}" if math.isfinite(row.coverage) else "–", row.coverage),
        (f'{text(row.warnings)} <span class="note">{text(told)}</span>', None),
    )
    tds = "".join(f"<td{_numeric(i)}{_value(value)}>{cell}</td>" for i, (cell, value) in enumerate(cells))
    return f'<tr data-verdict="{text(row.verdict)}">{tds}</tr>'


def _numeric(column: int) -> str:
    return ' class="n"' if column in NUMERIC else ""


def _value(value: float | None) -> str:
    """What a numeric cell sorts by; nothing for no value, which sorts last."""
    return "" if value is None or not math.isfinite(value) else f' data-v="{value:.10g}"'


def _badge(verdict: str) -> str:
    kind = text(verdict).replace(" ", "-")
    return f'<span class="badge {kind}">{MARK.get(verdict, "")} {text(verdict)}</span>'


def _name(row: VerdictRow) -> str:
    """The name; the script makes it a link to the figures where there is a report around it."""
    stem = f"{file_name(str(row.suite))}.{file_name(str(row.benchmark))}"
    return f'<span class="benchmark" data-stem="{text(stem)}">{text(row.name)}</span>'


def _warnings(facts: Facts) -> str:
    if not facts.warnings:
        return ""
    return "<h2>Warnings from the runs</h2>" + table(("runs", "warning"), ((n, w) for w, n in facts.warnings))


def _missing(facts: Facts) -> str:
    if not facts.failures and not facts.missing:
        return ""
    rows = [(f.name, f"failed: {f.reason}", f.log) for f in facts.failures]
    rows += [(name, "not measured yet", "") for name in facts.missing]
    more = f"<p>… and {len(rows) - LISTED} more</p>" if len(rows) > LISTED else ""
    title = f"Missing runs ({len(facts.failures)} failed, {len(facts.missing)} not measured yet)"
    return (
        f'<details id="missing"{" open" if len(rows) <= 20 else ""}><summary>{title}</summary>'
        f"{table(('run', 'why', 'log'), rows[:LISTED])}{more}</details>"
    )
