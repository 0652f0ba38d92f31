"""Where everything of a campaign lies. Nothing else knows a path below results/.

Names are those of file names: `stem` is `<suite>.<benchmark>`, `name` a run's, `key` an image's. A
Snakemake wildcard may stand in place of each.
"""

from dataclasses import dataclass
from pathlib import Path

from duet.model import Run

RUN = "run.json"
FAILURE = "failure.json"
FAILED = "failed"
"""What a run that was measured again and failed left, in the directory of the finished run that stays. An
attempt that was not the last has a number behind it."""
SOURCES = Path("results", ".sources")
"""Fetched files, shared by all campaigns."""
PUBLISHED = Path("results", ".published")
"""Publications brought from S3, likewise."""


@dataclass(frozen=True)
class Layout:
    """The paths of one campaign; `results` is results/<name>."""

    results: Path

    @property
    def lock(self) -> Path:
        """Held by the workflow that works here: duet.campaign.lock."""
        return self.results / ".lock"

    @property
    def doctor(self) -> Path:
        """The machine before the last runs were measured: duet.records.doctor."""
        return self.results / "doctor.json"

    # What is to be done: duet.records.plan

    @property
    def plan(self) -> Path:
        return self.results / "plan"

    @property
    def planned_runs(self) -> Path:
        """Names of all runs, one a line, in the order in which they are to be measured."""
        return self.plan / "runs.txt"

    @property
    def analysis_plan(self) -> Path:
        return self.plan / "analysis.json"

    @property
    def due(self) -> Path:
        """What the last call of the workflow was to measure: duet.records.worklist."""
        return self.plan / "due.txt"

    def benchmark_plan(self, stem: str) -> Path:
        return self.plan / f"{stem}.json"

    def benchmark_runs(self, stem: str) -> Path:
        """Names of the runs that a benchmark's table is made from, one a line."""
        return self.plan / f"{stem}.runs.txt"

    def side_plan(self, run: Run, side: str) -> Path:
        return self.plan / run.plan_file(side)

    def image_plan(self, key: str) -> Path:
        return self.plan / f"{key}.image.json"

    # What runs need: duet.records.provision

    @property
    def images(self) -> Path:
        return self.results / "images"

    def image_identity(self, key: str) -> Path:
        return self.images / f"{key}.json"

    def image_presence(self, place: str, key: str) -> Path:
        """`place` is `<engine>@<host>` (duet.records.provision.place)."""
        return self.images / place / f"{key}.json"

    def source(self, key: str) -> Path:
        return self.results / "sources" / f"{key}.json"

    # What was measured: duet.records.run

    @property
    def runs(self) -> Path:
        return self.results / "runs"

    def run(self, name: str) -> Path:
        """The run's directory: its record, its result files and logs."""
        return self.runs / name

    def part(self, name: str) -> Path:
        """The run's directory while it is measured."""
        return self.runs / f".{name}.part"

    def run_record(self, name: str) -> Path:
        return Path(f"{self.results}/runs/{name}/{RUN}")  # in one step: asked for 10,000 runs

    def failure(self, name: str) -> Path:
        return self.run(name) / FAILURE

    def measure_log(self, name: str) -> Path:
        """What measuring said; the sides' own logs are named by `Run.log`."""
        return self.run(name) / "measure.log"

    @property
    def durations(self) -> Path:
        """A line `<run> <seconds>` for every run measured; the last one of a run counts."""
        return self.results / "durations.txt"

    def closing(self, name: str) -> Path:
        """Why a run need not be measured, until its turn comes: duet.records.closing."""
        return self.results / "closed" / f"{name}.json"

    @property
    def copies(self) -> Path:
        """Results of other machines, until they are merged."""
        return self.results / ".copies"

    # What was made of it

    @property
    def logs(self) -> Path:
        return self.results / "logs"

    def log(self, step: str) -> Path:
        return self.logs / f"{step}.log"

    def benchmark_table(self, stem: str) -> Path:
        return self.results / "iterations" / f"{stem}.parquet"

    @property
    def table(self) -> Path:
        return self.results / "iterations.parquet"

    @property
    def table_csv(self) -> Path:
        return self.results / "iterations.csv"

    @property
    def pairs(self) -> Path:
        return self.results / "pairs.parquet"

    @property
    def effects(self) -> Path:
        return self.results / "effects.parquet"

    @property
    def verdicts(self) -> Path:
        return self.results / "verdicts.csv"

    @property
    def verdicts_json(self) -> Path:
        return self.results / "verdicts.json"

    @property
    def environments(self) -> Path:
        """What holds across environments."""
        return self.results / "environments.csv"

    @property
    def comparison(self) -> Path:
        return self.results / "comparison.csv"

    @property
    def summary(self) -> Path:
        return self.results / "summary.md"

    @property
    def page(self) -> Path:
        """The whole report, one file that needs nothing but itself."""
        return self.results / "report.html"

    @property
    def summary_page(self) -> Path:
        """Its tables without the figures."""
        return self.results / "summary.html"

    @property
    def landing(self) -> Path:
        """The first screen of Snakemake's report."""
        return self.results / "landing.html"

    @property
    def index(self) -> Path:
        return self.results / "index.md"

    @property
    def provenance(self) -> Path:
        return self.results / "provenance.html"

    @property
    def publications(self) -> Path:
        """Where it was published last: duet.records.manifest."""
        return self.results / "publications.json"

    @property
    def published(self) -> Path:
        """The address of the publication that has these results; made when it is complete."""
        return self.results / "published.txt"

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    def figure(self, what: str, kind: str) -> Path:
        """`what` is a benchmark's stem or a suite."""
        return self.figures / f"{what}.{kind}.svg"
