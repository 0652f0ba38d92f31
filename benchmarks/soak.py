"""Whether anything grows in a long campaign: 300 short runs, and now and then a look at what is there.

    python benchmarks/soak.py [--engine docker] [--runs 300] [--image NAME]

Snakemake measures no-op duet runs one after the other. After every 50 of them a line of a table says what the
workflow's process has open and occupies, what the engine has (containers of this campaign, all volumes, its
daemon's open files and memory), and what lies in results/ and in the temporary directory. A run's own process
ends with it. docs/faults.md has the table. About four minutes an engine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))

from duet.engines.processes import directory_prefix  # noqa: E402

NOOP = "echo iteration,start_ns,end_ns >results.csv; echo 0,1,2 >>results.csv"
EVERY = 50
TITLES = (
    *("runs", "s a run", "workflow: files", "MiB", "containers", "volumes", "engine: files", "MiB"),
    *("results/: files a run", "KiB a run", "left in /tmp"),
)


@dataclass(frozen=True)
class Look:
    """A line of the table; None where the engine has no such thing."""

    runs: int
    seconds: float
    """A run, since the look before."""
    files: int
    memory_mib: float
    containers: int | None
    volumes: int | None
    engine_files: int | None
    engine_mib: float | None
    entries: float
    size_kib: float
    temporary: int


class Engine:
    """What an engine has, beside the runs of others that use it, too."""

    def __init__(self, name: str, results: Path):
        from duet.engines.containers import connect

        self._api = connect(name).api
        self._root = {"label": [f"duetbench.root={results}"]}
        self._daemon = next(iter(_processes("dockerd")), None) if name == "docker" else None

    def look(self) -> tuple[int, int, int | None, float | None]:
        containers = len(self._api.containers(all=True, filters=self._root))
        volumes = len(self._api.volumes().get("Volumes") or [])
        daemon = self._daemon
        return containers, volumes, *((_files(daemon), _memory_mib(daemon)) if daemon else (None, None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", default="docker", choices=("docker", "podman", "process"))
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--image", default="compress", help="not for `process`")
    options = parser.parse_args()
    print(f"{options.engine}, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    _print(TITLES)
    _print(["---:"] * len(TITLES))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for look in soak(Path(folder), options):
            _print(astuple(look))


def soak(folder: Path, options: argparse.Namespace) -> Iterator[Look]:
    suite = {
        "name": "c",
        "suite": "noop",
        "engine": options.engine,
        "run_base": NOOP,
        "duets": ["b"],
        "duet_repetitions": options.runs,
        "cpus": "split",
    }
    suite |= {"image": options.image} if options.engine != "process" else {}
    (folder / "c.yml").write_text(yaml.safe_dump({"duetbench": suite, "b": {"A": {"run": "#"}}}))
    results = folder / "results/c"
    engine = Engine(options.engine, results) if options.engine != "process" else None
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "workflow/Snakefile")),
        *("--workflow-profile", str(PROJECT / "workflow/profiles/default")),
        *("results/c/iterations/noop.b.parquet", "--configfile", "c.yml"),
    ]
    with (folder / "log").open("w") as log:
        workflow = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    since, before, due = time.monotonic(), 0, 1
    while workflow.poll() is None:
        done = _lines(results / "durations.txt")
        if done >= due:
            now = time.monotonic()
            yield _look(done, (now - since) / (done - before), workflow.pid, engine, results)
            since, before, due = now, done, (done // EVERY + 1) * EVERY
        time.sleep(0.05)
    if workflow.returncode:
        sys.exit((folder / "log").read_text())


def _look(done: int, seconds: float, pid: int, engine: Engine | None, results: Path) -> Look:
    entries = [path.lstat() for path in results.rglob("*")]
    temporary = list(Path(tempfile.gettempdir()).glob(f"{directory_prefix(results)}*"))
    return Look(
        done,
        seconds,
        _files(pid),
        _memory_mib(pid),
        *(engine.look() if engine else (None,) * 4),
        len(entries) / done,
        sum(facts.st_size for facts in entries) / done / 1024,
        len(temporary),
    )


def _lines(path: Path) -> int:
    try:
        return path.read_text().count("\n")
    except FileNotFoundError:
        return 0


def _files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _memory_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def _processes(name: str) -> list[int]:
    """Process ids by name, the oldest first."""
    ids = []
    for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                ids.append(pid)
        except OSError:
            continue
    return ids


def _print(row: Sequence[object]) -> None:
    print(f"| {' | '.join(map(_shown, row))} |", flush=True)


def _shown(value: object) -> str:
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
