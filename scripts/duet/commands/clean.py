"""Remove what killed runs of a campaign left behind: sides still running, half-written run directories."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from duet.engines import EngineError
from duet.engines.choose import choose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results/<name>")
    results = parser.parse_args().results.absolute()
    end_measuring(results)
    runs: set[str] = set()
    for name in ("docker", "podman", "process"):
        if name == "podman" and not shutil.which("podman"):
            continue  # nor asked to start its service
        try:
            engine, _ = choose(name)
        except EngineError:
            continue  # an engine that is not there runs nothing
        runs.update(engine.remove_leftovers(results))
    for part in results.glob("runs/.*.part"):
        shutil.rmtree(part, ignore_errors=True)
    if runs:
        print(f"removed what killed runs left behind: {', '.join(sorted(runs))}", file=sys.stderr)


def end_measuring(results: Path, patience_s: float = 20) -> None:
    """End what still measures here although its workflow was killed; asked, it tidies up itself."""
    for pid in measuring(results):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + patience_s
    while left := list(measuring(results)):
        if time.monotonic() > until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.1)


def measuring(results: Path) -> Iterator[int]:
    """Processes of measure.py with `--results` of this directory."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace").split("\0")
            there = Path(os.readlink(f"/proc/{pid}/cwd"), words[words.index("--results") + 1])
            if words[1].endswith("/duetbench.py") and words[2] == "measure" and there == results:
                yield int(pid)
