"""What rules take in. What is due (session.smk) decides; times of files count from the table on."""

import collections
import re

STEMS = sorted(IMPORTED.union(RUNS_OF, MEMBERS))
SUITES = sorted({stem.partition(".")[0] for stem in STEMS})
FIGURES = (
    ("timeline", "1 A/B timeline"),
    ("iterations", "2 iteration series"),
    ("ratios", "3 pair ratios"),
    ("sensitivity", "4 sensitivity to m"),
    ("runs", "5 run means"),
)
"""(figure, label in the report, sorted by it)"""
QUESTIONS = (
    ("rq1", "RQ1 run times"),
    ("rq2", "RQ2 overlaps"),
    ("rq3", "RQ3 variation and tests"),
    ("rq4", "RQ4 injected slowdowns"),
    ("hosts", "hosts over time"),
)
"""(figure, label in the report)"""
QUESTION_TABLES = (
    *("rq1_run_times", "rq2_overlaps", "rq3_tests", "rq3_match_rates", "rq4_slowdowns", "rq4_detectable"),
    *("benchmarks", "hosts"),
)
FIRST = len(RUNS) + 1
"""Priority of what runs wait for: everything is there before the first is measured."""


def one_of(names) -> str:
    """A wildcard's constraint: what else it would match is an unknown target, and is said to be one."""
    return "|".join(map(re.escape, names)) or "(?!)"


def planned(name: str, made: str):
    """Input function: the plan file `name`, of a rule that makes `made`. Both may have wildcards.

    It is written by now, and its time decides (with its content: snakemake#4173). In a dry run it stays as
    it is; where it would be another one, the rule would run.
    """

    def plan_file(wildcards) -> list[str]:
        begin()
        file = name.format(**dict(wildcards.items()))
        path = RESULTS / "plan" / file
        if workflow.is_main_process and not executes():
            if workflow.dryrun and plan().changes(LAYOUT, file):
                force(made.format(**dict(wildcards.items())))
            if not path.exists():
                return []
        return [str(path)]

    return plan_file


# Images


def presence_file(key: str) -> str:
    return str(LAYOUT.image_presence(place(image_engine(key)), key))


def image_inputs(wildcards) -> list[str]:
    """What an image needs beside its plan file and the files in images/: these stand in its content hash."""
    force(f"{RESULTS}/images/{wildcards.place}/{wildcards.image}.json")
    return [f"{RESULTS}/sources/{wildcards.image}.json"] if IMAGES[wildcards.image].source else []


def fetch_inputs(wildcards) -> list[str]:
    """Fetching what is there costs nothing, and is asked for by an image only that is to be made."""
    force(f"{RESULTS}/sources/{wildcards.image}.json")
    return []


# Runs


def runs_of(stem: str) -> list[str]:
    """Names of the runs of a benchmark that its table is made from."""
    begin()
    return [name for name in RUNS_OF[stem] if not (only_available() and name in due())]


def benchmarks_here() -> list[str]:
    return [stem for stem in RUNS_OF if runs_of(stem)]


def run_inputs(wildcards) -> list:
    """The records of a benchmark's runs.

    For a finished run there is no job: `before_update` has snakemake look for none. So no trigger of
    snakemake's, whichever are set, can ever measure it again, and only what is due costs its time.
    """
    names = runs_of(wildcards.benchmark)
    if not (only_available() or looks()) and any(map(unreadable, names)):
        force(str(LAYOUT.benchmark_table(wildcards.benchmark)))  # the one there may be made without them
    if looks():
        return [run_record(name) for name in names]
    measured = set(names).difference(due()) if workflow.is_main_process else set(names)
    return [before_update(run_record(n)) if n in measured else run_record(n) for n in names]


def unreadable(name: str) -> bool:
    """Whether the results of a finished run could not be read when they were last."""
    return LAYOUT.failure(name).exists() and Path(run_record(name)).exists()


def image_of_run(wildcards) -> list:
    """The presence of its sides' images; also forces a run that is due.

    An image that is there is no job, either: it is no reason to measure again.
    """
    run = RUNS.get(wildcards.run)
    if run is None:
        stop([f"{CAMPAIGN.file}: {targets.no_run(wildcards.run, RUNS)}"])
    begin()
    keep_records()
    if workflow.is_main_process and not looks() and run.name in due():
        force(run_record(run.name))
    benchmark = CAMPAIGN.benchmark(run)
    keys = sorted({benchmark.side(side).image.key for side in run.sides if benchmark.side(side).image})
    if elsewhere():  # the run's own job brings its images to where it runs
        return [f"{RESULTS}/sources/{key}.json" for key in keys if IMAGES[key].source]
    files = {key: presence_file(key) for key in keys}
    if looks():
        return [file for file in files.values() if Path(file).exists()]
    there = [key for key in keys if image_states()[key].present or not workflow.is_main_process]
    return [before_update(file) if key in there else file for key, file in files.items()]


