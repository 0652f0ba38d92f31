"""Fetch the file that an image or a `process` side needs, and write down which it is."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from duet.images.sources import fetch
from duet.model import SCHEMA_VERSION, DuetError, Source
from duet.records import files as record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--url", help="where to fetch it from")
    parser.add_argument("--sha256", help="of the file at --url")
    parser.add_argument("--folder", type=Path, default=Path("results/.sources"), help="where files are kept")
    parser.add_argument("--out", type=Path, help="the record to write (JSON)")
    parser.add_argument("--log", type=Path, help="a copy of the progress")
    options = parser.parse_args()

    if options.plan:
        asked = record.read(options.plan, keys=("image",))["image"]["source"]
        if asked is None:
            raise DuetError(f"{options.plan}: the image needs no file")
        source = Source(**asked | {"own": Path(asked["own"]) if asked["own"] else None})
    else:
        source = Source(options.url.rpartition("/")[2], options.url, options.sha256)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if options.log:
            with options.log.open("a") as log:
                log.write(line + "\n")

    if options.log:
        options.log.parent.mkdir(parents=True, exist_ok=True)
    found = {"schema": SCHEMA_VERSION, **asdict(fetch(source, options.folder, say))}
    if options.out:
        record.write(options.out, found)
    else:
        print(found["path"], found["sha256"])
