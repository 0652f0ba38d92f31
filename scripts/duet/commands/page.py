"""Write the page of a campaign, one HTML file with its figures: results/<name>/report.html.

Without --html it is written there; `--tables` is the same without figures, as Snakemake's report has it.
"""

import argparse
from pathlib import Path

from duet.commands import Log, _page
from duet.records.layout import Layout

PHASE = "writing the page"
EXAMPLE = "./duetbench page results/quickstart"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument("--name", help="the campaign's name, where it is not its folder's")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="its configuration, to be shown")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it there")
    parser.add_argument("--tables", type=Path, metavar="FILE", help="write the page without figures, too")
    parser.add_argument("--frame", type=Path, metavar="FILE", help="the same for Snakemake's report")


def execute(options: argparse.Namespace, log: Log) -> None:
    target = options.html or Layout(options.results).page
    _page.write(
        options.results,
        target,
        name=options.name,
        config=options.config,
        tables=options.tables,
        frame=options.frame,
    )
    if not options.html:
        log(f"written: {target}")
