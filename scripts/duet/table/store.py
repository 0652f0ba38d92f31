"""How the unified table is kept: its columns, its notes, and Parquet, CSV and Arrow forms of it.

Columns: KEYS, TIMES, what the harnesses add, then the run's FACTS and its other artifacts. What a
suite does not have is null. Names and facts are categorical (dictionary-encoded in Parquet),
times are int64 or Int64 nanoseconds, never floats. workflow/schemas/iterations.schema.json says
what each column means.

A table's notes (`Notes`) are lists in a frame's `attrs`, and in the Parquet file's metadata.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from duet.model import DuetError
from duet.records.codec import Mismatch, decode
from duet.table import noise

KEYS = ("suite", "benchmark", "type", "runid", "order", "pair", "iteration")
TIMES = ("iteration_start_ns", "iteration_end_ns", "iteration_time_ns", "epoch_start_ms")
HOST = ("date", "hostname", "uname", "lscpu", "meminfo")
USAGE = ("peak_memory_bytes", "cpu_time_ns")
"""What the engine measured of a side in the whole run: the same in each of its rows."""
SPLIT = ("user_time_ns", "system_time_ns")
"""The same, its CPU time in two."""
SPAN = ("process_start_ns", "process_end_ns")
"""When the side's command began and ended: the same in each of its rows."""
FACTS = (
    "environment",
    "engine",
    "image",
    "image_hash",
    "status",
    "timed_out",
    "swapped",
    *HOST,
    *USAGE,
    *SPAN,
    *SPLIT,
    *noise.OF_SIDE,
    *noise.OF_RUN,
)
_NEVER_NULL = {"runid", "iteration", "iteration_time_ns"}
_META = b"duetbench"


class TableError(DuetError):
    """A table that cannot be made or read."""


@dataclass(frozen=True)
class ReadingWarning:
    """What is to be distrusted in a side's iterations."""

    run: str
    side: str
    warning: str


@dataclass(frozen=True)
class LeftOut:
    """A run that could not be read."""

    run: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """How many runs came from a directory."""

    directory: str
    runs: int


@dataclass(frozen=True)
class Absent:
    """A benchmark that a process was to run among others, and that none of its runs has results of."""

    suite: str
    benchmark: str
    type: str
    reason: str


@dataclass(frozen=True)
class Notes:
    """What a table says beside its rows."""

    warnings: tuple[ReadingWarning, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    imported: tuple[Imported, ...] = ()
    absent: tuple[Absent, ...] = ()


_ATTRS = ("warnings", "left_out", "imported", "absent")


def merge(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of several, columns in canonical order, absent ones null; attrs are joined.

    Where some tables have numbers and others an artifact's text under one name, the text is called
    `artifact_<name>`. TableError when other types do not go together, as in a file of somebody else's.
    """
    try:
        numbers = _numeric(tables)
        apart = [_apart(table, numbers) for table in tables]
        merged = pa.concat_tables(apart, promote_options="permissive").unify_dictionaries()
    except pa.ArrowException as e:
        raise TableError(f"the tables do not fit together: {' '.join(str(e).split())}"[:300]) from None
    names = merged.column_names
    first = [c for c in (*KEYS, *TIMES) if c in names]
    facts_from = min((names.index(c) for c in FACTS[:2] if c in names), default=len(names))
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


def _numeric(tables: Sequence[pa.Table]) -> set[str]:
    """Names of the columns that are no text in some table."""
    return {f.name for t in tables for f in t.schema if not pa.types.is_dictionary(f.type)}


def _apart(table: pa.Table, numeric: set[str]) -> pa.Table:
    """The table, its texts called otherwise than numbers are."""
    names: list[str] = []
    for field in table.schema:
        name = field.name
        while pa.types.is_dictionary(field.type) and (name in numeric or name in names):
            name = f"artifact_{name}"
        names.append(name)
    return table.rename_columns(names)


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
            columns[name] = dtype.__from_arrow__(values)  # type: ignore[attr-defined]
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs.update(attrs(table))
    return frame


def attrs(table: pa.Table) -> dict[str, list]:
    """The notes of a table, as a frame has them."""
    return _attrs(table.schema)


def _attrs(schema: pa.Schema) -> dict[str, list]:
    notes = json.loads((schema.metadata or {}).get(_META, b"{}"))
    return {key: notes.get(key, []) for key in _ATTRS}


def read_notes(path: Path) -> Notes:
    """Of a Parquet file, without reading its rows; TableError for anything else."""
    try:
        return decode(Notes, _attrs(parquet.read_schema(path)))
    except (OSError, pa.ArrowException, ValueError, Mismatch) as e:
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
    """The table of a Parquet file, as a frame."""
    return to_pandas(read_arrow(path))
