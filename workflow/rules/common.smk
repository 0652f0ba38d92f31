"""What the rules share: the campaign, its plan files, and what is said to the user.

Everything here is about snakemake; what a campaign means is in scripts/duet.
"""

import fcntl
import functools
import gc
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import gettempdir

from snakemake.logging import logger

PROJECT = Path(workflow.basedir).parent
SCRIPTS = PROJECT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from duet.campaign import load as campaign_files
from duet.campaign import order as plan
from duet.images import identity as images
from duet.measure import progress
from duet.records.layout import Layout
from duet.records.plan import write_plan
from duet.records.run import stems
from duet.engines.choose import choose
from duet.model import DuetError

PYTHON = sys.executable
ENVIRONMENT = str(PROJECT / "environment.yml")

gc.disable()  # no cycles worth the search: a sixth of the time that 10,000 jobs take


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def shown(path: Path) -> str:
    """A path as the user would type it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def typed(words: str) -> str:
    """What to type for targets or options of this campaign, in the way it was started."""
    given = dict(workflow.config_settings.config)
    directory = Path.cwd() if workflow.overwrite_workdir else None
    file = str(CAMPAIGN.file) if directory else shown(CAMPAIGN.file)
    return progress.command(words, file, given, directory)


def stop(faults: list[str]) -> None:
    """End snakemake before anything is started: one line per error, no traceback."""
    for fault in faults:
        say(f"error: {fault}")
    raise SystemExit(1)


def load_campaign():
    files = workflow.configfiles or [PROJECT / "config/quickstart.yml"]
    try:
        return campaign_files.load(Path(files[-1]), dict(workflow.config_settings.config))
    except campaign_files.ConfigError as error:
        stop(error.faults)
    except DuetError as error:
        stop([str(error)])


def be_quiet() -> None:
    """Keep snakemake's small talk off the terminal (its log file has it): our commands say what was done."""

    def worth_reading(entry: logging.LogRecord) -> bool:
        said = entry.getMessage()
        if said.startswith(("Opening notebook", "Report created")):
            return True
        return entry.levelno > logging.INFO and "RuleException" not in said

    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(worth_reading)


def be_alone() -> bool:
    """Take this directory's lock. A snakemake lock found then is a dead workflow's: remove it.

    When another workflow holds it, snakemake's own lock says so.
    """
    global LOCK
    Path(".snakemake/locks").mkdir(parents=True, exist_ok=True)
    LOCK = open(".snakemake/duetbench.lock", "w")
    try:
        fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    for stale in Path(".snakemake/locks").iterdir():
        stale.unlink()
    return True


def image_engine(key: str) -> str:
    sides = (side for b in CAMPAIGN.benchmarks for side in (b.a, b.b))
    return engine(next(side.engine for side in sides if side.image == IMAGES[key]))


@functools.cache
def engine(name: str) -> str:
    """The engine that `name` stands for here; said once."""
    try:
        chosen, why = choose(name)
    except DuetError as error:
        stop([str(error)])
    say(why)
    return chosen.name


def renew_images() -> None:
    """Make again what the engine lost or replaced since, before anything is compared with it."""
    records = list((RESULTS / "images").glob("*.json"))
    if not records:
        return
    # Needs the docker SDK: only when there is something to ask.
    from duet.images.provide import stale

    try:
        gone = stale(RESULTS / "images")
    except DuetError:
        return  # no engine: the first run that needs it says so
    for path in gone:
        path.unlink()
        plan_file = RESULTS / "plan" / f"{path.stem}.image.json"
        if path.stem in IMAGES and plan_file.exists():
            arguments = ["--plan", plan_file, "--engine", image_engine(path.stem), "--out", path]
            subprocess.run([PYTHON, SCRIPTS / "duetbench.py", "image", *arguments], check=False)


CAMPAIGN = load_campaign()
RESULTS = Path("results") / CAMPAIGN.name
LAYOUT = Layout(RESULTS)
RUNS = {run.name: run for run in plan.runs(CAMPAIGN)}
RANK = {name: len(RUNS) - place for place, name in enumerate(RUNS)}
RUNS_OF = {b.stem: [] for b in CAMPAIGN.benchmarks}
for name, run in RUNS.items():
    RUNS_OF[run.benchmark_stem].append(name)
IMPORTED = {stem for folder in CAMPAIGN.imports for stem in stems(folder)}
IMAGES = {ref.key: ref for ref in CAMPAIGN.images}
config["landing"] = str(RESULTS / "landing.html")
"""What report/workflow.rst shows first."""

if workflow.is_main_process:
    dry_run = workflow.output_settings.dryrun
    if not (dry_run or CAMPAIGN.verbose):
        be_quiet()
    if not dry_run and be_alone():
        renew_images()
    write_plan(
        CAMPAIGN,
        RUNS.values(),
        LAYOUT,
        images.recorded_hash(RESULTS, CAMPAIGN.base_image),
    )


