"""Fetch the file that an image or a `process` side needs, and write down which it is."""

import argparse
import sys
from pathlib import Path

from duet.images.sources import fetch
from duet.model import DuetError, Source
from duet.records.layout import SOURCES
from duet.records.plan import ImagePlan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--url", help="where to fetch it from")
    parser.add_argument("--sha256", help="of the file at --url")
    parser.add_argument("--folder", type=Path, default=SOURCES, help="where files are kept")
    parser.add_argument("--out", type=Path, help="the record to write (JSON)")
    parser.add_argument("--log", type=Path, help="a copy of the progress")
    options = parser.parse_args()

    if options.plan:
        planned = ImagePlan.read(options.plan).image.source
        if planned is None:
            raise DuetError(f"{options.plan}: the image needs no file")
        source = planned
    else:
        source = Source(options.url.rpartition("/")[2], options.url, options.sha256)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if options.log:
            with options.log.open("a") as log:
                log.write(line + "\n")

    if options.log:
        options.log.parent.mkdir(parents=True, exist_ok=True)
    fetched = fetch(source, options.folder, say)
    if options.out:
        fetched.write(options.out)
    else:
        print(fetched.path, fetched.sha256)
