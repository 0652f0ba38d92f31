"""The unified table of finished runs: one row per iteration and side, in the columns of `store`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from duet import harnesses
from duet.model import SIDES, DuetError, Run, Type, printable, within
from duet.records.layout import RUN
from duet.records.noise import Stretch, read_noise
from duet.records.run import NoiseRecord, RunRecord
from duet.table import noise
from duet.table.store import HOST, SPAN, SPLIT, TIMES, USAGE, Absent, LeftOut, ReadingWarning, TableError

_PLACES = {type_: place for place, type_ in enumerate(Type)}
_CLOCK_SLACK_NS = 60 * 10**9


@dataclass(frozen=True)
class SideFiles:
    """One side of a run with everything the table says about it."""

    run: Run
    """With true names of suite and benchmark."""
    side: str
    files: tuple[Path, ...]
    """Result files in configured order, then the log if there is one."""
    environment: str | None = None
    engine: str | None = None
    image: str | None = None
    image_hash: str | None = None
    status: str | None = None
    timed_out: bool | None = None
    swapped: bool | None = None
    """Whether A had the higher of two sets of cores for the whole run."""
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Raw output of the artifact commands."""
    peak_memory_bytes: int | None = None
    """Of the whole side, as its engine measured it."""
    cpu_time_ns: int | None = None
    process_start_ns: int | None = None
    process_end_ns: int | None = None
    """From its way through the gate to the end of its command."""
    user_time_ns: int | None = None
    system_time_ns: int | None = None
    noise: NoiseRecord = field(default_factory=NoiseRecord)
    """What disturbed the run."""
    noise_file: Path | None = None
    named_by_files: bool = False
    """The benchmark's name is known as in file names only: the files may tell the true one."""
    span_ns: tuple[int, int] | None = None
    """Start and end of the run, to tell a harness whose clock is not the epoch."""


Labels = Sequence[tuple[str, str]]
"""Patterns of hosts' names and the environment that each stands for; the first that fits counts."""


def environment(host: str | None, labels: Labels) -> str | None:
    """The label of a host, or its own name where it has none."""
    fits = (label for pattern, label in labels if fnmatchcase(host or "", pattern))
    return next(fits, host or None)


def benchmark_table(
    run_dirs: Iterable[Path],
    format_name: str,
    *,
    skip_bad: bool = False,
    members: Sequence[str] = (),
    labels: Labels = (),
) -> pd.DataFrame:
    """The table of finished runs (folders with a run.json) of one benchmark.

    `members`: what its process is known to run; others that its results name are there, too.

    Runs are sorted by type, runid, order. A run that cannot be read ends in TableError with a
    line for each such run, or with `skip_bad` is left out and named in the table's notes.
    """
    runs, left_out = [], []
    for directory in run_dirs:
        try:
            runs.append(_recorded(directory, labels))
        except DuetError as e:
            left_out.append(LeftOut(directory.name, str(e)))
    return join_sides(runs, format_name, skip_bad=skip_bad, left_out=left_out, members=members)


def _recorded(directory: Path, labels: Labels) -> list[SideFiles]:
    """The sides of a run from its run record."""
    record = RunRecord.read(directory / RUN)
    return [
        SideFiles(
            record.run,
            name,
            tuple(directory / file for file in (*(f.name for f in side.files), side.log) if file),
            environment=environment(record.host.hostname or record.artifacts.get("hostname"), labels),
            engine=side.engine,
            image=side.image,
            image_hash=side.image_hash,
            status=record.status,
            timed_out=record.timed_out,
            swapped=_swapped(record),
            artifacts=record.artifacts,
            peak_memory_bytes=side.peak_memory_bytes,
            cpu_time_ns=side.cpu_time_ns,
            process_start_ns=side.go_ns,
            process_end_ns=side.end_ns,
            user_time_ns=side.user_time_ns,
            system_time_ns=side.system_time_ns,
            noise=record.noise,
            noise_file=directory / record.noise.file.name if record.noise.file else None,
            span_ns=(record.start_ns, record.end_ns),
        )
        for name, side in sorted(record.sides.items())
    ]


def _swapped(record: RunRecord) -> bool | None:
    """None where the sides did not keep a set of cores each, or one side ran alone."""
    sets = [record.sides[side].cpus.asked for side in SIDES if side in record.sides]
    if record.exchange.moves or len(sets) < 2 or None in sets or sets[0] == sets[1]:
        return None
    lowest = [int(re.split("[-,]", cores)[0]) for cores in sets if cores]
    return lowest[0] > lowest[1]


