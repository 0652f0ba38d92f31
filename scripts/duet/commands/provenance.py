"""Write the report's page of hosts, images, commands and configuration."""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.commands._inputs import settings
from duet.report.summary import provenance
from duet.report.summary.facts import read_json

CALLED_BY_RULES = True
EXAMPLE = (
    "./duetbench provenance --name quickstart --runs results/quickstart/runs "
    "--planned results/quickstart/plan/runs.txt --html provenance.html"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="the campaign's name")
    parser.add_argument("--runs", type=Path, required=True, help="the folder of the runs")
    parser.add_argument("--planned", type=Path, required=True, help="plan/runs.txt: those that count")
    parser.add_argument("--images", type=Path, help="the folder of the image records")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="the configuration files")
    parser.add_argument("--html", type=Path, required=True, help="write this file")


def execute(options: argparse.Namespace, log: Log) -> None:
    images = image_records(options.images) if options.images else []
    config = {str(path): path.read_text(errors="replace") for path in options.config}
    runs = provenance.read(options.runs, options.planned.read_text().split())
    page = provenance.page(options.name, runs, images, settings(options.analysis), config)
    options.html.write_text(page)


def image_records(folder: Path) -> list[dict]:
    """Of each image where it is present; of one that is nowhere any more its identity."""
    present = [r for path in sorted(folder.glob("*@*/*.json")) if (r := read_json(path)) is not None]
    keys = {record.get("key") for record in present}
    known = [r for path in sorted(folder.glob("*.json")) if (r := read_json(path)) is not None]
    return present + [record for record in known if record.get("key") not in keys]
