"""Say in S3 how far the campaigns of this machine are, with the end of a log: for `./duetbench cloud status`.

It waits until no run is being measured.
"""

import argparse
import time
from pathlib import Path

from duet.commands import Log
from duet.measure import alone
from duet.platform import aws, instances
from duet.platform.storage import Storage
from duet.records.files import read_lines
from duet.records.instance import InstanceStatus
from duet.records.layout import Layout

CALLED_BY_RULES = True
EXAMPLE = "./duetbench tell s3://my-bucket/nightly/i-0abc measuring --log-end /var/log/duetbench.log"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("destination", help="s3://bucket/prefix/NAME/INSTANCE")
    parser.add_argument("phase", choices=("prepared", "measuring", "ended"))
    parser.add_argument("--log-end", type=Path, required=True, metavar="FILE", help="send the end of this")
    parser.add_argument("--code", type=int, help="with which it ended")


def execute(options: argparse.Namespace, log: Log) -> None:
    with alone.between_runs(log):
        layouts = [Layout(path.parent.parent) for path in sorted(Path("results").glob("*/plan/runs.txt"))]
        names = [(layout, name) for layout in layouts for name in read_lines(layout.planned_runs)]
        status = InstanceStatus(
            phase=options.phase,
            time_ns=time.time_ns(),
            planned_runs=len(names),
            finished_runs=sum(layout.run_record(name).exists() for layout, name in names),
            failed_runs=sum(layout.failure(name).exists() for layout, name in names),
            exit_code=options.code,
        )
        storage = Storage.at(options.destination, attempts=aws.ATTEMPTS)
        instances.tell(storage, status, options.log_end)
