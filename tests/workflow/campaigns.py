"""Real campaigns, run by real snakemake in a copy of the project."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]

HARNESS = r"""#!/bin/sh
# Four iterations of native CSV from a clock in whole seconds; $1: milliseconds of each. The 7 ns more
# keep the clock from being taken for a coarse one.
start=$(date +%s)000000000 step=$(($1 * 1000000 + 7))
echo iteration,start_ns,end_ns > results.csv
for i in 0 1 2 3; do
    echo "$i,$((start + i * step)),$((start + (i + 1) * step))" >> results.csv
done
"""


@dataclass
class Project:
    """One checkout and what it printed last."""

    path: Path

    def write(self, name: str, campaign: dict) -> Path:
        path = self.path / "config" / f"{name}.yml"
        path.write_text(yaml.safe_dump(campaign, sort_keys=False))
        return path

    def command(self, config: str, *args: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *args, "--configfile", f"config/{config}.yml"]

    def snakemake(self, config: str, *args: str) -> subprocess.CompletedProcess:
        return self.run(self.command(config, *args))

    def run(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            command,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    def results(self, config: str) -> Path:
        return self.path / "results" / config

    def tree(self, *without: str) -> dict[str, tuple[int, bytes]]:
        """Modification time and content of every file of the checkout, but of those below `without`."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        names = {path.relative_to(self.path).as_posix(): path for path in files}
        kept = {name: path for name, path in names.items() if name.split("/")[0] not in without}
        return {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in kept.items()}

    def measured(self, config: str) -> dict[str, int]:
        """Name and modification time of every run record."""
        runs = self.results(config).glob("runs/*/run.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in runs}


def process_campaign(name: str, benchmarks: dict[str, dict], **keys: object) -> dict:
    """A campaign of host processes; each benchmark a mapping of sides to shell commands."""
    suite = {
        "name": name,
        "suite": "native",
        "engine": "process",
        "cpus": "shared",
        "results": ["results.csv"],
        "duets": list(benchmarks),
        "duet_repetitions": 2,
        "timeout": 60,
        **keys,
    }
    return {
        "duetbench": suite,
        **{b: {s: {"run": r} for s, r in sides.items()} for b, sides in benchmarks.items()},
    }
