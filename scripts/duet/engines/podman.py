"""Podman's service: where its socket is, and a service of our own where there is none."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from duet.engines import EngineError
from duet.engines.private import make_private, private_directory
from duet.model import DuetError

IDLE_S = 600
"""A service that nobody has asked anything for so long ends itself."""
_PATIENCE_S = 20


def hosts() -> list[str]:
    """Addresses at which a service may answer: CONTAINER_HOST, the system's or user's socket, our own."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    system = Path("/run") if os.geteuid() == 0 else Path(runtime)
    sockets = [system / "podman/podman.sock", _own_socket()]
    named = os.environ.get("CONTAINER_HOST")
    return ([named] if named else []) + [f"unix://{s}" for s in sockets if s.is_socket()]


def _own_socket() -> Path:
    """In the session's own directory. Who has none, such as a job of cron, has it where the locks are."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    home = Path(base) / f"duetbench-podman-{os.geteuid()}"
    try:
        if not os.path.isdir(base):
            return private_directory() / f"podman.{os.uname().nodename}.sock"
        make_private(home)
    except DuetError as e:
        raise EngineError(e.what, e.remedy) from None
    except OSError:
        what = f"{home} is not a private directory of this user"
        raise EngineError(what, f"remove {home}") from None
    return home / "podman.sock"


@dataclass(frozen=True)
class Service:
    """A service that was just started and may not answer yet."""

    host: str
    log: Path
    process: subprocess.Popen[bytes]
    deadline_s: float

    def be_patient(self) -> None:
        """Wait a little for it. Raises EngineError when that is hopeless."""
        if self.process.poll() is None and time.monotonic() < self.deadline_s:
            time.sleep(0.02)
            return
        last_line = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise EngineError(
            f"podman's service does not start: {' '.join(last_line)}", "see what `podman info` says"
        )


def serve() -> Service:
    """Start a service that outlives this process, for later calls to find."""
    if shutil.which("podman") is None:
        raise EngineError("podman is not installed", "apt-get install podman; or engine: docker or process")
    socket = _own_socket()
    log = socket.with_suffix(".log")
    socket.unlink(missing_ok=True)
    command = ["podman", "system", "service", f"--time={IDLE_S}", f"unix://{socket}"]
    with open(log, "ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )
    return Service(f"unix://{socket}", log, process, time.monotonic() + _PATIENCE_S)
