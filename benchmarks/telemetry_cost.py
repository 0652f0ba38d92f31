#!/usr/bin/env python3
"""What the sampler of noise takes of a core while two sides run.

    benchmarks/telemetry_cost.py [SECONDS]

Two sides of as many threads as named compute; told is the CPU time of the sampling thread, and of the whole
process that it is in (which does nothing else), as a share of the time that passed.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import os

from duet.measure.telemetry import Telemetry

BURN = """
import sys, threading, time
def work():
    while True: sum(range(10000))
for _ in range(int(sys.argv[1])): threading.Thread(target=work, daemon=True).start()
sys.stdin.read()
"""


class Side:
    """As far as the sampler asks."""

    def __init__(self, threads: int):
        command = [sys.executable, "-c", BURN, str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def process(self) -> int:
        return self._process.pid

    def end(self) -> None:
        self._process.communicate()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    for threads in (1, 10, 50):
        sides = {side: Side(threads) for side in "AB"}
        time.sleep(1)
        telemetry = Telemetry(frozenset(os.sched_getaffinity(0)))
        begin, cpu = time.monotonic(), time.process_time()
        telemetry.start(sides)  # type: ignore[arg-type]
        time.sleep(seconds)
        telemetry.stop()
        share = (time.process_time() - cpu) / (time.monotonic() - begin)
        with tempfile.TemporaryDirectory() as directory:
            record = telemetry.finish(Path(directory))
        for side in sides.values():
            side.end()
        print(
            f"{threads} threads a side: {record.samples} samples, one each {record.period_ns / 1e9:.2f} s; "
            f"the thread took {100 * record.cpu_share:.3f} % of a core, the process {100 * share:.3f} % "
            "(goal 0.2 %)"
        )


if __name__ == "__main__":
    main()
