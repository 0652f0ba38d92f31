"""What is said after each run: how many are done and left, for how long, and what to type next."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duet.campaign import order
from duet.model import Run, parse_run
from duet.records.layout import Layout


def add(layout: Layout, run: Run, seconds: float) -> None:
    """Note how long a run took, with everything around it."""
    with layout.durations.open("a") as file:
        file.write(f"{run.name} {seconds:.3f}\n")


def left(layout: Layout, names: Iterable[str]) -> list[str]:
    """Those of the runs that are to be measured: they have no record, or one older than their plan.

    The same as Snakemake decides, whose rule has the plan files as input.
    """
    age: dict[str, int] = {}

    def planned_ns(run: Run, side: str) -> int:
        file = run.plan_file(side)
        if file not in age:
            age[file] = _mtime_ns(layout.plan / file)
        return age[file]

    def outdated(run: Run) -> bool:
        measured_ns = _mtime_ns(layout.run_record(run.name))
        return not measured_ns or any(planned_ns(run, side) > measured_ns for side in run.sides)

    return [run.name for run in filter(None, map(parse_run, names)) if outdated(run)]


def line(layout: Layout, run: Run, seconds: float) -> str:
    """`[12/40] compress.gzip.3.duet.BA 12.3 s; 28 left, about 6 min`, from the plan and what is there."""
    try:
        planned = layout.planned_runs.read_text().split()
    except FileNotFoundError:
        return f"{run.name} {seconds:.1f} s"
    todo = left(layout, planned)
    done = f"[{len(planned) - len(todo)}/{len(planned)}] {run.name} {seconds:.1f} s"
    if not todo:
        return done
    left_s = order.time_left_s(filter(None, map(parse_run, todo)), _durations(layout))
    return f"{done}; {len(todo)} left" + (f", about {order.duration(left_s)}" if left_s is not None else "")


def _mtime_ns(path: Path) -> int:
    """0 where there is no such file."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _durations(layout: Layout) -> dict[Run, float]:
    seconds = {}
    for text in layout.durations.read_text().splitlines():
        name, _, value = text.partition(" ")
        run = parse_run(name)
        if run is not None:
            try:
                seconds[run] = float(value)
            except ValueError:  # torn by a crash
                continue
    return seconds


def command(words: str, file: str, overrides: Mapping[str, Any], directory: Path | None) -> str:
    """What to type for `words` (targets, options) of this campaign, as it was started this time.

    `overrides` are the values of --config, without which the plan would be another one;
    `directory` is that of --directory.
    """
    parts = [os.environ.get("DUETBENCH_COMMAND", "snakemake --cores 1"), words]
    parts += ["--directory", shlex.quote(str(directory))] if directory else []
    parts += ["--configfile", shlex.quote(file)]
    values = (f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in overrides.items())
    parts += ["--config", *map(shlex.quote, values)] if overrides else []
    return " ".join(filter(None, parts))
