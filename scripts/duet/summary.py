"""What came out, for people and programs: one order, one wording; Markdown, JSON, terminal.

All take the verdicts' frame (columns of verdicts.csv) as `complete` returns it and the `Facts` of
the campaign. The HTML page is in `html`.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from duet.model import DuetError, parse_run

VERDICTS = ("slower", "no data", "inconclusive", "equivalent", "faster")
"""Worst first: what asks for something to be done stands on top. `no data`: planned, and no run finished."""
MARK = {"slower": "▲", "faster": "▼", "equivalent": "=", "inconclusive": "?", "no data": "×"}
LISTED = 20
"""Failed runs listed one by one in Markdown and terminal; the HTML page has all."""
_COLOUR = {"slower": "1;31", "faster": "32", "equivalent": "0", "inconclusive": "33", "no data": "35"}


@dataclass(frozen=True)
class Failure:
    """A run that was started and has no result."""

    name: str
    reason: str
    log: str


@dataclass(frozen=True)
class Facts:
    """What one must know beside the verdicts to trust them."""

    campaign: str
    planned: int
    measured: int
    timed_out: int
    machine_time_s: float
    """Sum over the measured runs: the machine does nothing else meanwhile."""
    failures: tuple[Failure, ...]
    missing: tuple[str, ...]
    """Planned runs that have neither finished nor failed."""
    empty: tuple[tuple[str, str, str, str], ...]
    """(suite, benchmark, type, why) of planned comparisons without a run; names as in file names."""


@dataclass(frozen=True)
class Calibration:
    """How often A against A was called different."""

    comparisons: int
    different: int
    nominal: float

    @property
    def state(self) -> str:
        """`none`, `ok`, or `failed`: so many by chance has a probability below 5 % (exact binomial)."""
        if not self.comparisons:
            return "none"
        n, p = self.comparisons, self.nominal
        tail = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(self.different, n + 1))
        return "failed" if tail < 0.05 else "ok"

    def sentence(self) -> str:
        if not self.comparisons:
            return "not checked: no A-against-A runs (set aa_repetitions)"
        found = f"{self.different} of {self.comparisons} A-against-A comparisons called different"
        if self.state == "failed":
            return (
                f"FAILED: {found}, far more than the nominal {self.nominal:.0%}: do not trust these verdicts"
            )
        return f"passed: {found} (nominal {self.nominal:.0%})"


NUMBERS = (
    *("runs", "iterations_A", "iterations_B", "coverage", "change_percent"),
    *("ci_low_percent", "ci_high_percent", "p_value", "p_adjusted"),
)
TEXT = ("suite", "benchmark", "type", "verdict", "method", "warnings")


def read_verdicts(path: Path) -> pd.DataFrame:
    """verdicts.csv with its names as they are: a benchmark may be called `NA` or `1e3`."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    lacking = [c for c in (*TEXT, *NUMBERS) if c not in frame.columns]
    if lacking:
        raise DuetError(f"{path}: no column {', '.join(lacking)}", "make it again by the workflow")
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    frame["runs"] = frame["runs"].fillna(0).astype(int)
    return frame


def facts(campaign: str, runs_dir: Path, planned: Iterable[str]) -> Facts:
    """Read run.json and failure.json of every planned run, and of any other run that is there."""
    names = list(dict.fromkeys(planned))
    there = sorted(p.name for p in runs_dir.iterdir() if p.is_dir()) if runs_dir.is_dir() else []
    measured, timed_out, time_ns, failures = set(), 0, 0, []
    for name in dict.fromkeys([*names, *there]):
        if (record := _json(runs_dir / name / "run.json")) is not None:
            measured.add(name)
            timed_out += bool(record.get("timed_out"))
            time_ns += max(0, int(record.get("end_ns") or 0) - int(record.get("start_ns") or 0))
        elif (failed := _json(runs_dir / name / "failure.json")) is not None:
            failures.append(Failure(name, str(failed.get("reason", "")), str(failed.get("log", ""))))
    lost = {f.name for f in failures}
    missing = tuple(n for n in names if n not in measured and n not in lost)
    return Facts(
        campaign,
        planned=len(names) or len(measured) + len(failures),
        measured=len(measured),
        timed_out=timed_out,
        machine_time_s=time_ns / 1e9,
        failures=tuple(failures),
        missing=missing,
        empty=_empty(names, measured, failures),
    )


