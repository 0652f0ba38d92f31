"""A campaign to which something happens: two runs of `calm` are finished, those of others suffer."""

import contextlib
import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from campaigns import Project, process_campaign
from duet.campaign import order
from duet.campaign.load import load_campaign
from duet.commands.clean import measuring
from duet.engines import EngineError, cpusets
from duet.engines.choose import choose_engine
from duet.engines.processes import directory_prefix
from sides import alive

RESULT = "echo iteration,start_ns,end_ns >results.csv; echo 0,1,2 >>results.csv; "
"""Shell command of an iteration, which any image can do."""


class Campaign:
    """The campaign `c` of one engine in a copy of the project."""

    def __init__(self, project: Project, engine: str, image: str | None):
        self.project, self.engine, self.image = project, engine, image
        self.results = project.results("c")
        self.sufferers: dict[str, dict] = {}

    def write(self, sufferers: dict[str, dict], **keys: object) -> None:
        """The file, with benchmarks beside `calm`: their keys; `A` is a command."""
        self.sufferers = sufferers
        campaign = process_campaign("c", {"calm": {"A": RESULT}}, cpus="split", **keys)
        campaign["duetbench"] |= {"engine": self.engine, "duets": ["calm", *sufferers]}
        if self.image:
            campaign["duetbench"]["image"] = self.image
        for name, given in sufferers.items():
            sides = {side: {"run": given[side]} for side in "AB" if side in given}
            campaign[name] = {"duet_repetitions": 1, **given, **sides}
        self.project.write("c", campaign)

    def runs(self, benchmark: str) -> list[str]:
        campaign = load_campaign([str(self.project.path / "config/c.yml")], [])
        return [run.name for run in order.runs(campaign) if run.benchmark == benchmark]

    def run(self, benchmark: str) -> str:
        (name,) = self.runs(benchmark)
        return name

    @property
    def targets(self) -> list[str]:
        """The records of all runs: what the table is made from is not at stake here."""
        names = [name for benchmark in ("calm", *self.sufferers) for name in self.runs(benchmark)]
        return [f"results/c/runs/{name}/run.json" for name in names]

    def call(self) -> subprocess.CompletedProcess:
        done = self.project.snakemake("c", *self.targets)
        assert "Traceback" not in done.stdout, done.stdout
        return done

    def begin(self) -> subprocess.Popen:
        return subprocess.Popen(
            self.project.command("c", *self.targets),
            cwd=self.project.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def record(self, benchmark: str) -> dict:
        return json.loads((self.results / "runs" / self.run(benchmark) / "run.json").read_text())

    def calm(self) -> dict[str, tuple[int, bytes]]:
        """Modification time and content of every file of the finished runs."""
        files = (path for path in self.results.glob("runs/native.calm.*/*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    def part(self, benchmark: str, name: str) -> list[Path]:
        """Files of the run that is being measured."""
        return list(self.results.glob(f"runs/.{self.run(benchmark)}.part/{name}"))

    def gates(self) -> list[Path]:
        places = (self.results / "runs", Path(tempfile.gettempdir()), Path("/dev/shm"))
        patterns = (".native.*.[AB]*-*.part", *[f"{directory_prefix(self.results)}*"] * 2)
        return [path for place, each in zip(places, patterns, strict=True) for path in place.glob(each)]

    def left(self, mark: str | None = None) -> list[str]:
        """What there is of runs that are not being measured: should be nothing."""
        leftovers = [f"process {line}" for line in (alive(mark) if mark else [])]
        leftovers += [f"measuring {pid}" for pid in measuring(self.results)]
        leftovers += [f"side of {run}" for run in choose_engine(self.engine)[0].leftovers(self.results)]
        leftovers += map(str, self.gates())
        leftovers += map(str, self.results.glob("runs/.*"))
        leftovers += [str(p) for p in self.results.rglob("*") if stat.S_ISFIFO(p.lstat().st_mode)]
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        leftovers += [
            line for line in mounts if f"{self.results}/" in line or directory_prefix(self.results) in line
        ]
        with contextlib.suppress(EngineError):
            leftovers += map(str, cpusets.parent().glob(f"{directory_prefix(self.results)}*"))
        with (self.results / ".lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                leftovers.append("the campaign's lock")
        return leftovers


def until(condition: Callable[[], object], process: subprocess.Popen | None = None, timeout_s=120) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.001)


def measurers(campaign: Campaign) -> list[int]:
    return list(measuring(campaign.results))


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def error_of(output: str, run: str) -> str:
    """The one line that is said of a run that failed: with its reason, its log and what to type."""
    (line,) = [line for line in output.splitlines() if line.startswith(f"error: run {run}: ")]
    assert re.search(r"; log: \S+", line) and "; again: snakemake " in line
    return line
