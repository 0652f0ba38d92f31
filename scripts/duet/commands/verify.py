"""Say the state of a campaign's runs: planned, finished, intact, failed, and of which configuration.

Reads every byte of the results. The exit code is 1 where something is damaged; the next call of the workflow
measures that again.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from duet.campaign.due import DAMAGED, NEW, due_runs
from duet.commands import Log
from duet.model import DuetError, Run, parse_run
from duet.records.files import read_lines
from duet.records.layout import FAILED, FAILURE, Layout
from duet.records.plan import SidePlan
from duet.records.provision import ImageIdentity
from duet.records.run import FailureRecord, finished

EXAMPLE = "./duetbench verify results/quickstart"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")


def execute(options: argparse.Namespace, log: Log) -> int:
    layout = Layout(options.results)
    names = read_lines(layout.planned_runs)
    planned = [run for run in map(parse_run, names) if run is not None]
    if len(planned) < len(names):
        raise DuetError(f"{layout.planned_runs}: has names that are no runs", "start the workflow again")
    plans = {name: SidePlan.read(layout.plan / name) for name in _plan_files(planned)}
    reasons = due_runs(planned, plans, _hashes(plans, layout), layout, digests=True)
    quick = due_runs(planned, plans, _hashes(plans, layout), layout)
    damaged = {name: reason for name, reason in reasons.items() if reason.startswith(DAMAGED)}
    for name in damaged.keys() - quick.keys():
        _note(name, damaged[name], layout)
    absent = [name for name, reason in reasons.items() if reason == NEW]
    failed = {name: why for name in names if (why := _failure(layout.run(name)))}
    other = {name: reason for name, reason in reasons.items() if name not in damaged and reason != NEW}
    strange = {run.name for run, _ in finished(layout.runs)} - set(names)

    done = len(names) - len(absent)
    intact = done - len(damaged)
    of_which = f"{intact - len(other)} of the present configuration, {len(other)} of another"
    again = "the next call of the workflow measures it again"
    print(f"{layout.results}: {len(names)} runs planned")
    print(f"  finished      {done}")
    print(f"  intact        {intact}: {of_which}")
    print(f"  damaged       {len(damaged)}")
    print(f"  failed        {len(failed)}")
    print(f"  not measured  {len(set(absent) - set(failed))}")
    if strange:
        print(f"  not planned   {len(strange)} finished runs that the plan does not have")
    for name, reason in damaged.items():
        print(f"damaged: {name}: {reason.removeprefix(DAMAGED)}; {again}")
    for name, reason in failed.items():
        print(f"failed: {name}: {reason}")
    for name, reason in other.items():
        print(f"another configuration: {name}: {reason}; {again}")
    return 1 if damaged else 0


def _plan_files(runs: list[Run]) -> list[str]:
    return sorted({run.plan_file(side) for run in runs for side in run.sides})


def _hashes(plans: Mapping[str, SidePlan], layout: Layout) -> dict[str, str | None]:
    """Content of the images as it was when they were provided last."""
    keys = {plan.side.image.key for plan in plans.values() if plan.side.image}
    identities = {key: ImageIdentity.read_sound(layout.image_identity(key)) for key in keys}
    return {key: identity.hash if identity else None for key, identity in identities.items()}


def _failure(directory: Path) -> str | None:
    """Why a run has no result, or none that can be read, or had none when it was last measured."""
    for path in (directory / FAILURE, directory / FAILED / FAILURE):
        if failure := FailureRecord.read_sound(path):
            return failure.reason + ("; what was measured before is kept" if path.parent != directory else "")
    return None


def _note(name: str, reason: str, layout: Layout) -> None:
    """Of a large result, that it is damaged: the workflow looks at all of it then (campaign.due)."""
    failure = FailureRecord(name=name, reason=reason, log=None, time_ns=time.time_ns())
    failure.write(layout.failure(name))
