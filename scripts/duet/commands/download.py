"""Bring published results from S3, every file compared with its digest; what is there is not brought again.

The directory can be imported (`import: [DIR]`), and has the report. A campaign that has
`import: [s3://bucket/prefix/STAMP]` does the same by itself.
"""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.platform import publishing
from duet.platform.storage import Storage
from duet.records.layout import PUBLISHED
from duet.records.manifest import address_folder

CALLED_BY_RULES = True
PHASE = "bringing {address}"
EXAMPLE = "./duetbench download s3://my-bucket/duetbench/20250401_093000 --to old"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="s3://bucket/prefix/STAMP")
    parser.add_argument("--to", type=Path, metavar="DIR", help=f"default: a directory of {PUBLISHED}/")


def execute(options: argparse.Namespace, log: Log) -> None:
    folder = options.to or address_folder(options.address, PUBLISHED)
    publishing.bring(Storage.at(options.address), folder, log)
