"""What runs a side. Measuring knows this protocol and nothing else about engines."""

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
    """Rendezvous directory on the host, made visible to the side. An engine may put `<side>.atend` there:
    the launcher sources it when the side's command has ended, with `gate` and `side` set."""
    log: Path
    """Existing file on the host, visible to the side as `<rendezvous>/<side>.log`."""
    env: tuple[tuple[str, str], ...] = ()
    cpus: str | None = None
    """Set of cores such as `0-3,8`; None for all."""
    memory_bytes: int | None = None
    network: str = "none"
    keep: bool = False
    """A container that has ended stays, for its user to look into; no leftover then."""
    files: tuple[Path, ...] = ()
    """Host files that a `process` side finds in its working directory (containers have them in the image)."""


@dataclass(frozen=True)
class Usage:
    """What a side used, as far as the engine tells."""

    peak_memory_bytes: int | None = None
    cpu_time_ns: int | None = None
    oom_killed: bool = False


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

    def wait(self, timeout_s: float | None) -> int | None:
        """Exit code, or None when it still runs after `timeout_s`. Costs no CPU while it blocks."""

    def ask(self) -> None:
        """SIGTERM to the main process (the launcher passes it to the side's whole tree)."""

    def kill(self) -> None:
        """SIGKILL to every process of the side, also those that left its session."""

    def mover(self) -> Mover:
        """Raises EngineError where this side's cores cannot be changed while it runs, with the reason."""

    def usage(self) -> Usage:
        """Only before `remove`."""

    def fetch(self, path: str, to: Path) -> None:
        """Copy a result file or directory out of the ended side to `to` (which does not exist yet).

        Writes nothing outside `to`, whatever the archive says: regular files and directories only.
        Raises ResultMissing.
        """

    def remove(self) -> None:
        """Everything that `start` made, also when it still runs. Repeating it is no error."""


class Engine(Protocol):
    name: str
    version: str
    splits_cpus: bool
    """Whether it can bind a side to cores."""
    bounds_memory: bool
    """Whether it can bound a side's memory."""

    def start(self, start: Start) -> Started:
        """Start a side. Raises EngineError; then nothing is left behind."""

    def leftovers(self, root: Path) -> list[str]:
        """Runs of this results directory whose sides are still there although nobody measures them."""

    def remove_leftovers(self, root: Path) -> list[str]:
        """Remove them; the runs they belonged to."""
