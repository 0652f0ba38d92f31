"""On which machine runs are measured, as far as a campaign demands it, and which of them are one job.

`replicate: hosts` measures every benchmark on each of its `hosts`, `one_host` all runs of a benchmark on one,
whichever that is. A scheduler chooses among all others.
"""

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from duet.campaign.check import Faults
from duet.campaign.order import host_of
from duet.model import PER_HOST, Benchmark, Campaign, DuetError, Run
from duet.records.files import RecordError
from duet.records.layout import Layout
from duet.records.run import RunRecord


def hosts(
    top: Mapping[str, Any], benchmarks: Iterable[Benchmark], where: str, faults: Faults
) -> tuple[str, ...]:
    """The nodes that each measure everything; `where`: `c.yml: duetbench`, for faults of what contradicts."""
    named = tuple(top.get("hosts", ()))
    if "replicate" not in top:
        if named:
            faults.add(f"{where}.hosts", "replicate does not say what for", "replicate: hosts beside it")
        return ()
    if not named:
        faults.add(f"{where}.replicate", "is hosts, but none are named", "hosts: [NODE, NODE] beside it")
    if top.get("one_host"):
        what = "is true, but replicate: hosts measures each benchmark on every host"
        faults.add(f"{where}.one_host", what, "one of the two")
    if "precision" in top:
        what = "is hosts, but precision ends a benchmark's runs on all hosts at once"
        faults.add(f"{where}.replicate", what, "one of the two")
    most = max((n for b in benchmarks for n in b.repetitions.values()), default=0)
    if most > PER_HOST:
        faults.add(f"{where}.replicate", f"makes {most} runs on a host", f"at most {PER_HOST} repetitions")
    return named


def here() -> str:
    """This machine, as Slurm calls it where it sent this process, else by its name."""
    return os.environ.get("SLURMD_NODENAME") or platform.node()


def measured_on(layout: Layout, runs: Iterable[Run]) -> dict[Run, str]:
    """Each of these runs that was measured, and its node: as Slurm calls it, else by the host's name."""
    there = {}
    for run in runs:
        with suppress(RecordError):  # of one that was not needed, there is none
            host = RunRecord.read(layout.run_record(run.name)).host
            there[run] = host.node or host.hostname
    return there


def nodes(campaign: Campaign, due: Iterable[Run], measured: Mapping[Run, str]) -> dict[str, str]:
    """Name of each run that must be measured on a certain node, and that node.

    Raises DuetError where finished runs contradict what the campaign demands.
    """
    if campaign.hosts:
        for run, node in measured.items():
            if node != host_of(campaign, run):
                what = f"{run.name} was measured on {node}, and now belongs to {host_of(campaign, run)}"
                remedy = "leave their order, and add new ones at the end; or give the campaign another name"
                raise DuetError(f"{campaign.file}: duetbench.hosts: {what}", remedy)
        return {run.name: host_of(campaign, run) for run in due}
    if not campaign.one_host:
        return {}
    there = defaultdict(set)
    for run, node in measured.items():
        there[run.benchmark_stem].add(node)
    out = {}
    for run in due:
        of = sorted(there.get(run.benchmark_stem, ()))
        if len(of) > 1:
            what = f"{run.benchmark_stem} was measured on {' and '.join(of)}, and has runs left"
            remedy = "remove the runs of all but one of them, or leave one_host out"
            raise DuetError(f"{campaign.file}: duetbench.one_host: {what}", remedy)
        if of:
            out[run.name] = of[0]
    return out


def jobs(due: Sequence[Run], size: int, on: Mapping[str, str], one_host: bool) -> dict[str, str]:
    """Name of each run that is to be measured, and of the scheduler's job that does it.

    `due` in the plan's order, in which a job measures `size` runs of one node (`on`: run -> node, where that
    matters), or with `one_host` all of a benchmark.
    """
    turn: Counter[str | None] = Counter()
    number: dict[object, int] = {}
    out = {}
    for run in due:
        node = on.get(run.name)
        key = run.benchmark_stem if one_host else (node, turn[node] // size)
        turn[node] += 1
        out[run.name] = f"runs{number.setdefault(key, len(number))}"
    return out