def join_sides(
    runs: Iterable[Sequence[SideFiles]],
    format_name: str,
    *,
    skip_bad: bool = False,
    left_out: Iterable[LeftOut] = (),
    by_side: bool = False,
    members: Sequence[str] = (),
) -> pd.DataFrame:
    """Parse and join the sides of each run; see `benchmark_table` for bad ones. With `by_side` a side stays
    whose other one cannot be read."""
    parse, unreadable = harnesses.get(format_name).parse, list(left_out)
    sides: list[SideFiles] = []
    frames: list[pd.DataFrame] = []
    for run in sorted(runs, key=_place):
        parsed: list[pd.DataFrame] = []
        readable: list[SideFiles] = []
        for side in run:
            try:
                parsed.append(_with_noise(side, parse(side.files, side.run.benchmark, side.artifacts)))
                readable.append(side)
            except harnesses.FormatError as e:
                name = side.run.name if side.run.side or not by_side else f"{side.run.name}.{side.side}"
                unreadable.append(LeftOut(name, str(e)))
                if not by_side:
                    break
        if by_side or len(readable) == len(run):
            sides += readable
            frames += parsed
    if unreadable and not skip_bad:
        raise TableError("\n".join(f"{bad.run}: {bad.reason}" for bad in unreadable))
    return _join(sides, frames, unreadable, members)


