"""Write the report's page of hosts, images, commands and configuration."""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.commands._inputs import analysis_plan, image_records
from duet.records.doctor import DoctorRecord
from duet.records.files import read_lines
from duet.report.summary import provenance

CALLED_BY_RULES = True
PHASE = "writing down hosts, images and commands"
EXAMPLE = (
    "./duetbench provenance --name quickstart --runs results/quickstart/runs "
    "--planned results/quickstart/plan/runs.txt --html provenance.html"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="the campaign's name")
    parser.add_argument("--runs", type=Path, required=True, help="directory of the runs")
    parser.add_argument("--planned", type=Path, required=True, help="plan/runs.txt: the planned runs")
    parser.add_argument("--images", type=Path, help="directory of the image records")
    parser.add_argument("--doctor", type=Path, help="doctor.json: the machine, where it was looked at")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="the configuration files")
    parser.add_argument("--html", type=Path, required=True, help="write this file")


def execute(options: argparse.Namespace, log: Log) -> None:
    images = image_records(options.images) if options.images else []
    config = {str(path): path.read_text(errors="replace") for path in options.config}
    runs = provenance.read(options.runs, read_lines(options.planned))
    doctor = DoctorRecord.read_sound(options.doctor) if options.doctor else None
    page = provenance.html_page(options.name, runs, images, analysis_plan(options.analysis), config, doctor)
    options.html.write_text(page)
