"""Read the result files of a benchmark's runs into one table."""

import argparse
from pathlib import Path

import pandas as pd

from duet.commands import Log
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan
from duet.table import store
from duet.table.build import benchmark_table

CALLED_BY_RULES = True
PHASE = "reading the results of {benchmark}"
EXAMPLE = "./duetbench collect --results results/quickstart --benchmark compress.gzip --out gzip.parquet"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, help="results/<name>")
    parser.add_argument("--benchmark", required=True, help="<suite>.<benchmark> as in file names")
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out runs that are missing or unreadable"
    )
    parser.add_argument("--out", type=Path, required=True, help="the table, Parquet")


def execute(options: argparse.Namespace, log: Log) -> None:
    frame = read_benchmark(options.results, options.benchmark, options.skip_bad)
    store.write(frame, options.out)
    for bad in frame.attrs["left_out"]:
        log(f"left out: {bad['run']}: {bad['reason']}")
    for each in frame.attrs["warnings"]:
        log(f"{each['run']} side {each['side']}: {each['warning']}")


def read_benchmark(results: Path, benchmark: str, skip_bad: bool) -> pd.DataFrame:
    """The table of the benchmark's planned runs; with `skip_bad` of those that are there and readable."""
    layout = Layout(results)
    plan = BenchmarkPlan.read(layout.benchmark_plan(benchmark))
    names = read_lines(layout.benchmark_runs(benchmark))
    if skip_bad:
        names = [name for name in names if layout.run_record(name).exists()]
    runs = map(layout.run, names)
    return benchmark_table(runs, plan.format, skip_bad=skip_bad, labels=plan.environment)
