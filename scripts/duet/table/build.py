"""The unified table: one row per iteration and side, and how it is written and read.

Columns: KEYS, TIMES, what the formats add, then the run's FACTS and its other artifacts. What a
suite does not have is null. Names and facts are categorical (dictionary-encoded in Parquet),
times are int64 or Int64 nanoseconds, never floats. workflow/schemas/iterations.schema.json says
what each column means.

A table's `attrs`: `warnings`, a list of {run, side, warning}; `left_out`, a list of {run, reason}
for runs that could not be read; `imported`, a list of {directory, runs}: how many came from there.
All are kept in the Parquet file's metadata.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from duet import harnesses
from duet.model import DuetError, Run, Type
from duet.records.layout import RUN
from duet.records.run import RunRecord

KEYS = ("suite", "benchmark", "type", "runid", "order", "pair", "iteration")
TIMES = ("iteration_start_ns", "iteration_end_ns", "iteration_time_ns", "epoch_start_ms")
HOST = ("date", "hostname", "uname", "lscpu", "meminfo")
FACTS = ("engine", "image", "image_hash", "status", "timed_out", *HOST)
_NEVER_NULL = {"runid", "iteration", "iteration_time_ns"}
_TYPES = {t: i for i, t in enumerate(Type)}
_META = b"duetbench"
_ATTRS = ("warnings", "left_out", "imported")
_CLOCK_SLACK_NS = 60 * 10**9


class TableError(DuetError):
    """A table that cannot be made or read."""


@dataclass(frozen=True)
class SideFiles:
    """One side of a run with everything the table says about it."""

    run: Run
    """With true names of suite and benchmark."""
    side: str
    files: tuple[Path, ...]
    """Result files in configured order, then the log if there is one."""
    engine: str | None = None
    image: str | None = None
    image_hash: str | None = None
    status: str | None = None
    timed_out: bool | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Raw output of the artifact commands."""
    named_by_files: bool = False
    """The benchmark's name is known as in file names only: the files may tell the true one."""
    span_ns: tuple[int, int] | None = None
    """Start and end of the run, to tell a harness whose clock is not the epoch."""


def benchmark_table(run_dirs: Iterable[Path], format_name: str, *, skip_bad: bool = False) -> pd.DataFrame:
    """The table of finished runs (folders with a run.json) of one benchmark.

    Runs are sorted by type, runid, order. A run that cannot be read ends in TableError with a
    line for each such run, or with `skip_bad` is left out and named in `attrs["left_out"]`.
    """
    runs, left_out = [], []
    for directory in run_dirs:
        try:
            runs.append(_recorded(Path(directory)))
        except DuetError as e:
            left_out.append({"run": Path(directory).name, "reason": str(e)})
    return build(runs, format_name, skip_bad=skip_bad, left_out=left_out)


def _recorded(directory: Path) -> list[SideFiles]:
    """The sides of a run from its run record."""
    record = RunRecord.read(directory / RUN)
    return [
        SideFiles(
            record.run,
            name,
            tuple(directory / file for file in (*(f.name for f in side.files), side.log) if file),
            engine=side.engine,
            image=side.image,
            image_hash=side.image_hash,
            status=record.status,
            timed_out=record.timed_out,
            artifacts=record.artifacts,
            span_ns=(record.start_ns, record.end_ns),
        )
        for name, side in sorted(record.sides.items())
    ]


def build(
    runs: Iterable[Sequence[SideFiles]],
    format_name: str,
    *,
    skip_bad: bool = False,
    left_out: Iterable[Mapping[str, str]] = (),
) -> pd.DataFrame:
    """Parse and join the sides of each run; see `benchmark_table` for bad ones."""
    parse, left_out = harnesses.get(format_name).parse, list(left_out)
    sides: list[SideFiles] = []
    frames: list[pd.DataFrame] = []
    for run in sorted(runs, key=_place):
        try:
            parsed = [parse(s.files, s.run.benchmark, s.artifacts) for s in run]
        except harnesses.FormatError as e:
            left_out.append({"run": run[0].run.name, "reason": str(e)})
            continue
        sides += run
        frames += parsed
    if left_out and not skip_bad:
        raise TableError("\n".join(f"{bad['run']}: {bad['reason']}" for bad in left_out))
    return _join(sides, frames, left_out)


