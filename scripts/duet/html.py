"""The summary page: one self-contained HTML file with the sortable, filterable verdict table.

It stands alone, is an item of Snakemake's report, and is the report's first screen (`landing`).
Everything that comes from a campaign goes through `html.escape`; the script reads the table from
the page and never makes markup from text.
"""

import math
from collections.abc import Iterable
from html import escape
from importlib.resources import files

import pandas as pd

from duet import summary
from duet.model import file_name
from duet.summary import Facts

WORST = 5
FOOT = (
    "Change: iteration time of B against A, positive is slower. Interval: for this comparison alone; "
    "the verdict uses the p-value adjusted over the suite. Coverage: share of the iterations that took "
    "part. A click on a heading sorts."
)


def page(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95) -> str:
    """The whole page. `rows`: verdicts as `summary.complete` returns them."""
    body = "\n".join(
        part
        for part in (
            f"<h1>{_text(facts.campaign)}</h1>",
            _answer(rows),
            _state(rows, facts, confidence),
            _worst(rows, confidence),
            _table(rows, confidence),
            _missing(facts),
        )
        if part
    )
    style, script = (files("duet").joinpath(f"page.{kind}").read_text() for kind in ("css", "js"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(facts.campaign)}: verdicts</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def landing(page: str) -> str:
    """The page as the first screen of Snakemake's report: a fragment for `raw:: html`.

    The report shows its description in a narrow column beside the rule graph; the style gives it
    the whole width. In the iframe's `srcdoc` the page's script runs and may ask the report to
    show a benchmark's figures. Nothing unescaped stands in it: the report puts it into a script.
    """
    wide = (
        ".prose:has(.duet-landing){max-width:none!important;width:100%}"
        "div:has(>div>.prose .duet-landing){flex-direction:column;width:100%}"
        "div:has(>.prose .duet-landing){width:100%}"
        "div.h-screen:has(.duet-landing){align-items:flex-start}"
    )
    frame = '<iframe class="duet-landing" title="summary" style="width:100%;height:94vh;border:0"'
    return f'<style>{wide}</style>\n{frame} srcdoc="{escape(page, quote=True)}"></iframe>\n'


def _answer(rows: pd.DataFrame) -> str:
    tiles = "".join(
        f'<li class="{v.replace(" ", "-")}"><b>{n}</b> {v}</li>'
        for v, n in summary.counts(rows).items()
        if n or v != "no data"
    )
    return f'<ul class="tiles">{tiles}</ul>'


def _state(rows: pd.DataFrame, facts: Facts, confidence: float) -> str:
    bad = summary.calibration(rows, confidence).state == "failed"
    items = "".join(
        f"<dt>{label}</dt><dd{' class=alarm' if label == 'Calibration' and bad else ''}>{_text(text)}</dd>"
        for label, text in summary.state(rows, facts, confidence)
    )
    return f"<dl>{items}</dl>"


def _worst(rows: pd.DataFrame, confidence: float) -> str:
    real = rows[(rows["type"].astype(str) != "aaduet") & (rows["verdict"] == "slower")]
    if real.empty:
        return "<p>No comparison was found slower.</p>"
    worst = real.sort_values("change_percent", ascending=False).head(WORST)
    parts = [
        f"<li>{_link(r)} <b>{summary.percent(r.change_percent)}</b> "
        f"{summary.interval(r.ci_low_percent, r.ci_high_percent)}</li>"
        for r in worst.itertuples(index=False)
    ]
    return f"<h2>Worst regressions</h2><ol>{''.join(parts)}</ol>"


def _table(rows: pd.DataFrame, confidence: float) -> str:
    head = (
        "suite",
        "benchmark",
        "type",
        "change",
        f"{confidence:.0%} interval",
        "p adjusted",
        "verdict",
        "runs",
        "coverage",
        "warnings",
    )
    numeric = {3, 4, 5, 7, 8}
    ths = "".join(
        f'<th scope="col"{" class=n" if i in numeric else ""}><button type="button">{h}</button></th>'
        for i, h in enumerate(head)
    )
    options = "".join(f"<option>{v}</option>" for v in summary.VERDICTS if (rows["verdict"] == v).any())
    filters = (
        '<p class="filters"><label>Filter '
        '<input type="search" id="filter" placeholder="name, type or warning"></label> '
        f'<label>Verdict <select id="verdict"><option value="">all</option>{options}</select></label> '
        '<span id="shown" aria-live="polite"></span></p>'
    )
    body = "".join(_row(r) for r in rows.itertuples(index=False))
    return (
        f'<h2>Verdicts</h2>{filters}<table id="verdicts"><thead><tr>{ths}</tr></thead>'
        f'<tbody>{body}</tbody></table><p class="foot">{FOOT}</p>'
    )


def _row(row) -> str:
    low, high = row.ci_low_percent, row.ci_high_percent
    width = high - low if _finite(low) and _finite(high) else None
    coverage = f"{row.coverage:.0%}" if _finite(row.coverage) else "–"
    cells: Iterable[tuple[str, object]] = (
        (_text(row.suite), None),
        (_link(row), None),
        (_text(row.type), None),
        (summary.percent(row.change_percent), row.change_percent),
        (summary.interval(low, high), width),
        (summary.p_value(row.p_adjusted), row.p_adjusted),
        (_badge(row.verdict), None),
        (_text(row.runs), row.runs),
        (coverage, row.coverage),
        (_text(row.warnings), None),
    )
    numeric = {3, 4, 5, 7, 8}
    tds = "".join(
        f"<td{' class=n' if i in numeric else ''}{_value(value, i in numeric)}>{cell}</td>"
        for i, (cell, value) in enumerate(cells)
    )
    return f'<tr data-verdict="{_text(row.verdict)}">{tds}</tr>'


def _badge(verdict: str) -> str:
    kind = _text(verdict).replace(" ", "-")
    return f'<span class="badge {kind}">{summary.MARK.get(verdict, "")} {_text(verdict)}</span>'


def _link(row) -> str:
    """The name; the script makes it a link to the figures where there is a report around it."""
    stem = f"{file_name(str(row.suite))}.{file_name(str(row.benchmark))}"
    return f'<span class="benchmark" data-stem="{_text(stem)}">{_text(row.benchmark)}</span>'


def _missing(facts: Facts) -> str:
    if not facts.failures and not facts.missing:
        return ""
    failed = "".join(
        f"<tr><td>{_text(f.name)}</td><td>failed: {_text(f.reason)}</td><td>{_text(f.log)}</td></tr>"
        for f in facts.failures
    )
    absent = "".join(
        f"<tr><td>{_text(n)}</td><td>not measured yet</td><td></td></tr>" for n in facts.missing[:1000]
    )
    more = (
        f"<p>… and {len(facts.missing) - 1000} more not measured yet</p>" if len(facts.missing) > 1000 else ""
    )
    title = f"Runs that are missing ({len(facts.failures)} failed, {len(facts.missing)} not measured yet)"
    shown = " open" if len(facts.failures) + len(facts.missing) <= 20 else ""
    return (
        f'<details id="missing"{shown}><summary>{title}</summary><table><thead><tr><th>run</th><th>why</th>'
        f"<th>log</th></tr></thead><tbody>{failed}{absent}</tbody></table>{more}</details>"
    )


def _value(value: object, numeric: bool) -> str:
    """What a numeric cell sorts by; nothing for no value, which sorts last."""
    return f' data-v="{float(value):.10g}"' if numeric and _finite(value) else ""


def _finite(value: object) -> bool:
    value = value.item() if hasattr(value, "item") else value
    return isinstance(value, int | float) and math.isfinite(value)


def _text(value: object) -> str:
    return escape("".join(c if c.isprintable() else " " for c in str(value)))
