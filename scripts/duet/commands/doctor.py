"""Tell what of this machine will disturb measuring, and what to do about it.

Looks at cores, frequency, memory, disk, clocks, load, engines, and whether registry and packages can be
reached; with a campaign also at what that asks for. Exits with 1 where there is a problem. The workflow keeps
the same in results/<name>/doctor.json before it measures, and the report shows it.
"""

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from duet.campaign import load
from duet.commands import Log
from duet.engines import inquiry
from duet.engines.inquiry import EngineFacts
from duet.images import reach
from duet.images.identity import IMAGES, is_ours
from duet.images.identity import arguments as image_arguments
from duet.measure import checkup, machine
from duet.measure.machine import Condition
from duet.model import Campaign, printable
from duet.records.doctor import DoctorRecord, Finding, Level

EXAMPLE = "./duetbench doctor --configfile config/quickstart.yml"
CONTAINERS = ("docker", "podman")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--configfile", type=Path, nargs="+", help="a campaign: look at what it needs, too")
    parser.add_argument("--no-network", action="store_true", help="do not try registry and packages")
    parser.add_argument("--out", type=Path, help="write what was found to this file (JSON)")


def execute(options: argparse.Namespace, log: Log) -> int:
    campaign = load.load_campaign(options.configfile, None, image_arguments) if options.configfile else None
    results = Path("results") / campaign.name if campaign else Path("results")
    findings = examine(campaign, options.out or results, network=not options.no_network)
    if options.out:
        write(options.out, findings)
    count = {level: sum(finding.level == level for finding in findings) for level in Level}
    print(*map(line, findings), sep="\n")
    print(f"{count[Level.PROBLEM]} problems, {count[Level.WARNING]} warnings, {count[Level.OK]} ok")
    return 1 if count[Level.PROBLEM] else 0


def examine(campaign: Campaign | None, results: Path, network: bool = False) -> list[Finding]:
    """Everything that is to be said of this machine; `results`: a path on the disk of the results."""
    condition = machine.read(results)
    engines = ask(engines_of(campaign), every=campaign is None)
    findings = [*checkup.judge(condition), *judge_engines(engines, engines_of(campaign))]
    if campaign:
        findings += judge_campaign(campaign, condition)
    if network:
        findings += judge_network(addresses(engines, campaign))
    return findings


def write(path: Path, findings: Iterable[Finding]) -> None:
    DoctorRecord(host=os.uname().nodename, time_ns=time.time_ns(), findings=tuple(findings)).write(path)


def line(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return printable(f"{finding.level:8} {finding.what:16} {finding.found}{remedy}")


def engines_of(campaign: Campaign | None) -> set[str]:
    """The engines that a campaign asks for."""
    return {side.engine for b in campaign.benchmarks for side in (b.a, b.b)} if campaign else {"auto"}


def ask(wanted: set[str], every: bool) -> list[EngineFacts]:
    """The engines wanted; for auto those up to the first that answers, or all."""
    names = [name for name in (*CONTAINERS, "process") if name in wanted or "auto" in wanted]
    answers: list[EngineFacts] = []
    for name in names:
        if every or name in wanted or all(answer.absent for answer in answers):
            answers.append(inquiry.ask(name))
    return answers


def judge_engines(engines: Iterable[EngineFacts], wanted: set[str]) -> Iterator[Finding]:
    """`wanted`: docker, podman, process, auto."""
    for engine in engines:
        name = f"engine {engine.name}"
        limits = {
            "binds no cores": not engine.binds_cores,
            "bounds no memory": not engine.bounds_memory and engine.name != "process",
        }
        lacking = ", ".join(limit for limit, lacks in limits.items() if lacks)
        if engine.absent and engine.name in wanted:
            yield Finding(Level.PROBLEM, name, f"not here: {engine.absent}", engine.remedy)
        elif engine.absent:
            yield Finding(Level.OK, name, f"not here, and not needed: {engine.absent}")
        elif lacking:
            remedy = "run it as root, or rootless on control groups of version 2"
            yield Finding(Level.WARNING, name, f"{engine.version}: {lacking}", remedy)
        else:
            yield Finding(Level.OK, name, engine.version)
    here = {engine.name for engine in engines if not engine.absent}
    if "auto" in wanted and not here.intersection(CONTAINERS):
        remedy = "install or start Docker or Podman; a process is not kept from what you may do"
        yield Finding(Level.WARNING, "engine auto", "is process: no container engine answers", remedy)


def judge_campaign(campaign: Campaign, condition: Condition) -> Iterator[Finding]:
    for benchmark in campaign.benchmarks:
        for side in (benchmark.a, benchmark.b):
            who = f"{benchmark.name}.{side.name}.cpus"
            if side.cpus[0].isdigit() and (fault := checkup.cores_asked(side.cpus, who, condition)):
                yield fault
    most = max((sum(s.memory_bytes or 0 for s in (b.a, b.b)) for b in campaign.benchmarks), default=0)
    if condition.memory_bytes is not None and most > condition.memory_bytes:
        excess = f"both sides together may use {most >> 20} MiB, more than the machine has"
        yield Finding(Level.WARNING, "memory limits", excess, "lower the key memory")


def addresses(engines: Iterable[EngineFacts], campaign: Campaign | None) -> dict[str, str]:
    """What to reach -> where, as the engines, apt and pip are configured."""
    packages = reach.packages()
    default = next((engine.registry for engine in engines if engine.registry), "")
    images = [campaign.base_image] if campaign else [Campaign.base_image]
    images += [ref.name for ref in campaign.images if not is_ours(ref.name, IMAGES)] if campaign else []
    urls = dict.fromkeys(filter(None, (reach.registry(image, default) for image in images)))
    return {**{f"registry{f' {i + 1}' if i else ''}": url for i, url in enumerate(urls)}, **packages}


def judge_network(urls: dict[str, str]) -> list[Finding]:
    with ThreadPoolExecutor(max_workers=max(1, len(urls))) as pool:
        faults = dict(zip(urls, pool.map(reach.fault, urls.values()), strict=True))
    remedies = {
        "apt": "set a proxy in apt's configuration; what images have already is not installed again",
        "pip": "set a proxy (https_proxy) or pip's index-url; needed once, for the environment",
    }
    registry = "set a proxy or mirror in the engine's configuration, or load images into it (docker load)"
    return [
        Finding(Level.WARNING, name, f"{reach.shown(url)}: {faults[name]}", remedies.get(name, registry))
        if faults[name]
        else Finding(Level.OK, name, f"{reach.shown(url)} answers")
        for name, url in urls.items()
    ]
