"""Figures inside a page: compressed, and drawn when they are looked at."""

import base64
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from duet.records.layout import Layout
from duet.report.figures import BENCHMARK

TITLES = {
    "forest": "All benchmarks at a glance",
    "phases": "Phases of the programs",
    "methods": "The types of runs compared",
    "timeline": "Both sides over time",
    "iterations": "Iteration times within the runs",
    "ratios": "Ratios of overlapping iterations",
    "sensitivity": "Sensitivity to the minimum overlap",
    "runs": "Run means",
}
READ_FIRST = ("runs", *(kind for kind in BENCHMARK if kind != "runs"))
"""A benchmark's figures as the page shows them."""


@dataclass(frozen=True)
class Embedded:
    """A figure as it stands in the page."""

    kind: str
    title: str
    caption: str
    """HTML."""
    width: int
    height: int
    payload: str
    """The SVG, gzip in base64: a fifth of its size."""


def embed(svg: Path, kind: str, captions: Path, title: str = "") -> Embedded | None:
    """None where there is no such figure."""
    try:
        text = svg.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    width, height = (round(float(n)) for n in size.groups()) if size else (620, 400)
    data = gzip.compress(text.encode(), 9, mtime=0)
    name = title or TITLES[kind]
    return Embedded(kind, name, caption(captions, kind), width, height, base64.b64encode(data).decode())


def embed_all(
    results: Path, stems: Sequence[str], captions: Path
) -> tuple[dict[str, list[Embedded]], list[Embedded]]:
    """Of each benchmark by stem, and of the campaign: a forest plot a suite, the types compared."""
    layout = Layout(results)
    of = {
        stem: [
            figure
            for kind in READ_FIRST
            if (figure := embed(layout.figure(stem, kind), kind, captions)) is not None
        ]
        for stem in stems
    }
    suites = list(dict.fromkeys(stem.partition(".")[0] for stem in stems))
    names = {suite: f"{TITLES['forest']}: {suite}" if len(suites) > 1 else "" for suite in suites}
    whole = [embed(layout.figure(suite, "forest"), "forest", captions, names[suite]) for suite in suites]
    whole += [embed(layout.figures / f"{kind}.svg", kind, captions) for kind in ("phases", "methods")]
    return of, [figure for figure in whole if figure is not None]


def caption(folder: Path, kind: str) -> str:
    """A caption of the workflow's report (reStructuredText of the simplest kind) as HTML."""
    try:
        text = (folder / f"{kind}.rst").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    out = escape(text.strip(), quote=False)
    for pattern, tag in ((r"\*\*(.+?)\*\*", "strong"), (r"``(.+?)``", "code"), (r"\*(.+?)\*", "em")):
        out = re.sub(pattern, rf"<{tag}>\1</{tag}>", out, flags=re.DOTALL)
    return "".join(f"<p>{' '.join(part.split())}</p>" for part in re.split(r"\n\s*\n", out))
