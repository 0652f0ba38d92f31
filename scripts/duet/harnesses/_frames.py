"""What all harnesses share to make a frame: CSV, and the checks that every iteration must pass.

Imported inside the functions that read: it loads pandas, numpy and pyarrow.
"""

import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from duet.harnesses import FormatError
from duet.harnesses._files import MAX_ITERATION, MAX_NS, header, is_column
from duet.model import printable

Column = np.ndarray | pd.api.extensions.ExtensionArray


def read_csv(
    path: Path, data: bytes, integers: Sequence[str], texts: Sequence[str] = (), flags: Sequence[str] = ()
) -> tuple[dict[str, np.ndarray], dict[str, pd.api.extensions.ExtensionArray], list[str], bool]:
    """The columns `integers` (int64) and `texts` (object), all other numeric ones, warnings, and whether
    the file is cut off.

    A last line without its line end is left out with a warning: a number cut short cannot be told
    from a whole one. Of the other columns those without any number are left out; in the rest, what is
    no finite number is null, with a warning. `flags` are other columns that have nothing but 1 and 0:
    whatever else is there is 0, with a warning. Row i stands in line i + 2, unless there are empty lines.
    """
    names, needed = header(data), [*integers, *texts]
    if missing := [c for c in needed if c not in names]:
        raise FormatError(path, "line 1", f"no column {missing[0]!r} in the header")
    if twice := [c for c in names if names.count(c) > 1]:
        raise FormatError(path, "line 1", f"column {twice[0]!r} occurs twice")
    warnings = []
    end = data.rfind(b"\n") + 1
    if end < len(data):
        last = data.count(b"\n") + 1
        warnings.append(f"{path.name}: line {last}: cut off, left out")
    body = data[data.find(b"\n") + 1 : end] if end else b""
    if not body.strip():
        raise FormatError(path, "", "no iterations")
    hexadecimal = b"0x" in body or b"0X" in body  # Arrow takes 0x10 for 16, which no harness writes
    if hexadecimal and (fault := _blame(path, body, names, integers)):
        raise fault
    try:
        table = _arrow(body, names, {c: pa.int64() for c in integers} | {c: pa.string() for c in texts})
    except pa.ArrowException as e:
        raise _blame(path, body, names, integers) or FormatError(path, "", _one_line(e)) from None
    except UnicodeDecodeError:
        raise FormatError(path, "", "not UTF-8") from None
    if any(table[c].null_count for c in needed):
        raise _blame(path, body, names, needed) or FormatError(path, "", "a value is missing")
    must = {c: table[c].to_numpy() for c in needed}
    extra = {}
    for name in names:
        if name in must or not is_column(name):
            continue
        values = None if hexadecimal else _numeric(table[name], name in flags)
        if values is None:
            cells = _arrow(body, names, {name: pa.binary()}, [name])[name].to_pylist()
            values, warning = _checked(name, cells, name in flags)
            warnings += [f"{path.name}: {warning}"] if warning else []
        if values is not None:
            extra[name] = values
    return must, extra, warnings, end < len(data)


def _arrow(
    body: bytes, names: list[str], types: dict[str, pa.DataType], only: Sequence[str] = ()
) -> pa.Table:
    """A CSV without its header: all columns or `only` some, of these types or those that Arrow sees."""
    return csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=names),
        csv.ParseOptions(quote_char=False),
        csv.ConvertOptions(
            column_types=types, null_values=["", "NA"], strings_can_be_null=True, include_columns=list(only)
        ),
    )


