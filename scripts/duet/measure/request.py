"""What one run is to be, read from the plan files and image records of its campaign."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duet.images.presence import presence_file
from duet.model import DuetError, Run, parse_run
from duet.records import files as record


class MeasureError(DuetError):
    """The run failed. `log` is the log to look into, where there is one."""

    def __init__(self, what: str, remedy: str = "", log: str | None = None):
        super().__init__(what, remedy)
        self.log = log


@dataclass(frozen=True)
class Request:
    """What is to be measured, as the plan files have it."""

    run: Run
    """With names as they stand in files."""
    results: Path
    """results/<name>, absolute."""
    benchmark: Mapping[str, Any]
    """Plan file of the benchmark."""
    sides: Mapping[str, Mapping[str, Any]]
    """Plan file of each side that is started."""
    images: Mapping[str, Mapping[str, Any]]
    """Record of the presence of each side's image, where it has one."""
    files: Mapping[str, tuple[Path, ...]]
    """Files that each side needs in its working directory where it has no image."""

    @property
    def directory(self) -> Path:
        return self.results / "runs" / self.run.name

    @property
    def timeout_s(self) -> float | None:
        limits = [plan["timeout_s"] or 0 for plan in self.sides.values()]
        return min((limit for limit in limits if limit > 0), default=None)


def request(results: Path, name: str, engine: Callable[[str], str]) -> Request:
    """Read what the run `name` is to be from the plan files below `results`. Raises DuetError.

    `engine` tells which one the plan's word (such as `auto`) stands for here.
    """
    run = parse_run(name)
    if run is None:
        raise MeasureError(f"{name!r} is not the name of a run", "<suite>.<benchmark>.<runid>.<type>.<order>")
    results = results.absolute()
    keys = ("campaign", "suite", "benchmark", "remove_containers", "artifacts", "seed", "grace_s")
    benchmark = record.read(results / "plan" / f"{run.benchmark_stem}.json", keys)
    sides, images, files = {}, {}, {}
    for side in run.sides:
        path = results / "plan" / run.plan_file(side)
        sides[side] = record.read(path, ("side", "timeout_s"))
        ref = sides[side]["side"]["image"]
        if ref is None:
            continue
        present = presence_file(results, engine(sides[side]["side"]["engine"]), ref["key"])
        images[side] = record.read(present, ("id", "tag", "hash", "files"))
        files[side] = tuple(Path(path) for path in images[side]["files"])
        if ref["source"]:
            source = record.read(results / "sources" / f"{ref['key']}.json", ("path",))
            files[side] += (Path(source["path"]).absolute(),)
    return Request(run, results, benchmark, sides, images, files)
