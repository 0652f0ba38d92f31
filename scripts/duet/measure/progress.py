"""What is said after each run: how many are done and left, for how long, and what to type next."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from duet.campaign import order
from duet.model import Run, parse_run
from duet.records import worklist
from duet.records.files import read_lines
from duet.records.layout import Layout


def add(layout: Layout, run: Run, seconds: float) -> None:
    """Note that a run was measured, and how long that took with everything around it."""
    with layout.durations.open("a") as file:
        file.write(f"{run.name} {seconds:.3f}\n")
    worklist.strike(layout, run.name)


def line(layout: Layout, run: Run, seconds: float) -> str:
    """`[12/40] compress.gzip.3.duet.BA 12.3 s; 28 left, about 6 min`, from the plan and what is due."""
    todo = worklist.left(layout)
    if todo is None:
        return f"{run.name} {seconds:.1f} s"
    planned = read_lines(layout.planned_runs)
    done = f"[{len(planned) - len(todo)}/{len(planned)}] {run.name} {seconds:.1f} s"
    if not todo:
        return done
    left_s = order.time_left_s(filter(None, map(parse_run, todo)), seconds_of(layout))
    return f"{done}; {len(todo)} left" + (f", about {order.duration(left_s)}" if left_s is not None else "")


def seconds_of(layout: Layout) -> dict[Run, float]:
    """How long each measured run took with everything around it."""
    seconds: dict[Run, float] = {}
    for text in layout.durations.read_text().splitlines() if layout.durations.exists() else ():
        name, _, value = text.partition(" ")
        run = parse_run(name)
        if run is not None:
            try:
                seconds[run] = float(value)
            except ValueError:  # torn by a crash
                continue
    return seconds


def run_script() -> str | None:
    """How ./run is typed, where it (or `compare`) started this; it changes to the project's directory."""
    return os.environ.get("DUETBENCH_COMMAND")


def command(
    words: str,
    files: Sequence[str],
    values: Sequence[str],
    directory: Path | None = None,
    snakefile: Path | None = None,
) -> str:
    """What to type for `words` (targets, options) of this campaign, as it was started this time.

    `files` are those of --configfile; `values` the arguments of --config, without which the plan
    would be another one; `directory` is that of --directory, `snakefile` that of --snakefile, which ./run
    knows by itself.
    """
    run = run_script()
    parts = [shlex.quote(run) if run else "snakemake --cores 1", words]
    parts += ["--snakefile", shlex.quote(str(snakefile))] if snakefile and not run else []
    parts += ["--directory", shlex.quote(str(directory))] if directory else []
    parts += ["--configfile", *map(shlex.quote, files)] if files else []
    parts += ["--config", *map(shlex.quote, values)] if values else []
    return " ".join(filter(None, parts))
