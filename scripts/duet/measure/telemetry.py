"""What disturbs a run, sampled while it is measured: steal, pressure, the load of others, and what each side
used and waited for.

A thread of the measuring process reads counters of the kernel, all of which only grow: what happens between
two samples is in the second one. It takes no more than SHARE of one core, by sampling as seldom as its own
cost demands, and does nothing in the moments around the gate.
"""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

from duet.engines import Started
from duet.engines.counters import PRESSURES, SideReader, Source, pressure_ns
from duet.model import DuetError
from duet.records.noise import NOISE, MachineCounters, SideCounters, Stretch, write_noise
from duet.records.run import NoiseRecord, file_record

SHARE = 0.0018
"""Of one core, for sampling; some is left for what the thread cannot see of its cost (being woken)."""
SHORTEST_S = 0.2
JOIN_S = 5
STAT_BYTES = 1 << 16
"""Of /proc/stat: the lines of cores come first."""


class Machine:
    """The counters of the whole machine. Used by one thread at a time."""

    def __init__(self, cores: frozenset[int], proc: Path = Path("/proc"), cpu: Path | None = None):
        self._marks = {b"cpu%d" % core for core in cores}
        self._stat = Source(proc / "stat", STAT_BYTES)
        self._tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
        self._pressures = [Source(proc / "pressure" / kind) for kind in PRESSURES]
        cpu = cpu or Path("/sys/devices/system/cpu")
        files = (cpu / f"cpu{core}/cpufreq/scaling_cur_freq" for core in sorted(cores))
        self._frequencies = [Source(file, 32) for file in files if file.exists()]

    def read(self) -> MachineCounters:
        busy = steal = 0
        known = False
        for line in self._stat.read().split(b"\n"):
            mark, *ticks = line.split()[:9] or [b""]
            if mark in self._marks and len(ticks) == 8:
                # user, nice, system, idle, iowait, irq, softirq, steal (proc(5)); guests are in user
                user, nice, system, _, _, irq, softirq, stolen = map(int, ticks)
                busy += user + nice + system + irq + softirq
                steal, known = steal + stolen, True
            elif mark == b"intr":
                break
        pressures = map(pressure_ns, self._pressures)
        if not known:
            return MachineCounters(None, None, *pressures)
        return MachineCounters(steal * self._tick_ns, busy * self._tick_ns, *pressures)

    def frequency_khz(self) -> int | None:
        """Mean of the cores, where the machine tells it."""
        khz = [int(text) for source in self._frequencies if (text := source.read().strip()).isdigit()]
        return sum(khz) // len(khz) if khz else None

    def close(self) -> None:
        for source in (self._stat, *self._pressures, *self._frequencies):
            source.close()


class Telemetry:
    """The noise of one run, from `start` to `stop`."""

    def __init__(self, cores: frozenset[int], spare: frozenset[int] = frozenset()):
        self._cores, self._spare = cores, spare
        self._stretches: list[Stretch] = []
        self._cpu_ns = 0
        self._reason = ""
        self._thread: threading.Thread | None = None
        self._running = threading.Lock()
        """Held while the thread is to run: to wait for it is to sleep until the next sample or the end."""

    def start(self, started: Mapping[str, Started]) -> None:
        """Sample from now on, in a thread of its own. Called when both sides are through the gate."""
        self._running.acquire()
        self._thread = threading.Thread(target=self._run, args=(dict(started),), daemon=True, name="noise")
        self._thread.start()

    def _run(self, started: Mapping[str, Started]) -> None:
        try:
            if self._spare:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(0, self._spare)
            self._sample(started)
        except Exception as e:  # whatever it is, the run goes on: noise is not seen, that is all
            self._reason = f"{type(e).__name__}: {e}"

    def _sample(self, started: Mapping[str, Started]) -> None:
        machine = Machine(self._cores)
        readers: dict[str, SideReader] = {}
        try:
            for side, each in started.items():
                with contextlib.suppress(DuetError):
                    if (pid := each.process()) is not None:
                        readers[side] = SideReader(pid)
            cost_ns = time.thread_time_ns()
            for reader in readers.values():
                reader.read()  # the stretches begin here; and what a sample costs is known
            whole, before_ns = machine.read(), time.time_ns()
            cost_ns = time.thread_time_ns() - cost_ns
            begin_ns = at_ns = time.monotonic_ns()
            while True:
                at_ns = max(at_ns + round(SHORTEST_S * 1e9), begin_ns + self._affordable_ns(cost_ns))
                ended = self._running.acquire(timeout=max(0, at_ns - time.monotonic_ns()) / 1e9)
                cost_ns = time.thread_time_ns()
                used = {side: reader.read() for side, reader in readers.items()}
                now, now_ns = machine.read(), time.time_ns()
                added, khz = now.since(whole), machine.frequency_khz()
                self._stretches.append(Stretch(before_ns, now_ns, added, used, khz))
                before_ns, whole = now_ns, now
                self._cpu_ns = time.thread_time_ns()
                cost_ns = self._cpu_ns - cost_ns
                if ended:
                    return
        finally:
            machine.close()
            for reader in readers.values():
                reader.close()

    def _affordable_ns(self, cost_ns: int) -> int:
        """How long after the first reading what was used, a sample and the one at the end are paid for."""
        return round((time.thread_time_ns() + 2 * cost_ns) / SHARE)

    def stop(self) -> None:
        """End it; repeating it is no error. Never waits for long."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._running.release()
        thread.join(JOIN_S)
        if thread.is_alive():
            self._reason = f"a sample did not end within {JOIN_S} s"

    def finish(self, directory: Path) -> NoiseRecord:
        """What there is to record; leaves the file of stretches in the run's directory."""
        stretches = [s for s in self._stretches if s.end_ns > s.start_ns]
        if not stretches:
            return NoiseRecord(reason=self._reason or "the run was too short for a sample")
        write_noise(directory / NOISE, stretches)
        span_ns = stretches[-1].end_ns - stretches[0].start_ns
        others = [s.others_ns for s in stretches if s.others_ns is not None]
        khz = [s.frequency_khz for s in stretches if s.frequency_khz is not None]
        return NoiseRecord(
            reason=self._reason,
            samples=len(stretches),
            span_ns=span_ns,
            period_ns=span_ns // len(stretches),
            cpu_ns=self._cpu_ns,
            cpu_share=self._cpu_ns / span_ns,
            machine=reduce(MachineCounters.plus, (s.machine for s in stretches)),
            sides={
                side: reduce(SideCounters.plus, (s.sides[side] for s in stretches))
                for side in stretches[0].sides
            },
            others_ns=sum(others) if others else None,
            frequency_khz=sum(khz) // len(khz) if khz else None,
            file=file_record(directory / NOISE),
        )
