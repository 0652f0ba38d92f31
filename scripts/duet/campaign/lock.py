"""One workflow at a time on a campaign's results.

The kernel's lock on results/<name>/.lock ends with the process that holds it, however that ends;
so nobody ever has to unlock anything. What the file says is for the one who is refused.
"""

import contextlib
import fcntl
import json
import os
import platform
import shlex
import sys
import time
from typing import IO

from duet.model import DuetError
from duet.records.files import unwritable
from duet.records.layout import Layout


def hold(layout: Layout) -> IO[str]:
    """Take the campaign's lock until the file is closed or the process ends.

    Raises DuetError with nothing changed where another process has it.
    """
    try:
        layout.results.mkdir(parents=True, exist_ok=True)
        file = layout.lock.open("a+")
    except OSError as e:
        raise unwritable(layout.lock, e) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = _description(file.read())
        file.close()
        what = f"{layout.results}: another workflow works on it, {holder}"
        raise DuetError(what, "wait for it, or end it where it runs") from None
    facts = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%F %T"),
        "command": shlex.join(sys.argv),
    }
    with contextlib.suppress(OSError):  # a full disk is no reason not to hold it
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), f"{json.dumps(facts)}\n".encode())
    return file


def holder(layout: Layout) -> int | None:
    """The process that says it holds the lock, or held it last."""
    try:
        pid = json.loads(layout.lock.read_bytes())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if type(pid) is int else None


def _description(text: str) -> str:
    try:
        facts = json.loads(text)
        return f"since {facts['since']}: process {facts['pid']} on {facts['host']}, {facts['command']}"
    except (ValueError, KeyError, TypeError):  # caught between taking the lock and writing
        return "since this moment"
