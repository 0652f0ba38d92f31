"""Remove what killed runs of a campaign left: running sides, half-written directories."""

import argparse
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from duet.campaign import lock
from duet.commands import Log
from duet.engines import EngineError
from duet.engines.choose import choose_engine
from duet.engines.processes import remove_tree
from duet.records.layout import Layout
from duet.records.publication import recover

EXAMPLE = "./duetbench clean results/quickstart"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")


def execute(options: argparse.Namespace, log: Log) -> None:
    results = options.results.absolute()
    with alone_on(Layout(options.results)):
        tidy(results, log)


@contextlib.contextmanager
def alone_on(layout: Layout) -> Iterator[None]:
    """Hold the campaign's lock, unless the workflow that calls this does. Raises DuetError where another one
    holds it: what it measures is no remains."""
    if not layout.lock.exists() or lock.holder(layout) == os.getppid():
        yield
        return
    with lock.hold(layout):
        yield


def tidy(results: Path, log: Log) -> None:
    """Of the campaign in a directory, which is absolute."""
    end_measuring(results)
    runs: set[str] = set()
    for name in ("docker", "podman", "process"):
        if name == "podman" and not shutil.which("podman"):
            continue  # nor asked to start its service
        try:
            engine, _ = choose_engine(name)
        except EngineError:
            continue  # an engine that is not there runs nothing
        runs.update(engine.remove_leftovers(results))
    layout = Layout(results)
    if finished := recover(layout):
        log(f"measured, though killed since: {', '.join(finished)}")
    for part in layout.runs.glob(layout.part("*").name):
        remove_tree(part)
    if runs:
        log(f"removed the remains of killed runs: {', '.join(sorted(runs))}")


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
    """Processes that measure a run of this directory."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace").split("\0")
            if (there := measured_results(words)) and Path(os.readlink(f"/proc/{pid}/cwd"), there) == results:
                yield int(pid)


def measured_results(words: Sequence[str]) -> str | None:
    """What `--results` of a command line `[python …] duetbench.py measure …` says; None for another one."""
    names = [os.path.basename(word) for word in words]
    if "duetbench.py" not in names:
        return None
    subcommand, *rest = *words[names.index("duetbench.py") + 1 :], ""
    for word, following in pairwise(rest):
        option, equals, value = word.partition("=")
        if subcommand == "measure" and option == "--results":
            return value if equals else following
    return None
