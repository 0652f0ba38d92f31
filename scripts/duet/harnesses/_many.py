"""What harnesses share that run many benchmarks in one process, many operations an iteration, or a probe.

An iteration is what the harness timed as one: a value, a round, a sample, a repetition. It is
`operations` calls of what is benchmarked; its `iteration_time_ns` is that of all of them, and where the
column `operations` is there, sides are compared by the time of one (duet.inference.samples). Where a
process ran more than one benchmark, the column `benchmark` names that of each row.

A probe's file is native CSV (see `native`) that may also have `benchmark`, `operations`, and
`measured`: 0 for a pass that the harness reports nothing of, such as its warm-up. Its `iteration`
counts all passes. In synchronised runs that number is kept: passes of the same number began together on
both sides, also where one side needed more passes to warm up or to calibrate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from duet.harnesses import FormatError, printable
from duet.harnesses._files import MAX_NS, RESERVED, header, read_bytes, read_start
from duet.harnesses._frames import integers, read_csv

if TYPE_CHECKING:
    from duet.harnesses._frames import Column

STAMPS = ("iteration", "start_ns", "end_ns")
_REPLACED = str.maketrans({mark: "_" for mark in ',"\r\n'})


@dataclass(frozen=True)
class Measured:
    """The iterations of one benchmark; all arrays have one entry for each."""

    name: str
    time_ns: np.ndarray
    """Of all operations of an iteration: float64 or int64."""
    operations: np.ndarray | None = None
    start_ns: np.ndarray | None = None
    end_ns: np.ndarray | None = None
    iteration: np.ndarray | None = None
    """int64, rising; None: counted from 0."""
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Further columns, int64 or float64; what is not finite is null."""

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True)
class Stamps:
    """A probe's file: a row for each pass."""

    path: Path
    name: np.ndarray | None
    iteration: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    operations: np.ndarray | None
    measured: np.ndarray
    """bool"""
    synchronised: np.ndarray | None
    warnings: tuple[str, ...] = ()
    truncated: bool = False

    def where(self, rows: np.ndarray | slice) -> Stamps:
        """Only these rows: a mask, positions or a slice."""
        names = ("name", "iteration", "start_ns", "end_ns", "operations", "measured", "synchronised")
        columns = {name: getattr(self, name) for name in names}
        kept: dict[str, Any] = {name: v if v is None else v[rows] for name, v in columns.items()}
        return replace(self, **kept)

    def of(self, name: str) -> Stamps:
        """The passes of a benchmark that the harness reports."""
        if self.name is None:
            return self.where(self.measured)
        return self.where(self.measured & (self.name == name.translate(_REPLACED)))

    def __len__(self) -> int:
        return len(self.start_ns)


def find(files: Sequence[Path]) -> tuple[Path | None, list[Path]]:
    """The probe's file, and the others in their order, the log among them."""
    paths = [Path(file) for file in files]
    probe = next((path for path in paths if set(STAMPS) <= set(header(read_start(path)))), None)
    return probe, [path for path in paths if path != probe]


def read_stamps(path: Path) -> Stamps:
    """A probe's file; FormatError with the line that is wrong."""
    data = read_bytes(path)
    names = header(data)
    texts = ["benchmark"] if "benchmark" in names else []
    flags = [flag for flag in ("synchronised", "measured") if flag in names]
    must, extra, warnings, truncated = read_csv(path, data, STAMPS, texts, flags)
    start_ns, end_ns = must["start_ns"], must["end_ns"]
    bad = (start_ns < 0) | (end_ns > MAX_NS) | (end_ns <= start_ns)
    if bad.any():
        row = int(np.argmax(bad))
        raise FormatError(path, f"line {row + 2}", f"{start_ns[row]} to {end_ns[row]} ns: no time of a run")
    name = must.get("benchmark")
    falls = np.diff(must["iteration"]) <= 0
    falls &= True if name is None else name[1:] == name[:-1]
    if falls.any():
        row = int(np.argmax(falls)) + 1
        raise FormatError(path, f"line {row + 2}", f"iteration {must['iteration'][row]}: must rise")
    early = start_ns[1:] < end_ns[:-1]
    if early.any():
        row = int(np.argmax(early)) + 1
        raise FormatError(path, f"line {row + 2}", "starts before the previous iteration has ended")
    whole = {name: _whole(extra[name]) for name in ("operations", *flags) if name in extra}
    return Stamps(
        path,
        name,
        must["iteration"],
        start_ns,
        end_ns,
        whole.get("operations"),
        whole.get("measured", np.ones(len(start_ns), np.int64)) == 1,
        whole.get("synchronised"),
        tuple(warnings),
        truncated,
    )


def beside(probe: Path | None, others: Sequence[Path]) -> tuple[Stamps | None, list[str]]:
    """The probe's file and its warnings; one that cannot be read costs no more than the times."""
    if probe is None:
        return None, []
    try:
        stamps = read_stamps(probe)
    except FormatError as e:
        if not others:
            raise
        return None, [f"{e}: no absolute times"]
    return stamps, list(stamps.warnings)


def _whole(column: Column) -> np.ndarray:
    """int64, 0 where null."""
    values = pd.to_numeric(pd.Series(column), errors="coerce").fillna(0)
    return values.clip(-(2**62), 2**62).to_numpy(np.int64)


