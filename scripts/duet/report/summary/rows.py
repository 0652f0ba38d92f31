"""The verdicts as they are told: complete, worst first, counted, and checked against A/A."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from duet.inference.decision import FalsePositives, false_positives, primary
from duet.inference.environments import across
from duet.model import DuetError
from duet.report.summary.facts import Facts
from duet.report.summary.wording import duration, interval, percent
from duet.report.verdict_row import VerdictRow, named

VERDICTS = ("slower", "no data", "inconclusive", "equivalent", "faster")
"""Worst first: what asks for something to be done stands on top. `no data`: planned, and no run finished."""
NEEDED = (
    *("suite", "benchmark", "type", "verdict", "method", "warnings"),
    *("runs", "iterations_A", "iterations_B", "coverage", "change_percent"),
    *("ci_low_percent", "ci_high_percent", "p_value", "p_adjusted"),
)
"""Columns of verdicts.csv without which there is nothing to tell; those behind may be missing."""
TEXTS = (*NEEDED[:6], "estimator", "holds_for_min_overlap", "left_out", "difference", "environment")
COUNTS = ("runs", "iterations_A", "iterations_B", "runs_left_out", "iterations_left_out")
"""Every other column holds numbers, and nothing where a number is not known."""
ENOUGH = 10
"""A/A comparisons below this rarely show a test that errs twice as often as it should."""


@dataclass(frozen=True)
class Calibration:
    """How often A against A was called different."""

    found: FalsePositives

    @property
    def state(self) -> str:
        """`none`, `few`, `ok`, or `failed`: significantly more often than the nominal level."""
        if not self.found.comparisons:
            return "none"
        if self.found.failed:
            return "failed"
        return "few" if self.found.comparisons < ENOUGH else "ok"

    def sentence(self) -> str:
        f = self.found
        told = (
            f"{f.different} of {f.comparisons} A/A comparisons called different "
            f"(95% interval {f.low:.0%} to {f.high:.0%}, nominal {f.nominal:.0%})"
        )
        return {
            "none": "not checked: no runs of A against A (set aa_repetitions)",
            "few": f"too few to tell (a true rate of 15% would be seen in {f.seen():.0%}): {told}",
            "ok": f"passed: {told}",
            "failed": f"FAILED, do not trust these verdicts: {told}",
        }[self.state]


def read_verdicts(path: Path) -> pd.DataFrame:
    """verdicts.csv with its texts as they are, since a benchmark may be called `NA` or `1e3`, and numbers."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise DuetError(
            f"{path}: not a table of verdicts ({e})", "run the workflow again, which rewrites it"
        ) from None
    lacking = [c for c in NEEDED if c not in frame.columns]
    if lacking:
        raise DuetError(
            f"{path}: no column {', '.join(lacking)}", "run the workflow again, which rewrites it"
        )
    for column in frame.columns.difference(list(TEXTS)):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    return named(_counted(frame))


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts as whole numbers, 0 where nothing is known."""
    return rows.assign(**{c: rows[c].fillna(0).astype(int) for c in COUNTS if c in rows.columns})


def complete(verdicts: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The verdicts, worst first, and a row `no data` for every planned comparison without one."""
    known = {_key(r) for r in verdicts[["suite", "benchmark", "type"]].astype(str).itertuples(index=False)}
    lost: list[dict[str, str | None]] = [
        {
            **dict.fromkeys(TEXTS, ""),
            **{"suite": s, "benchmark": b, "type": t, "warnings": why, "name": b},
            **{"verdict": "no data", "method": "none", "estimator": None},
        }
        for s, b, t, why in facts.empty
        if _key((s, b, t)) not in known
    ]
    rows = _counted(pd.DataFrame([*verdicts.to_dict("records"), *lost], columns=verdicts.columns))
    rank = rows["verdict"].astype(str).map({v: i for i, v in enumerate(VERDICTS)}).fillna(len(VERDICTS))
    change = pd.to_numeric(rows["change_percent"])
    order = pd.DataFrame({"rank": rank, "change": -change}).sort_values(
        ["rank", "change"], kind="stable", na_position="first"
    )
    return rows.loc[order.index].reset_index(drop=True)


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Benchmarks by verdict, each by the type that it is judged by; A against A is no result."""
    found = Counter(primary(rows)["verdict"].astype(str))
    return {v: found.get(v, 0) for v in ("slower", "faster", "equivalent", "inconclusive", "no data")}


def calibration(rows: pd.DataFrame, confidence: float = 0.95) -> Calibration:
    p = pd.to_numeric(rows.loc[rows["type"].astype(str) == "aaduet", "p_value"])
    return Calibration(false_positives(p, confidence))


def headline(rows: pd.DataFrame) -> str:
    """The answer in one sentence."""
    number = counts(rows)
    total = sum(number.values())
    if not total:
        return "no comparison of A with B"
    parts = [f"{n} {v}" for v, n in number.items() if n or v in ("slower", "faster")]
    return f"{', '.join(parts)} of {total} benchmark{'s' * (total != 1)}"


def state(rows: pd.DataFrame, facts: Facts, confidence: float) -> list[tuple[str, str]]:
    """(label, text) of what a reader needs beside the verdicts."""
    parts = [f"{facts.measured} of {facts.planned} measured"] if facts.planned or not facts.imported else []
    runs = ", ".join(parts + [f"{facts.imported} imported"] * bool(facts.imported))
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


def environments(rows: pd.DataFrame, confidence: float = 0.95) -> list[str]:
    """What holds across environments, a sentence a benchmark; none where all is of one environment."""
    judged = primary(rows[rows["verdict"] != "no data"])
    out = []
    for r in across(judged, confidence).itertuples(index=False):
        told = f"{r.suite} {r.benchmark} ({r.type}): {r.verdict} holds on {r.holds_on} of {r.environments}"
        if r.compared > 1:
            ends = interval(float(r.ci_low_percent), float(r.ci_high_percent))
            told += f"; over all, by random effects, {percent(float(r.change_percent))} {ends}"
        out.append(told)
    return out


def notes(row: VerdictRow) -> list[str]:
    """What else a verdict's row tells: for which m it holds, what was left out and why."""
    out = [f"holds for m in {row.holds_for_min_overlap}"] if row.holds_for_min_overlap else []
    if row.difference and row.verdict == "equivalent":
        out.append(f"{row.difference}, by less than the margin")
    return out + ([f"left out: {row.left_out}"] if row.left_out else [])


def _key(row: Iterable[str]) -> tuple[str, ...]:
    """Suite and benchmark as in file names, and the type."""
    return tuple(part.replace(".", "_") for part in row)
