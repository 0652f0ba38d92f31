"""A directory that nobody but this user may enter, the same for all of this user's processes: for locks."""

import contextlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

from duet.model import DuetError


def private_directory() -> Path:
    """Made where it is not there. Raises DuetError where there is no place for one.

    Root's is in /run, that of others in their home: a session's own directory (XDG_RUNTIME_DIR) is not
    there for a job of cron. Who has no home has one in the system's temporary directory.
    """
    user = os.geteuid()
    candidates = [Path("/run/duetbench")] if user == 0 else []
    with contextlib.suppress(KeyError):
        candidates.append(Path(pwd.getpwuid(user).pw_dir, ".local/state/duetbench"))
    candidates.append(Path(tempfile.gettempdir(), f"duetbench-{user}"))
    for directory in candidates:
        with contextlib.suppress(OSError):
            make_private(directory)
            return directory
    remedy = f"remove it, or make {candidates[0]}"
    raise DuetError(f"{candidates[-1]} is not a directory that only you may enter", remedy)


def make_private(directory: Path) -> None:
    """Raises OSError for what is no directory of this user's; a link to one is none."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    facts = directory.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise PermissionError
    if facts.st_mode & 0o077:
        directory.chmod(0o700)
