"""The page as HTML. The template escapes everything; the script makes no markup from text."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from duet.model import file_name
from duet.report.page.contents import Page, Row, facts_of, signed
from duet.report.page.embedding import Embedded
from duet.report.scale import Scale
from duet.report.summary.wording import MARK, line

TEMPLATE = Path(__file__).with_name("template")
LISTED = 1000
"""Lost runs that are listed one by one."""


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=lambda value: line(value).replace(" %", "\u00a0%") if type(value) is str else value,
    )
    made.filters |= {"signed": signed, "span": span, "at": at, "facts": facts_of, "html": Markup}
    made.globals |= {"mark": MARK, "listed": LISTED, "own": own, "stem_of": stem_of, "infinity": math.inf}
    return made


def as_html(
    page: Page,
    figures: Mapping[str, Sequence[Embedded]] | None = None,
    whole: Sequence[Embedded] = (),
    origin: str = "",
) -> str:
    """The whole page. `figures`: of each benchmark, by stem; `whole`: of the campaign; `origin`: HTML on
    where the numbers come from. Without figures it is the first screen of Snakemake's report, too."""
    template = environment().get_template("page.html")
    return template.render(page=page, figures=figures or {}, whole=whole, origin=Markup(origin))


def in_frame(page: str) -> str:
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


def own(name: str) -> Markup:
    """A stylesheet or script of ours."""
    return Markup((TEMPLATE / name).read_text(encoding="utf-8"))


def at(scale: Scale, percent: float) -> str:
    """Where a change is drawn, as SVG has it."""
    return f"{100 * scale.place(percent):.2f}%"


def span(low: float, high: float) -> str:
    """An interval in percent: `−0.31 to +1.20 %`."""
    if not (low == low and high == high):
        return "–"
    return f"{signed(low).removesuffix(' %')} to {signed(high)}"


def stem_of(row: Row) -> str:
    return f"{file_name(row.suite)}.{file_name(row.benchmark)}"
