"""What `duetbench compare` and hyperfine make of a command of 5 ms compared with itself, in turn.

    python benchmarks/compare_cost.py [--calls 20] [--seconds 10] [--csv docs/compare-cost.csv]

Any change that is found is an error: its mean over the calls is the tool's bias, its standard deviation the
spread. Both tools get the same time of the machine: `compare` runs both sides at once for so many seconds,
hyperfine one after the other for half of it each, without a shell, as compare does. Needs hyperfine.
"""

import argparse
import csv
import json
import math
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

DUETBENCH = (sys.executable, str(Path(__file__).resolve().parents[1] / "scripts/duetbench.py"))
WANTED_S = 0.005


@dataclass(frozen=True)
class Call:
    tool: str
    change_percent: float
    claimed: bool
    """Whether it says that there is a difference: compare's verdict; hyperfine's ratio is off by more than
    the ± that it gives."""
    time_ms: float
    """Of one execution of A, as the tool has it."""
    wall_s: float
    load: float
    """Of the machine in the minute before."""


def command(folder: Path) -> str:
    """One that takes about 5 ms here: gzip of words."""
    draw, words = random.Random(1), [f"word{n}" for n in range(5000)]
    text = " ".join(draw.choice(words) for _ in range(400_000)).encode()
    size = 50_000
    for _ in range(4):
        (folder / "data").write_bytes(text[:size])
        times_s = []
        for _ in range(30):
            begin = time.perf_counter()
            subprocess.run(["gzip", "-6", "-c", "data"], cwd=folder, stdout=subprocess.DEVNULL, check=True)
            times_s.append(time.perf_counter() - begin)
        # what else runs here must not make the command shorter
        size = min(len(text), max(1000, int(size * (WANTED_S / min(times_s)))))
    return "gzip -6 -c data"


def compare(folder: Path, what: str, seconds: float, number: int) -> Call:
    words = ["compare", what, what, "--name", f"c{number}", "--time", str(seconds), "--runs", "10"]
    load, begin = os.getloadavg()[0], time.monotonic()
    subprocess.run(
        [*DUETBENCH, *words, "--export-json", "out.json"], cwd=folder, check=True, capture_output=True
    )
    wall_s = time.monotonic() - begin
    out = json.loads((folder / "out.json").read_text())
    claimed = out["verdict"] in ("slower", "faster")
    return Call("duetbench compare", out["change_percent"], claimed, out["A"]["mean_s"] * 1e3, wall_s, load)


def hyperfine(folder: Path, what: str, seconds: float, number: int) -> Call:
    runs = max(10, round(seconds / 2 / WANTED_S))
    words = ["-N", "--warmup", "3", "--runs", str(runs), "--export-json", "hyperfine.json", what, what]
    load, begin = os.getloadavg()[0], time.monotonic()
    subprocess.run(["hyperfine", *words], cwd=folder, check=True, capture_output=True)
    wall_s = time.monotonic() - begin
    a, b = json.loads((folder / "hyperfine.json").read_text())["results"]
    ratio = b["mean"] / a["mean"]
    error = ratio * math.hypot(a["stddev"] / a["mean"], b["stddev"] / b["mean"])  # as it prints it
    return Call("hyperfine", (ratio - 1) * 100, abs(ratio - 1) > error, a["mean"] * 1e3, wall_s, load)


def table(calls: list[Call]) -> str:
    lines = [
        "| tool | calls | bias | spread | largest | differences claimed | an execution | a call |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for tool in dict.fromkeys(call.tool for call in calls):
        mine = [call for call in calls if call.tool == tool]
        changes = [call.change_percent for call in mine]
        error = statistics.stdev(changes) / math.sqrt(len(changes))
        cells = (
            tool,
            str(len(mine)),
            f"{statistics.mean(changes):+.2f} ± {1.96 * error:.2f} %",
            f"{statistics.stdev(changes):.2f} %",
            f"{max(changes, key=abs):+.2f} %",
            str(sum(call.claimed for call in mine)),
            f"{statistics.median(call.time_ms for call in mine):.2f} ms",
            f"{statistics.median(call.wall_s for call in mine):.0f} s",
        )
        lines.append(f"| {' | '.join(cells)} |")
    loads = sorted(call.load for call in calls)
    return "\n".join([*lines, "", f"load of the machine before a call: {loads[0]:.1f} to {loads[-1]:.1f}"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10, help="of measuring, in each call")
    parser.add_argument("--csv", type=Path, help="write every call to this file")
    options = parser.parse_args()
    calls: list[Call] = []
    with tempfile.TemporaryDirectory(prefix="duetbench-") as name:
        folder = Path(name)
        what = command(folder)
        print(f"{shlex.join(shlex.split(what))}, {(folder / 'data').stat().st_size} bytes", flush=True)
        for number in range(options.calls):
            for measure in (compare, hyperfine) if number % 2 else (hyperfine, compare):
                calls.append(measure(folder, what, options.seconds, number))
                print(f"{number}: {calls[-1]}", file=sys.stderr, flush=True)
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(calls[0])), lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(call) for call in calls)
    print(table(calls))


if __name__ == "__main__":
    main()
