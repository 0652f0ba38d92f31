"""This call of snakemake: alone on its campaign, its plan written, and what it says.

Nothing is written, and nobody is asked to wait, unless jobs are about to run. Whether they are,
snakemake does not know when it reads a Snakefile, but when it asks rules for their inputs; so `begin`
is called from there, by whatever comes first.
"""

import logging
import os
import re
import subprocess
import threading

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from duet.campaign import lock, placement, targets
from duet.campaign.alike import same_sides
from duet.campaign.due import due_runs
from duet.engines.choose import choose_engine
from duet.images import presence
from duet.images.identity import lacking
from duet.measure import progress
from duet.measure.phase import SILENT_S
from duet.platform import slurm
from duet.records import worklist
from duet.records.provision import place


def executes() -> bool:
    """Whether jobs are about to run: not in a dry run, nor for --report, --rulegraph and the like."""
    return workflow.is_main_process and workflow.execution_settings is not None and not workflow.dryrun


def looks() -> bool:
    """Whether the DAG is only shown or reported: then all of it is, not just what is due."""
    return workflow.is_main_process and workflow.execution_settings is None


def elsewhere() -> bool:
    """Whether runs are measured on other machines than this call's own, which a scheduler chooses."""
    return not workflow.local_exec or workflow.remote_exec


def all_cores(wildcards) -> int:
    """All that this call has: nothing else of it runs meanwhile. A job elsewhere has its node alone."""
    return 1 if elsewhere() else workflow.cores


@functools.cache
def begin() -> None:
    """Before the first job: take the campaign, remove what a killed workflow left, write and say the plan."""
    if not workflow.is_main_process or looks():
        return
    if not IN_MODULE:
        PLANNING.start()
    if executes():
        try:
            hold()
            if elsewhere():
                prepare_scheduler()
            stop_off_place()
            remove_dead_locks()
            sleep_between_jobs()
            if CAMPAIGN.publish and due():
                from duet.platform.storage import Storage

                Storage.at(CAMPAIGN.publish, attempts=2).check()
            plan().write(LAYOUT)
            worklist.write(LAYOUT, due())
            if CAMPAIGN.analysis.precision:
                # what was settled when the last call ended, or is by another precision
                command = [sys.executable, SCRIPTS / "duetbench.py", "settle", RESULTS]
                subprocess.run(command, check=False)
            examine()
        except DuetError as error:
            stop([str(error)])
    for notice in CAMPAIGN.notices:
        say(notice)
    for name, reason in due().items():
        if reason.startswith("damaged"):
            say(f"{name}: {reason}; measured again")
    say(order.plan_line(CAMPAIGN, tuple(RUNS.values()), [RUNS[name] for name in due()]))
    if due() and (same := same_sides(CAMPAIGN.benchmarks, engine)):
        say(same)


def prepare_scheduler() -> None:
    """End what a killed call left in the queue, and name the jobs of this one so that the next finds them."""
    prefix = slurm.job_prefix(str(RESULTS.absolute()))
    if ended := slurm.end_jobs(prefix):
        say(f"jobs of a call that was killed are cancelled: {', '.join(ended)}")
    stop_without_engine()
    workflow.executor_settings.jobname_prefix = prefix
    submit_in_order()
    os.environ.setdefault("SBATCH_MEM_PER_NODE", "0")  # all that the node has


def submit_in_order() -> None:
    """Have jobs enter the queue by their priority: snakemake hands those that are ready over as a set."""
    executor = workflow.executor_plugin.executor
    submit = executor.run_jobs

    def in_order(self, jobs) -> None:
        self._job_submission_executor._max_workers = 1  # two threads would overtake each other
        submit(self, sorted(jobs, key=lambda job: job.priority, reverse=True))

    executor.run_jobs = in_order


