"""One run at a time on this machine, and nothing of an older one beside it.

Runs of one user exclude each other by a lock in a directory that nobody else may enter: no other user can
hold, forge or block it, and the kernel releases it when its holder dies, however it does. Root's is in /run,
that of others in their home: a session's own directory (XDG_RUNTIME_DIR) is not there for a job of cron.

A lock between users who do not trust each other could be held by any of them for ever. So users are not kept
apart by one: before each run it is looked what sides there are on this machine, whoever's they are. Those
whose measuring process is dead are removed, as far as this user may; others are waited for, with a bound, and
a run beside them is marked by a warning. Two users who start in the same moment may miss each other.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from duet.engines import GATE, Engine, EngineError, Stray, owner
from duet.engines.choose import choose_engine
from duet.engines.private import private_directory

PATIENCE_S = 3600
"""For sides of another user, or of a process that cannot be seen from here."""
LOOK_S = 0.5

Say = Callable[[str], None]


@contextlib.contextmanager
def exclusively(run: str, campaign: str, engines: Mapping[str, Engine], say: Say) -> Iterator[list[str]]:
    """Until this is left no other run of this user begins; gives warnings for the record of this one."""
    with _locked(place(), f"{run} of campaign {campaign} (process {os.getpid()})", say):
        yield _without_strays(engines, say)


@contextlib.contextmanager
def between_runs(say: Say) -> Iterator[None]:
    """Until this is left no run of this user begins; for what would disturb one."""
    with _locked(place(), f"process {os.getpid()}", say):
        yield


def place() -> Path:
    """The file to lock. A home may be shared with other machines. Raises DuetError."""
    return private_directory() / f"measuring.{os.uname().nodename}"


@contextlib.contextmanager
def _locked(path: Path, holder: str, say: Say) -> Iterator[None]:
    lock = _lock(path, say)
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, holder.encode(), 0)
        yield
    finally:
        os.ftruncate(lock, 0)
        os.close(lock)


def _lock(path: Path, say: Say) -> int:
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(lock, 1000, 0).decode(errors="replace") or "another run"
                say(f"waiting for {holder}, which is being measured on this machine")
                fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), path.lstat()):
                    return lock  # not removed in the meantime
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _without_strays(chosen: Mapping[str, Engine], say: Say) -> list[str]:
    """Remove sides that nobody measures, wait for those that somebody does; warnings where some stay."""
    until, waited_for = time.monotonic() + PATIENCE_S, set()
    engines: dict[str, Engine] = {}
    while sides_here():
        engines = engines or _reachable(chosen)
        living = []
        for engine in engines.values():
            for stray in _strays(engine):
                if not owner.dead(stray.owner):
                    living.append(_description(stray))
                    continue
                with contextlib.suppress(EngineError):  # it is waited for then, and looked for again
                    engine.end(stray)
                    say(f"removed {_description(stray)}: that process is dead")
        others = living or [f"process {pid} of {_user(pid)}, a side" for pid in sides_here()]
        for other in others:
            if other not in waited_for:
                say(f"waiting for {other}, which runs on this machine")
        waited_for.update(others)
        if others and time.monotonic() > until:
            return [f"measured beside {other}, which did not end within {PATIENCE_S} s" for other in others]
        time.sleep(LOOK_S if others else 0)
    return []


def _strays(engine: Engine) -> list[Stray]:
    try:
        return engine.strays()
    except EngineError:
        return []


def _description(stray: Stray) -> str:
    text = f"side {stray.side} of {stray.run} in {stray.root} (measured by process {owner.pid(stray.owner)})"
    return "".join(c if c.isprintable() else "?" for c in text[:500])  # anybody may have started it


def _reachable(chosen: Mapping[str, Engine]) -> dict[str, Engine]:
    """All engines that are here: who left the sides need not have used the one of this run."""
    engines = {engine.name: engine for engine in chosen.values()}
    for name in {"docker", "podman", "process"} - set(engines):
        if name == "podman" and not shutil.which("podman"):
            continue  # nor asked to start its service
        with contextlib.suppress(EngineError):
            engines[name] = choose_engine(name)[0]
    return engines


def sides_here() -> list[int]:
    """Main processes of sides on this machine, whoever's they are, by their command lines."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_side(name)]


def _is_side(name: str) -> bool:
    try:
        words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    if words[1:2] == [f"{GATE}/launch".encode()]:
        return True
    # A build is supervised, too, but launched by nothing.
    return all(any(word.endswith(end) for word in words) for end in (b"/engines/supervise.py", b"/launch"))


def _user(pid: int) -> str:
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
        return pwd.getpwuid(uid).pw_name
    except (OSError, KeyError):
        return "another user"