def _place(run: Sequence[SideFiles]) -> tuple:
    r = run[0].run
    return r.suite, r.benchmark, _TYPES[r.type], r.runid, str(r.order), r.side or ""


def _join(sides: list[SideFiles], frames: list[pd.DataFrame], left_out: list) -> pd.DataFrame:
    lengths = np.array([len(f) for f in frames], dtype=np.int64)
    body = pd.concat(frames, ignore_index=True) if frames else _empty()

    def column(values: Iterable[object]) -> pd.Categorical:
        codes, categories = pd.factorize(np.array([_text(v) for v in values], dtype=object))
        return pd.Categorical.from_codes(np.repeat(codes, lengths), pd.Index(categories, dtype="str"))

    columns: dict[str, object] = {
        "suite": column(s.run.suite for s in sides),
        "benchmark": column(map(_benchmark, sides, frames)),
        "type": column(s.run.type for s in sides),
        "runid": np.repeat(np.array([s.run.runid for s in sides], dtype=np.int64), lengths),
        "order": column(s.run.order for s in sides),
        "pair": column(s.side for s in sides),
    }
    for name in ("iteration", *TIMES):
        columns[name] = body.pop(name).array if name in body else _nulls(len(body))
    columns |= {name: body[name].array for name in body}
    for name in ("engine", "image", "image_hash"):
        columns[name] = column(getattr(s, name) for s in sides)
    columns["status"] = column(
        "truncated" if f.attrs.get("truncated") else s.status for s, f in zip(sides, frames, strict=True)
    )
    timed_out = pd.array([s.timed_out for s in sides], dtype="boolean")
    columns["timed_out"] = timed_out.repeat(lengths)
    artifacts = dict.fromkeys((*HOST, *(name for s in sides for name in s.artifacts)))
    for name in artifacts:
        # An artifact may be called like a column of the table; neither may hide the other.
        free = name if name not in columns else f"artifact_{name}"
        columns[free] = column(artifact(name, s.artifacts.get(name)) for s in sides)
    table = pd.DataFrame(columns, copy=False)
    table.attrs = {"warnings": _warnings(sides, frames), "left_out": left_out, "imported": []}
    return table


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
        return raw if raw is None else raw.strip()
    return next((line.partition(":")[2].strip() for line in raw.splitlines() if key in line), None)


def _warnings(sides: list[SideFiles], frames: list[pd.DataFrame]) -> list[dict[str, str]]:
    found = []
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
        found += [{"run": s.run.name, "side": s.side, "warning": text} for text in texts]
    return found


