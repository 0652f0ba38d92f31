"""Gather campaigns made over weeks into one page: what their changes add up to, and where a drift began.

Each campaign is taken to compare with what the one before it had measured (A is the last state, B the next):
changes add up. With --baseline all of them have the same A, such as a release.
"""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.report import history

EXAMPLE = "./duetbench history results/week-* --html history.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="DIR", help="results/<name> of each campaign"
    )
    parser.add_argument("--baseline", action="store_true", help="A is the same in all campaigns")
    parser.add_argument(
        "--html",
        type=Path,
        default=Path("history.html"),
        metavar="FILE",
        help="the page (default history.html); the same as CSV beside it",
    )


def execute(options: argparse.Namespace, log: Log) -> None:
    gathered = history.gather([history.read_campaign(path) for path in options.results], options.baseline)
    table = options.html.with_suffix(".csv")
    options.html.write_text(history.as_html(gathered), encoding="utf-8")
    table.write_text(history.as_csv(gathered), encoding="utf-8")
    print(f"{history.sentence(gathered)}\n\n{options.html} {table}")
