"""How far apart two sides go through the gate: median and p90 over runs on a real engine.

    python benchmarks/gate_skew.py --image debian:bookworm-slim [--engine docker] [--runs 50]

Goals: median <= 0.1 ms, p90 <= 2 ms. Skews within the resolution it prints may show as zero. Also the
wall time of one no-op duet through scripts/measure.py (goal: <= 0.8 s).
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from duet.model import ImageRef, Order, Run, Side, Type  # noqa: E402
from duet.records.layout import Layout  # noqa: E402
from duet.records.plan import BenchmarkPlan, SidePlan  # noqa: E402
from duet.records.provision import ImagePresence, place  # noqa: E402
from duet.records.run import RunRecord  # noqa: E402


def write_plan(layout: Layout, engine: str, image: str | None, cpus: str) -> None:
    ref = ImageRef(image) if image and engine != "process" else None
    if ref:
        there = ImagePresence(name=ref.name, key=ref.key, engine=engine, id=None, tag=ref.name, hash=None)
        there.write(layout.image_presence(place(engine), ref.key))
    run = Run("gate", "noop", 0, Type.DUET)
    for name in "AB":
        side = Side(name, ref, ":", None, (), engine=engine, cpus=cpus)
        SidePlan(side=side, timeout_s=None).write(layout.side_plan(run, name))
    facts = {"campaign": "gate", "suite": "gate", "benchmark": "noop", "format": "native"}
    benchmark = BenchmarkPlan(**facts, remove_containers=True, artifacts={}, seed=0)
    benchmark.write(layout.benchmark_plan(run.benchmark_stem))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default="docker", choices=("docker", "podman", "process"))
    parser.add_argument("--image", help="any image with a POSIX sh (not for process)")
    parser.add_argument("--cpus", default="split")
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    skews_ms, walls_s, resolution_ns = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder).resolve() / "gate"
        layout = Layout(results)
        write_plan(layout, options.engine, options.image, options.cpus)
        for i in range(options.runs):
            run = Run("gate", "noop", i, Type.DUET, (Order.AB, Order.BA)[i % 2])
            begin = time.monotonic()
            command = [
                sys.executable,
                SCRIPTS / "duetbench.py",
                "measure",
                "--results",
                results,
                "--run",
                run.name,
            ]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit(done.stderr.strip())
            walls_s.append(time.monotonic() - begin)
            gate = RunRecord.read(layout.run_record(run.name)).gate
            skews_ms.append((gate.skew_ns or 0) / 1e6)
            resolution_ns = max(resolution_ns, gate.resolution_ns or 0)
    for what, values, unit in (("gate skew", skews_ms, "ms"), ("no-op duet", walls_s, "s")):
        p90 = statistics.quantiles(values, n=10, method="inclusive")[-1]
        median, worst = statistics.median(values), max(values)
        print(f"{what}: median {median:.3f} {unit}, p90 {p90:.3f} {unit}, max {worst:.3f} {unit}")
    print(f"{options.runs} runs on {options.engine}; stamps are good to {resolution_ns / 1e6:.3f} ms")


if __name__ == "__main__":
    main()
