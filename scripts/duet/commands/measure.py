"""Measure one run of a campaign into results/<name>/runs/<run>/."""

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from duet.commands import Log
from duet.commands.provide import planned
from duet.engines import Engine
from duet.images import presence
from duet.images.identity import IMAGES
from duet.measure import interruption, progress
from duet.measure.alone import exclusively
from duet.measure.attempts import engine_of, measure_run
from duet.measure.request import Request
from duet.model import DuetError, parse_run
from duet.records.files import RecordError
from duet.records.layout import Layout
from duet.records.plan import ImagePlan, SidePlan
from duet.records.provision import place
from duet.records.publication import holds_finished
from duet.records.run import FailureRecord

CALLED_BY_RULES = True
EXAMPLE = "./duetbench measure --results results/quickstart --run compress.gzip.0.duet.AB"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, help="results/<name>, with its plan/")
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--provide", action="store_true", help="bring its images into this machine's engine")
    parser.add_argument("--again", help="the command that measures just this run, to be printed if it fails")


def execute(options: argparse.Namespace, log: Log) -> int:
    interruption.arm()
    try:
        measure_planned(options, log)
    except (DuetError, OSError) as error:
        log("; ".join(failed(options, error)))
        return 1
    except interruption.Interrupted as signal:
        log(f"{options.run}: stopped by {signal}, nothing is left running; start again to go on")
        return 128 + signal.signum
    return 0


def failed(options: argparse.Namespace, error: DuetError | OSError) -> list[str]:
    """What is to be said of it; also leaves a failure record where measuring has not."""
    log = getattr(error, "log", None)
    layout = Layout(options.results)
    stays = holds_finished(layout.run(options.run))
    if log is None and layout.run(options.run).is_dir() and not stays:
        failure = FailureRecord(
            name=options.run,
            reason=str(error),
            log=str(options.log) if options.log else None,
            time_ns=time.time_ns(),
        )
        with suppress(RecordError):  # of a full disk it is said, not recorded
            failure.write(layout.failure(options.run))
    log = log or options.log
    parts = [f"error: run {options.run}: {error}"]
    parts += ["what was measured before is kept"] if stays else []
    parts += [f"log: {log}"] if log else []
    return parts + ([f"again: {options.again}"] if options.again else [])


def bring_images(options: argparse.Namespace, engine: Callable[[str], str]) -> None:
    """See to it that this machine has the images of the run's sides, the same as the other machines."""
    run = parse_run(options.run)
    if run is None:
        return  # which reading it says
    layout = Layout(options.results.absolute())
    for side in run.sides:
        asked = SidePlan.read(layout.side_plan(run, side)).side
        if asked.image is not None:
            here = engine(asked.engine)
            log = Log(layout.log(f"image.{asked.image.key}.{place(here)}"))
            file = layout.image_plan(asked.image.key)
            record = planned(file, here, IMAGES, log)
            presence.agree(layout, record, asked.image, ImagePlan.read(file).base_image)
            presence.write(layout, record)


def measure_planned(options: argparse.Namespace, say: Log) -> None:
    chosen: dict[str, Engine] = {}
    reasons: list[str] = []

    def say_of_run(line: str) -> None:
        say(f"{options.run}: {line}")

    def engine(name: str) -> str:
        if name not in chosen:
            chosen[name], why = engine_of(name, Layout(options.results), say_of_run)
            reasons.append(why)
        return chosen[name].name

    if options.provide:
        bring_images(options, engine)
    request = Request.read(options.results, options.run, engine)
    for plan in request.sides.values():
        engine(plan.side.engine)
    engines = {side: chosen[plan.side.engine] for side, plan in request.sides.items()}
    if request.benchmark.verbose:
        for why in reasons:
            say(why)
        for side, plan in request.sides.items():
            say(f"{request.run.name} {side}: {plan.side.run}")
    keep = [options.log.name] if options.log and options.log.parent.resolve() == request.directory else []
    with exclusively(request.run.name, request.benchmark.campaign, engines, say_of_run) as warnings:
        begin = time.monotonic()
        record = measure_run(request, engines, keep, warnings, say_of_run)
    with interruption.deferred():  # it is finished: whoever stops now stops the next one
        for warning in record.warnings:
            say_of_run(f"warning: {warning}")
        seconds = time.monotonic() - begin
        try:
            progress.add(request.layout, request.run, seconds)
            say(progress.line(request.layout, request.run, seconds))
        except OSError as e:
            say_of_run(f"measured; how far the campaign is cannot be noted: {e}")
