"""Facts of this machine: its cores (`cores` says who gets which), and the artifacts a campaign asks for."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from duet.measure.cores import Machine, parse_set, show_set
from duet.records.run import HostRecord

T = TypeVar("T")

ARTIFACT_TIMEOUT_S = 30
ARTIFACT_BYTES = 1 << 20
"""What is kept of an artifact's output."""


def read(sys: Path = Path("/sys/devices/system/cpu")) -> Machine:
    """The cores of this machine, with whatever its kernel tells of them."""
    allowed = frozenset(os.sched_getaffinity(0))
    online = _known(lambda: parse_set((sys / "online").read_text()))
    paths = {core: sys / f"cpu{core}" for core in sorted(allowed)}
    return Machine(
        online or allowed,
        allowed,
        _of_each(paths, lambda path: parse_set((path / "topology/thread_siblings_list").read_text())),
        _of_each(paths, lambda path: int(next(path.glob("node[0-9]*")).name.removeprefix("node"))),
        _of_each(paths, _last_level_cache),
        _of_each(paths, _capacity),
    )


def _of_each(paths: Mapping[int, Path], read: Callable[[Path], T]) -> dict[int, T]:
    values = {core: _known(partial(read, path)) for core, path in paths.items()}
    return {core: value for core, value in values.items() if value is not None}


def _known(read: Callable[[], T]) -> T | None:
    """None where the kernel does not tell, or not as expected."""
    try:
        return read()
    except (OSError, ValueError, KeyError, StopIteration):
        return None


def _last_level_cache(core: Path) -> int:
    """The first of the cores that share this one's."""
    levels = {int((index / "level").read_text()): index for index in core.glob("cache/index[0-9]*")}
    return min(parse_set((levels[max(levels, default=0)] / "shared_cpu_list").read_text()))


def _capacity(core: Path) -> int:
    path = core / "cpu_capacity"
    return int((path if path.exists() else core / "cpufreq/cpuinfo_max_freq").read_text())


def facts(machine: Machine) -> HostRecord:
    """What run.json says of the host, asked or not."""
    name = os.uname()
    return HostRecord(
        hostname=name.nodename,
        kernel=f"{name.sysname} {name.release} {name.machine}",
        cores=show_set(machine.allowed),
        load_1min=os.getloadavg()[0],
        randomises_addresses=_randomises_addresses(),
        node=os.environ.get("SLURMD_NODENAME", ""),
    )


def _randomises_addresses() -> bool | None:
    try:
        return Path("/proc/sys/kernel/randomize_va_space").read_text().strip() != "0"
    except OSError:
        return None


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
