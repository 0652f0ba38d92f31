"""Tell how many runs each benchmark needs, and how long they take, from the runs that are there.

`--width 1` is for intervals no wider than 1 %, `--change 2` to find a slowdown of 2 % with 90 % power,
corrected for the number of benchmarks. Without either, the campaign's own `precision: {ci_width: …}`, else
its margin as the change. The number in parentheses is the cautious one: few runs do not tell well how
much runs differ, and with this one it is enough in four of five cases.
"""

import argparse
import math
from pathlib import Path

from duet.campaign.order import duration
from duet.commands import Log, UsageError
from duet.commands._inputs import analysis_plan, read_parquet
from duet.inference import planning
from duet.inference.planning import Need
from duet.measure.progress import seconds_of
from duet.model import DuetError, file_name
from duet.records.layout import Layout
from duet.report.summary.wording import line

EXAMPLE = "./duetbench plan results/quickstart --change 1"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument("--width", type=float, metavar="PERCENT", help="of an interval, from end to end")
    parser.add_argument("--change", type=float, metavar="PERCENT", help="a slowdown that is to be found")


def execute(options: argparse.Namespace, log: Log) -> None:
    if options.width is not None and options.change is not None:
        raise UsageError("--width and --change", "one of the two")
    if any(value is not None and not 0 < value < math.inf for value in (options.width, options.change)):
        raise UsageError("not a number of percent above 0", "such as --change 2")
    layout = Layout(options.results)
    if not layout.effects.exists():
        raise DuetError(
            f"{layout.effects} is not there", "run the campaign, or its target `available`, first"
        )
    analysis = analysis_plan(layout.analysis_plan if layout.analysis_plan.exists() else None)
    width, change = options.width, options.change
    if width is None and change is None and analysis.precision:
        width = analysis.precision.ci_width_percent
    if width is None and change is None:
        change = analysis.margin_percent
    needs = planning.needs(read_parquet(layout.effects), analysis, width, change or 0.0)
    if not needs:
        raise DuetError(f"{layout.effects}: no benchmark has two runs", "measure 2 or more of each")
    goal = f"an interval of {width:g} %" if width is not None else f"a slowdown of {change:g} % (90 % power)"
    print(f"Runs for {goal}:")
    each_s = _seconds(layout)
    rows: list[tuple[str, ...]] = [
        ("benchmark", "type", "metric", "spread", "there", "needed", "more", "time")
    ]
    rows += [_row(need, each_s.get(_key(need))) for need in needs]
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(w) if i < 3 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print(_total(needs, each_s))


def _key(need: Need) -> tuple[str, str, str]:
    """As runs are named: of several benchmarks of a process all have its runs."""
    return file_name(need.suite), file_name(need.benchmark.partition("/")[0]), need.type


def _seconds(layout: Layout) -> dict[tuple[str, str, str], float]:
    """How long a run of each benchmark and type takes on average."""
    times: dict[tuple[str, str, str], list[float]] = {}
    for run, seconds in seconds_of(layout).items():
        times.setdefault((run.suite, run.benchmark, str(run.type)), []).append(seconds)
    return {key: sum(values) / len(values) for key, values in times.items()}


def _more(need: Need) -> int | None:
    return None if need.wanted is None else max(need.wanted - need.runs, 0)


def _row(need: Need, each_s: float | None) -> tuple[str, ...]:
    beyond = f"> {planning.MOST}"
    wanted, cautious = (beyond if n is None else str(n) for n in (need.wanted, need.cautious))
    more = _more(need)
    time = "–" if more is None or each_s is None else duration(more * each_s)
    name = line(f"{need.suite} {need.benchmark}")
    spread = f"{need.spread_percent:.2g} %"
    left = "–" if more is None else str(more)
    return name, need.type, line(need.metric), spread, str(need.runs), f"{wanted} ({cautious})", left, time


def _total(needs: list[Need], each_s: dict[tuple[str, str, str], float]) -> str:
    """Of all together: a run that several rows need is measured once."""
    most: dict[tuple[str, str, str], int] = {}
    for need in needs:
        most[_key(need)] = max(most.get(_key(need), 0), _more(need) or 0)
    seconds = sum(n * each_s.get(key, 0.0) for key, n in most.items())
    total = f"{sum(most.values())} more runs"
    return f"{total}, about {duration(seconds)}" if each_s else total
