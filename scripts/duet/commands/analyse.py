"""Find pairs, effects of runs and verdicts in the unified table.

`--comparison` writes what the predecessor's analysis says of the same runs.
"""

import argparse
from pathlib import Path

from duet import harnesses
from duet.commands import Log
from duet.commands._inputs import analysis_plan, read_parquet
from duet.inference import across, injection, judge, overlap, run_effects
from duet.inference.predecessor import comparison
from duet.inference.questions import tables
from duet.model import DuetError

PHASE = "finding the verdicts"
EXAMPLE = "./duetbench analyse --table results/quickstart/iterations.parquet --verdicts verdicts.csv"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=Path, required=True, help="the unified table, Parquet")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: estimator, method, …, warmup")
    parser.add_argument("--pairs", type=Path, help="write the overlapping pairs, Parquet")
    parser.add_argument("--effects", type=Path, help="write one row per run, Parquet")
    parser.add_argument("--verdicts", type=Path, help="write the verdicts, CSV")
    parser.add_argument("--across", type=Path, help="write what holds across environments, CSV")
    parser.add_argument(
        "--questions", type=Path, help="write the predecessor's questions, CSV, to a directory"
    )
    parser.add_argument("--comparison", type=Path, help="write the predecessor's analysis beside ours, CSV")


def execute(options: argparse.Namespace, log: Log) -> None:
    analysis = analysis_plan(options.analysis)
    rules = {**harnesses.warmups(), **analysis.warmup}
    table = read_parquet(options.table)
    try:
        if options.pairs:
            overlap.pairs(table, analysis.min_overlap).to_parquet(options.pairs, index=False)
        if options.effects or options.verdicts or options.across:
            effects = run_effects(table, analysis, rules)
            if options.effects:
                effects.to_parquet(options.effects, index=False)
            verdicts = judge(effects, analysis)
            if options.verdicts:
                rows = injection.with_injected(verdicts, table, analysis, rules)
                rows.to_csv(options.verdicts, index=False)
            if options.across:
                across(verdicts, analysis.confidence).to_csv(options.across, index=False)
        if options.questions:
            options.questions.mkdir(parents=True, exist_ok=True)
            results = tables(table, analysis, rules, analysis.same_sides)
            for name, frame in results.items():
                frame.to_csv(options.questions / f"{name}.csv", index=False)
        if options.comparison:
            comparison(table, analysis, rules).to_csv(options.comparison, index=False)
    except ValueError as error:  # a setting that cannot be, or a table without what it takes
        raise DuetError(" ".join(str(error).split())) from error
