"""Close the runs that are not needed: their benchmark is known well enough, or the time is up.

Does what `precision` of the campaign asks, after a run (`--run`) or for all benchmarks. Looks at a
benchmark when it has the planned numbers of runs only, at just so many of them, by an inference that may
be looked at so often (docs/statistics.md).
"""

import argparse
import shutil
from dataclasses import fields
from pathlib import Path

from duet import harnesses
from duet.campaign.order import duration
from duet.commands import Log
from duet.inference import judge, run_effects, stopping
from duet.measure.progress import seconds_of
from duet.model import Analysis, Precision, Run, parse_run
from duet.records import worklist
from duet.records.closing import Closing, closing_of
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import AnalysisPlan, BenchmarkPlan
from duet.table.build import benchmark_table

CALLED_BY_RULES = True
EXAMPLE = "./duetbench settle results/quickstart"

Group = tuple[str, str]
"""`<suite>.<benchmark>` and type."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>, with its plan/")
    parser.add_argument("--run", help="the run that was just measured: only its benchmark is looked at")


def execute(options: argparse.Namespace, log: Log) -> None:
    layout = Layout(options.results)
    plan = AnalysisPlan.read(layout.analysis_plan)
    if plan.precision is None:
        return
    groups: dict[Group, list[Run]] = {}
    for run in map(parse_run, read_lines(layout.planned_runs)):
        if run is not None and run.type in Precision.TYPES:
            groups.setdefault((run.benchmark_stem, str(run.type)), []).append(run)
    if options.run is None:
        shutil.rmtree(layout.closing("x").parent, ignore_errors=True)
    for group, runs in groups.items():
        if options.run is None or any(run.name == options.run for run in runs):
            tests = sum(
                other[0].suite == runs[0].suite and other[0].type == runs[0].type for other in groups.values()
            )
            if reason := settled(layout, plan, group, runs, tests, always=options.run is None):
                close(layout, plan, runs, reason, log)
    budget, spent = plan.precision.time_budget_s, sum(seconds_of(layout).values())
    if budget is not None and spent >= budget:
        rest = [run for runs in groups.values() for run in runs]
        close(layout, plan, rest, f"the time budget of {duration(budget)} is used up", log)


def settled(
    layout: Layout, plan: AnalysisPlan, group: Group, runs: list[Run], tests: int, always: bool
) -> str:
    """Why a benchmark need not be measured further, or nothing. `tests`: of its family, planned."""
    precision = plan.precision
    assert precision is not None
    there = [run.name for run in runs if measured(layout, run)]
    looks = [n for n in stopping.looks(precision.max_repetitions) if n <= len(there)]
    if not looks or looks[-1] == precision.max_repetitions or (len(there) != looks[-1] and not always):
        return ""
    benchmark = BenchmarkPlan.read(layout.benchmark_plan(group[0]))
    looked_at = [layout.run(name) for name in there[: looks[-1]]]
    table = benchmark_table(looked_at, benchmark.format, skip_bad=True, members=benchmark.members)
    if not len(table):
        return ""
    rules = {**harnesses.warmups(), **plan.warmup}
    rows = judge(run_effects(table, plan, rules), plan).to_dict("records")
    ends = [
        enough(row, precision, plan.confidence, tests) for row in rows if row["verdict"] != "not measured"
    ]
    return f"{'; '.join(dict.fromkeys(ends))} after {looks[-1]} runs" if ends and all(ends) else ""


def enough(row: dict, precision: Precision, confidence: float, tests: int) -> str:
    """Why a verdict's row is enough, or nothing. A difference must stand whatever the rest of its family, of
    `tests`, will say (Bonferroni)."""
    width = row["ci_high_percent"] - row["ci_low_percent"]
    wanted = precision.ci_width_percent
    if wanted is not None and width <= wanted:
        return f"its interval is no wider than {wanted:g} %"
    alpha = 1 - confidence
    if precision.verdict and (row["p_equivalence"] <= alpha or row["p_value"] * tests <= alpha):
        return "it has a verdict"
    return ""


def measured(layout: Layout, run: Run) -> bool:
    return layout.run_record(run.name).exists() and closing_of(layout.run(run.name)) is None


def close(layout: Layout, plan: AnalysisPlan, runs: list[Run], reason: str, log: Log) -> None:
    """Leave a closing for each run that is not there."""
    there = [run.name for run in runs if measured(layout, run)]
    analysis = Analysis(**{field.name: getattr(plan, field.name) for field in fields(Analysis)})
    left = [run.name for run in runs if run.name not in there and not layout.closing(run.name).exists()]
    due = worklist.left(layout) or {}
    left = [name for name in left if name in due]
    for name in left:
        Closing(not_needed=reason, name=name, analysis=analysis, rests_on=tuple(there)).write(
            layout.closing(name)
        )
        worklist.strike(layout, name)
    if left:
        names = dict.fromkeys(name.split(".")[1] for name in left)
        log(f"{', '.join(names)}: {len(left)} runs not needed, {reason}")
