"""One attempt at a run: start the sides, gate, wait for their end, keep their files, say it in a record."""

import contextlib
import math
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from duet.campaign import order
from duet.engines import Engine, EngineGone, ResultMissing, Room, Start, Started, Usage
from duet.engines.processes import directory_prefix, remove_tree
from duet.measure import cores, host, logs, rendezvous
from duet.measure.advice import to_be_timed
from duet.measure.clock import Clock
from duet.measure.disk import Disk
from duet.measure.exchange import Exchange
from duet.measure.interruption import check, deferred, together
from duet.measure.request import MeasureError, Request
from duet.measure.telemetry import Telemetry
from duet.model import DuetError
from duet.records.run import (
    CpusRecord,
    FileRecord,
    GateRecord,
    HostRecord,
    RunRecord,
    SideRecord,
    SpecRecord,
    file_record,
)

GATE_TIMEOUT_S = 60
"""Within this time both sides must be at the gate."""
QUIET_S = 0.05
"""After the gate the host does nothing for so long: it would take cores from the sides."""
KILL_TIMEOUT_S = 60
"""Within this time a killed side must be gone."""
SALVAGE_S = 5
"""For a side of a run that failed to be gone, so that what it has written can be had."""
SALVAGED_BYTES = 64 << 20
"""Kept of each side's results of a run that failed."""
SKEW_WARNING_NS = 10_000_000
STAMPS = b"iteration,start_ns,end_ns"
"""How the file of a probe begins, as every file of the native harness."""
PADDING = "DUET_PADDING"
"""Environment variable that makes each side's environment as long as this run's draw says."""
PATHS = 16
"""Names of a process's working directory differ by less than so many characters."""
DISK_BYTES = 10 << 30
"""What a side may write, and what is kept of its results, where its configuration does not say more."""


