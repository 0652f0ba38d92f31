"""What all figures share: colours, sizes, units, and how a figure is written.

Colours are told apart with every common colour blindness (Okabe and Ito; Tol's muted set for the
verdicts), and verdicts differ by marker as well. A and B have the same colour in every figure.
"""

import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from xml.sax.saxutils import unescape

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from duet.report.verdict_row import VerdictRow, verdict_rows

SIDE = {"A": "#0072B2", "B": "#D55E00"}
SIDE_PALE = {"A": "#66AFD6", "B": "#EFA36B"}
VERDICT = {"slower": "#882255", "faster": "#117733", "equivalent": "#444444", "inconclusive": "#8A8A8A"}
MARKER = {"slower": ">", "faster": "<", "equivalent": "s", "inconclusive": "o"}
TYPE = {"duet": "#332288", "syncduet": "#44AA99", "aaduet": "#999933", "bbduet": "#DDCC77", "seqn": "#CC6677"}
TYPES = tuple(TYPE)
"""The order in which types are shown."""
BAND = "#E4E4E4"
INK, FAINT = "#222222", "#666666"
WIDTH_IN = 8.6
"""Width of every figure: fits the report beside its menu, and a page in print."""
FONTS = "'DejaVu Sans', Verdana, Geneva, sans-serif"
"""In SVGs. Where the first is lacking the others are no wider, so that nothing runs into anything."""
MANY = 300
"""Points of a line above which they are shown binned: a page has no more room, nor has a report."""

warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script without a font: boxes
matplotlib.rcParams.update(
    {
        "text.parse_math": False,  # a benchmark may be called `a$b$`
        "font.family": ["DejaVu Sans"],
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 8,
        "axes.edgecolor": FAINT,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.5,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        # Text, not outlines: half the bytes, and one can search and copy it. See FONTS.
        "svg.fonttype": "none",
        "svg.hashsalt": "duetbench",
        "pdf.fonttype": 3,  # 42 embeds by fontTools, which takes longer than all drawing
        "pdf.compression": 6,
        "axes.unicode_minus": True,
        "axes.formatter.useoffset": False,
        "text.hinting": "none",  # the same widths at every resolution, so that what fits one fits all
    }
)


def figure(body_in: float, title: str, note: str = "", handles: Sequence[Artist] = ()) -> Figure:
    """An empty figure: heading, legend, room of `body_in` inches for the axes, foot with the note.

    The note says what is missing or to be distrusted.
    """
    foot = wrap(note) if note else ""
    head_in = 0.3 + (0.2 if handles else 0)
    foot_in = 0.06 + 0.14 * len(foot.splitlines())
    height_in = head_in + body_in + foot_in
    room = ConstrainedLayoutEngine(rect=(0, foot_in / height_in, 1, body_in / height_in))
    fig = Figure(figsize=(WIDTH_IN, height_in), layout=room)
    FigureCanvasAgg(fig)
    left = 0.07 / WIDTH_IN
    fig.text(left, 1 - 0.07 / height_in, shorten(title, 105), ha="left", va="top", fontsize=10,
             fontweight="bold", color=INK)  # fmt: skip
    if handles:
        top = 1 - 0.28 / height_in
        fig.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, top), ncols=len(handles),
                   borderpad=0, borderaxespad=0, handlelength=1.6, columnspacing=1.4)  # fmt: skip
    if foot:
        fig.text(left, 0.05 / height_in, foot, ha="left", va="bottom", fontsize=7, color=FAINT)
    return fig


def body(fig: Figure) -> tuple[float, float]:
    """Bottom and height, as shares of the figure, of the room for the axes."""
    room = fig.get_layout_engine()
    assert isinstance(room, ConstrainedLayoutEngine)  # as `figure` made it
    _, bottom, _, height = room.get()["rect"]
    return bottom, height


def missing(title: str, why: str, note: str = "") -> Figure:
    """A complete figure where there is nothing to draw: it says so, and why."""
    fig = figure(1.4, title, note)
    say(fig.add_subplot(), why)
    return fig


def say(ax: Axes, why: str) -> None:
    """Fill an axes with a sentence instead of marks."""
    ax.set_axis_off()
    text = wrap(why, 90)
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=FAINT, fontsize=9)


Figures = Mapping[str, Figure]
"""What a file's name ends with, before `.svg` and the others -> figure."""


def save_all(figures: Figures, base: Path) -> None:
    for ending, fig in figures.items():
        save(fig, base.with_name(f"{base.name}{ending}"))


def save(fig: Figure, base: Path) -> tuple[Path, ...]:
    """Write `base`.svg, .pdf and .png; the same frames give the same bytes."""
    base.parent.mkdir(parents=True, exist_ok=True)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # laid out once, not once a format
    svg, pdf, png = (base.with_name(f"{base.name}.{suffix}") for suffix in ("svg", "pdf", "png"))
    text = StringIO()
    fig.savefig(text, format="svg", dpi=110, metadata={"Date": None})
    svg.write_text(_slim(text.getvalue()))
    fig.savefig(pdf, format="pdf", dpi=200, metadata={"CreationDate": None})
    fig.savefig(png, format="png", dpi=130)
    return svg, pdf, png


