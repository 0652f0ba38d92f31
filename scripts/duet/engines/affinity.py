"""Cores of a running tree of processes, changed by the affinity of each of its threads."""

import contextlib
import functools
import os
from collections.abc import Iterator

from duet.engines import EngineError, SideGone, supervise
from duet.engines.cpusets import affinity

_PASSES = 5
"""Threads are looked for again until there is no new one, at most so often: the next move gets the rest."""


class AffinityMover:
    """Binds every thread below the process `root`, which itself stays where it is.

    A process is bound before its children are looked for: those that it starts later inherit the new cores.
    """

    way = "affinity"

    def __init__(self, root: int):
        self._root = root
        self._cpus: frozenset[int] | None = None
        self._own: set[frozenset[int]] = set()

    def move(self, cpus: str) -> None:
        cores, count = parse(cpus), 0
        for pid in tree(self._root):
            self._bind(pid, cores)
            count += 1
        if not count:
            raise SideGone(f"process {self._root} has no children any more")
        self._cpus = cores

    def _bind(self, pid: int, cores: frozenset[int]) -> None:
        """Bind a process's threads, those that it starts meanwhile included."""
        bound: set[int] = set()
        for _ in range(_PASSES):
            new = set(threads(pid)) - bound
            if not new:
                return
            for tid in new:
                try:
                    before = os.sched_getaffinity(tid)
                    if before != cores:
                        os.sched_setaffinity(tid, cores)
                except ProcessLookupError:
                    continue
                except OSError as e:
                    message = f"thread {tid} cannot be bound to cores {sorted(cores)}: {e.strerror}"
                    raise EngineError(message) from e
                if self._cpus is not None and before != self._cpus:
                    self._own.add(frozenset(before))
            bound |= new

    def bound(self) -> set[frozenset[int]]:
        """Also those that threads had given themselves and lost by the next move."""
        own, self._own = self._own, set()
        now = {cores for pid in tree(self._root) for tid in threads(pid) for cores in affinity(tid)}
        return own | now

    def close(self) -> None:
        pass


@functools.cache
def parse(cpus: str) -> frozenset[int]:
    """`0-3,8` as numbers."""
    cores: set[int] = set()
    for part in cpus.split(","):
        first, _, last = part.partition("-")
        cores.update(range(int(first), int(last or first) + 1))
    return frozenset(cores)


def tree(root: int) -> Iterator[int]:
    """Processes below `root`, parents first: who binds each at once leaves no child behind."""
    if not _LISTED:
        yield from supervise.descendants(root)
        return
    waiting = children(root)
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children(pid)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for tid in threads(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{tid}/children", "rb", 0) as file:
            found += map(int, file.read().split())
    return found


def threads(pid: int) -> list[int]:
    try:
        return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
"""Whether this kernel lists children (CONFIG_PROC_CHILDREN)."""
