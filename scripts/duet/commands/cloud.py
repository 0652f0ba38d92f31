"""Measure on machines of Amazon's cloud that are started for it and end themselves.

  up      start them, prepared, and have them wait for `run` or for you until the file's hours are over
  run     have those that wait measure the campaign; where none is up, start some that measure and end
  status  what runs, since when, how far it is, and the end of its log
  fetch   bring what they published to results/<campaign>.<instance>/
  down    end what is left; with --all also what other files started in the region

FILE is as docs/cloud-file.yml; docs/cloud.md leads through a first campaign, with what it costs.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from duet import revisions
from duet.campaign import yaml_data
from duet.commands import Log, UsageError
from duet.commands._workflow import PROJECT
from duet.model import DuetError, printable
from duet.platform import cloud_file, instances, publishing
from duet.platform.cloud_file import CloudFile
from duet.platform.instances import Cloud, Instance
from duet.records.layout import Layout

EXAMPLE = "./duetbench cloud run config/cloud.yml"
LINES = 5
"""Of the end of a log."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=tuple(ACTIONS))
    parser.add_argument("file", type=Path, metavar="FILE", help="the cloud file (docs/cloud-file.yml)")
    parser.add_argument(
        "--all", action="store_true", help="of down: whatever duetbench started in the region"
    )
    parser.add_argument("--lines", type=int, default=LINES, help=f"of status: of the log's end ({LINES})")
    parser.add_argument("--to", type=Path, default=Path("results"), help="of fetch: directory (results)")


def execute(options: argparse.Namespace, log: Log) -> int:
    if options.all and options.action != "down":
        raise UsageError("--all goes with down")
    file = read(options.file)
    if options.action in ("up", "run"):
        check_campaign(file, log)
    return ACTIONS[options.action](Cloud.of(file), options, log)


def read(path: Path) -> CloudFile:
    """Raises DuetError with every fault, a line each."""
    try:
        data, _ = yaml_data.parse(path.read_bytes())
    except (yaml_data.YamlError, yaml.YAMLError) as error:
        raise cloud_file.CloudFileError(f"{path}: {error}") from None
    return cloud_file.checked(str(path), data)


def check_campaign(file: CloudFile, log: Log) -> None:
    """As far as it is seen from here: whether the commit, if this repository has it, has the campaign."""
    try:
        revisions.resolve(PROJECT, file.commit)
    except revisions.RevisionError:
        log(f"{file.commit[:12]} is not in this repository: nobody has looked whether it has {file.campaign}")
        return
    if not revisions.has(PROJECT, file.commit, file.campaign):
        raise DuetError(f"campaign: {file.commit[:12]} has no file {file.campaign}", "commit and push it")


def up(cloud: Cloud, options: argparse.Namespace, log: Log) -> int:
    return _start(cloud, "up", log)


def run(cloud: Cloud, options: argparse.Namespace, log: Log) -> int:
    waiting = [each.id for each in instances.known(cloud) if each.alive and _waits(each)]
    if not waiting:
        return _start(cloud, "run", log)
    instances.measure(cloud, waiting)
    print(f"{', '.join(waiting)}: measuring {cloud.file.campaign}")
    return 0


def _waits(instance: Instance) -> bool:
    return instance.status is not None and instance.status.phase == "prepared"


def _start(cloud: Cloud, mode: str, log: Log) -> int:
    file = cloud.file
    if here := [each.id for each in instances.found(cloud) if each.alive]:
        what = f"{', '.join(here)}: already there for {file.name}"
        raise DuetError(
            what, f"wait for {'it' if len(here) == 1 else 'them'}, end by `down`, or use another name"
        )
    if file.bursts:
        log(f"{file.type} computes on tokens, and slows down when they are used up: see docs/cloud.md")
    if file.limit_role == "none":
        log("limit_role: none: nothing outside ends a machine that cannot end itself; look with `status`")
    begun = instances.start(cloud, mode, time.time())
    print(f"{', '.join(begun)}: started; ended after {file.hours:g} h, whatever happens")
    return 0


def status(cloud: Cloud, options: argparse.Namespace, log: Log) -> int:
    """Exit code 1 where one has ended without a publication, or should have ended."""
    there = instances.known(cloud)
    if not there:
        print(f"{cloud.file.name}: nothing runs or has run")
    bad = False
    for each in there:
        fault = trouble(each, time.time())
        bad |= bool(fault)
        print(line(each))
        for text in each.log.splitlines()[-options.lines :] if options.lines else ():
            print(printable(f"    {text}"))
        if fault:
            print(f"  {fault}")
    return 1 if bad else 0


def line(instance: Instance) -> str:
    parts = [f"{instance.id}: {instance.state}"]
    parts += [f"{instance.type} since {instance.since}, until {instance.deadline}"] if instance.since else []
    if told := instance.status:
        ago = max(0, round((time.time_ns() - told.time_ns) / 60e9))
        left = told.planned_runs - told.finished_runs
        parts += [f"{told.phase} {ago} min ago"]
        parts += [f"{told.finished_runs} runs done, {left} left"] if told.planned_runs else []
        parts += [f"{told.failed_runs} failed"] if told.failed_runs else []
        parts += [f"exit code {told.exit_code}"] if told.exit_code is not None else []
    parts += [f"published {', '.join(instance.publications)}"] if instance.publications else []
    return printable("; ".join(parts))


def trouble(instance: Instance, now_s: float) -> str:
    """What somebody should do something about; empty where all is well."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    if instance.alive:
        late = instance.deadline and now > instance.deadline
        return "PAST ITS LIMIT: end it by `./duetbench cloud down`" if late else ""
    if not instance.publications:
        why = f" ({instance.reason})" if instance.reason else ""
        return f"ended without results{why}: `./duetbench cloud run` starts another one"
    return ""


def bring(cloud: Cloud, options: argparse.Namespace, log: Log) -> int:
    count = 0
    for instance in instances.known(cloud):
        own = cloud.storage.below(instance.id)
        for stamp in instance.publications:  # later ones of a campaign come last
            campaign = publishing.manifest(own.below(stamp)).campaign
            folder = options.to / f"{campaign}.{instance.id}"
            publishing.bring(own.below(stamp), folder, log)
            print(Layout(folder).page)
            count += 1
    if not count:
        raise DuetError(f"{cloud.storage.place}: nothing is published yet", "see ./duetbench cloud status")
    return 0


def down(cloud: Cloud, options: argparse.Namespace, log: Log) -> int:
    left = [each for each in instances.found(cloud, everybodys=options.all) if each.alive]
    instances.end(cloud, [each.id for each in left])
    for each in left:
        print(f"{each.id}: ended ({each.type}, since {each.since})")
    if not left:
        print("nothing was left", file=sys.stderr)
    return 0


ACTIONS: dict[str, Callable[[Cloud, argparse.Namespace, Log], int]] = {
    "up": up,
    "run": run,
    "status": status,
    "fetch": bring,
    "down": down,
}
