"""Results from other machines, by rsync over ssh, the words of which are the user's."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from duet.model import DuetError
from duet.records.layout import Layout

WANTED = ("/runs/***", "/images/***", "/durations.txt")
"""What `results merge` reads, as rsync's patterns; what is being measured (runs/.*) is none of it."""


class HostError(DuetError):
    """What lies on another machine could not be brought here."""


class Place:
    """A campaign's results on another machine: HOST or USER@HOST, and the directory there."""

    def __init__(self, host: str, directory: str):
        self.host, self.directory = host, directory

    @classmethod
    def parse(cls, text: str, default: Path) -> Self:
        """`HOST[:DIR]`; DIR is relative to the home directory there, and by default where it is here."""
        host, _, directory = text.partition(":")
        if not re.fullmatch(r"([A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*", host):
            raise HostError(f"{text[:60]!r} names no host", "HOST, HOST:DIR or USER@HOST:DIR")
        return cls(host, directory or str(default.absolute()))

    def __str__(self) -> str:
        return f"{self.host}:{self.directory}"


def bring(place: Place, to: Path, there: Layout, ssh: Sequence[str]) -> None:
    """Make `to` what the place has of finished runs, images' identities and durations, times included.

    What `there` has already is not sent again. An interrupted one goes on where it was. Raises HostError.
    """
    if shutil.which("rsync") is None:
        raise HostError("there is no rsync on this machine", "install it (apt install rsync), here and there")
    to.mkdir(parents=True, exist_ok=True)
    filters = ["--exclude=/runs/.*", *(f"--include={each}" for each in WANTED), "--exclude=*"]
    command = ["rsync", "--archive", "--delete", "--protect-args", f"--rsh={shlex.join(ssh)}", *filters]
    command += [f"--link-dest={there.results.absolute()}", "--", f"{place}/", f"{to}/"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        why = lines[0] if lines else f"exit code {done.returncode}"
        works = shlex.join([*ssh, place.host, "rsync --version"])
        raise HostError(f"{place}: not copied: {why}", f"see whether `{works}` works, and what lies there")