def stamped(measured: Measured, stamps: Stamps) -> tuple[Measured, str]:
    """The iterations with the probe's times, and a warning where the two do not fit: then without."""
    if len(stamps) != len(measured):
        fault = f"{len(measured)} iterations of {measured.name}, but {len(stamps)} in the probe's file"
        return measured, f"{stamps.path.name}: {fault}: no absolute times"
    numbers = None if stamps.synchronised is None else stamps.iteration
    extra = dict(measured.extra)
    if stamps.synchronised is not None:
        extra["synchronised"] = stamps.synchronised
    return (
        replace(
            measured,
            start_ns=stamps.start_ns,
            end_ns=stamps.end_ns,
            iteration=numbers,
            extra=extra,
        ),
        "",
    )


def of_stamps(stamps: Stamps, benchmark: str) -> list[Measured]:
    """What a probe's file alone tells: for a run that was stopped before its harness wrote anything."""
    kept = stamps.where(stamps.measured)
    names = [benchmark] if kept.name is None else list(dict.fromkeys(kept.name.tolist()))
    measured = []
    for name in names:
        rows = kept if kept.name is None else kept.where(kept.name == name)
        measured.append(stamped(Measured(name, rows.end_ns - rows.start_ns, rows.operations), rows)[0])
    return measured


def alone(
    stamps: Stamps,
    lost: str,
    benchmarks: Iterable[Measured],
    *,
    warnings: Iterable[str] = (),
    failures: Sequence[str] = (),
) -> pd.DataFrame:
    """The frame of a probe's file whose harness left nothing else; `lost`: what it was to leave."""
    warnings = [*warnings, f"{stamps.path.name}: no {lost}: only the probe's file is used"]
    return frame(stamps.path, benchmarks, warnings=warnings, truncated=True, failures=failures)


def frame(
    path: Path,
    benchmarks: Iterable[Measured],
    *,
    warnings: Iterable[str] = (),
    truncated: bool = False,
    failures: Sequence[str] = (),
) -> pd.DataFrame:
    """Check and build the frame of one side (see duet.harnesses): benchmark by benchmark.

    `failures`: a line for each benchmark that the harness says has failed; they become warnings,
    and the error where nothing else is there.
    """
    measured = [each for each in benchmarks if len(each)]
    warnings = [*warnings, *(f"{path.name}: {failure}" for failure in failures)]
    if not measured:
        raise FormatError(path, "", "; ".join(["no iterations", *failures])[:1000])
    names = [printable(each.name) for each in measured]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise FormatError(path, "", f"benchmark {twice[0]!r:.60} occurs twice")
    lengths = np.array([len(each) for each in measured])
    whose = np.repeat(np.arange(len(measured)), lengths)
    first = np.cumsum(lengths) - lengths
    ordinal = np.arange(len(whose)) - first[whose]
    time_ns = np.concatenate([np.asarray(each.time_ns, np.float64) for each in measured])
    plausible = (time_ns >= 0.5) & (time_ns < float(MAX_NS))
    if not plausible.all():
        row = int(np.argmin(plausible))
        where = f"{names[whose[row]]}, iteration {ordinal[row]}"
        raise FormatError(path, where, f"a duration of {time_ns[row]:g} ns: not plausible")
    counted = any(each.iteration is not None for each in measured)
    number = np.concatenate([_numbers(each) for each in measured]) if counted else ordinal
    columns: dict[str, object] = {"iteration": number}
    if len(measured) > 1:
        columns = {"benchmark": pd.Categorical.from_codes(whose, pd.Index(names)), **columns}
    for name in ("start_ns", "end_ns"):
        columns[f"iteration_{name}"] = _column([getattr(each, name) for each in measured], lengths)
    columns["iteration_time_ns"] = np.concatenate([_rounded(each.time_ns) for each in measured])
    if any(each.operations is not None and (each.operations != 1).any() for each in measured):
        counts = [np.ones(len(e), np.int64) if e.operations is None else e.operations for e in measured]
        operations = np.concatenate(counts).astype(np.int64)
        if (operations < 1).any():
            row = int(np.argmax(operations < 1))
            raise FormatError(path, f"{names[whose[row]]}, iteration {ordinal[row]}", "no operations")
        columns["operations"] = integers(operations)
    for name in dict.fromkeys(name for each in measured for name in each.extra):
        free = name if name not in RESERVED and name not in columns else f"harness_{name}"
        columns[printable(free)] = _column([each.extra.get(name) for each in measured], lengths)
    out = pd.DataFrame(columns, copy=False)
    out.attrs = {
        "warnings": [printable(line) for line in warnings],
        "truncated": truncated,
        "benchmark": names[0] if len(names) == 1 else None,
    }
    return out


def _numbers(each: Measured) -> np.ndarray:
    return np.arange(len(each)) if each.iteration is None else each.iteration


def _rounded(time_ns: np.ndarray) -> np.ndarray:
    whole = time_ns if time_ns.dtype == np.int64 else np.rint(time_ns).astype(np.int64)
    return np.maximum(whole, 1)


def _column(parts: Sequence[np.ndarray | None], lengths: np.ndarray) -> Column:
    """One column of what each benchmark has, null where one has nothing: Float64 where any is float."""
    whole = all(part is None or part.dtype == np.int64 for part in parts)
    kind = np.int64 if whole else np.float64
    values = np.concatenate(
        [np.zeros(n, kind) if part is None else part for part, n in zip(parts, lengths, strict=True)]
    )
    null = np.repeat([part is None for part in parts], lengths)
    if whole:
        return pd.arrays.IntegerArray(values, null)
    null |= ~np.isfinite(values)
    return pd.arrays.FloatingArray(np.where(null, 0, values), null)
