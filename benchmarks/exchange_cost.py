"""What one exchange of two sides' cores costs, by engine and way.

    python benchmarks/exchange_cost.py [--image IMAGE] [--moves 300] [--engines docker podman process]

IMAGE is any image with a shell that the engines have; without one only processes are measured. Each side
keeps its core busy, in one process, in a shell that starts one process after the other, or in 50 threads. A
move is both sides' exchange, made every 20 ms. CPU time is that of the moving thread; an engine's own comes
on top.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from duet.engines import Engine, EngineError, Mover, Start, Started
from duet.engines.choose import choose_engine

LAUNCH = 'exec >/dev/null 2>&1; sh -c "$2"'
WORK = {
    "one process": "while :; do :; done",
    "a process each few ms": "while :; do sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'; done",
}
THREADS = (
    "import threading, time\nfor _ in range(50): threading.Thread(target=time.sleep, args=(1000,)).start()\n"
    "while True: pass"
)
PERIOD_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--image")
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--engines", nargs="+", default=["docker", "podman", "process"])
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {options.moves} moves each")
    print("| engine | way | side | median | p90 | worst | CPU a move |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.engines:
        if name != "process" and not options.image:
            continue
        engine, _ = choose_engine(name)
        work = WORK | ({"50 threads": f"exec {sys.executable} -c '{THREADS}'"} if name == "process" else {})
        for what, script in work.items():
            for way, lengths_us, cpu_us in measured(engine, options.image, script, options.moves):
                lengths_us.sort()
                p90 = lengths_us[int(0.9 * len(lengths_us))]
                cells = (statistics.median(lengths_us), p90, lengths_us[-1], cpu_us)
                shown = " | ".join(f"{us:,.0f} µs" for us in cells)
                print(f"| {name} | {way} | {what} | {shown} |", flush=True)


def measured(
    engine: Engine, image: str | None, script: str, moves: int
) -> Iterator[tuple[str, list[float], float]]:
    """Way, length of each move and CPU time a move in µs."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder:
        started = []
        try:
            for side, core in zip("AB", cores, strict=True):
                started.append(start(engine, image, Path(folder), side, str(core), script))
            time.sleep(0.5)
            for movers in ways(engine, started):
                yield movers[0].way, *paced(movers, cores, moves if movers[0].way != "engine update" else 20)
                for mover in movers:
                    mover.close()
        finally:
            for side in started:
                side.remove()


def ways(engine: Engine, started: list[Started]) -> Iterator[list[Mover]]:
    yield [side.mover() for side in started]
    if engine.name != "process":
        from duet.engines.containers import UpdateMover

        movers = [UpdateMover(engine, side.id) for side in started]
        try:
            movers[0].move(str(min(os.sched_getaffinity(0))))
        except EngineError:
            return  # podman before 4.4
        yield movers


def paced(movers: list[Mover], cores: list[int], moves: int) -> tuple[list[float], float]:
    lengths_us, cpu_ns = [], time.thread_time_ns()
    for places in itertools.islice(itertools.cycle((cores[::-1], cores)), moves):
        begin_ns = time.monotonic_ns()
        for mover, core in zip(movers, places, strict=True):
            mover.move(str(core))
        lengths_us.append((time.monotonic_ns() - begin_ns) / 1e3)
        time.sleep(PERIOD_S)
    return lengths_us, (time.thread_time_ns() - cpu_ns) / 1e3 / moves


def start(engine: Engine, image: str | None, folder: Path, side: str, cpus: str, script: str) -> Started:
    gate = folder / side
    gate.mkdir()
    (gate / "launch").write_text(LAUNCH)
    log = folder / f"{side}.log"
    log.touch()
    return engine.start(
        Start(
            campaign="cost",
            run=f"cost.{side}.0.duet.AB",
            side=side,
            root=folder,
            image=image if engine.name != "process" else None,
            command=("sh", "{gate}/launch", side, script),
            gate=gate,
            log=log,
            cpus=cpus,
        )
    )


if __name__ == "__main__":
    main()
