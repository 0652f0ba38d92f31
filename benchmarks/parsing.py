#!/usr/bin/env python3
"""How fast results become a table: prints one line per measurement, with its goal.

40,000 Renaissance iterations in 400 files, parsed and joined (goal: at most 0.5 s); each
format on one core with 100 iterations a file (SPEC CPU: 100 in a log) and with one large file
(goal: at least 100,000 iterations a second); 1,000,000 rows to Parquet and CSV. Files are made up
in the formats' documented forms; each number is the best of three, in CPU seconds of this process, so that
other load on the machine does not count (files are in the page cache: alone it is the wall clock too).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("scripts", "tests")]

import numpy as np  # noqa: E402
import synthetic  # noqa: E402
from duet import harnesses  # noqa: E402
from duet.model import Order, Run, Type  # noqa: E402
from duet.table import store  # noqa: E402
from duet.table.build import SideFiles, join_sides  # noqa: E402

START_NS = 1_700_000_000_000_000_000


def times(n: int, seed: int = 0) -> list[tuple[int, int]]:
    """Start since 0 and duration of n iterations, ns."""
    duration_ns = np.random.default_rng(seed).integers(200_000_000, 300_000_000, n)
    start_ns = np.cumsum(duration_ns + 2_000_000) - duration_ns
    return list(zip(start_ns.tolist(), duration_ns.tolist(), strict=True))


def native(path: Path, n: int) -> Path:
    rows = (f"{i},{START_NS + s},{START_NS + s + d},1\n" for i, (s, d) in enumerate(times(n)))
    path.write_text("iteration,start_ns,end_ns,synchronised\n" + "".join(rows))
    return path


def renaissance_json(path: Path, n: int) -> Path:
    rows = [{"duration_ns": d, "uptime_ns": s} for s, d in times(n)]
    # What the harness says of the JVM takes as much as a hundred iterations.
    vm = {"start_unix_ms": START_NS // 10**6, "pools": [{"name": "eden", "usage": {"used": 1}}] * 80}
    data = {"chi-square": {"results": rows, "termination": "normal"}}
    content = {"benchmarks": ["chi-square"], "format_version": 6, "data": data, "environment": {"vm": vm}}
    path.write_text(json.dumps(content, indent=2))
    return path


def renaissance_csv(path: Path, n: int) -> Path:
    rows = (f"chi-square,{d},{s},{START_NS // 10**6}\n" for s, d in times(n))
    path.write_text("benchmark,duration_ns,uptime_ns,vm_start_unix_ms\n" + "".join(rows))
    return path


def dacapo_patched(path: Path, n: int) -> Path:
    rows = (f"{(START_NS + s) // 10**6},{d}\n" for s, d in times(n))
    path.write_text("start_unix,iteration_time_ns\n" + "".join(rows))
    return path


def dacapo_output(path: Path, n: int) -> Path:
    line = "===== DaCapo 9.12-MR1 sunflow {} =====\n".format
    rows = (
        line(f"starting warmup {i}") + line(f"completed warmup {i} in {d // 10**6} msec")
        for i, (_, d) in enumerate(times(n), 1)
    )
    path.write_text("".join(rows) + line("PASSED in 200 msec"))
    return path


def speccpu(path: Path, n: int) -> Path:
    path.mkdir()
    rows = (
        f"  Running 500.perlbench_r refrate (ref) peak duet (1 copy)\nBenchmark Times:\n"
        f" Rate Start:   2022-06-01 14:04:52 ({1654092292 + s / 1e9:.5f})\n"
        f" Rate End:     2022-06-01 14:12:37 ({1654092292 + (s + d) / 1e9:.5f})\n"
        for s, d in times(n)
    )
    (path / "CPU2017.002.log").write_text("".join(rows))
    return path


FILES = {
    "native": ("native", "gzip", native),
    "renaissance JSON": ("renaissance", "chi-square", renaissance_json),
    "renaissance CSV": ("renaissance", "chi-square", renaissance_csv),
    "dacapo patched CSV": ("dacapo", "sunflow", dacapo_patched),
    "dacapo output": ("dacapo", "sunflow", dacapo_output),
    "speccpu": ("speccpu", "500.perlbench_r", speccpu),
}


def best_s(task: Callable[[], object]) -> float:
    durations = []
    for _ in range(3):
        begun = time.process_time()
        task()
        durations.append(time.process_time() - begun)
    return min(durations)


def campaign(folder: Path) -> list[list[SideFiles]]:
    """200 duet runs of two Renaissance files of 100 iterations."""
    runs = []
    for runid in range(200):
        run = Run("renaissance", "chi-square", runid, Type.DUET, Order.AB)
        sides = {side: renaissance_json(folder / run.file(side, "r.json"), 100) for side in "AB"}
        runs.append([SideFiles(run, side, (path,)) for side, path in sides.items()])
    return runs


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = campaign(folder)
        seconds = best_s(lambda: join_sides(runs, "renaissance"))
        print(f"40,000 Renaissance iterations in 400 files to a table: {seconds:.3f} s (goal <= 0.5 s)")
        for title, (format_name, benchmark, make) in FILES.items():
            parse = harnesses.get(format_name).parse
            rates = []
            for count, n in ((100, 100), (1, 200_000)):
                paths = [make(folder / f"{title.replace(' ', '-')}-{n}-{i}", n) for i in range(count)]
                seconds = best_s(lambda p=paths, f=parse, b=benchmark: [f([path], b) for path in p])
                rates.append(count * n / seconds)
            print(
                f"{title}: {rates[0]:,.0f} iterations/s in files of 100,"
                f" {rates[1]:,.0f} in one of 200,000 (goal >= 100,000)"
            )
        million = synthetic.campaign(benchmarks=10, runs=50, iterations=1000)
        for suffix in (".parquet", ".csv"):
            seconds = best_s(lambda s=suffix: store.write(million, folder / f"t{s}"))
            print(f"1,000,000 rows to {suffix}: {seconds:.2f} s")
        seconds = best_s(lambda: store.read(folder / "t.parquet"))
        print(f"1,000,000 rows from .parquet: {seconds:.2f} s")


if __name__ == "__main__":
    main()
