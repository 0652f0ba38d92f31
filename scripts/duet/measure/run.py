"""One run from start to run record: start the sides, gate, wait for their end, keep their files."""

import contextlib
import queue
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from duet.campaign import order as plan
from duet.engines import Engine, ResultMissing, Start, Started
from duet.measure import cores, host, rendezvous
from duet.measure.exchange import Exchange
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
            shutil.rmtree(part / "rv", ignore_errors=True)
            with deferred():
                record.publish(part, asked.directory, keep)
            raise MeasureError(e.what, e.remedy, str(path)) from e
        shutil.rmtree(part / "rv", ignore_errors=True)
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
            self.assignment = cores.assign(asked, machine, swapped, bindable)
            self.cpus = self.assignment.cpus
            self.warnings += [*self.assignment.warnings, *self._unbounded()]
            resolution_ns = rendezvous.resolution_ns(self.part)
            facts, warnings = host.collect_artifacts(artifacts)
            self.warnings += warnings
        finally:
            host.stop_artifacts(artifacts)
        self.gate = rendezvous.Rendezvous(self.part / "rv", self.run.sides)
        self.exchange = Exchange(self.assignment, f"{self.asked.benchmark['seed']} {self.run.name}")
        with contextlib.closing(self.gate):
            try:
                with deferred():
                    self._start()
                self._hold()
                self._through_gate()
                timed_out = self._to_end()
                self.exchange.stop()
                usage, files = self._fetch(timed_out)
            finally:
                with deferred():
                    self.exchange.stop()
                    self._remove()
            sides = {side: self._side(side, usage[side], files[side]) for side in self.run.sides}
        gate = {"skew_ns": self._skew_ns(), "resolution_ns": resolution_ns}
        return self._record(timed_out, gate, sides, facts, host.facts(machine))

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
            command=self.gate.launch(side, self.assignment.apart, self.exchange.planned),
            gate=self.gate.directory,
            log=self.part / self.run.log(side),
            env=tuple(env.items()),
            cpus=self.cpus[side],
            memory_bytes=asked["memory_bytes"],
            network=asked["network"],
            keep=not self.asked.benchmark["remove_containers"],
            files=self.asked.files.get(side, ()),
        )

    def _hold(self) -> None:
        """Keep the sides before the gate until it is known how their cores are exchanged, and at what cost."""
        if not self.exchange.planned:
            return
        until = time.monotonic() + GATE_TIMEOUT_S
        while any(self.gate.cpus(side) is None for side in self.run.sides) and time.monotonic() < until:
            if any(self.started[side].wait(0) is not None for side in self.run.sides):
                break  # which one and why is said where they go through the gate
            time.sleep(0.002)
        else:
            self.exchange.prepare(self.started)
        self.gate.release()
        self.exchange.start()

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
        steps = [(self.released + limit, "ask")] if limit else []
        timed_out = False
        while len(self.codes) < len(self.run.sides):
            left = max(0.0, steps[0][0] - time.monotonic()) if steps else None
            try:
                side, outcome = ended.get(timeout=left)
            except queue.Empty:
                timed_out = True
                steps = [self._press(steps[0][1])]
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
            if self.started[side].usage().oom_killed:
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
                usage[side] = self.started[side].usage()
                for path in self.asked.sides[side]["side"]["results"]:
                    name = self.run.file(side, path.rstrip("/").rpartition("/")[2])
                    if name in files[side]:
                        raise self._failure(side, f"has two results called {name}", "rename one in `results`")
                    try:
                        self.started[side].fetch(path, self.part / name)
                    except ResultMissing as e:
                        when = f" when it was stopped after {self.asked.timeout_s:g} s" if timed_out else ""
                        raise self._failure(side, f"left no {path}{when}", e.remedy) from e
                    files[side].append(name)

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
        exchange, warnings = self.exchange.finish(self.part)
        self.warnings += warnings
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
            "exchange": exchange.plain(),
            "sides": sides,
            "host": facts,
            "artifacts": artifacts,
            "warnings": self.warnings,
        }