def complete(verdicts: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The verdicts, worst first, and a row `no data` for every planned comparison without one."""
    known = {_key(r) for r in verdicts[["suite", "benchmark", "type"]].astype(str).itertuples(index=False)}
    lost = [
        {"suite": s, "benchmark": b, "type": t, "runs": 0, "verdict": "no data", "warnings": why}
        for s, b, t, why in facts.empty
        if _key((s, b, t)) not in known
    ]
    rows = pd.concat([verdicts, pd.DataFrame(lost)], ignore_index=True) if lost else verdicts.copy()
    rows["warnings"] = rows["warnings"].fillna("").astype(str)
    no_estimate = rows["change_percent"].isna() & (rows["verdict"].astype(str) == "inconclusive")
    rank = rows["verdict"].astype(str).map({v: i for i, v in enumerate(VERDICTS)}).fillna(len(VERDICTS))
    order = pd.DataFrame(
        {"rank": rank, "known": ~no_estimate, "change": -rows["change_percent"].astype(float)}
    )
    index = order.sort_values(["rank", "known", "change"], kind="stable", na_position="first").index
    return rows.loc[index].reset_index(drop=True)


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Comparisons of A with B by verdict; A against A is calibration, not a result."""
    found = Counter(rows.loc[rows["type"].astype(str) != "aaduet", "verdict"].astype(str))
    return {v: found.get(v, 0) for v in ("slower", "faster", "equivalent", "inconclusive", "no data")}


def calibration(rows: pd.DataFrame, confidence: float = 0.95) -> Calibration:
    """A/A comparisons whose single p-value is below the nominal level, of those that have one."""
    p = rows.loc[rows["type"].astype(str) == "aaduet", "p_value"].astype(float).dropna()
    return Calibration(len(p), int((p < 1 - confidence).sum()), 1 - confidence)


def headline(rows: pd.DataFrame) -> str:
    """The answer in one sentence."""
    number = counts(rows)
    total = sum(number.values())
    if not total:
        return "no comparison of A with B"
    parts = [f"{n} {v}" for v, n in number.items() if n or v in ("slower", "faster")]
    return f"{', '.join(parts)} of {total} comparison{'s' * (total != 1)}"


def markdown(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95, report: str | None = None) -> str:
    """The whole summary; also what a pull request gets. Names are escaped, so they stay text."""
    out = [f"# {_md(facts.campaign)}: {headline(rows)}", ""]
    out += [f"- {_md(label)}: {_md(text)}" for label, text in state(rows, facts, confidence)]
    if report:
        out.append(f"- Report: {_md(report)}")
    out += ["", *_md_table(rows, confidence), ""]
    out.append("Change: iteration time of B against A, positive is slower. Worst first.")
    warned = [(r, r.warnings) for r in rows.itertuples(index=False) if r.warnings and r.verdict != "no data"]
    if warned:
        out += ["", "## What to distrust", ""]
        out += [f"- {_md(r.suite)} {_md(r.benchmark)} ({r.type}): {_md(text)}" for r, text in warned]
    if facts.failures or facts.missing:
        out += ["", "## Runs that are missing", ""]
        out += [
            f"- {_md(f.name)}: {_md(f.reason)}" + (f" (log: {_md(f.log)})" if f.log else "")
            for f in facts.failures[:LISTED]
        ]
        if len(facts.failures) > LISTED:
            out.append(f"- … and {len(facts.failures) - LISTED} more failed runs")
        if facts.missing:
            out.append(f"- not measured yet: {_some(facts.missing)}")
    return "\n".join(out) + "\n"


def state(rows: pd.DataFrame, facts: Facts, confidence: float) -> list[tuple[str, str]]:
    """(label, text) of what a reader needs beside the verdicts."""
    runs = f"{facts.measured} of {facts.planned} measured"
    if facts.failures:
        runs += f", {len(facts.failures)} failed"
    if facts.missing:
        runs += f", {len(facts.missing)} not measured yet"
    if facts.timed_out:
        runs += f", {facts.timed_out} timed out (results kept)"
    return [
        ("Runs", runs),
        ("Machine time", duration(facts.machine_time_s) if facts.measured else "not recorded"),
        ("Calibration", calibration(rows, confidence).sentence()),
    ]


def as_json(rows: pd.DataFrame, facts: Facts, confidence: float = 0.95) -> str:
    """verdicts.json; numbers that are not known are null."""
    check = calibration(rows, confidence)
    records = [{k: _plain(v) for k, v in r.items()} for r in rows.to_dict("records")]
    about = asdict(facts)
    about.pop("empty")
    return (
        json.dumps(
            {
                "schema": 1,
                **about,
                "counts": counts(rows),
                "calibration": {**asdict(check), "state": check.state},
                "verdicts": records,
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def terminal(
    rows: pd.DataFrame,
    facts: Facts,
    report: str | None = None,
    confidence: float = 0.95,
    width: int = 100,
    colour: bool = False,
    most: int = 40,
) -> str:
    """The verdict table for a terminal, worst first, no line wider than `width` columns."""
    paint = (lambda code, text: f"\033[{code}m{text}\033[0m") if colour else (lambda _, text: text)
    several = rows["type"].nunique() > 1
    suites = rows["suite"].nunique() > 1
    cells = [_cells(r, suites, several) for r in rows.head(most).itertuples(index=False)]
    head = [
        "",
        "benchmark",
        *(["type"] if several else []),
        "change",
        f"{confidence:.0%} interval",
        "p adj.",
        "verdict",
        "runs",
    ]
    wide = [max(_width(c[i]) for c in [head, *cells]) for i in range(len(head))]
    wide[1] = min(wide[1], width - sum(wide) + wide[1] - 2 * (len(head) - 1))
    right = {len(head) - 5, len(head) - 4, len(head) - 3, len(head) - 1}

    def line(cell: list[str]) -> str:
        fitted = [_fit(c, w) for c, w in zip(cell, wide, strict=True)]
        pads = [" " * (w - _width(c)) for c, w in zip(fitted, wide, strict=True)]
        return "  ".join(
            p + c if i in right else c + p for i, (c, p) in enumerate(zip(fitted, pads, strict=True))
        ).rstrip()

    out = [paint("1", _fit(f"{_line(facts.campaign)}: {headline(rows)}", width))]
    if cells:
        out += [
            paint("2", line(head)),
            *(
                paint(_COLOUR.get(r.verdict, "0"), line(c))
                for c, r in zip(cells, rows.itertuples(index=False), strict=False)
            ),
        ]
    if len(rows) > most:
        rest = Counter(rows["verdict"].astype(str)[most:])
        out.append(f"… and {len(rows) - most} more: {', '.join(f'{n} {v}' for v, n in rest.items())}")
    out += [_fit(f"{label}: {text}", width) for label, text in state(rows, facts, confidence)]
    out += [paint("35", _fit(f"failed: {f.name}: {_line(f.reason)}", width)) for f in facts.failures[:5]]
    if len(facts.failures) > 5:
        out.append(f"… and {len(facts.failures) - 5} more failed runs (all in summary.md)")
    if report:
        out.append(f"Report: {report}")  # never shortened: it is there to be opened
    return "\n".join(out) + "\n"


def duration(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    if hours:
        return f"{hours} h {m} min"
    return f"{m} min {s} s" if m else f"{seconds:.1f} s"


def percent(value: float) -> str:
    """`+1.23 %`, fewer decimals for large ones; an en dash for no value."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:+.{digits}f} %"


def interval(low: float, high: float) -> str:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"[{percent(low)[:-2]}, {percent(high)[:-2]}]"


def p_value(value: float) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _cells(row, suites: bool, several: bool) -> list[str]:
    name = _line(f"{row.suite} {row.benchmark}" if suites else str(row.benchmark))
    return [
        MARK.get(row.verdict, ""),
        name,
        *([str(row.type)] if several else []),
        percent(row.change_percent),
        interval(row.ci_low_percent, row.ci_high_percent),
        p_value(row.p_adjusted),
        str(row.verdict),
        str(row.runs),
    ]


def _md_table(rows: pd.DataFrame, confidence: float) -> list[str]:
    several = rows["type"].nunique() > 1
    suites = rows["suite"].nunique() > 1
    head = [
        "",
        "benchmark",
        *(["type"] if several else []),
        "change",
        f"{confidence:.0%} interval",
        "p adj.",
        "verdict",
        "runs",
    ]
    right = {len(head) - 5, len(head) - 4, len(head) - 3, len(head) - 1}
    rule = ["--:" if i in right else "---" for i in range(len(head))]
    body = [[_md(c) for c in _cells(r, suites, several)] for r in rows.itertuples(index=False)]
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *body)]


def _empty(
    names: list[str], measured: set[str], failures: list[Failure]
) -> tuple[tuple[str, str, str, str], ...]:
    """Planned comparisons without any measured run, each with the reasons of its failed runs."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        if run := parse_run(name):
            groups.setdefault((run.suite, run.benchmark, str(run.type)), []).append(name)
    reasons = {f.name: f.reason for f in failures}
    out = []
    for key, members in groups.items():
        if measured.isdisjoint(members):
            found = Counter(_line(reasons[n]) for n in members if n in reasons)
            why = "; ".join(f"{n} × {reason}" for reason, n in found.most_common(3))
            out.append((*key, f"no run finished: {why or 'none was measured'}"))
    return tuple(out)


def _key(row: Iterable[str]) -> tuple[str, ...]:
    """Suite and benchmark as in file names, and the type."""
    return tuple(part.replace(".", "_") for part in row)


def _json(path: Path) -> Mapping | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _plain(value: object) -> object:
    """A cell as JSON has it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)) or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(_md(n) for n in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _line(text: str) -> str:
    """One line of printable characters: no name can move the cursor or break a row."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _md(text: object) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$@#])", r"\\\1", _line(str(text)))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def _fit(text: str, most: int) -> str:
    """At most `most` columns; the middle goes, since names differ at their ends."""
    if _width(text) <= most:
        return text
    head, tail = text, ""
    while _width(head) > (most - 1) * 2 // 3:
        head = head[:-1]
    for c in reversed(text):
        if _width(head) + 1 + _width(c + tail) > most:
            break
        tail = c + tail
    return f"{head}…{tail}"
