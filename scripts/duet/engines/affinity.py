"""Cores of a running tree of processes, changed by the affinity of each of its threads."""

import contextlib
import functools
import os
from collections.abc import Iterator

from duet.engines import EngineError, SideGone, supervise

_PASSES = 4
"""A process's threads are looked for again until there is no new one, but at most so often."""
_FILES = 200
"""So many files of /proc are kept open: to open one takes longer than to read it."""
_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
"""Whether this kernel lists children (CONFIG_PROC_CHILDREN)."""


class AffinityMover:
    """Binds every thread below the process `root`, which itself stays where it is.

    A process is bound before its children are looked for: those that it starts later inherit the new cores.
    Who slips through (an orphan whose parent ends in between) is caught by the next move.
    """

    way = "affinity"

    def __init__(self, root: int):
        self._root = root
        self._tree = Tree()
        self._cpus: frozenset[int] | None = None
        self._bound: set[int] = set()
        self._strange: set[frozenset[int]] = set()

    def move(self, cpus: str) -> None:
        cores, bound = parse(cpus), set[int]()
        for pid in self._tree.below(self._root):
            for _ in range(_PASSES):
                new = [tid for tid in self._tree.threads(pid) if tid not in bound]
                for tid in new:
                    self._bind(tid, cores)
                bound.update(new)
                if len(new) < 2:
                    break
        if not bound:
            raise SideGone(f"process {self._root} has no children any more")
        self._cpus, self._bound = cores, bound

    def _bind(self, tid: int, cores: frozenset[int]) -> None:
        try:
            if tid not in self._bound:
                self._see(tid)
            os.sched_setaffinity(tid, cores)
        except ProcessLookupError:
            return
        except OSError as e:
            raise EngineError(f"thread {tid} cannot be bound to cores {sorted(cores)}: {e.strerror}") from e

    def _see(self, tid: int) -> None:
        cores = frozenset(os.sched_getaffinity(tid))
        if self._cpus is not None and cores != self._cpus:
            self._strange.add(cores)

    def bound(self) -> set[frozenset[int]]:
        """Also those that new threads had given themselves and lost by the next move."""
        for pid in self._tree.below(self._root):
            for tid in self._tree.threads(pid):
                with contextlib.suppress(OSError):
                    self._see(tid)
        strange, self._strange = self._strange, set()
        return strange

    def close(self) -> None:
        self._tree.close()


class Tree:
    """What /proc says of processes, asked again and again."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def below(self, root: int) -> Iterator[int]:
        """Processes below `root`, parents first; children are looked for when the next one is asked for."""
        if not _LISTED:
            yield from supervise.descendants(root)
            return
        waiting = self.children(root)
        while waiting:
            pid = waiting.pop()
            yield pid
            waiting += self.children(pid)

    def children(self, pid: int) -> list[int]:
        ids: list[int] = []
        for tid in self.threads(pid):
            path = f"/proc/{pid}/task/{tid}/children"
            for _ in range(2):
                try:
                    ids += map(int, os.pread(self._file(path), 1 << 16, 0).split())
                    break
                except OSError:
                    self._forget(path)
        return ids

    def threads(self, pid: int) -> list[int]:
        path = f"/proc/{pid}/task"
        for _ in range(2):  # the open one may be of an ended process, whose number another one has now
            with contextlib.suppress(OSError):
                if threads := os.listdir(self._file(path)):
                    return [int(tid) for tid in threads]
            self._forget(path)
        return []

    def _file(self, path: str) -> int:
        file = self._open.get(path)
        if file is None:
            if len(self._open) >= _FILES:
                self.close()
            file = self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return file

    def _forget(self, path: str) -> None:
        file = self._open.pop(path, None)
        if file is not None:
            os.close(file)

    def close(self) -> None:
        for file in self._open.values():
            os.close(file)
        self._open.clear()


@functools.cache
def parse(cpus: str) -> frozenset[int]:
    """`0-3,8` as numbers."""
    cores: set[int] = set()
    for part in cpus.split(","):
        first, _, last = part.partition("-")
        cores.update(range(int(first), int(last or first) + 1))
    return frozenset(cores)
