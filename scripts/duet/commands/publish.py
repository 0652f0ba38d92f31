"""Put a campaign's results into S3, under a time stamp: tables, figures, the report and all runs.

They are visible at once, when all of them are there. Typed again it goes on where the connection broke, and
sends nothing where nothing has changed. Region, endpoint and credentials are the usual configuration of AWS.
"""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.platform import publishing
from duet.platform.storage import Storage
from duet.records.files import write_text
from duet.records.layout import Layout

CALLED_BY_RULES = True
PHASE = "publishing {results}"
EXAMPLE = "./duetbench publish results/quickstart s3://my-bucket/duetbench"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument("destination", help="s3://bucket/prefix")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the publication's address there")


def execute(options: argparse.Namespace, log: Log) -> None:
    destination = options.destination.rstrip("/")
    done = publishing.publish(Layout(options.results), destination, Storage.at(destination), log)
    if options.out:
        write_text(options.out, f"{done.address}\n")
    else:
        print(done.address)