def stop_without_engine() -> None:
    """Each machine would choose by itself; and one where the engine is missing would fail all its runs."""
    names = {side.engine for b in CAMPAIGN.benchmarks for side in (b.a, b.b)}
    if "auto" in names:
        stop([f"{CAMPAIGN.file}: engine: is auto, expected docker, podman or process: nodes would differ"])
    if faults := slurm.faults_of_nodes(sorted(names - {"process"}), SCRIPTS / "duetbench.py"):
        stop(faults)


@functools.cache
def nodes() -> dict[str, str]:
    """The node that each run which is to be measured belongs to, where it does."""
    left = [RUNS[name] for name in due()]
    if only_available() or not (CAMPAIGN.hosts or left and CAMPAIGN.one_host):
        return {}
    finished = placement.measured_on(LAYOUT, (run for name, run in RUNS.items() if name not in due()))
    try:
        return placement.nodes(CAMPAIGN, left, finished)
    except DuetError as error:
        stop([str(error)])


def stop_off_place() -> None:
    """Where runs belong to nodes that are not this machine, or do not measure."""
    wanted = set(nodes().values())
    if elsewhere():
        if faults := slurm.faults_of_names(wanted):
            stop([f"{CAMPAIGN.file}: {fault}" for fault in faults])
    elif others := sorted(wanted - {placement.here()}):
        what = f"runs belong to {', '.join(others)}, and this is {placement.here()}"
        raise DuetError(f"{CAMPAIGN.file}: {what}", "send them there: --workflow-profile slurm")


def examine() -> None:
    """Write down what the machine is like before anything is measured on it; its problems are said."""
    if due() and not elsewhere():
        from duet.commands import doctor

        findings = doctor.examine(CAMPAIGN, RESULTS)
        doctor.write(LAYOUT.doctor, findings)
        for finding in findings:
            if finding.level == "problem":
                say(doctor.line(finding))


def hold() -> None:
    global LOCK  # held until this process ends
    LOCK = lock.hold(LAYOUT)


def sleep_between_jobs() -> None:
    """Have snakemake look for jobs only when one has ended, not while a run is measured on the same cores.

    Its limit of jobs a second (never reached here) makes it look again a second after each look and after
    each job, n times a second after n jobs: JobScheduler.schedule, see snakemake#3744.
    """
    if workflow.local_exec:
        workflow.scheduling_settings.max_jobs_per_timespan = None


def remove_dead_locks() -> None:
    """Remove the lock that a killed workflow left on this campaign, for which snakemake wants --unlock.

    It is dead, since we hold the campaign's own lock. Locks of other workflows stay.
    """
    for path in Path(".snakemake/locks").glob("*.lock"):
        if any(line.startswith(f"{RESULTS}/") for line in path.read_text().splitlines()):
            path.unlink()


# What is due


def only_available() -> bool:
    """Whether the user asked for what can be made from the runs that are there."""
    return RULE_NAME("available") in workflow.dag_settings.targets


@functools.cache
def due() -> dict[str, str]:
    """The runs that are to be measured, in the plan's order, and why."""
    reasons = decide(RUNS.values())
    if reasons and executes():
        # What a killed workflow left may be finishing just now.
        subprocess.run([sys.executable, SCRIPTS / "duetbench.py", "clean", RESULTS], check=False)
        reasons = decide(RUNS[name] for name in reasons)
    if not only_available():
        reasons |= {name: "asked for" for name in RUNS if forced(name)}
        stop_without_files(reasons)
    return {name: reasons[name] for name in RUNS if name in reasons}


def stop_without_files(names) -> None:
    """Say now what an image of ours lacks, a suite's jar say, not when it is built."""
    benchmarks = {RUNS[name].benchmark_stem: CAMPAIGN.benchmark(RUNS[name]) for name in names}
    refs = {side.image for b in benchmarks.values() for side in (b.a, b.b) if side.image}
    faults = []
    for ref in sorted(refs, key=lambda ref: ref.key):
        missing = lacking(ref) if image_engine(ref.key) != "process" else None
        if missing is not None:
            why = f"{CAMPAIGN.file}: image {ref.name}: images/{ref.name}/Dockerfile copies {missing}"
            faults.append(f"{why}, which nobody brings; set source or jar, with file: as it is called there")
    if faults:
        stop(faults)


