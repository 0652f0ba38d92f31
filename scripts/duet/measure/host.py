"""Facts of this machine: its cores and who gets which, and the artifacts that a campaign asks for.

Reading the machine is apart from deciding, so that machines nobody owns can be tested.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from duet.model import DuetError
from duet.records.run import HostRecord

ARTIFACT_TIMEOUT_S = 30
ARTIFACT_BYTES = 1 << 20
"""What is kept of an artifact's output."""


MEASURING = Path("/tmp/duetbench.measuring")
"""Locked by whoever measures on this machine."""


@contextlib.contextmanager
def alone(wait: Callable[[], None]) -> Iterator[None]:
    """One run at a time on this machine, of whatever campaign; `wait` is called when another is on."""
    try:
        lock = os.open(MEASURING, os.O_RDONLY)  # somebody else's file may be read, not made anew
    except FileNotFoundError:
        lock = os.open(MEASURING, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class HostError(DuetError):
    """This machine cannot do what was asked."""


@dataclass(frozen=True)
class Machine:
    online: frozenset[int]
    """Logical cores that are there."""
    allowed: frozenset[int]
    """Those this process may use: its affinity, which already lies within its cgroup's cpuset."""
    siblings: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Hardware threads of the same physical core, for each logical core where it is known."""


def read(sys: Path = Path("/sys/devices/system/cpu")) -> Machine:
    allowed = frozenset(os.sched_getaffinity(0))
    try:
        online = parse_set((sys / "online").read_text())
    except (OSError, ValueError):
        online = allowed
    siblings = {}
    for core in allowed:
        try:
            siblings[core] = parse_set((sys / f"cpu{core}/topology/thread_siblings_list").read_text())
        except (OSError, ValueError):
            continue
    return Machine(online, allowed, siblings)


def facts(machine: Machine) -> HostRecord:
    """What run.json says of the host, asked or not."""
    name = os.uname()
    return HostRecord(
        hostname=name.nodename,
        kernel=f"{name.sysname} {name.release} {name.machine}",
        cores=show_set(machine.allowed),
        load_1min=os.getloadavg()[0],
    )


def parse_set(text: str) -> frozenset[int]:
    """`0-3,8` to cores. Raises ValueError."""
    cores: set[int] = set()
    for item in text.strip().split(","):
        first, dash, last = item.partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= low <= high < 1 << 16:
            raise ValueError(text)
        cores.update(range(low, high + 1))
    return frozenset(cores)


def show_set(cores: frozenset[int] | set[int]) -> str:
    """Cores to the kernel's own notation, `0-3,8`."""
    ranges: list[list[int]] = []
    for core in sorted(cores):
        if ranges and ranges[-1][1] == core - 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def split(
    cores: frozenset[int], siblings: Mapping[int, frozenset[int]]
) -> tuple[frozenset[int], frozenset[int]]:
    """Two disjoint halves with equally many physical cores of each kind.

    Hardware threads of a physical core stay together. An odd physical core is left to the rest of
    the machine: unequal halves would favour a side. Both are empty where there is one physical
    core only. NUMA nodes and caches are not looked at beyond taking neighbours together.
    """
    groups = {siblings.get(core, frozenset({core})) & cores | {core} for core in cores}
    halves: tuple[set[int], set[int]] = (set(), set())
    for size in sorted({len(group) for group in groups}):
        alike = sorted((group for group in groups if len(group) == size), key=min)
        half = len(alike) // 2
        halves[0].update(*alike[:half])
        halves[1].update(*alike[half : 2 * half])
    return frozenset(halves[0]), frozenset(halves[1])


def assign(
    asked: Mapping[str, str], machine: Machine, swapped: bool, bindable: Mapping[str, bool]
) -> tuple[dict[str, str | None], list[str]]:
    """Cores of each side (None: not bound), and warnings.

    `asked` has a side's `cpus` (`split`, `shared` or a set), `swapped` gives A the second half,
    `bindable` says whether the side's engine can bind it. Raises HostError for cores that are not there.
    """
    halves = split(machine.allowed, machine.siblings)
    everything = None if machine.allowed == machine.online else show_set(machine.allowed)
    cpus: dict[str, str | None] = {}
    warnings = []
    for side, how in asked.items():
        if not bindable[side]:
            cpus[side] = None
            if how != "shared":
                warnings.append(f"side {side} is not bound to cores: its engine cannot")
        elif how == "shared":
            cpus[side] = everything
        elif how != "split":
            cpus[side] = show_set(_there(how, machine))
        elif halves[0]:
            cpus[side] = show_set(halves[(side == "B") != swapped])
        else:
            cpus[side] = everything
            warnings.append(f"side {side} shares its core: there is only one physical core to split")
    return cpus, warnings


def apart(cpus: Mapping[str, str | None]) -> bool:
    """Whether no core belongs to two sides."""
    sets = [parse_set(cores) if cores else None for cores in cpus.values()]
    return None not in sets and sum(map(len, sets)) == len(frozenset().union(*sets))  # type: ignore[arg-type]


def _there(cpus: str, machine: Machine) -> frozenset[int]:
    try:
        cores = parse_set(cpus)
    except ValueError:
        raise HostError(f"cpus: {cpus!r} is not split, shared or a set such as 0-3,8") from None
    if not cores <= machine.online:
        raise HostError(
            f"cpus: {cpus} asks for cores that are not there", f"there are {show_set(machine.online)}"
        )
    return cores


@dataclass(frozen=True)
class Artifact:
    """A host command that was started and is to be collected."""

    name: str
    process: "subprocess.Popen[bytes]"
    output: IO[bytes]


def start_artifacts(commands: Mapping[str, str]) -> list[Artifact]:
    """Start all at once; their output goes to files, so that none waits for being read."""
    started = []
    for name, command in commands.items():
        output = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is collected)
        process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(Artifact(name, process, output))
    return started


def collect_artifacts(
    started: list[Artifact], timeout_s: float = ARTIFACT_TIMEOUT_S
) -> tuple[dict[str, str], list[str]]:
    """Raw output of each (at most 1 MiB), and a warning for each that failed or took too long."""
    texts, warnings = {}, []
    until = time.monotonic() + timeout_s
    for artifact in started:
        try:
            code = artifact.process.wait(max(0.0, until - time.monotonic()))
            if code:
                warnings.append(f"artifact {artifact.name}: exit code {code}")
        except subprocess.TimeoutExpired:
            warnings.append(f"artifact {artifact.name}: stopped after {timeout_s:g} s")
        with artifact.output as output:
            output.seek(0)
            texts[artifact.name] = output.read(ARTIFACT_BYTES).decode(errors="replace")
    stop_artifacts(started)
    return texts, warnings


def stop_artifacts(started: list[Artifact]) -> None:
    """End those still running, with what they started."""
    for artifact in started:
        if artifact.process.poll() is None:
            os.killpg(artifact.process.pid, signal.SIGKILL)
            artifact.process.wait()
