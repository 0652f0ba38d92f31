"""Cores of a running side, changed through its cgroup's own file (version 1 or 2): 20 to 90 µs a write, where
an engine's update call takes 13 to 46 ms. Containers have such a cgroup, root may make one for processes."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from duet.engines import EngineError, SideGone

EFFECTIVE = ("cpuset.effective_cpus", "cpuset.cpus.effective")
"""The cores that a cgroup really has, in version 1 and 2."""


class CpusetMover:
    """Writes a cgroup's `cpuset.cpus`. Raises EngineError where this user may not."""

    way = "cgroup file"

    def __init__(self, file: Path):
        self.file = file
        try:
            self._fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as e:
            raise EngineError(
                f"{file}: {e.strerror}", "measure as root, or as a user it is delegated to"
            ) from e

    def move(self, cpus: str) -> None:
        try:
            os.pwrite(self._fd, cpus.encode(), 0)
        except OSError as e:
            if e.errno == errno.ENODEV:  # the cgroup ends with its last process
                raise SideGone(f"{self.file} has gone") from e
            raise EngineError(f"{self.file} does not take cores {cpus}: {e.strerror}") from e

    def bound(self) -> set[frozenset[int]]:
        return {cores for tid in _threads(self.file.parent) for cores in cores_of(tid)}

    def close(self) -> None:
        os.close(self._fd)


def cores_of(tid: int) -> Iterator[frozenset[int]]:
    """The cores that a thread may use; nothing where it has ended."""
    with contextlib.suppress(OSError):
        yield frozenset(os.sched_getaffinity(tid))


def _threads(cgroup: Path) -> list[int]:
    """Threads of a cgroup; in version 2 `cgroup.threads` cannot always be read, so those of its processes."""
    try:
        if (cgroup / "tasks").exists():
            return [int(tid) for tid in (cgroup / "tasks").read_text().split()]
        processes = (cgroup / "cgroup.procs").read_text().split()
    except OSError:
        return []
    threads: list[int] = []
    for pid in processes:
        with contextlib.suppress(OSError):
            threads += map(int, os.listdir(f"/proc/{pid}/task"))
    return threads


def find(pid: int, container: str, proc: Path = Path("/proc")) -> Path:
    """The `cpuset.cpus` that binds the container whose main process is `pid`.

    `container` is its full id, which the cgroup's path must contain: where the engine runs on another machine
    or in a VM, the process of this number is somebody else's. Raises EngineError with the reason.
    """
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        mounts = (proc / "self/mountinfo").read_text().splitlines()
    except OSError as e:
        raise EngineError(f"{e.filename}: {e.strerror}") from e
    for controllers, path in _cgroups(lines):
        if container not in path:
            raise EngineError(
                f"process {pid} is not of this container here; is the engine on another machine?"
            )
        for root, mounted in _mounts(mounts, controllers):
            if not Path(path).is_relative_to(root) or ".." in Path(path).parts:
                continue
            cgroup = mounted / Path(path).relative_to(root)
            # Some runtimes put the processes one cgroup below the one that they bind.
            while container in str(cgroup):
                with contextlib.suppress(OSError):
                    if (cgroup / "cpuset.cpus").read_text().strip():
                        return cgroup / "cpuset.cpus"
                cgroup = cgroup.parent
    raise EngineError("its cgroup has no cpuset to be seen here")


def parent(proc: Path = Path("/proc")) -> Path:
    """Where a cgroup of our own may be made. Raises EngineError with the reason where there is no such place.

    In version 1, where only cores hang on it, below this process's own. In version 2 one that has processes
    can have no such children: so at the top, and only if cpusets are handed on there already.
    """
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
        mounts = (proc / "self/mountinfo").read_text().splitlines()
        for controllers, path in _cgroups(lines):
            for root, mounted in _mounts(mounts, controllers):
                if not controllers and "cpuset" in (mounted / "cgroup.subtree_control").read_text().split():
                    return mounted
                if controllers and Path(path).is_relative_to(root):
                    return mounted / Path(path).relative_to(root)
    except OSError as e:
        raise EngineError(f"{e.filename}: {e.strerror}") from e
    raise EngineError("there is no cgroup with a cpuset to make one below")


def make(above: Path, name: str, cpus: str) -> Path:
    """A new cgroup with these cores. Raises EngineError where this user may not make it."""
    cgroup = above / name
    try:
        cgroup.mkdir()
        try:
            if (
                cgroup / "cpuset.effective_mems"
            ).exists():  # version 1 has none at first, and takes no process
                _put(cgroup / "cpuset.mems", (above / "cpuset.effective_mems").read_text().strip())
            _put(cgroup / "cpuset.cpus", cpus)
        except OSError:
            cgroup.rmdir()
            raise
    except OSError as e:
        raise EngineError(f"{cgroup}: {e.strerror}") from e
    return cgroup


def _put(file: Path, text: str) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)  # the kernel made it, or it is none
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _cgroups(lines: list[str]) -> list[tuple[str, str]]:
    """`cpuset` and path in version 1's hierarchy of it, else `` and path in version 2's."""
    parts = [line.split(":", 2) for line in lines]
    cgroups = {controllers: path for _, controllers, path in filter(lambda part: len(part) == 3, parts)}
    version_1 = [("cpuset", path) for names, path in cgroups.items() if "cpuset" in names.split(",")]
    return version_1 or [("", path) for names, path in cgroups.items() if not names]


def _mounts(lines: list[str], controller: str) -> Iterator[tuple[str, Path]]:
    """What is mounted of the hierarchy, and where. Format: proc(5), `/proc/pid/mountinfo`."""
    for line in lines:
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if (kind == "cgroup2") if not controller else (kind == "cgroup" and controller in options.split(",")):
            yield root, Path(mounted)
