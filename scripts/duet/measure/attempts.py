"""A run, tried until it is finished: as often as its campaign allows, and where its engine went away."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from duet.engines import Engine, EngineError, EngineGone
from duet.engines.choose import choose_engine
from duet.measure.interruption import check, deferred
from duet.measure.request import MeasureError, Request
from duet.measure.run import Measuring
from duet.model import DuetError
from duet.records.files import RecordError, remedy
from duet.records.layout import FAILED, FAILURE, RUN, Layout
from duet.records.provision import place
from duet.records.publication import holds_finished, publish, publish_failure, set_aside
from duet.records.run import AttemptRecord, FailureRecord, RunRecord

ENGINE_PATIENCE_S = 600
"""For an engine that was there and does not answer."""
ENGINE_LOSSES = 3
"""So often in one run; these attempts are not counted as the campaign's `retries`."""
LOOK_S = 1.0
DISCARD_S = 5

T = TypeVar("T")
Say = Callable[[str], None]


def silent(line: str) -> None:
    """For callers that have nobody to tell."""


def measure_run(
    request: Request,
    engines: Mapping[str, Engine],
    keep: Sequence[str] = (),
    warnings: Sequence[str] = (),
    say: Say = silent,
) -> RunRecord:
    """Measure a run; its files and run.json are in its directory afterwards. Returns its record.

    `engines` has each side's engine, `keep` names files of the directory that are not the run's, `warnings`
    what is known already that makes it doubtful.
    Raises MeasureError; the directory then has failure.json, the logs and what there was of results, or
    these are in its `failed` where a finished run is there, which stays. Nothing that was started is left,
    however this ends.
    """
    run = request.run
    part = request.layout.part(run.name)
    shutil.rmtree(part, ignore_errors=True)
    _make(part)
    try:
        attempts: list[AttemptRecord] = []
        tries, losses = request.benchmark.retries, ENGINE_LOSSES
        while True:
            try:
                for side in run.sides:
                    (part / run.log(side)).touch()
                measured = Measuring(request, engines, part, warnings).measure()
                record = replace(measured, attempts=tuple(attempts))
                record.write(part / RUN)
                break
            except (DuetError, OSError) as error:
                e = _failure(error, part)
                attempts.append(AttemptRecord(reason=str(e), time_ns=time.time_ns()))
                if isinstance(e, EngineGone) and losses:
                    losses -= 1
                    again = _back(engines, request.layout, say)
                else:
                    again = tries > 0 and not isinstance(e, RecordError)
                    tries -= again
                if not again:
                    raise _failed(request, attempts, e, keep) from error
                say(f"attempt {len(attempts)} failed: {e}; tried again")
                set_aside(part, f"{FAILED}.{len(attempts)}")
        with deferred():
            publish(part, request.directory, keep)
        return record
    finally:
        with deferred():
            _discard(part)


def _discard(part: Path) -> None:
    """Who copies results while a signal ends the run notices only with the next file."""
    until = time.monotonic() + DISCARD_S
    shutil.rmtree(part, ignore_errors=True)
    while part.exists() and time.monotonic() < until:
        time.sleep(0.02)
        shutil.rmtree(part, ignore_errors=True)


def _make(part: Path) -> None:
    try:
        part.mkdir(parents=True)
    except OSError as e:
        raise _failure(e, part) from None


def _failure(error: DuetError | OSError, part: Path) -> DuetError:
    if isinstance(error, DuetError):
        return error
    return RecordError(f"{error.filename or part}: {error.strerror or error}", remedy(error))


def _failed(
    request: Request, attempts: Sequence[AttemptRecord], e: DuetError, keep: Sequence[str]
) -> MeasureError:
    """The run has failed for good: its last attempt is what stays. Returns what is to be raised."""
    run, part, stays = request.run, request.layout.part(request.run.name), holds_finished(request.directory)
    home = request.directory / FAILED if stays else request.directory
    log = home / (getattr(e, "log", None) or run.log(run.sides[0]))
    what = e.what if len(attempts) < 2 else f"{e.what} (attempt {len(attempts)})"
    error = MeasureError(what, e.remedy, str(log))
    failure = FailureRecord(
        name=run.name, reason=str(error), log=str(log), time_ns=time.time_ns(), attempts=tuple(attempts)
    )
    try:
        failure.write(part / FAILURE)
        with deferred():
            publish_failure(part, request.directory, keep)
    except RecordError as unwritten:  # as on a full disk
        lost = f"{what}; its logs are lost: {unwritten.what}"
        return MeasureError(lost, e.remedy or unwritten.remedy)
    return error


def engine_of(name: str, layout: Layout, say: Say) -> tuple[Engine, str]:
    """The engine for a side and why, as `choose_engine`; waits for one that was there and is not now.

    `auto` is the one that has the campaign's images here: another would not do. Raises EngineError.
    """
    if name == "auto":
        name = next((n for n in ("docker", "podman") if (layout.images / place(n)).is_dir()), name)
    return _patiently(lambda: choose_engine(name), say)


def _back(engines: Mapping[str, Engine], layout: Layout, say: Say) -> bool:
    """Wait for the engines, and remove what they have kept of the run; False where one does not come back."""

    def removed() -> None:
        for engine in {engine.name: engine for engine in engines.values()}.values():
            engine.check()
            engine.remove_leftovers(layout.results)

    try:
        _patiently(removed, say)
    except EngineError:  # away for good, or it does not remove what the next attempt would meet
        return False
    return True


def _patiently(ask: Callable[[], T], say: Say) -> T:
    """What `ask` gives, as soon as it does not raise EngineGone; which is raised where patience ends."""
    until = time.monotonic() + ENGINE_PATIENCE_S
    waiting = False
    while True:
        try:
            return ask()
        except EngineGone as e:
            if time.monotonic() > until:
                raise
            if not waiting:
                say(f"{e.what}; waiting for it, at most {ENGINE_PATIENCE_S // 60} min")
                waiting = True
        check()
        time.sleep(LOOK_S)
