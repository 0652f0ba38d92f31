"""Verdicts and run records -> summary.md, verdicts.json, the report's first screen; prints the verdicts.

`--show results/<name>` prints the table of a finished campaign and writes nothing.
"""

import argparse
import sys
from pathlib import Path

from duet.model import DuetError, parse_run
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import AnalysisPlan
from duet.report import summary
from duet.table import store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=Path, help="results/<name>: where the four below are found")
    parser.add_argument(
        "--verdicts", type=Path, help="verdicts.csv; the table beside it tells what was left out"
    )
    parser.add_argument("--runs", type=Path, help="the folder of the runs")
    parser.add_argument("--planned", type=Path, help="plan/runs.txt: the planned runs, one a line")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: confidence")
    parser.add_argument("--name", help="the campaign's name")
    parser.add_argument("--report", help="path of the report, to be told")
    for name in ("markdown", "json", "html", "landing", "index"):
        parser.add_argument(f"--{name}", type=Path, help="write this file")
    args = parser.parse_args()
    try:
        print(summarise(args), end="")
    except (DuetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def summarise(args: argparse.Namespace) -> str:
    """Write the files that were asked for; the text for the terminal."""
    if args.show:
        layout = Layout(args.show)
        args.verdicts = args.verdicts or layout.verdicts
        args.runs = args.runs or layout.runs
        args.planned = args.planned or layout.planned_runs
        args.analysis = args.analysis or layout.analysis_plan
        args.name = args.name or args.show.resolve().name
    if not (args.verdicts and args.runs and args.planned and args.name):
        raise DuetError("nothing to summarise", "give --show, or --verdicts, --runs, --planned and --name")
    confidence = (AnalysisPlan.read(args.analysis) if args.analysis else AnalysisPlan()).confidence
    planned = read_lines(args.planned)
    iterations = Layout(args.verdicts.parent).table
    notes = store.read_notes(iterations) if iterations.exists() else None
    facts = summary.facts(args.name, args.runs, planned, notes)
    rows = summary.complete(summary.read_verdicts(args.verdicts), facts)
    if args.markdown:
        args.markdown.write_text(summary.markdown(rows, facts, confidence, args.report))
    if args.json:
        args.json.write_text(summary.as_json(rows, facts, confidence))
    if args.index:
        runs = [run for name in planned if (run := parse_run(name))]
        stems = sorted({f"{run.suite}.{run.benchmark}" for run in runs})
        args.index.write_text(summary.index(stems, sorted({run.suite for run in runs})))
    if args.html or args.landing:
        page = summary.page(rows, facts, confidence)
        if args.html:
            args.html.write_text(page)
        if args.landing:
            args.landing.write_text(summary.landing(page))
    return summary.terminal(rows, facts, args.report, confidence, colour=sys.stdout.isatty())
