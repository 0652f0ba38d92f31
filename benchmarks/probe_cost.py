"""What a JVM probe costs: stamping an iteration, and crossing the barrier with both sides ready.

Iterations are empty, so all time between one's end and the next one's start is the probe's. Needs a JDK.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
STAMPS, CROSSINGS = 100_000, 5_000
GOAL_STAMP_US, GOAL_CROSSING_US = 20, 100


def side(folder: Path, name: str, count: int, core: int | None, **env: str) -> subprocess.Popen[str]:
    """A harness in a JVM of its own, in its own folder, on its own core where one is given."""
    (folder / name).mkdir()
    pin = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pin, "java", "-cp", f"{folder}/stamps.jar:{folder}", "ProbeCost", str(count)]
    return subprocess.Popen(
        command, cwd=folder / name, env=os.environ | env, text=True, stdout=subprocess.PIPE
    )


def between_us(results: Path) -> np.ndarray:
    """From each iteration's end to the next one's start, in µs."""
    table = np.loadtxt(results, delimiter=",", skiprows=1, dtype=np.int64)
    return (table[1:, 1] - table[:-1, 2]) / 1e3


def report(what: str, us: np.ndarray, goal_us: float) -> None:
    cold, warm = us[:100], us[len(us) // 2 :]
    print(
        f"{what}: median {np.median(warm):.1f} µs, p90 {np.quantile(warm, 0.9):.1f} µs; "
        f"in the first 100 iterations median {np.median(cold):.1f} µs (goal < {goal_us} µs)"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="probe-cost-") as name:
        folder = Path(name)
        build = ["sh", str(ROOT / "images/probes/build"), "stamps", ".", str(folder / "stamps.jar")]
        subprocess.run(build, check=True)
        source = ROOT / "benchmarks" / "ProbeCost.java"
        subprocess.run(["javac", "-cp", folder / "stamps.jar", "-d", folder, source], check=True)

        total, _ = side(folder, "alone", STAMPS, None).communicate()
        report("stamping an iteration", between_us(folder / "alone" / "results.csv"), GOAL_STAMP_US)
        print(f"  everything, mean of {STAMPS}: {int(total) / STAMPS / 1e3:.1f} µs")

        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            print("crossing the barrier: needs two cores")
            return
        fds = []
        for fifo in (folder / "barrier.A", folder / "barrier.B"):
            os.mkfifo(fifo)
            fds.append(os.open(fifo, os.O_RDWR))
        both = [
            side(folder, s, CROSSINGS, core, DUET_SIDE=s, DUET_BARRIER=name)
            for s, core in zip("AB", cores, strict=False)
        ]
        for process in both:
            process.communicate()
        crossing = between_us(folder / "A" / "results.csv")
        report("stamping and crossing the barrier", crossing, GOAL_CROSSING_US)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main()
