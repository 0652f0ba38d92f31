"""Tables of benchmarks, and imported results -> the unified table, Parquet and CSV."""

import argparse
import sys
from pathlib import Path

from duet.model import DuetError
from duet.table import imports, store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="*", help="iterations/<suite>.<benchmark>.parquet, …")
    parser.add_argument(
        "--import", type=Path, action="append", default=[], dest="imports",
        help="a result directory, ours or the predecessor's",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the unified table, Parquet")
    parser.add_argument("--csv", type=Path, help="the same as CSV")
    parser.add_argument("--log", type=Path, help="write messages here too")
    args = parser.parse_args()
    try:
        lines, failed = unify(args), False
    except (DuetError, OSError) as error:
        lines, failed = [f"error: {line}" for line in str(error).splitlines()], True
    text = "".join(f"{line}\n" for line in lines)
    sys.stderr.write(text)
    if args.log:
        args.log.write_text(text)
    return int(failed)


def unify(args: argparse.Namespace) -> list[str]:
    """Write the outputs; what the user should know, a line each."""
    lines = []
    measured = store.merge([store.read_arrow(path) for path in args.tables]) if args.tables else None
    parts = [] if measured is None else [measured]
    for directory in args.imports:
        frame = imports.read(directory)
        lines += [f"left out: {bad['run']}: {bad['reason']}" for bad in frame.attrs["left_out"]]
        frame, note = imports.renumbered(frame, parts)
        lines += [f"{directory}: {note}"] if note else []
        parts.append(store.to_arrow(frame))
    if not parts:
        raise store.TableError("no table and no directory to import", "measure a run or import results")
    merged = store.merge(parts)
    store.write(merged, args.out)
    if args.csv:
        store.write(merged, args.csv)
    return lines
