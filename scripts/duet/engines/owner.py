"""Who measures: a mark that every side carries, by which it is found out whether that process still lives."""

import os
from pathlib import Path


def mark() -> str:
    """`PID.START.NAMESPACE` of this process: no other one on this machine has had it since it was started."""
    return f"{os.getpid()}.{_start(os.getpid())}.{_namespace()}"


def dead(owner: str) -> bool:
    """Whether the process with that mark is gone. False where that cannot be known from here: an engine may
    be shared with processes that cannot be seen, since they are in containers themselves."""
    try:
        pid, start, namespace = map(int, owner.split("."))
    except ValueError:
        return False
    return namespace == _namespace() and _start(pid) != start


def pid(owner: str) -> str:
    return owner.partition(".")[0] or "?"


def _start(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process; None when it is gone, or a zombie."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if state in (b"Z", b"X") else int(rest[18])


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino
