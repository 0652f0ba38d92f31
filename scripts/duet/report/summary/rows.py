"""The verdicts as they are told: complete, worst first, counted, and checked against A/A."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from duet.inference.decision import FalsePositives, Power, false_positives, power, primary
from duet.inference.environments import across
from duet.model import ALIKE, TIME, DuetError, Metric
from duet.report.summary.facts import Facts
from duet.report.summary.savings import saving
from duet.report.summary.wording import TYPE_NAME, duration, interval, line, percent
from duet.report.verdict_row import VerdictRow, named, verdict_rows

VERDICTS = (
    *("slower", "worse", "no data", "inconclusive", "equivalent", "faster", "better", "not measured"),
)
"""Worst first: what asks for something to be done stands on top. `no data`: planned, and no run finished."""
NEEDED = (
    *("suite", "benchmark", "type", "verdict", "method", "warnings"),
    *("runs", "iterations_A", "iterations_B", "coverage", "change_percent"),
    *("ci_low_percent", "ci_high_percent", "p_value", "p_adjusted"),
)
"""Columns of verdicts.csv without which there is nothing to tell; those behind may be missing."""
TEXTS = (
    *(*NEEDED[:6], "estimator", "holds_for_min_overlap", "left_out", "difference"),
    *("metric", "better", "environment"),
)
COUNTS = ("runs", "iterations_A", "iterations_B", "runs_left_out", "iterations_left_out")
"""Every other column holds numbers, and nothing where a number is not known."""
ENOUGH = 10
"""A/A comparisons below this rarely show a test that errs twice as often as it should."""


@dataclass(frozen=True)
class Calibration:
    """How often A against A was called different."""

    false_positives: FalsePositives
    power: Power | None = None

    @property
    def state(self) -> str:
        """`none`, `few`, `ok`, or `failed`: significantly more often than the nominal level."""
        if not self.false_positives.comparisons:
            return "none"
        if self.false_positives.failed or (self.power and self.power.failed):
            return "failed"
        return "few" if self.false_positives.comparisons < ENOUGH else "ok"

    def sentence(self) -> str:
        f = self.false_positives
        counts = (
            f"{f.different} of {f.comparisons} A/A comparisons called different "
            f"(95% interval {f.low:.0%} to {f.high:.0%}, nominal {f.nominal:.0%})"
        )
        if self.power and self.power.comparisons:
            counts += f"; {self.power.sentence()}"
        return {
            "none": "not checked: no runs of A against A (set aa_repetitions: each costs as much as a duet)",
            "few": f"too few to tell (a true rate of 15% would be seen in {f.seen():.0%}): {counts}",
            "ok": f"passed: {counts}",
            "failed": f"FAILED, do not trust these verdicts: {counts}",
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
    for name, usual in (("metric", TIME), ("better", "lower")):
        if name in frame:  # nothing, where a row was written by hand
            frame[name] = frame[name].where(frame[name] != "", usual)
    return named(_counted(frame))


KEYS = ("environment", "suite", "benchmark", "metric")
"""What one comparison of A with B is about, as far as verdicts have these columns."""


COMPARED = ("duet", "syncduet", "seqn")
"""Types whose changes stand beside the verdict of another; A against A is for the calibration."""


def beside(rows: pd.DataFrame) -> dict[tuple[str, ...], dict[str, VerdictRow]]:
    """What other types of runs say of each judged benchmark: a comparison beside its verdict, none itself.

    KEYS that are there -> type -> row, in the order of TYPE_NAME.
    """
    others = rows.drop(index=primary(rows).index)
    keys = [key for key in KEYS if key in rows.columns]
    sequential: dict[tuple[str, ...], dict[str, VerdictRow]] = {}
    cells = others[keys].astype(str).itertuples(index=False, name=None)
    for key, row in zip(cells, verdict_rows(others), strict=True):
        sequential.setdefault(key, {})[row.type] = row
    return {key: {t: of[t] for t in TYPE_NAME if t in of} for key, of in sequential.items()}


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts as whole numbers, 0 where nothing is known."""
    return rows.assign(**{c: rows[c].fillna(0).astype(int) for c in COUNTS if c in rows.columns})


