"""What a campaign asks for, as files under results/<name>/plan/.

They are written whenever the workflow is read, but only where what they say changed, and
Snakemake looks at nothing but modification times. So a run is measured again when what its
sides run changed (command, limits, timeout, image content), and not when the tool's own code,
the order of the YAML or another benchmark did. A run depends on the files of the sides it starts.

    <suite>.<benchmark>.<A|B>.json             SidePlan of duet, aaduet and seqn runs
    <suite>.<benchmark>.<A|B>.syncduet.json    SidePlan of syncduet runs
    <suite>.<benchmark>.json                   BenchmarkPlan
    <suite>.<benchmark>.runs.txt               its runs, and runs.txt those of all, in order
    <image>.image.json                         ImagePlan
    analysis.json                              AnalysisPlan
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from duet.model import Analysis, Benchmark, Campaign, ImageRef, Run, Side, Type
from duet.records.files import Record, write_lines_if_changed
from duet.records.layout import Layout

GRACE_S = 10
"""Between asking a side to end at its timeout, and killing it."""


class _PlanFile(Record):
    # Some thousand may be written at once, and what a crash takes of them is written again.
    DURABLE: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class SidePlan(_PlanFile):
    """What one side of a benchmark runs, in runs of one kind."""

    LEARNED: ClassVar[tuple[str, ...]] = ("image_hash",)

    side: Side
    """`run` is the command for these runs, `syncduet_run` is None."""
    timeout_s: float | None
    image_hash: str | None
    """Content of the side's image, as far as it is known: another content is another side."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkPlan(_PlanFile):
    """What measuring and reading must know of a benchmark beside its sides."""

    campaign: str
    suite: str
    benchmark: str
    format: str
    remove_containers: bool
    verbose: bool = False
    artifacts: Mapping[str, str]
    seed: int
    timeout_s: float | None = None
    grace_s: float = GRACE_S


@dataclass(frozen=True, kw_only=True)
class ImagePlan(_PlanFile):
    """What an image is made from."""

    LEARNED: ClassVar[tuple[str, ...]] = ("image_hash",)

    image: ImageRef
    base_image: str
    image_hash: str | None = None


@dataclass(frozen=True)
class AnalysisPlan(Analysis, _PlanFile):
    """How verdicts are found."""

    warmup: Mapping[str, str | int | float] = field(default_factory=dict)
    """`<suite>/<benchmark>` (true names) -> iterations to leave out, where not the suite's default."""


def write_plan(
    campaign: Campaign,
    runs: Iterable[Run],
    layout: Layout,
    image_hash: Callable[[ImageRef], str | None],
) -> None:
    """Write all plan files of a campaign.

    `image_hash` gives an image's content hash where it is known already; learning it later is
    no change (the file's modification time stays).
    """
    runs = tuple(runs)
    hashes = {ref: image_hash(ref) for ref in campaign.images}
    runs_of: dict[str, list[str]] = {benchmark.stem: [] for benchmark in campaign.benchmarks}
    for run in runs:
        runs_of[run.benchmark_stem].append(run.name)
    write_lines_if_changed(layout.planned_runs, (run.name for run in runs))
    for benchmark in campaign.benchmarks:
        _benchmark_plan(campaign, benchmark).write_if_changed(layout.benchmark_plan(benchmark.stem))
        write_lines_if_changed(layout.benchmark_runs(benchmark.stem), sorted(runs_of[benchmark.stem]))
        for side in (benchmark.a, benchmark.b):
            _write_side_plans(layout, benchmark, side, hashes[side.image] if side.image else None)
    for ref, known in hashes.items():
        image_plan = ImagePlan(image=ref, base_image=campaign.base_image, image_hash=known)
        image_plan.write_if_changed(layout.image_plan(ref.key))
    warmup = {f"{b.suite}/{b.name}": b.warmup for b in campaign.benchmarks if b.warmup is not None}
    AnalysisPlan(**vars(campaign.analysis), warmup=warmup).write_if_changed(layout.analysis_plan)


def _benchmark_plan(campaign: Campaign, benchmark: Benchmark) -> BenchmarkPlan:
    return BenchmarkPlan(
        campaign=campaign.name,
        suite=benchmark.suite,
        benchmark=benchmark.name,
        format=benchmark.format,
        remove_containers=benchmark.remove_containers,
        verbose=campaign.verbose,
        artifacts=dict(campaign.artifacts),
        seed=campaign.seed,
        timeout_s=benchmark.timeout_s,
    )


def _write_side_plans(layout: Layout, benchmark: Benchmark, side: Side, image_hash: str | None) -> None:
    commands = {Type.DUET: side.run}
    if benchmark.repetitions.get(Type.SYNCDUET) and side.syncduet_run:
        commands[Type.SYNCDUET] = side.syncduet_run
    for type_, command in commands.items():
        side_plan = SidePlan(
            side=replace(side, run=command, syncduet_run=None),
            timeout_s=benchmark.timeout_s,
            image_hash=image_hash,
        )
        run = Run(benchmark.suite, benchmark.name, 0, type_)
        side_plan.write_if_changed(layout.side_plan(run, side.name))
