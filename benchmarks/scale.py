#!/usr/bin/env python3
"""What a campaign costs beside its measuring, as it grows: the DAG, the table, the verdicts, the report.

    python benchmarks/scale.py [--benchmarks 3 30 300 1000] [--runs 20] [--goal 10000] [--csv FILE]

Runs are made up (tests/report/finished.py), each benchmark on one of 50 nodes; what reads them is the real
workflow and its commands. CPU seconds of the processes (user and system), which a busy machine changes less
than wall time, and their largest memory. The first size tells what starting costs; growth is the exponent
between the last two sizes beyond that, and the last column what it makes of the goal.
"""

import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE / part) for part in ("scripts", "tests", "tests/report")]

from duet.records.layout import Layout  # noqa: E402

NODES = 50
NAME = "scale"


@dataclass(frozen=True)
class Cost:
    """Of a step, at a size."""

    cpu_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--benchmarks", type=int, nargs="+", default=[3, 30, 300, 1000])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--figures", type=int, default=30, help="draw them of no more benchmarks than this")
    parser.add_argument("--goal", type=int, default=10_000)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make, options.benchmarks[0], options.runs, options.iterations)
        return
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {options.runs} runs a benchmark")
    found: dict[str, dict[int, Cost]] = {}
    for size in options.benchmarks:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            for step, cost in steps(Path(folder), size, options):
                found.setdefault(step, {})[size] = cost
                print(f"{size:6} {step:32} {cost.cpu_s:8.1f} s {cost.peak_mb:8.0f} MB", flush=True)
    rows = [row(step, costs, options.goal) for step, costs in found.items()]
    for each in rows:
        print("  ".join(map(str, each.values())))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def make(project: Path, size: int, runs: int, iterations: int) -> None:
    """A finished campaign with its plan and its benchmarks' tables. In a process of its own: it needs memory,
    which would be counted as that of the steps that its process starts."""
    import finished
    import pandas as pd
    from duet.campaign import load, order
    from duet.records.plan import plan_of
    from duet.table import store
    from duet.table.build import benchmark_table

    os.fsync = lambda _: None  # what is made up need not survive a crash
    finished.checkout(project)
    names = [f"benchmark-{i:05d}" for i in range(size)]
    change = {name: ((i * 7) % 11 - 5) / 100 for i, name in enumerate(names)}
    layout = Layout(finished.write(project, NAME, names, runs, iterations, ("duet",), change))
    campaign = load.load_campaign(project / "config" / f"{NAME}.yml")
    planned = order.runs(campaign)
    plan_of(campaign, planned).write(layout)
    layout.benchmark_table("x").parent.mkdir(parents=True)
    of: dict[str, list[Path]] = {}
    for run in planned:
        of.setdefault(run.benchmark, []).append(layout.run(run.name))
    for i, benchmark in enumerate(campaign.benchmarks):
        frame = benchmark_table(of[benchmark.name], benchmark.format)
        frame["environment"] = pd.Categorical([f"node{i % NODES}"] * len(frame))
        store.write(frame, layout.benchmark_table(benchmark.stem))


def steps(folder: Path, size: int, options: argparse.Namespace) -> Iterator[tuple[str, Cost]]:
    """Each step's name and cost, for a campaign of `size` benchmarks."""
    project = folder / "project"
    made = [
        "--make",
        project,
        "--benchmarks",
        size,
        "--runs",
        options.runs,
        "--iterations",
        options.iterations,
    ]
    cost(folder, sys.executable, Path(__file__).absolute(), *made)
    layout = Layout(project / "results" / NAME)
    dry = [sys.executable, "-m", "snakemake", "--configfile", f"config/{NAME}.yml", "-n", "--quiet", "all"]
    yield "DAG, all measured", cost(project, *dry)
    aside = layout.results.rename(layout.results.with_name("aside"))
    yield "DAG, nothing measured", cost(project, *dry)
    aside.rename(layout.results)

    stem = (layout.plan / "tables.txt").read_text().split()[0]
    collect = ["collect", "--results", layout.results, "--benchmark", stem, "--out", folder / "one.parquet"]
    one = command(project, *collect)
    yield "collect, a process a benchmark", Cost(one.cpu_s * size, one.peak_mb)
    table = ["--listed", layout.plan / "tables.txt", "--out", layout.table, "--csv", layout.table_csv]
    yield "table", command(project, "table", *table)
    inputs = ["--table", layout.table, "--analysis", layout.analysis_plan]
    outputs = ["--pairs", layout.pairs, "--effects", layout.effects, "--verdicts", layout.verdicts]
    outputs += ["--comparison", layout.comparison]
    yield "verdicts", command(project, "analyse", *inputs, *outputs, "--across", layout.environments)
    listed = ["--runs", layout.runs, "--planned", layout.planned_runs]
    summary = ["--verdicts", layout.verdicts, *listed, "--name", NAME]
    summary += ["--markdown", layout.summary, "--json", layout.verdicts_json]
    yield "summary", command(project, "summary", *summary)
    if size <= options.figures:
        yield (
            "figures",
            command(project, "figures", "all", *inputs, *outputs, *listed, "--out", layout.figures),
        )
    yield "page", command(project, "page", layout.results)
    files = [path for path in layout.runs.rglob("*") if path.is_file()]
    sizes = {"runs": sum(path.stat().st_size for path in files)}
    sizes |= {path.name: path.stat().st_size for path in (layout.table, layout.table_csv, layout.page)}
    told = ", ".join(f"{what} {count / 1e6:.1f} MB" for what, count in sizes.items())
    print(f"{size:6} on disk: {len(files)} files of {told}", flush=True)


def command(project: Path, *words: object) -> Cost:
    return cost(project, sys.executable, project / "scripts/duetbench.py", *words)


def cost(directory: Path, *words: object) -> Cost:
    """Run it to its end, and what it and all that it started took."""
    process = subprocess.Popen(
        list(map(str, words)), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words}: exit code {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def row(step: str, costs: dict[int, Cost], goal: int) -> dict[str, object]:
    """A line of the table: costs at each size, growth, and what is to be expected at the goal."""
    sizes = list(costs)
    growth, at_goal = extrapolated([(n, cost.cpu_s) for n, cost in costs.items()], goal)
    _, memory = extrapolated([(n, cost.peak_mb) for n, cost in costs.items()], goal)
    last = costs[sizes[-1]]
    out: dict[str, object] = {"step": step, "benchmarks": "/".join(map(str, sizes))}
    out |= {
        "cpu_s": "/".join(f"{cost.cpu_s:.1f}" for cost in costs.values()),
        "peak_mb": f"{last.peak_mb:.0f}",
    }
    return out | {"growth": f"{growth:.2f}", "goal_cpu_s": f"{at_goal:.0f}", "goal_peak_mb": f"{memory:.0f}"}


def extrapolated(points: Sequence[tuple[int, float]], goal: int) -> tuple[float, float]:
    """Exponent between the last two of (size, value), beyond what the first has: what starting costs. And the
    value at the goal, with that exponent or linear, whichever is more."""
    (first, start), (n2, v2) = points[0], points[-1]
    if len(points) < 3:
        return math.nan, start + (v2 - start) * (goal - first) / max(1, n2 - first)
    n1, v1 = points[-2]
    beyond = [max(value - start, 1e-3) for value in (v1, v2)]
    growth = math.log(beyond[1] / beyond[0]) / math.log(n2 / n1)
    return growth, start + beyond[1] * (goal / n2) ** max(growth, 1.0)


if __name__ == "__main__":
    main()