@functools.cache
def plan():
    """The plan as this call has it: what is only available is what is not due."""
    return PLAN.without(due()) if only_available() else PLAN


def decide(runs) -> dict[str, str]:
    hashes = {key: state.hash for key, state in image_states().items()}
    return due_runs(runs, PLAN.sides, hashes, LAYOUT, CAMPAIGN.analysis)


def forced(name: str) -> bool:
    """Whether snakemake's options ask for a run again: --force RUN, --forcerun measure, --forceall."""
    settings = workflow.dag_settings
    words = set(settings.forcerun)
    if settings.forcetargets:
        words |= set(settings.targets)
    return settings.forceall or RULE_NAME("measure") in words or run_record(name) in words


@functools.cache
def keep_records() -> None:
    """Have snakemake leave run records alone, also those of jobs that fail or are interrupted.

    `update` keeps it from removing one before its job. Behind a job that failed it would bring back a
    copy from before, or remove what it has no copy of; and it would make again what was there when it was
    killed. But a record is replaced by a finished one only (duet.records.publication), so whatever is
    there is right.
    """
    persistence = workflow.persistence
    back_up, restore = persistence.backup_output, persistence.restore_output
    incomplete = persistence.incomplete

    def ours(path: Path) -> bool:
        return path.name == "run.json" and path.parent.parent == LAYOUT.runs

    async def incomplete_others(job) -> list:
        return [path for path in await incomplete(job) if not ours(Path(path))]

    persistence.backup_output = lambda path: None if ours(path) else back_up(path)
    persistence.restore_output = lambda path: path.exists() if ours(path) else restore(path)
    persistence.incomplete = incomplete_others


def force(path: str) -> None:
    """Have the job that makes `path` run, whatever the times of files say.

    What is due is known by then, but snakemake compares times; of a file that it finds incomplete it
    does the same as is done here (DAG.check_incomplete). Unlike --forcerun it makes no target of it.
    """
    if workflow.is_main_process:
        workflow.dag.forcefiles.add(path)


@functools.cache
def image_states() -> dict:
    """Content and presence of the images. Their engine is asked, once, where there are results to lose."""
    wanted = {ref: image_engine(ref.key) for ref in CAMPAIGN.images}
    asks = {}
    asked = workflow.is_main_process and not elsewhere()
    if asked and set(wanted.values()) - {"process"} and RESULTS.is_dir():
        # Needs the docker SDK: only when there is something to ask.
        from duet.images.store import Store

        asks = {"connect": Store}
    try:
        return presence.look(wanted, LAYOUT, CAMPAIGN.base_image, **asks)
    except DuetError as error:
        stop([str(error)])


def image_engine(key: str) -> str:
    sides = (side for b in CAMPAIGN.benchmarks for side in (b.a, b.b))
    return engine(next(side.engine for side in sides if side.image == IMAGES[key]))


@functools.cache
def engine(name: str) -> str:
    """The engine that `name` stands for here; said once. Where runs are measured elsewhere it is named."""
    if elsewhere():
        return name
    try:
        chosen, why = choose_engine(name)
    except DuetError as error:
        if executes():
            stop([str(error)])
        say(str(error))
        return name
    if executes():
        say(why)
    return chosen.name


# What is said


PLANNING = threading.Timer(SILENT_S, say, [f"planning {CAMPAIGN.name} …"])
"""Says so where it takes long until jobs start: thousands of runs take seconds."""
PLANNING.daemon = True