def _numeric(column: pa.ChunkedArray, flag: bool) -> pd.api.extensions.ExtensionArray | None:
    """The column as Arrow understood it; None where its cells must be looked at one by one."""
    values = column.combine_chunks()
    if pa.types.is_integer(values.type):
        if flag and (values.null_count or not np.isin(values.to_numpy(), (0, 1)).all()):
            return None
        # pandas documents this method of its types; its stubs lack it
        return pd.Int64Dtype().__from_arrow__(values)  # type: ignore[attr-defined]
    if pa.types.is_floating(values.type) and not flag:
        floats = values.drop_null().to_numpy()
        # A whole number beyond int64 is a float to Arrow, rounded; so large ones are looked at.
        if (np.abs(floats) < 2**63).all():
            return pd.array(values.to_numpy(zero_copy_only=False), dtype="Float64")
    return None


_NUMBER = re.compile(
    rb"\s*(?:(?P<whole>[-+]?[0-9]+)|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*"
)


def _number(cell: bytes) -> int | float | None:
    """The finite number that a cell is, a whole one exactly; None for anything else."""
    if (match := _NUMBER.fullmatch(cell)) is None:
        return None
    if match["whole"]:
        number = int(cell) if len(cell) < 100 else 2**63
        return number if -(2**63) <= number < 2**63 else None
    return float(cell) if math.isfinite(float(cell)) else None


def _checked(
    name: str, cells: list[bytes | None], flag: bool
) -> tuple[pd.api.extensions.ExtensionArray | None, str]:
    """The numbers of a column, None where it has none, and a warning about its other cells or nothing."""
    numbers = [None if cell is None else _number(cell) for cell in cells]
    if flag:
        bad = [i for i, number in enumerate(numbers) if number not in (0, 1)]
        numbers = [number if number in (0, 1) else 0 for number in numbers]
        what = "neither 1 nor 0: counts as 0"
    else:
        pairs = enumerate(zip(cells, numbers, strict=True))
        bad = [i for i, (cell, number) in pairs if cell is not None and number is None]
        what = "not a 64-bit number: left out"
    if all(number is None for number in numbers):
        return None, ""
    warning = ""
    if bad:
        cell = _short((cells[bad[0]] or b"").decode(errors="replace"))
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        warning = f"line {bad[0] + 2}: {name} is {cell}, {what}{more}"
    null = np.array([number is None for number in numbers])
    if flag or all(isinstance(number, int | None) for number in numbers):
        whole = np.array([int(number or 0) for number in numbers], np.int64)
        return pd.arrays.IntegerArray(whole, null), warning
    floats = np.array([float(number or 0) for number in numbers])
    return pd.arrays.FloatingArray(floats, null), warning


def _blame(path: Path, body: bytes, names: list[str], must: Sequence[str]) -> FormatError | None:
    """The first line that made reading fail, found slowly because it is needed rarely."""
    wanted = [(names.index(c), c) for c in must]
    for number, raw in enumerate(io.BytesIO(body), 2):
        line = raw.decode(errors="replace").strip("\r\n")
        if not line:
            continue
        fields = line.split(",")
        if len(fields) != len(names):
            return FormatError(path, f"line {number}", f"{len(fields)} columns, the header has {len(names)}")
        for i, name in wanted:
            if not re.fullmatch(r"\s*-?[0-9]{1,19}\s*", fields[i]):
                return FormatError(path, f"line {number}", f"{name} is {_short(fields[i])}, not an integer")
    return None


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "…")


def _one_line(e: BaseException) -> str:
    return " ".join(str(e).split())[:200]


