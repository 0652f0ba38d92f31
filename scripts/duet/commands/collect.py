"""Read the result files of a benchmark's runs into one table."""

import argparse
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from duet.commands import Log
from duet.records.closing import closing_of
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan
from duet.records.run import FailureRecord, intact
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
    parser.add_argument("--again", default="", help="the command that measures RUN again, to be printed")
    parser.add_argument("--out", type=Path, required=True, help="the table, Parquet")


def execute(options: argparse.Namespace, log: Log) -> None:
    layout = Layout(options.results)
    plan = BenchmarkPlan.read(layout.benchmark_plan(options.benchmark))
    names = read_lines(layout.benchmark_runs(options.benchmark))
    if options.skip_bad:
        names = [name for name in names if layout.run_record(name).exists()]
    names = [name for name in names if closing_of(layout.run(name)) is None]
    frame = benchmark_table(map(layout.run, names), plan.format, skip_bad=True, members=plan.members)
    unreadable = {bad["run"]: bad["reason"] for bad in frame.attrs["left_out"]}
    note(names, unreadable, layout)
    lines = [f"{name}: {reason}{_remedy(name, layout, options.again)}" for name, reason in unreadable.items()]
    if lines and not options.skip_bad:
        raise store.TableError("\n".join(lines))
    store.write(frame, options.out)
    for line in lines:
        log(f"left out: {line}")
    for each in frame.attrs["warnings"]:
        log(f"{each['run']} side {each['side']}: {each['warning']}")


def note(names: Iterable[str], unreadable: Mapping[str, str], layout: Layout) -> None:
    """Record of each run whether its results can be read: those that cannot are failures."""
    for name in names:
        if name not in unreadable:
            if layout.run_record(name).exists():
                layout.failure(name).unlink(missing_ok=True)
        elif layout.run_record(name).exists():
            reason = f"its results cannot be read: {unreadable[name]}"
            failure = FailureRecord(name=name, reason=reason, log=None, time_ns=time.time_ns())
            failure.write(layout.failure(name))


def _remedy(name: str, layout: Layout, again: str) -> str:
    if not layout.run_record(name).exists():
        return ""
    if damage := intact(layout.run(name), digests=True):
        return f"; it is damaged ({damage[0]}), and measured again when you start again"
    command = again.replace("RUN", str(layout.run_record(name)), 1)
    return "; that is what the harness wrote, see its log" + (f"; again: {command}" if command else "")
