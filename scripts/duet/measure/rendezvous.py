"""The gate (both sides start at once) and the barrier (so do their iterations): FIFOs, a directory a side.

A side can write to nothing of the host's but FIFOs. Its directory is mounted read-only into its container,
where a FIFO may still be written to; two of them, its stamps, are mounted once more on themselves and
writable, since only then the kernel notes when they were written to: that time is the stamp.

    launch              the launcher (launch.sh), the main process of each side
    gate.A, gate.B      a byte to the other's, a byte from your own; both sides see the same ones (hard links)
    barrier.A, .B       the same before each iteration of a syncduet run
    go.A, go.B          the time at which a side went through the gate; each may change the time of its own
    end                 the time at which the side's command ended
    tell                lines of the launcher: `cpus 0-1`, `go`, `end STATUS`, those of the engine's `atend`
    log                 what the side writes to its standard output and error

The host holds all of them open from before the sides start, reads without waiting, and reads no more than
it has a use for. A side of engine `process` runs as the host's user and is not contained by any of this.
"""

import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from duet.measure.logs import Log
from duet.model import SIDES, DuetError

LAUNCHER = Path(__file__).with_name("launch.sh")
COMMAND = "DUET_COMMAND"
"""Environment variable in which the launcher finds the side's command."""
SETUP = "DUET_SETUP"
"""The same of what is done before the gate, where there is something."""

STAMP_NS = 20_000
"""Stamps that two shells make within this time may come out equal: Linux then gives both the earlier one."""
LAST_NS = 2**62 - 1
"""The latest stamp, in the year 2116: the sum of two times stays within 64 bits."""
TOLD_BYTES = 1 << 16
"""Read of a side's `tell`. An honest launcher needs a hundredth."""


