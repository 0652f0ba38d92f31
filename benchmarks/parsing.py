#!/usr/bin/env python3
"""How fast results become a table: prints one line per measurement, with its goal.

40,000 Renaissance iterations in 400 files, parsed and joined (goal: at most 0.5 s); each
format on one core with 100 iterations a file (SPEC CPU: 100 in a log) and with one large file
(goal: at least 100,000 iterations a second); a plain CSV of a million (goal: at least 1,000,000 a second);
files of distributions, which hold one row however many requests there were; 1,000,000 rows to Parquet and
CSV. Files of harnesses that run many benchmarks in a process have five in files of 100 and twenty in the
large one; criterion's have one, in two files. All are made up in the formats' documented forms, but for the
distributions, which are the programs' own (tests/data/latency); each number is the best of three, in CPU
seconds of this process, so that other load on the machine does not count (files are in the page cache: alone
it is the wall clock too).
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


def in_benchmarks(n: int) -> list[tuple[str, list[tuple[int, int]]]]:
    """Name and iterations of each of several benchmarks of one process: 20 of each, or 20 benchmarks."""
    rows, count = times(n), min(max(n // 20, 1), 20)
    return [(f"bench{i}", rows[i::count]) for i in range(count)]


def pyperf(path: Path, n: int) -> Path:
    benchmarks = [
        {
            "metadata": {"name": name, "loops": 64, "unit": "second"},
            "runs": [
                {"metadata": {"mem_max_rss": 10**7}, "warmups": [[64, 0.1]], "values": values}
                for i in range(0, len(rows), 20)
                if (values := [d / 64e9 for _, d in rows[i : i + 20]])
            ],
        }
        for name, rows in in_benchmarks(n)
    ]
    path.write_text(json.dumps({"version": "1.0", "benchmarks": benchmarks}))
    return path


def pytest_benchmark(path: Path, n: int) -> Path:
    benchmarks = [
        {"name": name, "fullname": f"t.py::{name}", "extra_info": {"n": 3},
         "stats": {"iterations": 10, "data": [d / 1e10 for _, d in rows]}}
        for name, rows in in_benchmarks(n)
    ]  # fmt: skip
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": benchmarks}, indent=4))
    return path


def hyperfine(path: Path, n: int) -> Path:
    results = [
        {"command": name, "mean": 0.25, "times": [d / 1e9 for _, d in rows], "exit_codes": [0] * len(rows)}
        for name, rows in in_benchmarks(n)
    ]
    path.write_text(json.dumps({"results": results}, indent=2))
    return path


def googlebenchmark(path: Path, n: int) -> Path:
    entries = [
        {"name": name, "family_index": 0, "per_family_instance_index": 0, "run_name": name,
         "run_type": "iteration", "repetitions": len(rows), "repetition_index": i, "threads": 1,
         "iterations": 1000, "real_time": d / 1000, "cpu_time": d / 1001, "time_unit": "ns",
         "items_per_second": 1e6}
        for name, rows in in_benchmarks(n)
        for i, (_, d) in enumerate(rows)
    ]  # fmt: skip
    path.write_text(json.dumps({"context": {}, "benchmarks": entries}, indent=2))
    return path


def go_lines(n: int) -> list[tuple[int, str]]:
    """End since 0, and line, of each iteration."""
    return [
        (s + d, f"Benchmark{name}-8   \t    1000\t    {d / 1000:.1f} ns/op\t  80 B/op\t  1 allocs/op\n")
        for name, rows in in_benchmarks(n)
        for s, d in rows
    ]


def gobench(path: Path, n: int) -> Path:
    path.write_text("pkg: sample\n" + "".join(line for _, line in go_lines(n)) + "PASS\n")
    return path


def gobench_json(path: Path, n: int) -> Path:
    lines = []
    for end, line in go_lines(n):
        seconds, ns = divmod(START_NS + end, 10**9)
        when = f"{time.strftime('%FT%T', time.gmtime(seconds))}.{ns:09d}Z"
        name, _, rest = line.partition("\t")
        for output in (name + "\t", rest):  # go writes the name first, and the rest when it is measured
            event = {"Time": when, "Action": "output", "Package": "sample", "Output": output}
            lines.append(json.dumps(event, separators=(",", ":")) + "\n")
    path.write_text("".join(lines))
    return path


def jmh(path: Path, n: int) -> Path:
    entries = [
        {"benchmark": f"sample.Bench.{name}", "mode": "avgt", "measurementTime": "1 s", "params": {"n": "1"},
         "primaryMetric": {"scoreUnit": "us/op", "rawData": [[d / 1e6 for _, d in rows]]},
         "secondaryMetrics": {"gc": {"scoreUnit": "B/op", "rawData": [[8.0] * len(rows)]}}}
        for name, rows in in_benchmarks(n)
    ]  # fmt: skip
    path.write_text(json.dumps(entries, indent=4))
    return path


def criterion(path: Path, n: int) -> Path:
    for name, rows in in_benchmarks(n) if n > 100 else [("bench", times(n))]:
        folder = path / name / "new"
        folder.mkdir(parents=True)
        sample = {"sampling_mode": "Flat", "iters": [64.0] * len(rows), "times": [float(d) for _, d in rows]}
        (folder / "sample.json").write_text(json.dumps(sample))
        (folder / "benchmark.json").write_text(json.dumps({"full_id": name}))
    return path


def requests(path: Path, n: int) -> Path:
    rows = (f"{START_NS + s},{START_NS + s + d}\n" for s, d in times(n))
    path.write_text("start_ns,end_ns\n" + "".join(rows))
    return path


def pgbench(path: Path, n: int) -> Path:
    rows = (
        f"0 {i} {d // 1000} 0 {(START_NS + s + d) // 10**9} {(START_NS + s + d) // 1000 % 10**6}\n"
        for i, (s, d) in enumerate(times(n), 1)
    )
    path.write_text("".join(rows))
    return path


FILES = {
    "native": ("native", "gzip", native),
    "renaissance JSON": ("renaissance", "chi-square", renaissance_json),
    "renaissance CSV": ("renaissance", "chi-square", renaissance_csv),
    "dacapo patched CSV": ("dacapo", "sunflow", dacapo_patched),
    "dacapo output": ("dacapo", "sunflow", dacapo_output),
    "speccpu": ("speccpu", "500.perlbench_r", speccpu),
    "pyperf": ("pyperf", "script", pyperf),
    "pytest-benchmark": ("pytest_benchmark", "tests", pytest_benchmark),
    "hyperfine": ("hyperfine", "commands", hyperfine),
    "Google Benchmark": ("googlebenchmark", "program", googlebenchmark),
    "go test": ("gobench", "package", gobench),
    "go test -json": ("gobench", "package", gobench_json),
    "JMH": ("jmh", "jar", jmh),
    "criterion": ("criterion", "crate", criterion),
    "single requests": ("requests", "server", requests),
    "pgbench": ("pgbench", "database", pgbench),
}
PLAIN = ("native", "single requests")
LATENCY = Path(__file__).parents[1] / "tests/data/latency"
DISTRIBUTIONS = {"wrk": "wrk.txt", "oha": "oha.json", "k6": "k6.json", "hdrhistogram": "hdr.hlog"}


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
        for title in PLAIN:
            format_name, benchmark, make = FILES[title]
            path, parse = make(folder / f"{title}-million", 1_000_000), harnesses.get(format_name).parse
            seconds = best_s(lambda p=path, f=parse, b=benchmark: f([p], b))
            print(f"{title}, a CSV of a million: {1e6 / seconds:,.0f} iterations/s (goal >= 1,000,000)")
        for format_name, file in DISTRIBUTIONS.items():
            parse = harnesses.get(format_name).parse
            seconds = best_s(lambda f=parse, n=file: [f([LATENCY / n], "server") for _ in range(100)]) / 100
            print(f"{format_name}: {seconds * 1000:.1f} ms a file")
        million = synthetic.campaign(benchmarks=10, runs=50, iterations=1000)
        for suffix in (".parquet", ".csv"):
            seconds = best_s(lambda s=suffix: store.write(million, folder / f"t{s}"))
            print(f"1,000,000 rows to {suffix}: {seconds:.2f} s")
        seconds = best_s(lambda: store.read(folder / "t.parquet"))
        print(f"1,000,000 rows from .parquet: {seconds:.2f} s")


if __name__ == "__main__":
    main()
