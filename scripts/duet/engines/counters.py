"""Counters of a running side: from its cgroup where it has one to itself, else from its threads in /proc.

Sampled while it runs, so nothing here may take long: files are opened once where they stay, and a count that
the machine does not have is not asked for again.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

from duet.records.noise import SideCounters

PRESSURES = ("cpu", "memory", "io")


class Source:
    """A file of /proc or of a cgroup that is read again and again; nothing where it is not there."""

    def __init__(self, path: Path, size: int = 4096):
        self._size, self._fd = size, -1
        with contextlib.suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> bytes:
        """Empty where there is nothing, or not any more."""
        if self._fd < 0:
            return b""
        try:
            return os.pread(self._fd, self._size, 0)
        except OSError:
            self.close()
            return b""

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def pressure_ns(source: Source) -> int | None:
    """The time in which some task waited, from a file of pressure stall information."""
    line, _, _ = source.read().partition(b"\n")
    mark, _, total_us = line.rpartition(b"total=")
    return int(total_us) * 1000 if mark.startswith(b"some") else None


class SideReader:
    """Tells what the side that `pid` is of has used since it was last asked. Used by one thread at a time."""

    def __init__(self, pid: int, proc: Path = Path("/proc")):
        self._pid, self._proc = pid, proc
        self._tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
        own = _own_cgroups(pid, proc)
        self._cgroup = next((c for c in own.values() if (c / "cgroup.procs").exists()), None)
        self._tasks = next((c / "tasks" for c in own.values() if (c / "tasks").exists()), None)
        unified, account, bandwidth = own.get(""), own.get("cpuacct"), own.get("cpu")
        stat = unified or bandwidth
        self._usage = Source(account / "cpuacct.usage") if account else None
        self._stat = Source(stat / "cpu.stat") if stat else None
        self._pressures = {k: Source(unified / f"{k}.pressure") for k in PRESSURES if unified}
        self._delays_ns: dict[int, int] = {}
        self._delay_ns = 0
        self._ended = False
        self._before = self._now()

    def read(self) -> SideCounters:
        """What was added since the last call. Of threads that came and went in between the delay is lost.
        When the side ends its last counts go with it: nothing is known then, nothing added afterwards."""
        if self._ended:
            return SideCounters(*[None if count is None else 0 for count in astuple(self._before)])
        now = self._now()
        if not self._delays_ns:
            self._ended = True
            return SideCounters()
        added, self._before = now.since(self._before), now
        return added

    def _now(self) -> SideCounters:
        processes = self._processes()
        delay_ns = self._delay(processes)
        stat = _numbers(self._stat.read()) if self._stat else {}
        usage = self._usage.read() if self._usage else b""
        if usage:
            cpu_ns: int | None = int(usage)
        elif "usage_usec" in stat:
            cpu_ns = stat["usage_usec"] * 1000
        else:
            cpu_ns = self._of_processes(processes)
        throttled_us = stat.get("throttled_usec")
        throttled_ns = stat.get("throttled_time", None if throttled_us is None else throttled_us * 1000)
        pressures = (pressure_ns(self._pressures[k]) if k in self._pressures else None for k in PRESSURES)
        return SideCounters(cpu_ns, delay_ns, throttled_ns, *pressures)

    def _delay(self, processes: list[int]) -> int | None:
        """Run delay of all threads up to now, as far as they were seen; None where the kernel has none."""
        seen: dict[int, int] = {}
        for tid in self._threads(processes):
            parts = _read(f"{self._proc}/{tid}/schedstat").split()
            if len(parts) == 3:
                seen[tid] = int(parts[1])
        for tid, delay_ns in seen.items():
            before_ns = self._delays_ns.get(tid, 0)
            # less: its number is another thread's by now
            self._delay_ns += delay_ns - before_ns if delay_ns >= before_ns else delay_ns
        self._delays_ns = seen
        return self._delay_ns if seen else None

    def _of_processes(self, processes: list[int]) -> int | None:
        """CPU time of processes and of the children that they have waited for, in the kernel's ticks."""
        ticks = [
            sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime (proc(5))
            for pid in processes
            if len(fields := _read(f"{self._proc}/{pid}/stat").rpartition(b")")[2].split()) > 15
        ]
        return sum(ticks) * self._tick_ns if ticks else None

    def _processes(self) -> list[int]:
        if self._cgroup is not None:
            with contextlib.suppress(OSError):
                return [int(pid) for pid in (self._cgroup / "cgroup.procs").read_text().split()]
        return [self._pid, *_below(self._pid, self._proc)]

    def _threads(self, processes: list[int]) -> list[int]:
        if self._tasks is not None:
            with contextlib.suppress(OSError):
                return [int(tid) for tid in self._tasks.read_text().split()]
        return [tid for pid in processes for tid in _task(pid, self._proc)]

    def close(self) -> None:
        for source in (self._usage, self._stat, *self._pressures.values()):
            if source:
                source.close()


def _read(path: str) -> bytes:
    """Of a small file; empty where it has gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 1000)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _numbers(text: bytes) -> dict[str, int]:
    """`key value` lines."""
    parts = (line.split() for line in text.decode("ascii", "replace").splitlines())
    return {part[0]: int(part[1]) for part in parts if len(part) == 2 and part[1].isdecimal()}


def _task(pid: int, proc: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(proc / str(pid) / "task")]
    return []


def _below(pid: int, proc: Path) -> Iterator[int]:
    """All descendants of a process; none where the kernel does not list children."""
    for tid in _task(pid, proc):
        with contextlib.suppress(OSError):
            for child in map(int, (proc / str(pid) / "task" / str(tid) / "children").read_text().split()):
                yield child
                yield from _below(child, proc)


def _own_cgroups(pid: int, proc: Path) -> dict[str, Path]:
    """Controller (empty: version 2) -> directory of the cgroup that the process does not share with us."""
    try:
        mine, its = (dict(_memberships((proc / who / "cgroup").read_text())) for who in ("self", str(pid)))
        mounts = dict(_mounts((proc / "self/mountinfo").read_text()))
    except OSError:
        return {}
    directories = {}
    for controller, path in its.items():
        root, mounted = mounts.get(controller, ("", Path()))
        if path != mine.get(controller) and root and Path(path).is_relative_to(root):
            directory = mounted / Path(path).relative_to(root)
            if directory.is_dir():
                directories[controller] = directory
    return directories


def _memberships(text: str) -> Iterator[tuple[str, str]]:
    """Controller and path. Format: cgroups(7), `/proc/pid/cgroup`."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _mounts(text: str) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Controller -> what of its hierarchy is mounted, and where. Format: proc(5)."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split()[:3]
        for controller in options.split(",") if kind == "cgroup" else [""] * (kind == "cgroup2"):
            yield controller, (root, Path(mounted))
