"""Fetch the file that an image or a `process` side needs, and write a record of it."""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.images.sources import fetch
from duet.model import DuetError, Source
from duet.records.layout import SOURCES
from duet.records.plan import ImagePlan

CALLED_BY_RULES = True
EXAMPLE = "./duetbench fetch --plan results/renaissance/plan/renaissance.image.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--url", help="where to download it from")
    parser.add_argument("--sha256", help="expected SHA-256 of the file at --url")
    parser.add_argument("--folder", type=Path, default=SOURCES, help="directory where downloads are kept")
    parser.add_argument("--out", type=Path, help="the record to write (JSON)")


def execute(options: argparse.Namespace, log: Log) -> None:
    if options.plan:
        planned = ImagePlan.read(options.plan).image.source
        if planned is None:
            raise DuetError(f"{options.plan}: the image needs no file")
        source = planned
    else:
        source = Source(options.url.rpartition("/")[2], options.url, options.sha256)
    fetched = fetch(source, options.folder, log)
    if options.out:
        fetched.write(options.out)
    else:
        print(fetched.path, fetched.sha256)
