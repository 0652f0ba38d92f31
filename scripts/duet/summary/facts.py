"""What one must know beside the verdicts to trust them: which runs there are, and which not."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from duet.model import parse_run
from duet.summary.wording import line


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
    """What measuring and reading warned of, and in how many runs; the most frequent first."""
    imported: int = 0
    """Runs that were read from elsewhere, not measured."""


def facts(
    campaign: str, runs_dir: Path, planned: Iterable[str], told: Mapping[str, list] | None = None
) -> Facts:
    """Read run.json and failure.json of every planned run, and of any other run that is there.

    `told`: the table's own `attrs`: runs it leaves out, runs it imported, warnings of reading.
    """
    names, told = list(dict.fromkeys(planned)), told or {}
    there = sorted(p.name for p in runs_dir.iterdir() if p.is_dir()) if runs_dir.is_dir() else []
    measured: set[str] = set()
    failures: list[Failure] = []
    warnings: Counter[str] = Counter()
    timed_out = time_ns = 0
    for name in dict.fromkeys([*names, *there]):
        if (record := read_json(runs_dir / name / "run.json")) is not None:
            measured.add(name)
            timed_out += bool(record.get("timed_out"))
            time_ns += max(0, int(record.get("end_ns") or 0) - int(record.get("start_ns") or 0))
            warnings.update({str(w) for w in record.get("warnings") or ()})
        elif (failed := read_json(runs_dir / name / "failure.json")) is not None:
            failures.append(Failure(name, str(failed.get("reason", "")), str(failed.get("log", ""))))
    started = len(measured) + len(failures)
    for bad in told.get("left_out", ()):
        measured.discard(bad["run"])
        failures.append(Failure(bad["run"], f"cannot be read: {bad['reason']}", ""))
    read = {(w["run"], w["warning"]) for w in told.get("warnings", ())}
    warnings.update(warning for _, warning in read)
    lost = {f.name for f in failures}
    return Facts(
        campaign,
        planned=len(names) or started,
        measured=len(measured.intersection(names) if names else measured),
        timed_out=timed_out,
        machine_time_s=time_ns / 1e9,
        failures=tuple(failures),
        missing=tuple(n for n in names if n not in measured and n not in lost),
        empty=_empty(names, measured, failures),
        warnings=tuple(warnings.most_common()),
        imported=sum(each["runs"] for each in told.get("imported", ())),
    )


def read_json(path: Path) -> Mapping | None:
    """A JSON object, or None where there is none that can be read: the report must not end at it."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


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
            found = Counter(line(reasons[n]) for n in members if n in reasons)
            why = "; ".join(f"{n} × {reason}" for reason, n in found.most_common(3))
            out.append((*key, f"no run finished: {why or 'none was measured'}"))
    return tuple(out)