def complete(verdicts: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The verdicts, worst first in each metric, and a row `no data` for every planned comparison that has
    none."""
    metric = str(verdicts["metric"].iloc[0]) if "metric" in verdicts and len(verdicts) else TIME
    known = {_key(r) for r in verdicts[["suite", "benchmark", "type"]].astype(str).itertuples(index=False)}
    lost: list[dict[str, str | None]] = [
        {
            **dict.fromkeys(TEXTS, ""),
            **{"suite": s, "benchmark": b, "type": t, "warnings": why, "name": b},
            **{"verdict": "no data", "method": "none", "estimator": None},
            **{"metric": metric, "better": Metric.usual(metric), "environment": where},
        }
        for s, b, t, why in facts.empty
        if _key((s, b, t)) not in known
        for where in _environments_of(verdicts, s, b)
    ]
    rows = _counted(pd.DataFrame([*verdicts.to_dict("records"), *lost], columns=verdicts.columns))
    rank = rows["verdict"].astype(str).map({v: i for i, v in enumerate(VERDICTS)}).fillna(len(VERDICTS))
    change = pd.to_numeric(rows["change_percent"])
    family = pd.factorize(rows["metric"])[0] if "metric" in rows else 0
    order = pd.DataFrame({"family": family, "rank": rank, "change": -change}).sort_values(
        ["family", "rank", "change"], kind="stable", na_position="first"
    )
    return rows.loc[order.index].reset_index(drop=True)


def _environments_of(verdicts: pd.DataFrame, suite: str, benchmark: str) -> list[str]:
    """Where a benchmark's other types of runs were; without any where all is, if that is one environment."""
    if "environment" not in verdicts:
        return [""]
    mine = [
        _key(r) == _key((suite, benchmark))
        for r in verdicts[["suite", "benchmark"]].astype(str).itertuples(index=False)
    ]
    everywhere = list(verdicts["environment"].unique())
    return list(verdicts.loc[mine, "environment"].unique()) or (everywhere if len(everywhere) == 1 else [""])


def by_metric(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each metric, in their order; those of older verdicts are all of time."""
    if "metric" not in rows:
        return {TIME: rows}
    names = rows["metric"].astype(str)
    return {name: rows[names == name] for name in names.unique()} or {TIME: rows}


def first_metric(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the metric that stands first: what a campaign is about."""
    return next(iter(by_metric(rows).values()))


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Benchmarks by verdict in the first metric, each by the type that it is judged by; A against A is no
    result."""
    rows = first_metric(rows)
    verdicts = Counter(primary(rows)["verdict"].astype(str))
    words = ("slower", "faster")
    if "metric" in rows and len(rows):
        words = Metric(str(rows["metric"].iloc[0])).words
    return {v: verdicts.get(v, 0) for v in (*words, "equivalent", "inconclusive", "no data")}


def calibration(rows: pd.DataFrame, confidence: float = 0.95) -> Calibration:
    rows = first_metric(rows)
    p = pd.to_numeric(rows.loc[rows["type"].astype(str).isin(ALIKE), "p_value"])
    return Calibration(false_positives(p, confidence), power(rows, confidence))


@dataclass(frozen=True)
class Answer:
    """What came out, in one sentence."""

    kind: str
    """The verdict that decides it; `untrustworthy` where A was told from A too often."""
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def answer(rows: pd.DataFrame, confidence: float = 0.95) -> Answer:
    """Is B slower, or by another metric worse? Of `complete` verdicts, by the first metric that they have."""
    rows = first_metric(rows)
    judged = [row for row in verdict_rows(primary(rows)) if row.verdict != "not measured"]
    slower, faster = _of(judged, "slower", "worse"), _of(judged, "faster", "better")
    lost, open_ = _of(judged, "no data"), _of(judged, "inconclusive")
    less, more = ("worse", "better") if _of(judged, "worse", "better") else ("slower", "faster")
    same = "as fast as" if less == "slower" else "as"
    if calibration(rows, confidence).state == "failed":
        sentence = "These verdicts cannot be trusted: on this machine A was told apart from A"
        return Answer("untrustworthy", sentence)
    if not judged:
        return Answer("no data", "No comparison of A with B")
    several = len(judged) > 1
    missing = f"; {len(lost)} without data" if lost else ""
    if slower:
        worst = f"worst: {_extreme(slower[0])}{missing}"
        sentence = f"{len(slower)} of {len(judged)} benchmarks got {less}, {worst}"
        return Answer("slower", sentence if several else f"{_extreme(slower[0])}: B is {less} than A")
    if len(lost) == len(judged):
        return Answer("no data", f"No data: no run of {'any' if several else 'the'} benchmark has finished")
    none = f"No benchmark {'was shown to be' if open_ or lost else 'got'} {less}"
    undecided = f"; {len(open_)} undecided" if open_ else ""
    if faster:
        best = _extreme(faster[-1])
        sentence = f"{none}, {len(faster)} of {len(judged)} got {more}, best: {best}{undecided}{missing}"
        one, kind = f"{best}: B is {more} than A", "faster"
    elif open_:
        sentence = f"{none}, {len(open_)} of {len(judged)} are undecided{missing}"
        one, kind = f"{line(open_[0].benchmark)}: not enough data to tell A from B", "inconclusive"
    else:
        sentence = f"{none}, {len(_of(judged, 'equivalent'))} of {len(judged)} are {same} before{missing}"
        one, kind = f"{line(judged[0].benchmark)}: B is {same} A", "equivalent"
    return Answer("no data" if lost else kind, sentence if several else one)


def _of(rows: Iterable[VerdictRow], *verdicts: str) -> list[VerdictRow]:
    return [row for row in rows if row.verdict in verdicts]


def _extreme(row: VerdictRow) -> str:
    return f"{line(row.benchmark)} {percent(row.change_percent)}"


def _benchmarks(n: int) -> str:
    return f"{n} benchmark{'s' * (n != 1)}"


def tally(rows: pd.DataFrame) -> str:
    """`2 slower, 1 faster, 4 equivalent of 7 benchmarks`."""
    number = counts(rows)
    total = sum(number.values())
    if not total:
        return "no comparison of A with B"
    parts = [f"{n} {v}" for v, n in number.items() if n or v in list(number)[:2]]
    text = f"{', '.join(parts)} of {_benchmarks(total)}"
    for name, part in list(by_metric(rows).items())[1:]:
        judged = primary(part)["verdict"].astype(str)
        bad = [f"{(judged == v).sum()} {v}" for v in ("slower", "worse") if (judged == v).any()]
        text += f"; {name}: {', '.join(bad)}" if bad else ""
    return text


def state(rows: pd.DataFrame, facts: Facts, confidence: float) -> list[tuple[str, str]]:
    """(label, text) of what a reader needs beside the verdicts."""
    parts = [f"{facts.measured} of {facts.planned} measured"] if facts.planned or not facts.imported else []
    runs = ", ".join(parts + [f"{facts.imported} imported"] * bool(facts.imported))
    if facts.not_needed:
        runs += f", {facts.not_needed} not needed"
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
    for r in across(judged, confidence).to_dict("records"):
        text = f"{r['suite']} {r['benchmark']} ({TYPE_NAME.get(r['type'], r['type'])}): {r['verdict']}"
        text += f" holds on {r['holds_on']} of {r['environments']}"
        if r["compared"] > 1:
            ends = interval(r["ci_low_percent"], r["ci_high_percent"])
            text += f"; over all, by random effects, {percent(r['change_percent'])} {ends}"
        out.append(text)
    return out


def notes(row: VerdictRow) -> list[str]:
    """What else a verdict's row tells: with which overlaps it holds, what was left out and why."""
    out = []
    if row.holds_for_min_overlap == "none":
        out.append("pairs of overlapping iterations give another verdict, at any minimum overlap")
    elif row.holds_for_min_overlap:
        overlaps = row.holds_for_min_overlap.replace("-", " to ")
        out.append(f"pairs that overlap by {overlaps} of their length give the same verdict")
    if row.difference and row.verdict == "equivalent":
        out.append(f"{row.difference}, by less than the margin")
    if factor := saving(row):
        out.append(factor)
    return out + ([f"left out: {row.left_out}"] if row.left_out else [])


def _key(row: Iterable[str]) -> tuple[str, ...]:
    """Suite and benchmark as in file names, and the type."""
    return tuple(part.replace(".", "_") for part in row)
