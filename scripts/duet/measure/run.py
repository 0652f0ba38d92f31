"""One run from start to run record: start the sides, gate, wait for their end, keep their files."""

import contextlib
import math
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from duet.campaign import order as plan
from duet.engines import Engine, ResultMissing, Room, Start, Started
from duet.engines.processes import directory_prefix
from duet.measure import host, logs, rendezvous
from duet.measure.interruption import deferred, together
from duet.measure.request import MeasureError, Request
from duet.model import SCHEMA_VERSION, DuetError
from duet.records import files as record

GATE_TIMEOUT_S = 60
"""Within this time both sides must be at the gate."""
QUIET_S = 0.05
"""After the gate the host does nothing for so long: it would take cores from the sides."""
KILL_TIMEOUT_S = 60
"""Within this time a killed side must be gone."""
SKEW_WARNING_NS = 10_000_000
RESULTS_BYTES = 10 << 30
"""Kept of a side's results."""


def measure(asked: Request, engines: Mapping[str, Engine], keep: Sequence[str] = ()) -> dict[str, Any]:
    """Measure a run; its files and run.json are in its directory afterwards, and are returned.

    `engines` has each side's engine, `keep` names files of the directory that are not the run's.
    Raises MeasureError; the directory then has failure.json and the logs. Nothing that was started
    is left, however this ends.
    """
    part = asked.directory.with_name(f".{asked.run.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        for side in asked.run.sides:
            (part / asked.run.log(side)).touch()
        try:
            value = _Measuring(asked, engines, part).measure()
            record.write(part / record.RUN, value)
        except DuetError as e:
            log = getattr(e, "log", None) or asked.run.log(asked.run.sides[0])
            path = asked.directory / log
            record.write_failure(part, asked.run.name, str(e), path, time.time_ns())
            with deferred():
                record.publish(part, asked.directory, keep)
            raise MeasureError(e.what, e.remedy, str(path)) from e
        with deferred():
            record.publish(part, asked.directory, keep)
        return value
    finally:
        with deferred():
            shutil.rmtree(part, ignore_errors=True)


class _Measuring:
    """The state of one run while it is measured."""

    def __init__(self, asked: Request, engines: Mapping[str, Engine], part: Path):
        self.asked, self.engines, self.part, self.run = asked, engines, part, asked.run
        self.started: dict[str, Started] = {}
        self.warnings: list[str] = []
        self.codes: dict[str, int] = {}
        self.goes_ns: dict[str, int] = {}
        self.ends_ns: dict[str, int] = {}

    def measure(self) -> dict[str, Any]:
        artifacts = host.start_artifacts(self.asked.benchmark["artifacts"])
        try:
            machine = host.read()
            asked = {side: plan["side"]["cpus"] for side, plan in self.asked.sides.items()}
            swapped = plan.swapped(self.asked.benchmark["seed"], self.run)
            bindable = {side: self.engines[side].splits_cpus for side in asked}
            self.cpus, warnings = host.assign(asked, machine, swapped, bindable)
            self.warnings += warnings + self._unbounded()
            place, resolution_ns = rendezvous.place(self.part.parent)
            facts, warnings = host.collect_artifacts(artifacts)
            self.warnings += warnings
        finally:
            host.stop_artifacts(artifacts)
        with self._meeting(place) as self.gate:
            try:
                with deferred():
                    self._start()
                self._through_gate()
                timed_out = self._to_end()
                usage, files = self._fetch(timed_out)
            finally:
                with deferred():
                    self._remove()
            sides = {side: self._side(side, usage[side], files[side]) for side in self.run.sides}
        for side, log in self.gate.logs.items():
            if log.fault:
                self.warnings.append(f"the log of side {side} is incomplete: {log.fault}")
        gate = {"skew_ns": self._skew_ns(), "resolution_ns": resolution_ns}
        return self._record(timed_out, gate, sides, facts, host.facts(machine))

    @contextlib.contextmanager
    def _meeting(self, place: Path) -> Iterator[rendezvous.Rendezvous]:
        """The rendezvous, in a directory that nobody else may enter and that is gone afterwards."""
        prefix = ".{}." if place == self.part.parent else directory_prefix(self.asked.results) + "{}-"
        directory = Path(tempfile.mkdtemp(prefix=prefix.format(self.run.name), suffix=".part", dir=place))
        try:
            logs = {side: self.part / self.run.log(side) for side in self.run.sides}
            with contextlib.closing(rendezvous.Rendezvous(directory, self.run.sides, logs)) as gate:
                yield gate
        finally:
            with deferred():
                shutil.rmtree(directory, ignore_errors=True)

    def _unbounded(self) -> list[str]:
        return [
            f"side {side} may use more memory than asked for: its engine cannot bound it"
            for side, asked in self.asked.sides.items()
            if asked["side"]["memory_bytes"] and not self.engines[side].bounds_memory
        ]

    def _start(self) -> None:
        """Start the sides together; the gate sees to it that the first of the order is first there."""

        def start(side: str) -> Callable[[], None]:
            def starting() -> None:
                self.started[side] = self.engines[side].start(self._asked_of_engine(side))

            return starting

        together([start(side) for side in self.run.sides])

    def _asked_of_engine(self, side: str) -> Start:
        asked = self.asked.sides[side]["side"]
        image = self.asked.images.get(side)
        env = dict(asked["env"]) | {
            "DUET_SIDE": side,
            "DUET_TYPE": str(self.run.type),
            "DUET_RUN": self.run.name,
            rendezvous.COMMAND: asked["run"],
        }
        return Start(
            campaign=self.asked.benchmark["campaign"],
            run=self.run.name,
            side=side,
            root=self.asked.results,
            image=(image["id"] or image["tag"]) if image else None,
            command=self.gate.launch(side, host.apart(self.cpus)),
            gate=self.gate.of(side),
            stamps=self.gate.stamps(side),
            env=tuple(env.items()),
            cpus=self.cpus[side],
            memory_bytes=asked["memory_bytes"],
            network=asked["network"],
            keep=not self.asked.benchmark["remove_containers"],
            files=self.asked.files.get(side, ()),
        )

    def _through_gate(self) -> None:
        """Look now and then whether both are through: somebody waiting for it would disturb the start."""
        until = time.monotonic() + GATE_TIMEOUT_S
        waiting = list(self.run.sides)
        while waiting:
            time.sleep(0.01 if until - time.monotonic() > GATE_TIMEOUT_S - 1 else 0.05)
            dead = [side for side in waiting if self.started[side].wait(0) is not None]
            stamps = {side: self.gate.go_ns(side) for side in waiting}
            self.goes_ns |= {side: stamp for side, stamp in stamps.items() if stamp is not None}
            waiting = [side for side in waiting if side not in self.goes_ns]
            for side in dead:
                if side in waiting:
                    raise self._failure(
                        side, f"ended before the gate with exit code {self.started[side].wait(0)}"
                    )
            if waiting and time.monotonic() > until:
                raise self._failure(waiting[0], f"did not come to the gate within {GATE_TIMEOUT_S} s")
        self.released = time.monotonic()
        if any(self.gate.end_ns(side) is None for side in self.run.sides):
            time.sleep(QUIET_S)

    def _to_end(self) -> bool:
        """Wait for the sides' ends; whether that took the timeout. A side that fails ends the run."""
        ended: queue.SimpleQueue[tuple[str, int | Exception | None]] = queue.SimpleQueue()

        def wait(side: str) -> None:
            try:
                ended.put((side, self.started[side].wait(None)))
            except Exception as e:
                ended.put((side, e))

        for side in self.run.sides:
            threading.Thread(target=wait, args=(side,), daemon=True).start()
        # What is done when time is up, and how long that may take.
        limit = self.asked.timeout_s
        step, at = "ask", self.released + limit if limit else math.inf
        timed_out, pause_s = False, logs.PAUSE_S
        while len(self.codes) < len(self.run.sides):
            try:
                side, outcome = ended.get(timeout=max(0.0, min(at - time.monotonic(), pause_s)))
            except queue.Empty:
                pause_s = self.gate.drain()
                if timed_out:
                    self.gate.look_again()
                if time.monotonic() >= at:
                    timed_out = True
                    at, step = self._press(step)
                continue
            if isinstance(outcome, Exception):
                raise outcome
            assert outcome is not None
            self.codes[side] = outcome
            self.ends_ns[side] = self.gate.end_ns(side) or time.time_ns()
            self.gate.gone(side)
            if outcome and not timed_out:
                raise self._crash(side, outcome)
        return timed_out

    def _press(self, how: str) -> tuple[float, str]:
        """Ask or kill the sides that still run; when to do what next."""
        running = [side for side in self.run.sides if side not in self.codes]
        if how == "give up":
            raise self._failure(running[0], f"is still there {KILL_TIMEOUT_S} s after it was killed")
        together([getattr(self.started[side], how) for side in running])
        if how == "ask":
            return time.monotonic() + self.asked.benchmark["grace_s"], "kill"
        return time.monotonic() + KILL_TIMEOUT_S, "give up"

    def _crash(self, side: str, code: int) -> MeasureError:
        with contextlib.suppress(DuetError):
            if self.started[side].usage(self.gate.told(side)).oom_killed:
                limit = self.asked.sides[side]["side"]["memory_bytes"]
                bound = f" of {limit} bytes" if limit else ""
                return self._failure(side, f"ran out of memory{bound} (exit code {code})", "raise `memory`")
        return self._failure(side, f"ended with exit code {code}")

    def _failure(self, side: str, what: str, remedy: str = "") -> MeasureError:
        return MeasureError(f"side {side} {what}", remedy, self.run.log(side))

    def _fetch(self, timed_out: bool) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """What each side used, and the names of its result files, which are in the run's directory then."""
        usage: dict[str, Any] = {}
        files: dict[str, list[str]] = {side: [] for side in self.run.sides}

        def fetch(side: str) -> Callable[[], None]:
            def fetching() -> None:
                usage[side] = self.started[side].usage(self.gate.told(side))
                room = Room(RESULTS_BYTES)
                for path in self.asked.sides[side]["side"]["results"]:
                    name = self.run.file(side, path.rstrip("/").rpartition("/")[2])
                    if name in files[side]:
                        raise self._failure(side, f"has two results called {name}", "rename one in `results`")
                    try:
                        left_out = self.started[side].fetch(path, self.part / name, room)
                    except ResultMissing as e:
                        when = f" when it was stopped after {self.asked.timeout_s:g} s" if timed_out else ""
                        raise self._failure(side, f"left no {path}{when}", e.remedy) from e
                    files[side].append(name)
                    if left_out:
                        self.warnings.append(f"not all of {name} is kept, left out: {', '.join(left_out)}")

            return fetching

        together([fetch(side) for side in self.run.sides])
        return usage, files

    def _remove(self) -> None:
        """Remove the sides, or leave containers stopped where that was asked for."""
        keep = not self.asked.benchmark["remove_containers"]
        calls = []
        for side, started in self.started.items():
            if not keep or self.engines[side].name == "process":
                calls.append(started.remove)
            elif side not in self.codes:
                calls.append(started.kill)
        try:
            together(calls)
        except DuetError as e:  # the run is as good as before; the next start of the workflow removes it
            self.warnings.append(str(e))

    def _skew_ns(self) -> int | None:
        """How much earlier one side went than the other; None for one side alone."""
        if len(self.goes_ns) < 2:
            return None
        skew_ns = max(self.goes_ns.values()) - min(self.goes_ns.values())
        if skew_ns > SKEW_WARNING_NS:
            self.warnings.append(f"one side went through the gate {skew_ns / 1e6:.1f} ms before the other")
        return skew_ns

    def _side(self, side: str, usage: Any, files: list[str]) -> dict[str, Any]:
        image = self.asked.images.get(side, {})
        seen = self.gate.cpus(side)
        asked = self.cpus[side]
        if asked is not None and seen != asked:
            self.warnings.append(f"side {side} was to run on cores {asked} but may use {seen}")
        return {
            "engine": self.engines[side].name,
            "image": (self.asked.sides[side]["side"]["image"] or {}).get("name"),
            "image_id": image.get("id"),
            "image_hash": image.get("hash"),
            "exit_code": self.codes[side],
            "go_ns": self.goes_ns[side],
            "end_ns": self.ends_ns[side],
            "cpus": {"asked": asked, "seen": seen},
            "peak_memory_bytes": usage.peak_memory_bytes,
            "cpu_time_ns": usage.cpu_time_ns,
            "oom_killed": usage.oom_killed,
            "files": files,
            "log": self.run.log(side),
        }

    def _record(
        self,
        timed_out: bool,
        gate: dict[str, int | None],
        sides: dict[str, dict[str, Any]],
        artifacts: dict[str, str],
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        run, benchmark = self.run, self.asked.benchmark
        engine = self.engines[run.sides[0]]
        return {
            "schema": SCHEMA_VERSION,
            "name": run.name,
            "campaign": benchmark["campaign"],
            "run": {
                "suite": benchmark["suite"],
                "benchmark": benchmark["benchmark"],
                "runid": run.runid,
                "type": run.type,
                "order": run.order,
                "side": run.side,
            },
            "status": "ok",
            "timed_out": timed_out,
            "start_ns": min(side["go_ns"] for side in sides.values()),
            "end_ns": max(side["end_ns"] for side in sides.values()),
            "spec": {
                "timeout_s": self.asked.timeout_s,
                "sides": {side: plan["side"] for side, plan in self.asked.sides.items()},
            },
            "engine": engine.name,
            "engine_version": engine.version,
            "gate": gate,
            "sides": sides,
            "host": facts,
            "artifacts": artifacts,
            "warnings": self.warnings,
        }
