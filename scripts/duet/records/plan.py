"""What a campaign asks for, as files under results/<name>/plan/.

They are written when jobs are about to run, and only where what they say changed: what is made from
one is made again then, since Snakemake looks at its modification time. Runs are not: which of them
are due is decided by content (duet.campaign.due).

    <suite>.<benchmark>.<A|B>.json             SidePlan of duet, aaduet and seqn runs
    <suite>.<benchmark>.<A|B>.syncduet.json    SidePlan of syncduet runs
    <suite>.<benchmark>.json                   BenchmarkPlan
    <suite>.<benchmark>.runs.txt               the runs that its table is made from
    tables.txt                                 the benchmarks that have one
    runs.txt                                   all runs, in the order in which they are to be measured
    <image>.image.json                         ImagePlan
    analysis.json                              AnalysisPlan
    publish.json                               PublishPlan, where the campaign is published
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

from duet.model import Analysis, Benchmark, Campaign, ImageRef, Run, Side, Type
from duet.records.files import Record, read_lines, write_lines_if_changed
from duet.records.layout import Layout

GRACE_S = 10
"""Between asking a side to end at its timeout, and killing it."""


class _PlanFile(Record):
    # Some thousand may be written at once, and what a crash takes of them is written again.
    DURABLE: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class SidePlan(_PlanFile):
    """What one side of a benchmark runs, in runs of one kind."""

    side: Side
    """`run` is the command for these runs, `syncduet_run` is None."""
    timeout_s: float | None


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
    environment: tuple[tuple[str, str], ...] = ()
    """Patterns of hosts' names, and the environment that each stands for."""
    timeout_s: float | None = None
    grace_s: float = GRACE_S
    members: tuple[str, ...] = ()
    """What its one process runs, where the campaign says so."""
    retries: int = 0
    """How often a run that failed is tried again at once."""


@dataclass(frozen=True, kw_only=True)
class ImagePlan(_PlanFile):
    """What an image is made from."""

    image: ImageRef
    base_image: str
    registry: str | None = None
    """Where an image may be pulled from before it is built."""


@dataclass(frozen=True)
class AnalysisPlan(Analysis, _PlanFile):
    """How verdicts are found."""

    warmup: Mapping[str, str | int | float] = field(default_factory=dict)
    """`<suite>/<benchmark>` (true names) -> iterations to leave out, where not the suite's default."""
    same_sides: tuple[str, ...] = ()
    """`<suite>/<benchmark>` whose B is A: every difference that is found there is a false positive."""


@dataclass(frozen=True, kw_only=True)
class PublishPlan(_PlanFile):
    """Where results go when they are finished."""

    destination: str
    """s3://bucket/prefix"""


@dataclass(frozen=True)
class Plan:
    """All plan files of a campaign."""

    sides: Mapping[str, SidePlan]
    """By name; `Run.plan_file` has those of a run."""
    others: Mapping[str, _PlanFile]
    """By name."""
    runs: tuple[str, ...]
    tables: Mapping[str, tuple[str, ...]]
    """`<suite>.<benchmark>` -> names of the runs that its table is made from."""

    @cached_property
    def lines(self) -> Mapping[str, tuple[str, ...]]:
        """Files of names, one a line, by name."""
        tables = {f"{stem}.runs.txt": names for stem, names in self.tables.items()}
        return tables | {
            "runs.txt": self.runs,
            "tables.txt": tuple(stem for stem, names in self.tables.items() if names),
        }

    def without(self, names: Container[str]) -> Self:
        """The same, but for tables that are made without these runs."""
        left = {stem: tuple(n for n in runs if n not in names) for stem, runs in self.tables.items()}
        return replace(self, tables=left)

    def write(self, layout: Layout) -> None:
        """Write those that say something else than what is there."""
        for name, record in {**self.sides, **self.others}.items():
            record.write_if_changed(layout.plan / name)
        for name, lines in self.lines.items():
            write_lines_if_changed(layout.plan / name, lines)

    def changes(self, layout: Layout, name: str) -> bool:
        """Whether `write` would write that file."""
        path = layout.plan / name
        if name in self.lines:
            return not path.exists() or tuple(read_lines(path)) != self.lines[name]
        record = self.sides.get(name) or self.others[name]
        return record.read_sound(path) != record


def plan_of(campaign: Campaign, runs: Iterable[Run]) -> Plan:
    """What a campaign asks for, with its runs in their order."""
    runs = tuple(runs)
    tables: dict[str, list[str]] = {benchmark.stem: [] for benchmark in campaign.benchmarks}
    for run in runs:
        tables[run.benchmark_stem].append(run.name)
    sides: dict[str, SidePlan] = {}
    others: dict[str, _PlanFile] = {}
    for benchmark in campaign.benchmarks:
        others[f"{benchmark.stem}.json"] = _benchmark_plan(campaign, benchmark)
        for side in (benchmark.a, benchmark.b):
            sides |= _side_plans(benchmark, side)
    for ref in campaign.images:
        others[f"{ref.key}.image.json"] = ImagePlan(
            image=ref, base_image=campaign.base_image, registry=campaign.registry
        )
    warmup = {f"{b.suite}/{b.name}": b.warmup for b in campaign.benchmarks if b.warmup is not None}
    same = tuple(f"{b.suite}/{b.name}" for b in campaign.benchmarks if replace(b.b, name=b.a.name) == b.a)
    others["analysis.json"] = AnalysisPlan(**vars(campaign.analysis), warmup=warmup, same_sides=same)
    if campaign.publish:
        others["publish.json"] = PublishPlan(destination=campaign.publish)
    names = tuple(run.name for run in runs)
    return Plan(sides, others, names, {stem: tuple(sorted(of)) for stem, of in tables.items()})


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
        environment=campaign.environment,
        timeout_s=benchmark.timeout_s,
        members=benchmark.members,
        retries=benchmark.retries,
    )


def _side_plans(benchmark: Benchmark, side: Side) -> dict[str, SidePlan]:
    commands = {Type.DUET: side.run}
    if benchmark.repetitions.get(Type.SYNCDUET) and side.syncduet_run:
        commands[Type.SYNCDUET] = side.syncduet_run
    return {
        Run(benchmark.suite, benchmark.name, 0, type_).plan_file(side.name): SidePlan(
            side=replace(
                side,
                run=command,
                syncduet_run=None,
                shares_memory=side.shares_memory and type_ == Type.SYNCDUET,
            ),
            timeout_s=benchmark.timeout_s,
        )
        for type_, command in commands.items()
    }
