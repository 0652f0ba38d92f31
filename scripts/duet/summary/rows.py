"""The verdicts as they are told: complete, worst first, counted, and checked against A/A."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from duet.model import DuetError
from duet.summary.facts import Facts
from duet.summary.wording import duration

VERDICTS = ("slower", "no data", "inconclusive", "equivalent", "faster")
"""Worst first: what asks for something to be done stands on top. `no data`: planned, and no run finished."""
NUMBERS = (
    *("runs", "iterations_A", "iterations_B", "coverage", "change_percent"),
    *("ci_low_percent", "ci_high_percent", "p_value", "p_adjusted"),
)
TEXT = ("suite", "benchmark", "type", "verdict", "method", "warnings")
ENOUGH = 10
"""A/A comparisons below this rarely show a test that errs twice as often as it should."""


@dataclass(frozen=True)
class Calibration:
    """How often A against A was called different."""

    comparisons: int
    different: int
    nominal: float

    @property
    def state(self) -> str:
        """`none`, `ok`, or `failed`: as many by chance has a probability below 5 % (exact binomial)."""
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
            return f"FAILED: {found}, nominal are {self.nominal:.0%}: do not trust these verdicts"
        worth = "passed" if self.comparisons >= ENOUGH else "too few to tell"
        return f"{worth}: {found} (nominal {self.nominal:.0%})"


def read_verdicts(path: Path) -> pd.DataFrame:
    """verdicts.csv with its names as they are: a benchmark may be called `NA` or `1e3`."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise DuetError(f"{path}: not a table of verdicts ({e})", "make it again by the workflow") from None
    lacking = [c for c in (*TEXT, *NUMBERS) if c not in frame.columns]
    if lacking:
        raise DuetError(f"{path}: no column {', '.join(lacking)}", "make it again by the workflow")
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    frame["runs"] = frame["runs"].fillna(0).astype(int)
    return frame


def complete(verdicts: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The verdicts, worst first, and a row `no data` for every planned comparison without one."""
    known = {_key(r) for r in verdicts[["suite", "benchmark", "type"]].astype(str).itertuples(index=False)}
    lost = [
        {"suite": s, "benchmark": b, "type": t, "runs": 0, "verdict": "no data", "warnings": why}
        for s, b, t, why in facts.empty
        if _key((s, b, t)) not in known
    ]
    rows = pd.DataFrame([*verdicts.to_dict("records"), *lost], columns=verdicts.columns)
    rows["warnings"] = rows["warnings"].fillna("").astype(str)
    rank = rows["verdict"].astype(str).map({v: i for i, v in enumerate(VERDICTS)}).fillna(len(VERDICTS))
    change = pd.to_numeric(rows["change_percent"])
    order = pd.DataFrame({"rank": rank, "change": -change}).sort_values(
        ["rank", "change"], kind="stable", na_position="first"
    )
    return rows.loc[order.index].reset_index(drop=True)


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Comparisons of A with B by verdict; A against A is calibration, not a result."""
    found = Counter(rows.loc[rows["type"].astype(str) != "aaduet", "verdict"].astype(str))
    return {v: found.get(v, 0) for v in ("slower", "faster", "equivalent", "inconclusive", "no data")}


def calibration(rows: pd.DataFrame, confidence: float = 0.95) -> Calibration:
    """A/A comparisons whose own p-value is below the nominal level, of those that have one."""
    p = pd.to_numeric(rows.loc[rows["type"].astype(str) == "aaduet", "p_value"]).dropna()
    return Calibration(len(p), int((p < 1 - confidence).sum()), 1 - confidence)


def headline(rows: pd.DataFrame) -> str:
    """The answer in one sentence."""
    number = counts(rows)
    total = sum(number.values())
    if not total:
        return "no comparison of A with B"
    parts = [f"{n} {v}" for v, n in number.items() if n or v in ("slower", "faster")]
    return f"{', '.join(parts)} of {total} comparison{'s' * (total != 1)}"


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


def notes(row) -> list[str]:
    """What else a verdict's row tells: for which m it holds, what was left out and why."""
    out = []
    if holds := getattr(row, "holds_for_min_overlap", ""):
        out.append(f"holds for m in {holds}")
    if left_out := getattr(row, "left_out", ""):
        out.append(f"left out: {left_out}")
    return [text for text in out if "nan" not in text]


def _key(row: Iterable[str]) -> tuple[str, ...]:
    """Suite and benchmark as in file names, and the type."""
    return tuple(part.replace(".", "_") for part in row)