def _with_noise(side: SideFiles, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with what each iteration was disturbed by, where that was sampled."""
    if side.noise_file is None:
        return frame
    try:
        stretches: list[Stretch] = read_noise(side.noise_file)
    except (OSError, ValueError) as e:
        warnings = frame.attrs.get("warnings", ())
        frame.attrs["warnings"] = [*warnings, f"the file of noise cannot be read: {e}"]
        return frame
    columns = noise.of_iterations(stretches, side.side, frame)
    return frame.assign(**{name: columns[name] for name in noise.OF_ITERATION if name not in frame})


def _place(run: Sequence[SideFiles]) -> tuple:
    r = run[0].run
    return r.suite, r.benchmark, _PLACES[r.type], r.runid, str(r.order), r.side or ""


def _join(
    sides: list[SideFiles], frames: list[pd.DataFrame], left_out: list[LeftOut], members: Sequence[str] = ()
) -> pd.DataFrame:
    lengths = np.array([len(f) for f in frames], dtype=np.int64)
    shared = bool(members) or any("benchmark" in frame for frame in frames)
    inner = [_members(side, frame) for side, frame in zip(sides, frames, strict=True)] if shared else []
    frames = [frame.drop(columns="benchmark", errors="ignore") if shared else frame for frame in frames]
    body = pd.concat(frames, ignore_index=True) if frames else _empty()

    def column(values: Iterable[object]) -> pd.Categorical:
        codes, categories = pd.factorize(np.array([_text(v) for v in values], dtype=object))
        return pd.Categorical.from_codes(np.repeat(codes, lengths), pd.Index(categories, dtype="str"))

    columns: dict[str, object] = {
        "suite": column(s.run.suite for s in sides),
        "benchmark": _joined(inner) if shared else column(map(_benchmark, sides, frames)),
        "type": column(s.run.type for s in sides),
        "runid": np.repeat(np.array([s.run.runid for s in sides], dtype=np.int64), lengths),
        "order": column(s.run.order for s in sides),
        "pair": column(s.side for s in sides),
    }
    for name in ("iteration", *TIMES):
        columns[name] = body.pop(name).array if name in body else _nulls(len(body))
    columns |= {str(name): body[name].array for name in body}
    for name in ("environment", "engine", "image", "image_hash"):
        columns[name] = column(getattr(s, name) for s in sides)
    columns["status"] = column(
        "truncated" if f.attrs.get("truncated") else s.status for s, f in zip(sides, frames, strict=True)
    )
    for name in ("timed_out", "swapped"):
        flags = pd.array([getattr(s, name) for s in sides], dtype="boolean")
        columns[name] = flags.repeat(lengths)
    for name in HOST:
        columns[_free(name, columns)] = column(artifact(name, s.artifacts.get(name)) for s in sides)
    facts = [vars(s) | noise.totals(s.noise, s.side) for s in sides]
    for name in (*USAGE, *SPAN, *SPLIT, *noise.OF_SIDE, *noise.OF_RUN):
        columns[name] = pd.array([each[name] for each in facts], dtype="Int64").repeat(lengths)
    for name in dict.fromkeys(name for s in sides for name in s.artifacts if name not in HOST):
        columns[_free(name, columns)] = column(artifact(name, s.artifacts.get(name)) for s in sides)
    table = pd.DataFrame(columns, copy=False)
    warnings = _warnings(sides, frames)
    absent: list[Absent] = []
    if shared:
        missed, absent = _missed(sides, inner, members)
        warnings += missed
    table.attrs = {
        "warnings": [*map(asdict, warnings)],
        "left_out": [*map(asdict, left_out)],
        "imported": [],
        "absent": [*map(asdict, absent)],
    }
    return table


def _members(side: SideFiles, frame: pd.DataFrame) -> "pd.Categorical[str]":
    """The name of each row's benchmark where one process ran several: `<process>/<name>`.

    A harness that finds only one left of them may name it in `attrs` instead of a column.
    """
    program = _benchmark(side, frame)
    if "benchmark" not in frame:
        name = within(program, str(frame.attrs.get("benchmark") or program))
        return pd.Categorical([name]).repeat(len(frame))
    codes, names = pd.factorize(frame["benchmark"].astype(str))
    return pd.Categorical.from_codes(codes, pd.Index([within(program, n) for n in names], dtype="str"))


def _joined(parts: "list[pd.Categorical[str]]") -> pd.Categorical:
    return pd.Categorical(union_categoricals(parts) if parts else [])


def _missed(
    sides: list[SideFiles], inner: "list[pd.Categorical[str]]", members: Sequence[str]
) -> tuple[list[ReadingWarning], list[Absent]]:
    """Benchmarks that are in some results of a process and not in others, or in none of them at all.

    Each loses its own run only: the other benchmarks of that process keep theirs.
    """
    program = sides[0].run.benchmark if sides else ""
    known = dict.fromkeys(within(program, name) for name in members)
    known |= dict.fromkeys(name for names in inner for name in names.categories)
    there = [set(names.categories) for names in inner]
    warnings = [
        ReadingWarning(s.run.name, s.side, f"no results of {name}, which its process was to run")
        for s, names in zip(sides, there, strict=True)
        for name in known
        if name not in names
    ]
    absent = []
    for type_ in dict.fromkeys(str(s.run.type) for s in sides):
        of_type = [names for s, names in zip(sides, there, strict=True) if s.run.type == type_]
        absent += [
            Absent(
                sides[0].run.suite, name, type_, f"in none of the results of {program}, which was to run it"
            )
            for name in known
            if not any(name in names for names in of_type)
        ]
    return warnings, absent


def _free(name: str, columns: Mapping[str, object]) -> str:
    """An artifact may be called like a column of the table; neither may hide the other."""
    while name in columns:
        name = f"artifact_{name}"
    return name


def _benchmark(side: SideFiles, frame: pd.DataFrame) -> str:
    return (side.named_by_files and frame.attrs.get("benchmark")) or side.run.benchmark


def _empty() -> pd.DataFrame:
    return pd.DataFrame({"iteration": np.array([], np.int64), "iteration_time_ns": np.array([], np.int64)})


def _nulls(n: int) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(np.zeros(n, np.int64), np.ones(n, bool))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def artifact(name: str, raw: str | None) -> str | None:
    """The table's value of an artifact: lscpu's model name, meminfo's MemTotal, else all of it."""
    key = {"lscpu": "Model name:", "meminfo": "MemTotal:"}.get(name)
    if raw is None or key is None:
        return raw if raw is None else printable(raw.strip(), but="\n\t")
    values = (line.partition(":")[2].strip() for line in raw.splitlines() if key in line)
    return next(map(printable, values), None)


def _warnings(sides: list[SideFiles], frames: list[pd.DataFrame]) -> list[ReadingWarning]:
    warnings = []
    for s, frame in zip(sides, frames, strict=True):
        texts = list(frame.attrs.get("warnings", ()))
        if s.span_ns and s.run.type == Type.SYNCDUET and "synchronised" not in frame:
            texts.append("no column synchronised: whether its iterations began together is not known")
        start = frame["iteration_start_ns"]
        if s.span_ns and len(frame) and start.iloc[0] is not pd.NA:
            first_ns, last_ns = int(start.iloc[0]), int(frame["iteration_end_ns"].iloc[-1])
            low_ns, high_ns = s.span_ns[0] - _CLOCK_SLACK_NS, s.span_ns[1] + _CLOCK_SLACK_NS
            if first_ns < low_ns or last_ns > high_ns:
                texts.append("iterations lie outside the run's time: the harness's clock is not the host's")
        warnings += [ReadingWarning(s.run.name, s.side, text) for text in texts]
    return warnings
