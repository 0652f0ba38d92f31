"""The runs of one benchmark -> iterations/<suite>.<benchmark>.parquet."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from duet.model import DuetError
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan
from duet.table import store
from duet.table.build import benchmark_table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results/<name>")
    parser.add_argument("--benchmark", required=True, help="<suite>.<benchmark> as in file names")
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out runs that are not there or cannot be read"
    )
    parser.add_argument("--out", type=Path, required=True, help="the table, Parquet")
    parser.add_argument("--log", type=Path, help="write messages here too")
    args = parser.parse_args()
    lines = []
    try:
        frame = collect(args.results, args.benchmark, args.skip_bad)
        store.write(frame, args.out)
        lines += [f"left out: {bad['run']}: {bad['reason']}" for bad in frame.attrs["left_out"]]
        lines += [f"{w['run']} side {w['side']}: {w['warning']}" for w in frame.attrs["warnings"]]
        failed = False
    except (DuetError, OSError) as error:
        lines += [f"error: {line}" for line in str(error).splitlines()]
        failed = True
    text = "".join(f"{line}\n" for line in lines)
    sys.stderr.write(text)
    if args.log:
        args.log.write_text(text)
    return int(failed)


def collect(results: Path, benchmark: str, skip_bad: bool) -> pd.DataFrame:
    """The table of the benchmark's planned runs; with `skip_bad` of those that are there and readable."""
    layout = Layout(results)
    plan = BenchmarkPlan.read(layout.benchmark_plan(benchmark))
    names = read_lines(layout.benchmark_runs(benchmark))
    if skip_bad:
        names = [name for name in names if layout.run_record(name).exists()]
    return benchmark_table(map(layout.run, names), plan.format, skip_bad=skip_bad)
