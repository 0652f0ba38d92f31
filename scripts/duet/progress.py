"""What is said at the end of each run: how many are done, how many are left, and for how long."""

import os
from pathlib import Path

from duet import plan
from duet.model import Run, parse_run
from duet.record import RUN

DURATIONS = "durations.txt"
"""A line `<run> <seconds>` for every run measured; the last one of a run counts."""


def add(results: Path, run: Run, seconds: float) -> None:
    """Note how long a run took, with everything around it."""
    with (results / DURATIONS).open("a") as file:
        file.write(f"{run.name} {seconds:.3f}\n")


def line(results: Path, run: Run, seconds: float) -> str:
    """`[12/40] compress.gzip.3.duet.BA 12.3 s; 28 left, about 6 min`, from the plan and what is there."""
    try:
        planned = (results / "plan" / "runs.txt").read_text().split()
    except FileNotFoundError:
        return f"{run.name} {seconds:.1f} s"
    there = set(os.listdir(results / "runs"))
    left = [name for name in planned if not (name in there and _finished(results, name))]
    said = f"[{len(planned) - len(left)}/{len(planned)}] {run.name} {seconds:.1f} s"
    if not left:
        return said
    left_s = plan.time_left_s(filter(None, map(parse_run, left)), _durations(results))
    return f"{said}; {len(left)} left" + (f", about {plan.duration(left_s)}" if left_s is not None else "")


def _finished(results: Path, name: str) -> bool:
    return os.path.exists(f"{results}/runs/{name}/{RUN}")


def _durations(results: Path) -> dict[Run, float]:
    seconds = {}
    for text in (results / DURATIONS).read_text().splitlines():
        name, _, value = text.partition(" ")
        run = parse_run(name)
        if run is not None:
            try:
                seconds[run] = float(value)
            except ValueError:  # torn by a crash
                continue
    return seconds
