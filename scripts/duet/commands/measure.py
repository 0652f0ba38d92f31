"""Measure one run of a campaign: results/<name>/runs/<run>/."""

import argparse
import sys
import time
from pathlib import Path

from duet.engines import Engine
from duet.engines.choose import choose
from duet.measure import host, interruption, progress, request
from duet.measure import run as measuring
from duet.model import DuetError
from duet.records import files as record


def measure(options: argparse.Namespace, say: "Say") -> None:
    chosen: dict[str, Engine] = {}
    reasons: dict[str, str] = {}

    def engine(name: str) -> str:
        if name not in chosen:
            chosen[name], reasons[name] = choose(name)
        return chosen[name].name

    asked = request.request(options.results, options.run, engine)
    verbose = asked.benchmark["verbose"]
    for plan in asked.sides.values():
        engine(plan["side"]["engine"])
    for why in reasons.values() if verbose else ():
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


class Say:
    """A line to stderr and to the log."""

    def __init__(self, log: Path | None):
        self._log = log
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")

    def __call__(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if self._log:
            with self._log.open("a") as file:
                file.write(f"{line}\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results/<name>, with its plan/")
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--log", type=Path, help="a copy of what is said")
    parser.add_argument("--again", help="the command that measures just this run, to be said when it fails")
    return parser.parse_args()


def main() -> int:
    interruption.arm()
    options = arguments()
    try:
        say = Say(options.log)
        measure(options, say)
    except DuetError as error:
        log = getattr(error, "log", None)
        directory = options.results / "runs" / options.run
        if log is None and directory.is_dir() and not (directory / record.RUN).exists():
            record.write_failure(directory, options.run, str(error), options.log, time.time_ns())
        log = log or options.log
        parts = [f"error: run {options.run}: {error}"]
        parts += [f"log: {log}"] if log else []
        parts += [f"again: {options.again}"] if options.again else []
        say("; ".join(parts))
        return 1
    except interruption.Interrupted as signal:
        print(f"{options.run}: stopped by {signal}, nothing is left running", file=sys.stderr)
        return 128 + signal.signum
    return 0