def merge(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of several, columns in canonical order, absent ones null; attrs are joined.

    TableError when a column has types that do not go together.
    """
    try:
        merged = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
    except pa.ArrowException as e:
        raise TableError(f"the tables do not fit together: {' '.join(str(e).split())}"[:300]) from None
    names = merged.column_names
    first = [c for c in (*KEYS, *TIMES) if c in names]
    facts_from = names.index("engine") if "engine" in names else len(names)
    # Facts stand last; a column that a later table adds behind them is the format's if numeric.
    numeric = [c for c in names if c not in first and c not in FACTS and not _is_text(merged, c)]
    facts = [c for c in FACTS if c in names]
    texts = [c for c in names[facts_from:] if c not in {*first, *facts, *numeric}]
    merged = merged.select([*first, *numeric, *facts, *texts])
    joined: dict[str, list] = {key: [] for key in _ATTRS}
    for table in tables:
        for key, values in attrs(table).items():
            joined[key] += values
    return _with_metadata(merged, joined)


def _with_metadata(table: pa.Table, attributes: Mapping[str, list]) -> pa.Table:
    """`attrs`, and pandas' own metadata: without it other readers turn nullable integers into floats."""
    empty = to_pandas(table.slice(0, 0).replace_schema_metadata(None))
    metadata = dict(pa.Table.from_pandas(empty, preserve_index=False).schema.metadata)
    return table.replace_schema_metadata(metadata | {_META: json.dumps(attributes)})


def _is_text(table: pa.Table, column: str) -> bool:
    return pa.types.is_dictionary(table.schema.field(column).type)


def to_arrow(table: pd.DataFrame) -> pa.Table:
    """int64, double, bool and dictionary<int32, string> columns; `attrs` in the metadata."""
    columns = {name: _to_arrow(table[name].array) for name in table}
    attributes = {key: table.attrs.get(key, []) for key in _ATTRS}
    return _with_metadata(pa.table(columns), attributes)


def _to_arrow(values: pd.api.extensions.ExtensionArray) -> pa.Array:
    if isinstance(values, pd.Categorical):
        codes = pa.array(values.codes.astype(np.int32), mask=values.codes < 0)
        names = pa.array(values.categories.astype(object), type=pa.string())
        return pa.DictionaryArray.from_arrays(codes, names)
    return pa.array(values)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The inverse of `to_arrow`."""
    columns = {}
    for name in table.column_names:
        values = table[name]
        if pa.types.is_dictionary(values.type):
            columns[name] = values.combine_chunks().to_pandas()
        elif name in _NEVER_NULL:
            columns[name] = values.to_numpy()
        else:
            dtype = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(
                values.type, pd.Float64Dtype()
            )
            columns[name] = dtype.__from_arrow__(values)
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = attrs(table)
    return frame


def attrs(table: pa.Table) -> dict[str, list]:
    """`warnings`, `left_out` and `imported` of a table."""
    return _attrs(table.schema)


def _attrs(schema: pa.Schema) -> dict[str, list]:
    found = json.loads((schema.metadata or {}).get(_META, b"{}"))
    return {key: found.get(key, []) for key in _ATTRS}


def read_attrs(path: Path) -> dict[str, list]:
    """`attrs` of a Parquet file, without reading its rows; TableError for anything else."""
    try:
        return _attrs(parquet.read_schema(path))
    except (OSError, pa.ArrowException, ValueError) as e:
        raise TableError(f"{path}: {' '.join(str(e).split())}"[:300]) from None


def write(table: pd.DataFrame | pa.Table, path: Path) -> None:
    """Parquet, or CSV when the path ends in `.csv`; the file appears whole or not at all."""
    arrow = table if isinstance(table, pa.Table) else to_arrow(table)
    path = Path(path)
    beside = path.with_name(f".{path.name}.part")
    if path.suffix == ".csv":
        texts = [f.name for f in arrow.schema if pa.types.is_dictionary(f.type)]
        schema = pa.schema(
            [pa.field(f.name, pa.string() if f.name in texts else f.type) for f in arrow.schema]
        )
        csv.write_csv(arrow.cast(schema), beside, csv.WriteOptions(quoting_style="needed"))
    else:
        parquet.write_table(arrow, beside, compression="zstd")
    os.replace(beside, path)


def read_arrow(path: Path) -> pa.Table:
    """A table that `write` wrote as Parquet; TableError for anything else."""
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as e:
        raise TableError(f"{path}: {' '.join(str(e).split())}"[:300]) from None
    if missing := [c for c in (*KEYS, *TIMES) if c not in table.column_names]:
        raise TableError(f"{path}: no column {missing[0]}: not a table of iterations")
    return table


def read(path: Path) -> pd.DataFrame:
    """The table of a Parquet file as `benchmark_table` gives it."""
    return to_pandas(read_arrow(path))
