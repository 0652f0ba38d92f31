"""What the workflow itself costs: no-op duet runs on Docker, end to end, and a dry run of 10,000 runs.

    python benchmarks/workflow.py [--engine docker] [--repeat 3]

The first: `snakemake` to the verdicts where only the image is there, 20 duet runs of sides that do
nothing, wall time divided by 20; goal 1.0 s a run; the predecessor needed 21.0 s. The second: wall
time of `snakemake -n`, goal 10 s.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
NOOP = (
    "printf 'iteration,start_ns,end_ns\\n0,%s000000000,%s000001000\\n' $(date +%s) $(date +%s) > results.csv"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", default="docker", choices=("docker", "podman", "process"))
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {options.repeat}")
    with tempfile.TemporaryDirectory() as folder:
        print(
            f"no-op duet run, whole workflow, 20 runs, {options.engine}: "
            f"{noop(Path(folder), options):.2f} s a run"
        )
    with tempfile.TemporaryDirectory() as folder:
        print(f"snakemake -n, 10,000 runs: {dry(Path(folder), options.repeat):.1f} s")


def noop(folder: Path, options: argparse.Namespace) -> float:
    """Seconds a run."""
    campaign(folder, options.engine, benchmarks=1, runs=20)
    verdicts = "results/c/verdicts.csv"
    snakemake(folder, verdicts)  # builds the image
    seconds = []
    for _ in range(options.repeat):
        for made in (folder / "results/c").iterdir():
            if made.is_file():
                made.unlink()
            elif made.name not in ("images", "plan"):
                shutil.rmtree(made)
        begin = time.monotonic()
        snakemake(folder, verdicts)
        seconds.append((time.monotonic() - begin) / 20)
    return statistics.median(seconds)


def dry(folder: Path, repeat: int) -> float:
    """Seconds of a dry run of 100 benchmarks with 100 runs each."""
    campaign(folder, "process", benchmarks=100, runs=100)
    seconds = []
    for _ in range(repeat):
        begin = time.monotonic()
        snakemake(folder, "-n", "--quiet", "rules")
        seconds.append(time.monotonic() - begin)
    return statistics.median(seconds)


def campaign(folder: Path, engine: str, benchmarks: int, runs: int) -> None:
    names = [f"b{i}" for i in range(benchmarks)]
    suite = {
        "name": "c",
        "suite": "noop",
        "engine": engine,
        "image": "compress",
        "format": "native",
        "run_base": NOOP,
        "results": "results.csv",
        "duets": names,
        "duet_repetitions": runs,
        "timeout": 60,
    }
    both = {name: {"A": {"run": f"# {name}"}} for name in names}
    (folder / "c.yml").write_text(yaml.safe_dump({"duetbench": suite, **both}))


def snakemake(folder: Path, *targets: str) -> None:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        PROJECT / "workflow/Snakefile",
        "--cores",
        "1",
    ]
    profile = ["--workflow-profile", PROJECT / "workflow/profiles/default"]
    done = subprocess.run(
        [*command, *profile, *targets, "--configfile", "c.yml"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
