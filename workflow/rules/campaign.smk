"""The campaign: its files read, its runs, and where its results lie. What it means is in scripts/duet."""

import functools
import gc
import shlex
import sys
from pathlib import Path

# Not workflow.basedir: inside a module that is the folder of the workflow that uses this one.
PROJECT = Path(str(workflow.current_basedir)).parents[1]
SCRIPTS = PROJECT / "scripts"
if not SCRIPTS.is_dir():
    raise SystemExit(f"error: {PROJECT}: no scripts/ here; the whole project is needed, not workflow/ alone")
sys.path.insert(0, str(SCRIPTS))

from duet import harnesses
from duet.campaign import load, order, overrides
from duet.images.identity import arguments
from duet.model import DuetError, file_name, printable
from duet.records.layout import PUBLISHED, Layout
from duet.records.manifest import MANIFEST, Manifest, address_folder
from duet.records.plan import plan_of
from duet.records.run import stems

IN_MODULE = not workflow.modifier.is_main_snakefile()
"""Whether another workflow uses this one: `module duet: snakefile: … config: …`."""
RULE_NAME = workflow.modifier.resolved_rulename_modifier or (lambda name: name)
"""The name that a rule has where this workflow is a module of another one (`use rule * from … as …`)."""

gc.disable()  # no cycles worth the search: a sixth of the time that 10,000 jobs take


def say(text: str) -> None:
    print(printable(text, but="\n"), file=sys.stderr, flush=True)


def stop(faults: list[str], code: int = 1) -> None:
    """End snakemake before anything is started: one line per error, no traceback."""
    for fault in faults:
        say(f"error: {fault}")
    raise SystemExit(code)


def config_arguments() -> list[str]:
    """The arguments of --config as they were typed."""
    return list(workflow.config_settings.config_args or [])


def load_campaign():
    given = config.get("configfile", []) if IN_MODULE else FILES
    files = [given] if isinstance(given, str) else given
    try:
        if not IN_MODULE:
            return load.load_campaign(files, overrides.read(config_arguments()), arguments)
        if files:
            values = {k: v for k, v in config.items() if k != "configfile"}
            return load.load_campaign(files, values, arguments)
        return load.from_mapping(config, "config of the module", arguments)
    except load.ConfigError as error:
        stop(error.faults, error.exit_code)
    except DuetError as error:
        stop([str(error)])


def manifest_of(folder: str, address: str) -> Manifest:
    """What a publication has in it: read there, until it was brought here."""
    if manifest := Manifest.read_sound(Path(folder) / MANIFEST):
        return manifest
    from duet.platform import publishing
    from duet.platform.storage import Storage

    try:
        return publishing.manifest(Storage.at(address))
    except DuetError as error:
        stop([f"{CAMPAIGN.file}: import: {error}"])


FILES = [str(file) for file in workflow.configfiles]
"""Those of --configfile."""
if not (FILES or IN_MODULE):
    FILES = [str(PROJECT / "config/quickstart.yml")]
CAMPAIGN = load_campaign()
RESULTS = Path("results") / CAMPAIGN.name
LAYOUT = Layout(RESULTS)
RUNS = {run.name: run for run in order.runs(CAMPAIGN)}
RANK = {name: len(RUNS) - place for place, name in enumerate(RUNS)}
RUNS_OF = {b.stem: [] for b in CAMPAIGN.benchmarks}
for name, run in RUNS.items():
    RUNS_OF[run.benchmark_stem].append(name)
PLAN = plan_of(CAMPAIGN, RUNS.values())
PUBLICATIONS = {str(address_folder(address, PUBLISHED)): address for address in CAMPAIGN.publications}
"""Directories of what is imported from S3, and its addresses."""
IMPORTED, FOREIGN = set(), {}
for folder in CAMPAIGN.imports:
    ours = stems(folder)
    IMPORTED |= ours
    FOREIGN |= {} if ours else harnesses.in_folder(folder)
for folder, address in PUBLICATIONS.items():
    IMPORTED |= manifest_of(folder, address).stems()
IMPORTED |= {f"{file_name(suite)}.{file_name(name)}" for suite, name in FOREIGN}
MEMBERS = [stem for b in CAMPAIGN.benchmarks for stem in b.stems[1:]]
"""Benchmarks that one process runs with others, as far as `duets` names them: of figures only."""
USED = {harnesses.get(b.format) for b in CAMPAIGN.benchmarks} | {harness for harness, _ in FOREIGN.values()}
PHASES = any(harness.phases for harness in USED)
"""Whether there may be something to show in the figure of phases."""
IMAGES = {ref.key: ref for ref in CAMPAIGN.images}
if not IN_MODULE:
    config["landing"] = str(LAYOUT.landing)  # what report/workflow.rst shows first


def duetbench(subcommand: str) -> str:
    return shlex.join([sys.executable, str(SCRIPTS / "duetbench.py"), subcommand])


def run_record(name: str) -> str:
    return str(LAYOUT.run_record(name))