_LONG_NUMBER = re.compile(r"([1-9]\d*\.\d)\d+")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.S)
_ID = re.compile(r' id="(?:text|patch|line2d|[xy]tick|axes|figure|legend|matplotlib\.axis)_\d+"')
_SPACE = re.compile(r"\s*\n\s*")


_TAG = re.compile(r"<[^>]*>")
_STYLE = re.compile(r' style="([^"]*)"')


def _slim(svg: str) -> str:
    """The same picture in a third of the bytes: tenths of a point, and each style once, as a class."""
    for pattern, instead in ((_COMMENT, ""), (_ID, ""), (_SPACE, "\n")):
        svg = pattern.sub(instead, svg)
    svg = _TAG.sub(lambda tag: _LONG_NUMBER.sub(r"\1", tag[0]), svg)  # not in what is read: "+5.16 %"
    classes: dict[str, str] = {}

    def as_class(match: re.Match) -> str:
        name = classes.setdefault(match[1], f"s{len(classes)}")
        return f' class="{name}"'

    svg = _STYLE.sub(as_class, svg)
    rules = "".join(f".{name}{{{unescape(style)}}}\n" for style, name in classes.items())
    rules = rules.replace("'DejaVu Sans'", FONTS)
    return svg.replace("</style>", f"\n{rules}</style>", 1)


def time_scale(ax: Axes, values: np.ndarray) -> None:
    """y from near the smallest to the largest; logarithmic when these are far apart."""
    low, high = values.min(), values.max()
    if low > 0 and high > 8 * low:
        log_scale(ax, low, high)
        return
    room = max(high - low, 0.02 * high, 1e-9)
    ax.set_ylim(max(0.0, low - 0.1 * room), high + 0.1 * room)


def log_scale(ax: Axes, low: float, high: float) -> None:
    """Logarithmic y with labels that are numbers: matplotlib's own need its math text."""
    ax.set_yscale("log")
    ax.set_ylim(low * 0.85, high * 1.2)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.yaxis.set_minor_locator(NullLocator())


def shorten(text: str, most: int) -> str:
    """One printable line of at most `most` characters; the middle goes, since names differ at their ends."""
    line = "".join(c if c.isprintable() else " " for c in text)
    if len(line) <= most:
        return line
    head = (most - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (most - 1 - head) :]}"


def wrap(text: str, width: int = 150) -> str:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, width)]
    return "\n".join([*lines[:8], *(["…"] if len(lines) > 8 else [])])


def name(suite: str, benchmark: str) -> str:
    return f"{suite} {benchmark}"


def time_unit(typical_ns: float) -> tuple[float, str]:
    """Divisor and unit in which a time of this size is easily read."""
    for unit_ns, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if typical_ns >= unit_ns:
            return unit_ns, unit
    return 1.0, "ns"


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def binned(x: np.ndarray, y: np.ndarray, bins: int = MANY) -> tuple[np.ndarray, np.ndarray]:
    """Middles of equal bins of x, and [3, bins]: 5th, 50th and 95th percentile of y; without empty bins."""
    edges = np.linspace(x.min(), x.max(), bins + 1)
    place = np.clip(np.searchsorted(edges, x, "right") - 1, 0, bins - 1)
    order = np.argsort(place, kind="stable")
    here, first = np.unique(place[order], return_index=True)
    parts = np.split(y[order], first[1:])
    return (edges[here] + edges[here + 1]) / 2, np.array([np.percentile(p, [5, 50, 95]) for p in parts]).T


def percent(value: float, digits: int = 2) -> str:
    """`+1.23 %`, or an en dash for no value."""
    if value is None or not np.isfinite(value):
        return "–"
    if abs(value) >= 100:
        digits = 0
    elif abs(value) >= 10:
        digits = min(digits, 1)
    return f"{value:+.{digits}f} %".replace("-", "−")


def tick(percent: float) -> str:
    """`+5 %` at an axis of changes."""
    return f"{percent:+.3g} %".replace("-", "−") if percent else "0"


def types(frame: pd.DataFrame) -> list[str]:
    """The types that a frame has, in the order in which they are shown."""
    there = set(frame["type"].astype(str)) if len(frame) else set()
    return [t for t in TYPES if t in there]


def quantities(values: ArrayLike) -> np.ndarray:
    """The finite ones as floats: what a scale can be laid over."""
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]


def run_changes(effects: pd.DataFrame | None, type_: str) -> np.ndarray:
    """Change in percent of every usable run of a type."""
    if effects is None:
        return np.zeros(0)
    logs = effects.loc[effects["type"].astype(str) == type_, "log_ratio"]
    return quantities(100 * np.expm1(logs.to_numpy(dtype=float)))


def verdict_of(verdicts: pd.DataFrame | None, type_: str) -> VerdictRow | None:
    """The verdict's row of a type, or None."""
    if verdicts is None:
        return None
    rows = verdict_rows(verdicts[verdicts["type"].astype(str) == type_])
    return rows[0] if rows else None