def iterations(
    path: Path,
    time_ns: np.ndarray,
    start_ns: np.ndarray | None = None,
    *,
    iteration: np.ndarray | None = None,
    epoch_start_ms: int | np.ndarray | None = None,
    extra: Mapping[str, Column] | None = None,
    slack_ns: int = 0,
    where: Callable[[int], str] = "iteration {}".format,
    warnings: Iterable[str] = (),
    truncated: bool = False,
    benchmark: str | None = None,
) -> pd.DataFrame:
    """Check and build the frame of one side; arrays are int64, all of one length.

    `slack_ns`: by how much consecutive iterations may overlap because the format's absolute times
    are coarser than its durations. `where(i)` names the position of row i in errors.
    """
    n, warnings = len(time_ns), list(warnings)
    if n == 0:
        raise FormatError(path, "", "no iterations")
    _check(path, where, time_ns <= 0, "a duration of {} ns: must be positive", time_ns)
    _check(path, where, time_ns > MAX_NS, "a duration of {} ns: implausibly long", time_ns)
    if start_ns is not None:
        _check(
            path,
            where,
            (start_ns < 0) | (start_ns > MAX_NS),
            "starts at {} ns: not a plausible time of a run",
            start_ns,
        )
    number = np.arange(n) if iteration is None else iteration
    order = None
    if iteration is not None:
        _check(path, where, iteration < 0, "iteration {}: must be counted from 0", iteration)
        _check(path, where, iteration > MAX_ITERATION, "iteration {}: implausibly many", iteration)
        if n > 1 and not (np.diff(iteration) > 0).all():
            order = np.argsort(iteration, kind="stable")
            number, time_ns = iteration[order], time_ns[order]
            start_ns = None if start_ns is None else start_ns[order]
            _check(
                path, lambda i: where(order[i + 1]), np.diff(number) == 0, "iteration {} twice", number[1:]
            )
        if (missing := int(number[-1]) + 1 - n) > 0:
            warnings.append(f"{path.name}: {missing} iterations of 0 to {number[-1]} are missing")
    columns: dict[str, object] = {"iteration": number}
    if start_ns is None:
        nothing = pd.array(np.zeros(n, np.int64), dtype="Int64")
        nothing[:] = pd.NA
        columns |= {"iteration_start_ns": nothing, "iteration_end_ns": nothing.copy()}
    else:
        end_ns = start_ns + time_ns
        early = start_ns[1:] + slack_ns < end_ns[:-1]
        at = (lambda i: where(i + 1)) if order is None else (lambda i: where(order[i + 1]))
        _check(path, at, early, "starts at {} ns, before the previous iteration has ended", start_ns[1:])
        columns |= {"iteration_start_ns": integers(start_ns), "iteration_end_ns": integers(end_ns)}
    columns["iteration_time_ns"] = time_ns
    if epoch_start_ms is not None:
        columns["epoch_start_ms"] = integers(np.broadcast_to(np.asarray(epoch_start_ms, np.int64), n).copy())
    for name, values in (extra or {}).items():
        values = integers(values) if isinstance(values, np.ndarray) else values
        columns[name] = values if order is None else values[order]
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = {
        "warnings": [printable(w) for w in warnings],
        "truncated": truncated,
        "benchmark": benchmark,
    }
    return frame


def joined(
    names: np.ndarray,
    frame: Callable[[np.ndarray], pd.DataFrame],
    *,
    named: bool = True,
    warnings: Iterable[str] = (),
    truncated: bool = False,
) -> pd.DataFrame:
    """One frame of the `frame` of each name's rows, in the order in which the names come up.

    `named`: with the column `benchmark`, since one process ran several.
    """
    codes, uniques = pd.factorize(names)
    parts = [frame(np.flatnonzero(codes == code)) for code in range(len(uniques))]
    all_warnings = [*map(printable, warnings), *(w for part in parts for w in part.attrs["warnings"])]
    if named:
        parts = [part.assign(benchmark=str(name)) for part, name in zip(parts, uniques, strict=True)]
    whole = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    whole.attrs = {"warnings": list(dict.fromkeys(all_warnings)), "truncated": truncated, "benchmark": None}
    return whole


def integers(values: np.ndarray) -> pd.arrays.IntegerArray:
    """int64 values as a nullable column, none null."""
    return pd.arrays.IntegerArray(np.ascontiguousarray(values, np.int64), np.zeros(len(values), bool))


def _check(path: Path, where: Callable[[int], str], bad: np.ndarray, reason: str, values: np.ndarray) -> None:
    if bad.any():
        i = int(np.argmax(bad))
        raise FormatError(path, where(i), reason.format(values[i]))
