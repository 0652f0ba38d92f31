"""What one run is to be, read from the plan files and image records of its campaign."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from duet.model import DuetError, Run, parse_run
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan, SidePlan
from duet.records.provision import ImagePresence, SourceRecord, place


class MeasureError(DuetError):
    """The run failed. `log` is the log to look into, where there is one."""

    def __init__(self, what: str, remedy: str = "", log: str | None = None):
        super().__init__(what, remedy)
        self.log = log


@dataclass(frozen=True)
class Request:
    """A run to be measured."""

    run: Run
    """With names as they stand in files."""
    layout: Layout
    """With an absolute path."""
    benchmark: BenchmarkPlan
    sides: Mapping[str, SidePlan]
    """Each side that is started."""
    images: Mapping[str, ImagePresence]
    """Of each side that has one."""
    files: Mapping[str, tuple[Path, ...]]
    """Files that each side needs in its working directory where it has no image."""

    @classmethod
    def read(cls, results: Path, name: str, engine: Callable[[str], str]) -> Self:
        """The run `name` of the campaign in `results`. Raises DuetError.

        `engine` tells which one a side's, such as `auto`, stands for here.
        """
        run = parse_run(name)
        if run is None:
            raise MeasureError(
                f"{name!r} is not the name of a run", "<suite>.<benchmark>.<runid>.<type>.<order>"
            )
        layout = Layout(results.absolute())
        benchmark = BenchmarkPlan.read(layout.benchmark_plan(run.benchmark_stem))
        sides = {side: SidePlan.read(layout.side_plan(run, side)) for side in run.sides}
        images, files = {}, {}
        for side, plan in sides.items():
            ref = plan.side.image
            if ref is None:
                continue
            where = place(engine(plan.side.engine))
            present = layout.image_presence(where, ref.key)
            if not present.exists():
                raise MeasureError(f"image {ref.name} is not present on {where}", "start the workflow there")
            images[side] = ImagePresence.read(present)
            own = {Path(result).name for result in plan.side.results}  # a checkout may have old ones
            files[side] = tuple(file for file in images[side].files if file.name not in own)
            if ref.source:
                files[side] += (SourceRecord.read(layout.source(ref.key)).path.absolute(),)
        return cls(run, layout, benchmark, sides, images, files)

    @property
    def directory(self) -> Path:
        return self.layout.run(self.run.name)

    @property
    def timeout_s(self) -> float | None:
        limits = (plan.timeout_s for plan in self.sides.values())
        return min((limit for limit in limits if limit is not None and limit > 0), default=None)
