"""How numbers and names are written, the same everywhere."""

import math
import re
import unicodedata

TYPE_NAME = {
    "duet": "duet",
    "syncduet": "synchronised duet",
    "aaduet": "A against A",
    "bbduet": "B against B",
    "seqn": "sequential",
}
"""What people read for a type of run, in the order in which types are shown."""
MARK = {"slower": "▲", "faster": "▼", "equivalent": "=", "inconclusive": "?", "no data": "×"}
MARK |= {"worse": "✗", "better": "✓", "not measured": "·"}


def percent(value: float | None) -> str:
    """`+1.23 %`, fewer decimals for large ones; an en dash for no value."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:+.{digits}f} %"


def interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"[{percent(low)[:-2]}, {percent(high)[:-2]}]"


def p_value(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def duration(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    if hours:
        return f"{hours} h {m} min"
    return f"{m} min {s} s" if m else f"{seconds:.1f} s"


def seconds(value: float) -> str:
    """`12.3 ms`: three digits and the unit that fits; an en dash for no value."""
    if not math.isfinite(value):
        return "–"
    unit, scale = next(
        (each for each in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)) if value >= 0.9995 * each[1]), ("ns", 1e-9)
    )
    number = value / scale
    return f"{number:.{0 if number >= 99.95 else 1 if number >= 9.995 else 2}f} {unit}"


def quantity(value: float, metric: str) -> str:
    """A metric's value with its unit: `12.3 ms`, `1.5 MiB`, or a number alone; an en dash for no value."""
    if not math.isfinite(value):
        return "–"
    if metric in ("time", "cpu_time") or re.fullmatch(r"p[\d.]+", metric):
        return seconds(value / 1e9)
    if metric == "peak_memory":
        power = min(int(math.log(max(value, 1), 1024)), 3)
        return f"{value / 1024**power:.4g} {('B', 'KiB', 'MiB', 'GiB')[power]}"
    return f"{value:.4g}"


def line(text: object) -> str:
    """One line of printable characters: no name can move the cursor or break a row."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def fit(text: str, most: int) -> str:
    """At most `most` columns; the middle goes, since names differ at their ends."""
    if width(text) <= most:
        return text
    head, tail = text, ""
    while width(head) > (most - 1) * 2 // 3:
        head = head[:-1]
    for c in reversed(text):
        if width(head) + 1 + width(c + tail) > most:
            break
        tail = c + tail
    return f"{head}…{tail}"