class Measuring:
    """The state of one run while it is measured. What it leaves is in the directory `part`."""

    def __init__(self, request: Request, engines: Mapping[str, Engine], part: Path, warnings: Sequence[str]):
        self.request, self.engines, self.part, self.run = request, engines, part, request.run
        self.started: dict[str, Started] = {}
        self.warnings = list(warnings)
        self.codes: dict[str, int] = {}
        self.goes_ns: dict[str, int] = {}
        self.ends_ns: dict[str, int] = {}
        self.clock = Clock()
        seed = request.benchmark.seed
        self.paddings = {side: order.padding_bytes(seed, self.run, side) for side in self.run.sides}

    def measure(self) -> RunRecord:
        """Raises DuetError; logs, and what there was of results, are there all the same."""
        commands = host.start_artifacts(self.request.benchmark.artifacts)
        try:
            machine = host.read()
            cpus_keys = {side: plan.side.cpus for side, plan in self.request.sides.items()}
            swapped = order.swapped(self.request.benchmark.seed, self.run)
            bindable = {side: self.engines[side].splits_cpus for side in cpus_keys}
            self.assignment = cores.assign(cpus_keys, machine, swapped, bindable)
            self.cpus = self.assignment.cpus
            self.warnings += [*self.assignment.warnings, *self._unbounded()]
            place, resolution_ns = rendezvous.place(self.part.parent)
            artifacts, warnings = host.collect_artifacts(commands)
            self.warnings += warnings
        finally:
            host.stop_artifacts(commands)
        self.exchange = Exchange(self.assignment, f"{self.request.benchmark.seed} {self.run.name}")
        self.telemetry = Telemetry(self._cores(machine), self.assignment.spare)
        with self._meeting(place) as self.gate:
            try:
                with deferred():
                    self._start()
                self._hold()
                self._through_gate()
                with deferred():
                    self.telemetry.start(self.started)
                timed_out = self._to_end()
                with deferred():
                    self.exchange.stop()
                    self.telemetry.stop()
                usage, files = self._fetch(timed_out)
            except DuetError as e:
                if not isinstance(e, EngineGone):
                    with deferred():
                        self._salvage()
                raise
            finally:
                with deferred():
                    self.exchange.stop()
                    self.telemetry.stop()
                    self._remove()
            sides = {side: self._side(side, usage[side], files[side]) for side in self.run.sides}
        for side, log in self.gate.logs.items():
            if log.fault:
                self.warnings.append(f"the log of side {side} is incomplete: {log.fault}")
        if step := self.clock.step_ns():
            self.warnings.append(
                f"the clock was set by {step / 1e9:+.3f} s meanwhile: the run's times are not what they seem"
            )
        gate = GateRecord(skew_ns=self._skew_ns(), resolution_ns=resolution_ns)
        return self._record(timed_out, gate, sides, artifacts, host.facts(machine))

    @contextlib.contextmanager
    def _meeting(self, place: Path) -> Iterator[rendezvous.Rendezvous]:
        """The rendezvous, in a directory that nobody else may enter and that is gone afterwards."""
        prefix = "." if place == self.part.parent else directory_prefix(self.request.layout.results)
        name = self.run.name[:200]
        directory = Path(tempfile.mkdtemp(prefix=f"{prefix}{name}-", suffix=".part", dir=place))
        try:
            files = {side: self.part / self.run.log(side) for side in self.run.sides}
            with contextlib.closing(rendezvous.Rendezvous(directory, self.run.sides, files)) as gate:
                yield gate
        finally:
            with deferred():
                remove_tree(directory)

    def _cores(self, machine: cores.Machine) -> frozenset[int]:
        """Those that the sides may be on in this run."""
        bound = [cores.parse_set(cpus) if cpus else machine.allowed for cpus in self.cpus.values()]
        exchanged = [cores.parse_set(cpus) for cpus in self.assignment.sets or ()]
        return frozenset().union(*bound, *exchanged)

    def _unbounded(self) -> list[str]:
        return [
            f"side {side} may use more memory than configured: its engine cannot limit it"
            for side, plan in self.request.sides.items()
            if plan.side.memory_bytes and not self.engines[side].bounds_memory
        ]

    def _start(self) -> None:
        """Start the sides together; the gate sees to it that the first of the order is first there."""

        def start(side: str) -> Callable[[], None]:
            def starting() -> None:
                self.started[side] = self.engines[side].start(self._start_of(side))

            return starting

        first, *rest = map(start, self.run.sides)
        if any(plan.side.shares_memory for plan in self.request.sides.values()):
            first()  # what it shares has to be there
            first, *rest = rest
        together([first, *rest])

    def _start_of(self, side: str) -> Start:
        wanted = self.request.sides[side].side
        image = self.request.images.get(side)
        env = dict(wanted.env) | {
            "DUET_SIDE": side,
            "DUET_TYPE": str(self.run.type),
            "DUET_RUN": self.run.name,
            rendezvous.COMMAND: wanted.run,
            PADDING: "x" * self.paddings[side],
        }
        if wanted.setup:
            env[rendezvous.SETUP] = wanted.setup
        return Start(
            campaign=self.request.benchmark.campaign,
            run=self.run.name,
            side=side,
            root=self.request.layout.results,
            image=(image.id or image.tag) if image else None,
            command=self.gate.launch(side, self.assignment.apart, self.exchange.planned),
            gate=self.gate.of(side),
            stamps=self.gate.stamps(side),
            env=tuple(env.items()),
            cpus=self.cpus[side],
            memory_bytes=wanted.memory_bytes,
            network=wanted.network,
            privileges=wanted.privileges,
            keep=not self.request.benchmark.remove_containers,
            files=self.request.files.get(side, ()),
            path_padding=self.paddings[side] % PATHS,
            shares_memory=wanted.shares_memory,
            beside=next(iter(self.started.values()), None) if wanted.shares_memory else None,
        )

    def _hold(self) -> None:
        """Keep the sides before the gate until it is known how, and at what cost, they are exchanged."""
        if not self.exchange.planned:
            return
        until = time.monotonic() + self._gate_timeout_s
        while absent := [side for side in self.run.sides if self.gate.cpus(side) is None]:
            if any(self.started[side].wait(0) is not None for side in self.run.sides):
                break  # which one and why is said where they go through the gate
            if time.monotonic() > until:
                raise self._late(absent[0])
            check()
            time.sleep(0.002)
        else:
            self.exchange.prepare(self.started)
        self.gate.release()
        with deferred():  # half a start cannot be stopped
            self.exchange.start()

    @property
    def _gate_timeout_s(self) -> float:
        """Of a run with a setup: that may take as long as the run."""
        if any(plan.side.setup for plan in self.request.sides.values()):
            return GATE_TIMEOUT_S + (self.request.timeout_s or math.inf)
        return GATE_TIMEOUT_S

    def _late(self, side: str) -> MeasureError:
        remedy = "see its setup, or raise `timeout`" if self.request.sides[side].side.setup else ""
        return self._failure(side, f"did not reach the gate within {self._gate_timeout_s:g} s", remedy)

    def _through_gate(self) -> None:
        """Look now and then whether both are through: somebody waiting for it would disturb the start."""
        begin = time.monotonic()
        until = begin + self._gate_timeout_s
        waiting = list(self.run.sides)
        while waiting:
            check()
            time.sleep(0.01 if time.monotonic() - begin < 1 else 0.05)
            dead = [side for side in waiting if self.started[side].wait(0) is not None]
            stamps = {side: self.gate.go_ns(side) for side in waiting}
            self.goes_ns |= {side: stamp for side, stamp in stamps.items() if stamp is not None}
            waiting = [side for side in waiting if side not in self.goes_ns]
            for side in dead:
                if side in waiting:
                    what = " its setup" if self.request.sides[side].side.setup else " before the gate"
                    code = self.started[side].wait(0)
                    self._acquit(side, code)
                    raise self._ended(side, code, what)
            if waiting and time.monotonic() > until:
                raise self._late(waiting[0])
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
        limit = self.request.timeout_s
        step, at = "ask", self.released + limit if limit else math.inf
        timed_out, pause_s = False, logs.PAUSE_S
        disk = Disk(self.started, {side: self._disk_bytes(side) for side in self.run.sides})
        while len(self.codes) < len(self.run.sides):
            try:
                side, outcome = ended.get(timeout=max(0.0, min(at - time.monotonic(), pause_s)))
            except queue.Empty:
                outcome = None  # nothing new
            if outcome is None:
                check()
                pause_s = self.gate.drain()
                self.clock.look()
                if timed_out:
                    self.gate.look_again()
                if time.monotonic() >= at:
                    timed_out = True
                    at, step = self._press(step)
                if fault := disk.fault():
                    raise self._failure(*fault)
                continue
            if isinstance(outcome, Exception):
                raise outcome
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
            raise self._failure(running[0], f"is still running {KILL_TIMEOUT_S} s after it was killed")
        together([getattr(self.started[side], how) for side in running])
        if how == "ask":
            return time.monotonic() + self.request.benchmark.grace_s, "kill"
        return time.monotonic() + KILL_TIMEOUT_S, "give up"

    def _acquit(self, side: str, code: int | None) -> None:
        """Raises EngineGone where the engine has ended the side: one that goes ends its containers."""
        if code in (128 + signal.SIGKILL, 128 + signal.SIGTERM):
            self.engines[side].check()

    def _crash(self, side: str, code: int) -> MeasureError:
        self._acquit(side, code)
        with contextlib.suppress(DuetError):
            if self.started[side].usage(self.gate.lines(side)).oom_killed:
                limit = self.request.sides[side].side.memory_bytes
                bound = f" of {limit} bytes" if limit else ""
                return self._failure(side, f"ran out of memory{bound} (exit code {code})", "raise `memory`")
        return self._ended(side, code)

    def _ended(self, side: str, code: int | None, what: str = "") -> MeasureError:
        last = self.gate.logs[side].last_line()
        return self._failure(side, f"ended{what} with exit code {code}" + (f' ("{last}")' if last else ""))

    def _disk_bytes(self, side: str) -> int:
        return self.request.sides[side].side.disk_bytes or DISK_BYTES

    def _advice(self, side: str, result: str) -> str:
        plan = self.request.sides[side].side
        return to_be_timed(plan, self.request.benchmark.format, self.engines[side].name, result)

    def _failure(self, side: str, what: str, remedy: str = "") -> MeasureError:
        return MeasureError(f"side {side} {what}", remedy, self.run.log(side))

    def _fetch(self, timed_out: bool) -> tuple[dict[str, Usage], dict[str, tuple[FileRecord, ...]]]:
        """What each side used, and its result files, which are in the run's directory then."""
        usage: dict[str, Usage] = {}
        files: dict[str, tuple[FileRecord, ...]] = {}

        def fetch(side: str) -> Callable[[], None]:
            def fetching() -> None:
                usage[side] = self.started[side].usage(self.gate.lines(side))
                room = Room(self._disk_bytes(side))
                paths: list[Path] = []
                missing: list[MeasureError] = []
                for result in self.request.sides[side].side.results:
                    path = self.part / self.run.file(side, result.rstrip("/").rpartition("/")[2])
                    if path in paths:
                        raise self._failure(
                            side, f"has two results called {path.name}", "rename one in `results`"
                        )
                    try:
                        left_out = self.started[side].fetch(result, path, room)
                    except ResultMissing as e:
                        limit = self.request.timeout_s
                        when = f" when it was stopped after {limit:g} s" if timed_out else ""
                        remedy = self._advice(side, result) or e.remedy
                        missing.append(self._failure(side, f"left no {result}{when}", remedy))
                        continue
                    paths.append(path)
                    if left_out:
                        self.warnings.append(f"not all of {path.name} is kept, without {', '.join(left_out)}")
                if missing and not (paths if timed_out else any(map(_stamped, paths))):
                    raise missing[0]
                # The probe's file is enough where the harness did not come to its own.
                self.warnings += [error.what for error in missing]
                files[side] = tuple(map(file_record, paths))

            return fetching

        together([fetch(side) for side in self.run.sides])
        return usage, files

    def _salvage(self) -> None:
        """Keep what there is of the results of a run that failed, for whoever looks for the reason."""
        with contextlib.suppress(DuetError):
            together([started.kill for side, started in self.started.items() if side not in self.codes])
        for side, started in self.started.items():
            room = Room(min(self._disk_bytes(side), SALVAGED_BYTES))
            for result in self.request.sides[side].side.results:
                path = self.part / self.run.file(side, result.rstrip("/").rpartition("/")[2])
                with contextlib.suppress(DuetError):
                    if side not in self.codes and started.wait(SALVAGE_S) is None:
                        continue
                    if not os.path.lexists(path):
                        started.fetch(result, path, room)

    def _remove(self) -> None:
        """Remove the sides, or leave containers stopped where that was asked for."""
        keep = not self.request.benchmark.remove_containers
        calls = []
        for side, started in self.started.items():
            if not keep or self.engines[side].name == "process":
                calls.append(started.remove)
            elif side not in self.codes:
                calls.append(started.kill)
        try:
            if any(plan.side.shares_memory for plan in self.request.sides.values()):
                for call in reversed(calls):  # whose memory another one uses goes last
                    call()
            else:
                together(calls)
        except DuetError as e:  # the run is as good as before; the next start of the workflow removes it
            self.warnings.append(str(e))

    def _skew_ns(self) -> int | None:
        """How much earlier one side went than the other; None for one side alone."""
        if len(self.goes_ns) < 2:
            return None
        skew_ns = max(self.goes_ns.values()) - min(self.goes_ns.values())
        if skew_ns > SKEW_WARNING_NS:
            self.warnings.append(f"one side passed the gate {skew_ns / 1e6:.1f} ms before the other")
        return skew_ns

    def _side(self, side: str, usage: Usage, files: tuple[FileRecord, ...]) -> SideRecord:
        ref, image = self.request.sides[side].side.image, self.request.images.get(side)
        cpus = CpusRecord(asked=self.cpus[side], seen=self.gate.cpus(side))
        if cpus.asked is not None and cpus.seen != cpus.asked:
            self.warnings.append(f"side {side} was configured for cores {cpus.asked} but may use {cpus.seen}")
        if usage.oom_killed:
            self.warnings.append(f"a process of side {side} was killed since memory ran out; raise `memory`")
        return SideRecord(
            engine=self.engines[side].name,
            image=ref.title if ref else None,
            image_id=image.id if image else None,
            image_hash=image.hash if image else None,
            exit_code=self.codes[side],
            go_ns=self.goes_ns[side],
            end_ns=self.ends_ns[side],
            cpus=cpus,
            peak_memory_bytes=usage.peak_memory_bytes,
            cpu_time_ns=usage.cpu_time_ns,
            oom_killed=usage.oom_killed,
            user_time_ns=usage.user_time_ns,
            system_time_ns=usage.system_time_ns,
            padding_bytes=self.paddings[side],
            files=files,
            log=self.run.log(side),
        )

    def _record(
        self,
        timed_out: bool,
        gate: GateRecord,
        sides: Mapping[str, SideRecord],
        artifacts: Mapping[str, str],
        facts: HostRecord,
    ) -> RunRecord:
        run, benchmark, engine = self.run, self.request.benchmark, self.engines[self.run.sides[0]]
        wanted = {side: plan.side for side, plan in self.request.sides.items()}
        exchange, warnings = self.exchange.finish(self.part)
        self.warnings += warnings
        return RunRecord(
            name=run.name,
            campaign=benchmark.campaign,
            run=replace(run, suite=benchmark.suite, benchmark=benchmark.benchmark),
            status="ok",
            timed_out=timed_out,
            start_ns=min(side.go_ns for side in sides.values()),
            end_ns=max(side.end_ns for side in sides.values()),
            spec=SpecRecord(timeout_s=self.request.timeout_s, sides=wanted),
            engine=engine.name,
            engine_version=engine.version,
            gate=gate,
            exchange=exchange,
            noise=self.telemetry.finish(self.part),
            sides=sides,
            host=facts,
            artifacts=artifacts,
            warnings=tuple(self.warnings),
            clock_step_ns=self.clock.step_ns(),
        )


def _stamped(path: Path) -> bool:
    """Whether it is a file of iterations with their times, and has one."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(200).startswith(STAMPS) and bool(file.readline(200).strip())
