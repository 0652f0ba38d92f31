"""What runs a side. Measuring knows this protocol and nothing else about engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from duet.model import DuetError

WORKDIR = "/duet"
"""Working directory of a side in a container; `process` gives each side an own one instead."""

GATE = "/duet.gate"
"""Where a container sees the run's rendezvous directory."""


class EngineError(DuetError):
    """The engine refused or broke, not the benchmark."""


class EngineGone(EngineError):
    """The engine was there and does not answer: it may come back."""


class SideGone(DuetError):
    """The side has ended: there is nothing left to do something to."""


class ResultMissing(DuetError):
    """A configured result file is not there after the run."""


@dataclass(frozen=True)
class Start:
    """One side to be started."""

    campaign: str
    run: str
    side: str
    root: Path
    """The campaign's results directory, absolute: with it leftovers are told from other checkouts'."""
    image: str | None
    """Id or name the engine resolves; None for `process`."""
    command: tuple[str, ...]
    """Main process (the launcher); `{gate}` in an item stands for the rendezvous directory."""
    gate: Path
    """The side's rendezvous directory on the host, made visible to the side, which may write to nothing but
    FIFOs there. One is `log`, which the caller reads. An engine may put a script `atend` there: the launcher
    sources it when the side's command has ended, and what it writes to descriptor 6 is given to `usage`."""
    stamps: tuple[str, ...] = ()
    """FIFOs in it whose time of modification must follow the side's writing."""
    env: tuple[tuple[str, str], ...] = ()
    cpus: str | None = None
    """Set of cores such as `0-3,8`; None for all."""
    memory_bytes: int | None = None
    network: str = "none"
    privileges: tuple[str, ...] = ()
    """Capabilities (`SYS_NICE`) that a container keeps; of itself it has none."""
    keep: bool = False
    """A container that has ended stays, for its user to look into; no leftover then."""
    path_padding: int = 0
    """By how many characters a `process` side's working directory is called longer."""
    files: tuple[Path, ...] = ()
    """Host files that a `process` side finds in its working directory (containers have them in the image)."""
    shares_memory: bool = False
    """Its /dev/shm is open to the other side. Host processes share the host's in any case."""
    beside: "Started | None" = None
    """The other side, started with `shares_memory`, whose /dev/shm this one sees, too."""


@dataclass
class Room:
    """What may still be copied out of a side: its content may be anything, also a sparse file of any size."""

    bytes: int
    entries: int = 100_000

    def take(self, size: int) -> bool:
        """Whether an entry of this size (that of its content, however little the disk has of it) fits in."""
        if size > self.bytes or not self.entries:
            return False
        self.bytes -= size
        self.entries -= 1
        return True


@dataclass(frozen=True)
class Usage:
    """What a side used, as far as the engine tells."""

    peak_memory_bytes: int | None = None
    cpu_time_ns: int | None = None
    oom_killed: bool = False
    user_time_ns: int | None = None
    system_time_ns: int | None = None


class Mover(Protocol):
    """Changes the cores of one running side. Used by one thread at a time."""

    way: str
    """How, in a word or two for people: it decides what a move costs."""

    def move(self, cpus: str) -> None:
        """Bind the whole side to a set of cores such as `0-3,8`; it is when this returns.

        Raises SideGone when the side has ended, EngineError when it was refused.
        """

    def bound(self) -> set[frozenset[int]]:
        """The different sets that the side's threads may use now, as far as can be told: more than what was
        asked for where the side has its own idea or somebody else moved it. Costs about as much as a move."""

    def close(self) -> None: ...


class Started(Protocol):
    """A side that was started and waits at the gate, runs, or has ended."""

    storage: Path | None
    """A path on the file system that it writes to, as far as that is known."""

    def written(self) -> int:
        """Bytes that it has written and not deleted. Looks at every file of it."""

    def wait(self, timeout_s: float | None) -> int | None:
        """Exit code, or None when it still runs after `timeout_s`. Costs no CPU while it blocks."""

    def ask(self) -> None:
        """SIGTERM to the main process (the launcher passes it to the side's whole tree)."""

    def kill(self) -> None:
        """SIGKILL to every process of the side, also those that left its session."""

    def process(self) -> int | None:
        """The number of a process here below which, or in whose cgroup, all of the side's are; None where it
        has ended or runs on another machine. May raise EngineError."""

    def mover(self) -> Mover:
        """Raises EngineError where this side's cores cannot be changed while it runs, with the reason."""

    def usage(self, lines: Sequence[str] = ()) -> Usage:
        """Only before `remove`. `told`: the launcher's lines, among them those of the engine's `atend`."""

    def fetch(self, path: str, to: Path, room: Room) -> list[str]:
        """Copy a result file or directory out of the ended side to `to` (which does not exist yet).

        Writes nothing outside `to`, whatever the archive says: regular files and directories only, and
        no more than there is `room` for. Returns what was left out of a directory. Raises ResultMissing,
        or EngineError for a file that there is no room for.
        """

    def remove(self) -> None:
        """Everything that `start` made, also when it still runs. Repeating it is no error."""


@dataclass(frozen=True)
class Stray:
    """A running side of whatever campaign, as an engine finds it."""

    id: str
    """The engine's own."""
    root: str
    run: str
    side: str
    owner: str
    """Mark of the process that measures it (`duet.engines.owner`); empty where an older version did."""


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def splits_cpus(self) -> bool:
        """Whether it can bind a side to cores."""

    @property
    def bounds_memory(self) -> bool:
        """Whether it can bound a side's memory."""

    def check(self) -> None:
        """Raises EngineGone where it does not answer any more."""

    def start(self, start: Start) -> Started:
        """Start a side. Raises EngineError; then nothing is left behind."""

    def leftovers(self, root: Path) -> list[str]:
        """Runs of this results directory whose sides are still there although nobody measures them."""

    def strays(self) -> list[Stray]:
        """All sides that run, as far as this user may know."""

    def end(self, stray: Stray) -> None:
        """End a side that nobody measures any more."""

    def remove_leftovers(self, root: Path) -> list[str]:
        """Remove them; the runs they belonged to."""
