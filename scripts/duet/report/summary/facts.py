"""What one must know beside the verdicts to trust them: which runs there are, and which not."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from duet.model import parse_run
from duet.records.closing import closing_of
from duet.records.layout import FAILURE, RUN
from duet.records.run import FailureRecord, RunRecord
from duet.report.summary.wording import line
from duet.table.store import Notes


@dataclass(frozen=True)
class Failure:
    """A run that was started and has no result, or none that can be read."""

    name: str
    reason: str
    log: str


@dataclass(frozen=True)
class Facts:
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
    warnings: tuple[tuple[str, int], ...]
    """What measuring and reading warned of, and in how many runs, the most frequent first. Of texts
    that differ in their numbers only the one with the greatest is kept, and how many there were."""
    imported: int = 0
    """Runs that were read from elsewhere, not measured."""
    not_needed: int = 0
    """Planned runs that were closed: their benchmark was known well enough, or the time was up."""


def read_facts(campaign: str, runs: Path, planned: Iterable[str], notes: Notes | None = None) -> Facts:
    """Read run.json and failure.json of every planned run; others that are there belong to other plans.

    `notes`: the table's: runs it leaves out, runs it imported, warnings of reading. A record that
    cannot be read counts as not there: who makes the table says so.
    """
    names, notes = list(dict.fromkeys(planned)), notes or Notes()
    measured: set[str] = set()
    closed: set[str] = set()
    failures: list[Failure] = []
    warnings: set[tuple[str, str]] = set()
    timed_out = time_ns = 0
    for name in names:
        if (record := RunRecord.read_sound(runs / name / RUN)) is not None:
            measured.add(name)
            timed_out += record.timed_out
            time_ns += max(0, record.end_ns - record.start_ns)
            warnings.update((name, warning) for warning in record.warnings)
        elif closing_of(runs / name) is not None:
            closed.add(name)
        elif (failure := FailureRecord.read_sound(runs / name / FAILURE)) is not None:
            failures.append(Failure(name, failure.reason, failure.log or ""))
    for bad in notes.left_out:
        measured.discard(bad.run)
        failures.append(Failure(bad.run, f"cannot be read: {bad.reason}", ""))
    warnings.update((each.run, each.warning) for each in notes.warnings)
    lost = {f.name for f in failures} | closed
    return Facts(
        campaign,
        planned=len(names),
        measured=len(measured),
        timed_out=timed_out,
        machine_time_s=time_ns / 1e9,
        failures=tuple(failures),
        missing=tuple(n for n in names if n not in measured and n not in lost),
        empty=_empty(names, measured, failures)
        + tuple((each.suite, each.benchmark, each.type, each.reason) for each in notes.absent),
        warnings=by_kind(warnings),
        imported=sum(each.runs for each in notes.imported),
        not_needed=len(closed),
    )


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def by_kind(warnings: Iterable[tuple[str, str]]) -> tuple[tuple[str, int], ...]:
    """(run, warning) -> (warning, number of runs), one of a kind: texts that differ in numbers only."""
    kinds: dict[str, tuple[set[str], set[str]]] = {}
    for run, text in sorted(warnings):
        runs, texts = kinds.setdefault(_NUMBER.sub("#", text), (set(), set()))
        runs.add(run)
        texts.add(text)
    lines = []
    for runs, texts in kinds.values():
        worst = max(texts, key=lambda text: [float(n) for n in _NUMBER.findall(text)])
        lines.append((f"{worst} (the greatest of {len(texts)})" if len(texts) > 1 else worst, len(runs)))
    return tuple(sorted(lines, key=lambda each: -each[1]))


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
            causes = Counter(line(reasons[n]) for n in members if n in reasons)
            why = "; ".join(f"{n} × {reason}" for reason, n in causes.most_common(3))
            out.append((*key, f"no run finished: {why or 'none was measured'}"))
    return tuple(out)
