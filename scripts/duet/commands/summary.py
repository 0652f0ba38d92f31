"""Print a campaign's verdicts; write summary.md and verdicts.json.

`--show results/<name>` finds all that is needed in the results of a campaign.
"""

import argparse
import sys
from pathlib import Path

from duet.commands import Log, UsageError, look
from duet.model import parse_run
from duet.report import summary

EXAMPLE = "./duetbench summary --show results/quickstart"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show", type=Path, help="results/<name>: the next four are taken from there")
    parser.add_argument("--verdicts", type=Path, help="verdicts.csv, with iterations.parquet beside it")
    parser.add_argument("--runs", type=Path, help="directory of the runs")
    parser.add_argument("--planned", type=Path, help="plan/runs.txt: the planned runs, one per line")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: confidence")
    parser.add_argument("--name", help="the campaign's name")
    parser.add_argument("--report", help="path of the report, to be printed")
    for name in ("markdown", "json", "index"):
        parser.add_argument(f"--{name}", type=Path, help="write this file")


def execute(options: argparse.Namespace, log: Log) -> None:
    if not options.show and not (options.verdicts and options.runs and options.planned and options.name):
        raise UsageError("nothing to summarise", "give --show, or --verdicts, --runs, --planned and --name")
    outcome = summary.read_outcome(
        options.show or options.verdicts.parent,
        name=options.name,
        verdicts=options.verdicts,
        runs=options.runs,
        planned=options.planned,
        analysis=options.analysis,
    )
    rows, facts, confidence = outcome.rows, outcome.facts, outcome.confidence
    if options.markdown:
        options.markdown.write_text(summary.markdown(rows, facts, confidence, options.report))
    if options.json:
        options.json.write_text(summary.as_json(rows, facts, confidence))
    if options.index:
        runs = [run for name in outcome.planned if (run := parse_run(name))]
        stems = sorted({f"{run.suite}.{run.benchmark}" for run in runs})
        options.index.write_text(summary.index(stems, sorted({run.suite for run in runs})))
    text = summary.terminal(rows, facts, options.report, confidence, **look(sys.stdout))
    print(text, end="")
