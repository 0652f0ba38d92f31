"""The gate (both sides start at once) and the barrier (so do their iterations): FIFOs in one directory.

Each side writes a byte to the other's FIFO and reads one from its own; the host only keeps the
FIFOs open, so that nobody blocks on opening one, and looks at the files in which the launcher
(launch.sh, the main process of each side) leaves its stamps.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

from duet.model import SIDES

LAUNCHER = Path(__file__).with_name("launch.sh")
COMMAND = "DUET_COMMAND"
"""Environment variable in which the launcher finds the side's command."""

STAMP_NS = 20_000
"""Stamps that two shells make within this time may come out equal: Linux then gives both the earlier one."""


class Rendezvous:
    """The rendezvous directory of one run, as the host sees it.

    The host holds every file open from before the sides start: what a side does to the names in
    the directory cannot lead the host elsewhere.
    """

    def __init__(self, directory: Path, sides: Sequence[str]):
        """Make `directory` for `sides`, the one that is to be first at the gate first."""
        self.directory, self.sides = directory, tuple(sides)
        self._fd: dict[str, int] = {}
        directory.mkdir()
        directory.chmod(0o777)  # the user inside an image may be anybody
        (directory / "launch").write_bytes(LAUNCHER.read_bytes())
        (directory / "launch").chmod(0o644)
        for side in SIDES:
            for fifo in (f"gate.{side}", f"barrier.{side}"):
                os.mkfifo(directory / fifo)
                self._open(fifo, os.O_RDWR | os.O_NONBLOCK)
        for side in sides:
            for file in (f"{side}.go", f"{side}.end", f"{side}.cpus"):
                self._open(file, os.O_RDWR | os.O_CREAT)

    def _open(self, name: str, flags: int) -> None:
        self._fd[name] = os.open(self.directory / name, flags | os.O_CLOEXEC)
        os.fchmod(self._fd[name], 0o666)

    def launch(self, side: str, apart: bool, held: bool = False) -> tuple[str, ...]:
        """Main process of a side; `{gate}` stands for the directory as the side sees it.

        `apart`: each side has cores of its own. `held`: none passes the gate before `release`.
        """
        other = SIDES[1 - SIDES.index(side)]
        place = "alone" if len(self.sides) == 1 else ("first", "second")[self.sides.index(side)]
        words = ("apart" if apart else "shared", "held" if held else "free")
        return ("sh", "{gate}/launch", side, other, place, *words)

    def release(self) -> None:
        """Let the sides that are held before the gate meet there."""
        for side in self.sides:
            os.write(self._fd[f"gate.{side}"], b"held\n")

    def go_ns(self, side: str) -> int | None:
        """When the side went through the gate (epoch), or None."""
        return self._stamp(f"{side}.go")

    def end_ns(self, side: str) -> int | None:
        """When the side's command ended (epoch), or None: it runs, or was killed."""
        return self._stamp(f"{side}.end")

    def _stamp(self, name: str) -> int | None:
        stat = os.fstat(self._fd[name])
        return stat.st_mtime_ns if stat.st_size > 1 else None  # one byte: it is just stamping

    def cpus(self, side: str) -> str | None:
        """The set of cores that the side saw itself bound to."""
        text = os.pread(self._fd[f"{side}.cpus"], 4096, 0).decode("ascii", "replace")
        return text.partition("\n")[0].strip() or None

    def gone(self, side: str) -> None:
        """Tell the other side's probe that this one will not come to the barrier any more."""
        for other in set(self.sides) - {side}:
            with contextlib.suppress(BlockingIOError):  # full of bytes nobody reads: no probe there
                os.write(self._fd[f"barrier.{other}"], b"x")

    def close(self) -> None:
        for fd in self._fd.values():
            os.close(fd)
        self._fd.clear()


def resolution_ns(directory: Path) -> int:
    """How far a stamp in `directory` may be from the truth, tried out there.

    Linux before 6.13 stamps files with the time of its last tick (1 to 10 ms ago); later ones are
    exact to the shell's own pace. Takes 3 ms where stamps are exact, else up to some ticks more.
    """
    path = directory / ".resolution"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        errors_ns = []
        for _ in range(3):
            time.sleep(0.0009)  # no multiple of a tick
            before = time.time_ns()
            errors_ns.append(before - _stamped(fd))
        usual = sorted(errors_ns)[1]  # one may have been off the core in between
        if usual <= STAMP_NS:
            return STAMP_NS
        seen, until = [_stamped(fd)], time.monotonic_ns() + 100_000_000
        while len(seen) < 4 and time.monotonic_ns() < until:
            stamp = _stamped(fd)
            if stamp != seen[-1]:
                seen.append(stamp)
        steps = [later - sooner for sooner, later in itertools.pairwise(seen)]
        return max(usual, min(steps[1:], default=0))  # being off the core makes a step longer, never shorter
    finally:
        os.close(fd)
        path.unlink()


def _stamped(fd: int) -> int:
    """A stamp made as the launcher makes it: change, stat, change."""
    os.write(fd, b"\n")
    os.fstat(fd)
    os.write(fd, b"go\n")
    return os.fstat(fd).st_mtime_ns
