"""Measure one run of a campaign into results/<name>/runs/<run>/."""

import argparse
import time
from pathlib import Path

from duet.commands import Log
from duet.engines import Engine
from duet.engines.choose import choose
from duet.measure import host, interruption, progress, request
from duet.measure import run as measuring
from duet.model import DuetError
from duet.records import files as record

CALLED_BY_RULES = True
EXAMPLE = "./duetbench measure --results results/quickstart --run compress.gzip.0.duet.AB"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, help="results/<name>, with its plan/")
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--again", help="the command that measures just this run, to be said when it fails")


def execute(options: argparse.Namespace, log: Log) -> int:
    interruption.arm()
    try:
        measure(options, log)
    except (DuetError, OSError) as error:
        log("; ".join(failed(options, error)))
        return 1
    except interruption.Interrupted as signal:
        log(f"{options.run}: stopped by {signal}, nothing is left running")
        return 128 + signal.signum
    return 0


def failed(options: argparse.Namespace, error: DuetError | OSError) -> list[str]:
    """What is to be said of it; also leaves a failure record where measuring has not."""
    log = getattr(error, "log", None)
    directory = options.results / "runs" / options.run
    if log is None and directory.is_dir() and not (directory / record.RUN).exists():
        record.write_failure(directory, options.run, str(error), options.log, time.time_ns())
    log = log or options.log
    parts = [f"error: run {options.run}: {error}"]
    parts += [f"log: {log}"] if log else []
    return parts + ([f"again: {options.again}"] if options.again else [])


def measure(options: argparse.Namespace, say: Log) -> None:
    asked = request.request(options.results, options.run)
    verbose = asked.benchmark["verbose"]
    chosen: dict[str, Engine] = {}
    for name in {plan["side"]["engine"] for plan in asked.sides.values()}:
        chosen[name], why = choose(name)
        if verbose:
            say(why)
    engines = {side: chosen[plan["side"]["engine"]] for side, plan in asked.sides.items()}
    if verbose:
        for side, plan in asked.sides.items():
            say(f"{asked.run.name} {side}: {plan['side']['run']}")
    keep = [options.log.name] if options.log and options.log.parent.resolve() == asked.directory else []
    with host.alone(lambda: say(f"{asked.run.name}: waits, another run is being measured on this machine")):
        begin = time.monotonic()
        found = measuring.measure(asked, engines, keep)
    for warning in found["warnings"]:
        say(f"{asked.run.name}: warning: {warning}")
    seconds = time.monotonic() - begin
    progress.add(options.results, asked.run, seconds)
    say(progress.line(options.results, asked.run, seconds))
