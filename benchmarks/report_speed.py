#!/usr/bin/env python3
"""Time and size of the figures and the report of a campaign of 25 benchmarks x 20 runs.

Goals on 2 cores: all figures <= 60 s, report <= 20 s and <= 15 MB. The iterations are synthetic, the
workflow that makes tables, verdicts, figures and report of them is the real one.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE / part) for part in ("scripts", "tests", "tests/report")]

import finished  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=int, default=25)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--types", default="duet", help="comma-separated")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--keep", type=Path, help="leave the project with its results and report here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="report-speed-") as folder:
        measure(args, finished.checkout(Path(folder) / "project"))
        if args.keep:
            shutil.copytree(Path(folder) / "project", args.keep, dirs_exist_ok=True)


def measure(args: argparse.Namespace, project: Path) -> None:
    names = [f"benchmark-{i:02d}" for i in range(args.benchmarks)]
    change = {name: ((i * 7) % 11 - 5) / 100 for i, name in enumerate(names)}
    types = args.types.split(",")
    results = finished.write(
        project, "speed", names, args.runs, args.iterations, types, change, own_noise=0.02
    )
    before = (results / "summary.md", results / "provenance.html")
    timed(project, "tables, verdicts, summary", "--cores", args.cores, *map(str, relative(before, project)))
    seconds = timed(project, "all figures", "--cores", args.cores)
    figures = list((results / "figures").glob("*.svg"))
    print(f"{'':28}{len(figures)} figures, {seconds / max(1, len(figures)):.2f} s each; goal <= 60 s in all")
    begin = time.perf_counter()
    finished.duetbench(project, "page", results)
    print(f"{'page':28}{time.perf_counter() - begin:8.1f} s")
    timed(project, "Snakemake's report", "--report", "report.html")
    for what, path in (("page", results / "report.html"), ("Snakemake's report", project / "report.html")):
        print(f"{f'size, {what}':28}{path.stat().st_size / 1e6:8.1f} MB; goal <= 15 MB, <= 20 s")


def relative(paths: tuple[Path, ...], project: Path) -> list[Path]:
    return [path.relative_to(project) for path in paths]


def timed(project: Path, what: str, *args: str) -> float:
    begin = time.perf_counter()
    finished.snakemake(project, "speed", *args)
    seconds = time.perf_counter() - begin
    print(f"{what:28}{seconds:8.1f} s")
    return seconds


if __name__ == "__main__":
    main()