class Rendezvous:
    """The rendezvous of one run, as the host sees it."""

    def __init__(self, directory: Path, sides: Sequence[str], logs: Mapping[str, Path]):
        """Make the directories of `sides` (the one that is to be first at the gate first) in `directory`.

        `directory` is there, and nobody else's to enter. `logs` has the file of each side's log.
        """
        self.directory, self.sides = directory, tuple(sides)
        self._fds: dict[str, int] = {}
        self._told = dict.fromkeys(sides, b"")
        for side in sides:
            home = self.of(side)
            home.mkdir()
            home.chmod(0o755)  # the user inside an image may be anybody
            (home / "launch").write_bytes(LAUNCHER.read_bytes())
            (home / "launch").chmod(0o644)
            os.utime(home / "launch", (1, 1))  # later than a stamp that was not made
        shared = [f"{kind}.{side}" for kind in ("gate", "barrier") for side in SIDES]
        for name in (*shared, *(f"go.{side}" for side in sides)):
            self._fifo(sides[0], name)
            for other in sides[1:]:
                os.link(self.of(sides[0]) / name, self.of(other) / name)
        for side in sides:
            for name in ("end", "tell", "log"):
                self._fifo(side, name)
        self.logs = {side: Log(self._fds[f"{side}/log"], logs[side]) for side in sides}

    def of(self, side: str) -> Path:
        """The directory of a side."""
        return self.directory / side

    def _fifo(self, side: str, name: str) -> None:
        path = self.of(side) / name
        os.mkfifo(path)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.fchmod(fd, 0o666)
        os.utime(fd, (0, 0))
        self._fds[f"{side}/{name}"] = fd
        self._fds.setdefault(name, fd)

    def launch(self, side: str, apart: bool, held: bool = False) -> tuple[str, ...]:
        """Main process of a side; `{gate}` stands for its directory as it sees it.

        `apart`: each side has cores of its own. `held`: none passes the gate before `release`.
        """
        other = SIDES[1 - SIDES.index(side)]
        place = "alone" if len(self.sides) == 1 else ("first", "second")[self.sides.index(side)]
        words = ("apart" if apart else "shared", "held" if held else "free")
        return ("sh", "{gate}/launch", side, other, place, *words)

    def release(self) -> None:
        """Let the sides that are held before the gate meet there."""
        for side in self.sides:
            self._wake(f"gate.{side}", b"held\n")

    @staticmethod
    def stamps(side: str) -> tuple[str, ...]:
        """What of its directory the side must be able to change the time of."""
        return (f"go.{side}", "end")

    def go_ns(self, side: str) -> int | None:
        """When the side went through the gate (epoch), or None. Raises DuetError."""
        return self._stamp(side, f"go.{side}") if "go" in self.lines(side) else None

    def end_ns(self, side: str) -> int | None:
        """When the side's command ended (epoch), or None: it runs, or was killed. Raises DuetError."""
        ended = any(line.startswith("end ") for line in self.lines(side))
        return self._stamp(side, f"{side}/end") if ended else None

    def _stamp(self, side: str, name: str) -> int:
        """A file's owner may give it any time, and a side's user may be its owner."""
        stamp_ns = os.fstat(self._fds[name]).st_mtime_ns
        if not 0 <= stamp_ns <= LAST_NS:
            raise DuetError(
                f"side {side} has set its stamp to no time", "see what its command does to $DUET_GATE"
            )
        return stamp_ns

    def cpus(self, side: str) -> str | None:
        """The set of cores that the side saw itself bound to."""
        sets = (line.partition("cpus ")[2].strip() for line in self.lines(side) if line.startswith("cpus "))
        return next(sets, None)

    def lines(self, side: str) -> list[str]:
        """The launcher's lines up to now."""
        while left := TOLD_BYTES - len(self._told[side]):
            try:
                self._told[side] += os.read(self._fds[f"{side}/tell"], left)
            except BlockingIOError:
                break
        return self._told[side].decode("ascii", "replace").split("\n")[:-1]

    def drain(self) -> float:
        """Take what the sides wrote to their logs; seconds after which to come again."""
        return min(log.drain() for log in self.logs.values())

    def gone(self, side: str) -> None:
        """Tell the other side's probe that this one will not come to the barrier any more."""
        for other in set(self.sides) - {side}:
            self._wake(f"barrier.{other}", b"x")

    def look_again(self) -> None:
        """Have launchers that were asked to end, and wait for their side's last processes, look for them."""
        for side in self.sides:
            self._wake(f"gate.{side}", b"\n")

    def _wake(self, name: str, what: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # full of bytes that nobody reads
            os.write(self._fds[name], what)

    def close(self) -> None:
        """Finish the logs of sides that have ended. Repeating it is no error."""
        for log in self.logs.values():
            log.close()
        for fd in set(self._fds.values()):
            os.close(fd)
        self._fds.clear()


def place(near: Path) -> tuple[Path, int]:
    """A directory for a rendezvous, `near` where that will do, and the resolution of stamps there."""
    for directory in (near, Path(tempfile.gettempdir()), Path("/dev/shm")):
        found_ns = resolution_ns(directory)
        if found_ns is not None:
            return directory, found_ns
    raise DuetError(
        f"neither {near} nor {tempfile.gettempdir()} is on a file system that stamps FIFOs",
        "set TMPDIR to a directory on a local one (no overlayfs, no NFS)",
    )


def resolution_ns(directory: Path) -> int | None:
    """How far a stamp in `directory` may be from the truth, tried out there; None where there are none:
    overlayfs and network file systems do not note when a FIFO is written to.

    Linux before 6.13 stamps files with the time of its last tick (1 to 10 ms ago); later ones are
    exact to the shell's own pace. Takes 3 ms where stamps are exact, else up to some ticks more.
    """
    path = directory / f".resolution.{os.getpid()}"
    try:
        os.mkfifo(path, 0o600)
    except OSError:  # no FIFOs there, or not ours to write to
        return None
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.utime(fd, (0, 0))
        if _stamped(fd) == 0:
            return None
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
    os.write(fd, b"\n")
    os.read(fd, 2)
    return os.fstat(fd).st_mtime_ns
