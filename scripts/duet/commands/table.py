"""Join the benchmarks' tables and imported results into the unified table."""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.table import imports, store

CALLED_BY_RULES = True
PHASE = "joining the tables of the benchmarks"
EXAMPLE = "./duetbench table --import ../old-results --out iterations.parquet --csv iterations.csv"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", type=Path, nargs="*", help="iterations/<suite>.<benchmark>.parquet, …")
    parser.add_argument(
        "--listed", type=Path, metavar="plan/tables.txt",
        help="those whose benchmarks stand in there, one a line: a command has no room for thousands",
    )  # fmt: skip
    parser.add_argument(
        "--import", type=Path, action="append", default=[], dest="imports",
        help="a result directory of duetbench or of its predecessor, or a table of duetprocess",
    )  # fmt: skip
    parser.add_argument(
        "--environment", action="append", default=[], metavar="HOST=LABEL",
        help="the environment of imported results by their host's name, with * for anything",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the unified table, Parquet")
    parser.add_argument("--csv", type=Path, help="the same as CSV")


def execute(options: argparse.Namespace, log: Log) -> None:
    tables = [*options.tables]
    if options.listed:
        layout = Layout(options.listed.parents[1])
        tables += map(layout.benchmark_table, read_lines(options.listed))
    measured = store.merge([store.read_arrow(path) for path in tables]) if tables else None
    parts = [] if measured is None else [measured]
    pairs = (each.rpartition("=") for each in options.environment)
    labels = tuple((host, label) for host, _, label in pairs)
    for directory in options.imports:
        frame = imports.read(directory, labels)
        for bad in frame.attrs["left_out"]:
            log(f"left out: {bad['run']}: {bad['reason']}")
        for doubt in (w for w in frame.attrs["warnings"] if not w["side"]):
            log(f"{directory}: {doubt['run']}: {doubt['warning']}")
        frame, note = imports.renumbered(frame, parts)
        if note:
            log(f"{directory}: {note}")
        parts.append(store.to_arrow(frame))
    if not parts:
        raise store.TableError("no table and no directory to import", "measure a run or import results")
    merged = store.merge(parts)
    store.write(merged, options.out)
    if options.csv:
        store.write(merged, options.csv)
