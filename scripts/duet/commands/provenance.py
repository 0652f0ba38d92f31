"""Run records, image records and configuration -> provenance.html of the report."""

import argparse
import sys
from pathlib import Path

from duet.model import DuetError
from duet.records.files import read_lines
from duet.records.plan import AnalysisPlan
from duet.records.provision import ImageRecord
from duet.report.summary import provenance


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the campaign's name")
    parser.add_argument("--runs", type=Path, required=True, help="the folder of the runs")
    parser.add_argument("--planned", type=Path, required=True, help="plan/runs.txt: those that count")
    parser.add_argument("--images", type=Path, help="the folder of the image records")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="the configuration files")
    parser.add_argument("--html", type=Path, required=True, help="write this file")
    args = parser.parse_args()
    try:
        records = sorted(args.images.glob("*.json")) if args.images and args.images.is_dir() else []
        images = [image for path in records if (image := ImageRecord.read_sound(path)) is not None]
        analysis = AnalysisPlan.read(args.analysis) if args.analysis else AnalysisPlan()
        config = {str(path): path.read_text(errors="replace") for path in args.config}
        gathered = provenance.read(args.runs, read_lines(args.planned))
        args.html.write_text(provenance.page(args.name, gathered, images, analysis, config))
    except (DuetError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