def measuring() -> str:
    """What measures a run; where measuring may stop early, also what decides that after each run.

    A run that is not needed has a closing, which becomes its record: no Python is started for that.
    """
    command = (
        f"{duetbench('measure')} --results {RESULTS} --run {{wildcards.run}} --log {{log}} {{params.provide}}"
    )
    command += f" --again {shlex.quote(AGAIN)} || {{{{ code=$?; {KILLED}; exit $code; }}}}"
    if CAMPAIGN.analysis.precision is None:
        return command
    closing = f"{RESULTS}/closed/{{wildcards.run}}.json"
    settle = f"{duetbench('settle')} {RESULTS} --run {{wildcards.run}}"
    return f"if [ -f {closing} ]; then mv {closing} {{output}}; else {{{{ {command}; }}}} && {{{{ {settle} || true; }}}}; fi"


@functools.cache
def jobs() -> dict[str, str]:
    """The scheduler's job of each run that is to be measured: as many runs, one after the other, as the
    profile says by `group-components: [runs=N]`, in the plan's order; or what the campaign demands."""
    settings = workflow.group_settings
    size = settings.group_components.get("runs", 1)
    made = placement.jobs([RUNS[name] for name in due()], size, nodes(), CAMPAIGN.one_host)
    most = max(collections.Counter(made.values()).values(), default=1)
    # "runs": the setting holds for each of them, and none may be cut
    settings.group_components = {**settings.group_components, "runs": max(size, most)}
    workflow.parent_groupids.update(dict.fromkeys(made.values(), "runs"))
    return made


def job_of(wildcards) -> str | None:
    """The job that measures a run; None where it is measured here."""
    return jobs().get(wildcards.run) if workflow.is_main_process and elsewhere() else None


def slurm_options(wildcards) -> str:
    """The whole node, and which one where the campaign or the benchmark's other runs say."""
    node = nodes().get(wildcards.run) if workflow.is_main_process and elsewhere() else None
    return f"--exclusive --nodelist={node}" if node else "--exclusive"


def rank(wildcards) -> int:
    """Priority of a run: the plan's order.

    Greedy holds it among the jobs that are ready (snakemake#251, #3346, #3719 are open), so everything
    that runs wait for has to be there before the first.
    """
    return RANK.get(wildcards.run, 1)


# The end


def finished(wildcards) -> list[str]:
    """Everything that is made of a campaign, as far as its runs are there; it is published when all are."""
    here = pages(wildcards)
    publishes = bool(here and CAMPAIGN.publish) and not (only_available() or looks())
    return here + [str(LAYOUT.published)] * publishes


def pages(wildcards) -> list[str]:
    """The report, the tables and the figures, as far as runs are there."""
    if not benchmarks_drawn():
        return []
    names = ("iterations.csv", "summary.md", "provenance.html", "report.html")
    names += tuple(f"figures/{name}.svg" for name, _ in QUESTIONS)
    return [f"{RESULTS}/{name}" for name in names] + figures_here(wildcards)


def benchmarks_drawn() -> list[str]:
    measured = benchmarks_here()
    inner = [stem for b in CAMPAIGN.benchmarks if b.stem in measured for stem in b.stems[1:]]
    return sorted(IMPORTED.union(measured, inner))


def figures_here(wildcards) -> list[str]:
    """The figures of the benchmarks whose runs are there."""
    here = benchmarks_drawn()
    suites = sorted({stem.partition(".")[0] for stem in here})
    return [
        f"{RESULTS}/figures/methods.svg",
        *([f"{RESULTS}/figures/phases.svg"] if PHASES else []),
        *(f"{RESULTS}/figures/{suite}.forest.svg" for suite in suites),
        *(f"{RESULTS}/figures/{stem}.{kind}.svg" for stem in here for kind, *_ in FIGURES),
    ]


def campaign_files() -> list[str]:
    """The files that the campaign was read from."""
    return [str(file) for file in (CAMPAIGN.file, *CAMPAIGN.suites) if file.exists()]


def figure_of_phases():
    """An output of the report."""
    return report(
        f"{RESULTS}/figures/phases.svg",
        caption="../report/phases.rst",
        category="1 Verdicts",
        labels={"what": "3 phases of the programs"},
    )


def figure_of_suite(suite: str):
    """An output of the report."""
    return report(
        f"{RESULTS}/figures/{suite}.forest.svg",
        caption="../report/forest.rst",
        category="1 Verdicts",
        labels={"what": f"2 forest plot {suite}"},
    )


def figure_of_benchmark(stem: str, kind: str, label: str):
    """An output of the report."""
    return report(
        f"{RESULTS}/figures/{stem}.{kind}.svg",
        caption=f"../report/{kind}.rst",
        category="2 Benchmarks",
        subcategory=stem,
        labels={"figure": label},
    )
