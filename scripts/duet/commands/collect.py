"""Read the result files of a benchmark's runs into one table."""

import argparse
from pathlib import Path

import pandas as pd

from duet.commands import Log
from duet.records import files as record
from duet.table import build as table

CALLED_BY_RULES = True
EXAMPLE = "./duetbench collect --results results/quickstart --benchmark compress.gzip --out gzip.parquet"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, help="results/<name>")
    parser.add_argument("--benchmark", required=True, help="<suite>.<benchmark> as in file names")
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out runs that are not there or cannot be read"
    )
    parser.add_argument("--out", type=Path, required=True, help="the table, Parquet")


def execute(options: argparse.Namespace, log: Log) -> None:
    frame = collect(options.results, options.benchmark, options.skip_bad)
    table.write(frame, options.out)
    for bad in frame.attrs["left_out"]:
        log(f"left out: {bad['run']}: {bad['reason']}")
    for each in frame.attrs["warnings"]:
        log(f"{each['run']} side {each['side']}: {each['warning']}")


def collect(results: Path, benchmark: str, skip_bad: bool) -> pd.DataFrame:
    """The table of the benchmark's planned runs; with `skip_bad` of those that are there and readable."""
    plan = record.read(results / "plan" / f"{benchmark}.json", ("format",))
    names = (results / "plan" / f"{benchmark}.runs.txt").read_text().split()
    directories = [results / "runs" / name for name in names]
    if skip_bad:
        directories = [d for d in directories if (d / record.RUN).exists()]
    return table.benchmark_table(directories, plan["format"], skip_bad=skip_bad)