class Answers(logging.Handler):
    """What we say of snakemake's messages: they name no remedy, or are small talk that be_quiet leaves out."""

    def emit(self, entry: logging.LogRecord) -> None:
        text = entry.getMessage()
        if text == NOTHING_TO_BE_DONE_MSG or getattr(entry, "event", None) == LogEvent.RUN_INFO:
            PLANNING.cancel()
        if text == NOTHING_TO_BE_DONE_MSG and executes():
            say("nothing was left to do")
            say_verdicts()
        elif text.startswith("MissingRuleException") and (
            name := re.search("No rule to produce (.+) \\(if", text)
        ):
            known = targets.expanded(
                (str(file) for rule in workflow.rules for file in rule.output),
                {"benchmark": STEMS, "suite": SUITES, "image": list(IMAGES), "run": list(RUNS)},
            )
            names = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
            say(f"error: {shown(CAMPAIGN.file)}: {targets.unknown(name[1], names, known, str(RESULTS))}")


UNASKED = (
    *("No SLURM account given", "No account was given", "Unable to guess SLURM account"),
    *("No wall time information given", "No job memory information"),
)
"""What the plugin for Slurm says of each job; a cluster that wants to be told refuses a job with a reason."""


def be_quiet() -> None:
    """Keep snakemake's small talk off the terminal (its log file has it): our commands say what was done."""

    def worth_reading(entry: logging.LogRecord) -> bool:
        text = entry.getMessage()
        if text.startswith(("Opening notebook", "Report created")):
            return True
        # A job that failed has said why; to what no rule makes there is an answer of ours. What snakemake
        # calls restored is a record that nobody has touched: see keep_records.
        unread = ("RuleException", "MissingRuleException", "Restored previous version of", *UNASKED)
        return entry.levelno > logging.INFO and not text.startswith(unread)

    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(worth_reading)


if workflow.is_main_process and not IN_MODULE:
    logger.addHandler(Answers())
    if not (workflow.output_settings.dryrun or CAMPAIGN.verbose):
        be_quiet()


def shown(path: Path) -> str:
    """A path as the user would type it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def typed(words: str) -> str:
    """What to type for targets or options of this campaign, where and in the way it was started."""
    moved = workflow.overwrite_workdir or (progress.run_script() and Path.cwd() != PROJECT)
    directory = Path.cwd() if moved else None
    files = [file if directory else shown(Path(file)) for file in FILES]
    return progress.command(words, files, config_arguments(), directory, other_snakefile())


def other_snakefile() -> Path | None:
    """The Snakefile, where snakemake finds another one or none by itself."""
    started = Path(os.environ.get("PWD", ".")) if workflow.overwrite_workdir else Path.cwd()
    names = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
    by_itself = next((started / name for name in names if (started / name).exists()), None)
    main = Path(workflow.main_snakefile)
    return None if by_itself and by_itself.samefile(main) else main


def say_verdicts() -> None:
    table = RESULTS / "verdicts.csv"
    if table.exists() and os.environ.get("DUETBENCH_VERDICTS") != "no":  # `compare` tells them itself
        measured = LAYOUT.durations
        if measured.exists() and measured.stat().st_mtime > table.stat().st_mtime:
            say(f"this table is older than the last run; to update it: {typed('')}")
        subprocess.run([sys.executable, SCRIPTS / "duetbench.py", "summary", "--show", RESULTS], check=False)
        page = LAYOUT.page.absolute()
        if page.exists():
            say(
                f"\nthe report, one file for a browser: {page if workflow.overwrite_workdir else shown(page)}"
            )


def say_failures() -> None:
    failed = {path.parent for path in RESULTS.glob("runs/*/failure.json") if path.parent.name in RUNS}
    if failed:
        what = "; the same command measures them again, nothing else"
        if count := sum(unreadable(directory.name) for directory in failed):
            what = f", {count} of them with results that cannot be read; the lines above say what to do"
        say(f"{len(failed)} of {len(RUNS)} runs failed{what}")
    say(f"table and figures of the finished runs: {typed('available')}")