def run_record(name: str) -> str:
    return f"{RESULTS}/runs/{name}/run.json"


def only_available() -> bool:
    """Whether the user asked for what can be made from the runs that are there."""
    return "available" in workflow.dag_settings.targets


def runs_of(stem: str) -> list[str]:
    """Names of the runs of a benchmark that its table is made from."""
    runs = RUNS_OF[stem]
    return [name for name in runs if Path(run_record(name)).exists()] if only_available() else runs


def benchmarks_here() -> list[str]:
    return [stem for stem in RUNS_OF if runs_of(stem)]


def duetbench(subcommand: str) -> str:
    return shlex.join([PYTHON, str(SCRIPTS / "duetbench.py"), subcommand])


# What the rules take in


FIRST = len(RUNS) + 1
"""Priority of what runs wait for: everything is there before the first is measured."""


def image_inputs(wildcards) -> list[str]:
    ref = IMAGES[wildcards.image]
    source = [f"{RESULTS}/sources/{wildcards.image}.json"] if ref.source else []
    made_of = map(str, images.files(ref, CAMPAIGN.base_image))
    return [f"{RESULTS}/plan/{wildcards.image}.image.json", *source, *made_of]


def rank(wildcards) -> int:
    """Priority of a run: the plan's order."""
    return RANK.get(wildcards.run, 1)


@functools.cache
def to_measure() -> frozenset[str]:
    return frozenset(progress.left(LAYOUT, RUNS))


def run_inputs(wildcards) -> list:
    """What its sides run, and their images.

    An image made again is no reason to measure again: its content stands in the plan files. But below
    an image that is to be made, snakemake does not look at other inputs when that one is ancient.
    """
    run = RUNS.get(wildcards.run)
    if run is None:
        raise DuetError(f"{CAMPAIGN.file}: the campaign has no run {wildcards.run}")
    benchmark = CAMPAIGN.benchmark(run)
    asked = sorted({f"{RESULTS}/plan/{run.plan_file(side)}" for side in run.sides})
    refs = {benchmark.side(side).image for side in run.sides} - {None}
    records = [f"{RESULTS}/images/{ref.key}.json" for ref in refs]
    return asked + (records if run.name in to_measure() else [ancient(record) for record in records])


def finished(wildcards) -> list[str]:
    """Everything that is made of a campaign, as far as its runs are there."""
    here = sorted(IMPORTED.union(benchmarks_here()))
    if not here:
        return []
    figures = [f"{RESULTS}/figures/{stem}.{kind}.svg" for stem in here for kind, *_ in FIGURES]
    forests = [f"{RESULTS}/figures/{suite}.forest.svg" for suite in sorted({s.split(".")[0] for s in here})]
    pages = ("iterations.csv", "summary.md", "provenance.html", "figures/methods.svg")
    return [f"{RESULTS}/{page}" for page in pages] + forests + figures


STEMS = sorted(IMPORTED.union(RUNS_OF))
FIGURES = (
    ("timeline", "1 A/B timeline"),
    ("iterations", "2 iteration series"),
    ("ratios", "3 pair ratios"),
    ("sensitivity", "4 sensitivity to m"),
    ("runs", "5 run means"),
)
"""(figure, label in the report, sorted by it)"""


def figure_of_benchmark(stem: str, kind: str, label: str):
    """An output of the report."""
    return report(
        f"{RESULTS}/figures/{stem}.{kind}.svg",
        caption=f"../report/{kind}.rst",
        category="2 Benchmarks",
        subcategory=stem,
        labels={"figure": label},
    )


# What is said


def begin() -> None:
    """Before the first job: remove what a killed workflow left behind, then say what is to be done."""
    subprocess.run([PYTHON, SCRIPTS / "duetbench.py", "clean", RESULTS], check=False)
    say_plan()


def say_plan() -> None:
    for notice in CAMPAIGN.notices:
        say(notice)
    left = [RUNS[name] for name in RUNS if name in to_measure()]
    say(plan.told(CAMPAIGN, tuple(RUNS.values()), left))


def say_verdicts() -> None:
    table = RESULTS / "verdicts.csv"
    if table.exists() and os.environ.get("DUETBENCH_VERDICTS") != "no":  # `compare` tells them itself
        measured = LAYOUT.durations
        if measured.exists() and measured.stat().st_mtime > table.stat().st_mtime:
            say(f"this table is older than the last run; to update it: {typed('')}")
        subprocess.run([PYTHON, SCRIPTS / "duetbench.py", "summary", "--show", RESULTS], check=False)
        say(f"\nthe report as one file: {typed('--report report.html')}")


def say_failures() -> None:
    failed = [path for path in RESULTS.glob("runs/*/failure.json") if path.parent.name in RUNS]
    if failed:
        say(f"{len(failed)} of {len(RUNS)} runs failed; the same command measures them again, nothing else")
    say(f"table and figures of the finished runs: {typed('available')}")


if workflow.is_main_process and dry_run:
    say_plan()
