"""What is said after each run: how many are done and left, for how long, and what to type next."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from duet.campaign import order as plan
from duet.model import Run, parse_run
from duet.records import worklist

DURATIONS = "durations.txt"
"""A line `<run> <seconds>` for every run measured; the last one of a run counts."""


def add(results: Path, run: Run, seconds: float) -> None:
    """Note that a run was measured, and how long that took with everything around it."""
    with (results / DURATIONS).open("a") as file:
        file.write(f"{run.name} {seconds:.3f}\n")
    worklist.strike(results, run.name)


def line(results: Path, run: Run, seconds: float) -> str:
    """`[12/40] compress.gzip.3.duet.BA 12.3 s; 28 left, about 6 min`, from the plan and what is left of it."""
    todo = worklist.left(results)
    if todo is None:
        return f"{run.name} {seconds:.1f} s"
    planned = (results / "plan" / "runs.txt").read_text().split()
    said = f"[{len(planned) - len(todo)}/{len(planned)}] {run.name} {seconds:.1f} s"
    if not todo:
        return said
    left_s = plan.time_left_s(filter(None, map(parse_run, todo)), _durations(results))
    return f"{said}; {len(todo)} left" + (f", about {plan.duration(left_s)}" if left_s is not None else "")


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


def command(words: str, files: Sequence[str], values: Sequence[str], directory: Path | None) -> str:
    """What to type for `words` (targets, options) of this campaign, as it was started this time.

    `files` are those of --configfile; `values` the arguments of --config, without which the plan
    would be another one; `directory` is that of --directory.
    """
    parts = [os.environ.get("DUETBENCH_COMMAND", "snakemake --cores 1"), words]
    parts += ["--directory", shlex.quote(str(directory))] if directory else []
    parts += ["--configfile", *map(shlex.quote, files)] if files else []
    parts += ["--config", *map(shlex.quote, values)] if values else []
    return " ".join(filter(None, parts))
