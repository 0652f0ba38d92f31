"""The nouns: campaign, suite, benchmark, side, run; and the names of their files."""

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import IO, Any, ClassVar

SCHEMA_VERSION = 1
"""Version of run.json and of the plan files."""


class DuetError(Exception):
    """What went wrong, where and why, in one line, and the remedy where there is one.

    Commands print it as `error: …` and exit with their code for faults; it never comes with a traceback.
    """

    exit_code: int | None = None
    """The code that commands exit with instead."""

    def __init__(self, what: str, remedy: str = ""):
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}" if remedy else what)


class Type(StrEnum):
    """How a run is made."""

    DUET = "duet"
    SYNCDUET = "syncduet"
    SEQN = "seqn"
    AADUET = "aaduet"
    """A against A, to calibrate: any difference found is a false positive."""
    BBDUET = "bbduet"
    """B against B, likewise."""


class Order(StrEnum):
    """Which side is started first."""

    AB = "AB"
    BA = "BA"
    NONE = "None"


class Schedule(StrEnum):
    SEQUENTIAL = "sequential"
    RMIT = "randomized_interleaving_trials"


PER_HOST = 1000
"""Run numbers of a type that belong to a host, where each measures all: the first has 0 to 999. A multiple of
four, so that each host has both orders on both halves of the cores; more than there are repetitions."""
ALIKE = (Type.AADUET, Type.BBDUET)
"""Types in which a side is measured against itself."""
SIDES = ("A", "B")
HERE = ("localhost", "127.0.0.1", "::1")
"""Names of this machine in addresses: nobody is on the way."""
KEY_LENGTH = 100
"""Characters of an image's name in its file names: long ones are told apart by a digest."""
WITHIN = "/"
"""Between a benchmark that is one process, and one of several that it runs: `codec/BenchmarkGob`."""


@cache
def file_name(name: str) -> str:
    """A suite's or benchmark's name as it stands in file names: letters, digits, `_ + -`, the rest is `_`
    (`.` is the separator there)."""
    return re.sub(r"[^A-Za-z0-9_+-]", "_", name)


@dataclass(frozen=True)
class Source:
    """A file that a suite needs and that cannot be redistributed: a jar, an archive."""

    file: str
    """Its name in the build context and in the working directory of a `process` side."""
    url: str | None = None
    sha256: str | None = None
    own: Path | None = None
    """The user's own copy (key `jar`), used instead of the URL."""
    sha1: str | None = None
    """Of old releases nothing better was published."""


@dataclass(frozen=True)
class Checkout:
    """A revision of a git repository, built. Equal ones have the same content, whatever they are called."""

    content: str
    """Hash of the commit, or of a working tree with changes."""
    build: str = ""
    """Command, for `sh -c`, in its top directory."""
    commit: str = field(default="", compare=False)
    """The commit, also that on which a working tree's changes are."""
    revision: str = field(default="", compare=False)
    """What the campaign calls it: `main`, `HEAD~1`, `.` for the working tree."""
    repository: Path = field(default=Path(), compare=False)
    """Its top directory."""
    left_out: tuple[str, ...] = field(default=(), compare=False)
    """Paths in a working tree with changes that are no part of it, such as results/."""

    @property
    def title(self) -> str:
        """For people: `main (9545e54)`, `working tree (9545e54 with changes)`."""
        changes = " with changes" if self.content != self.commit else ""
        called = "working tree" if self.revision == "." else self.revision
        short = self.commit[:7]
        return short if self.commit.startswith(called) else f"{called} ({short}{changes})"


@dataclass(frozen=True)
class ImageRef:
    """An image as a campaign asks for it. Equal references are one image."""

    ALSO_WRITTEN: ClassVar[tuple[str, ...]] = ("key",)
    """Properties that its JSON has beside the fields."""

    name: str
    args: tuple[tuple[str, str], ...] = ()
    source: Source | None = None
    checkout: Checkout | None = None
    """What is put on top of it; without a name, it is all there is (engine `process`)."""

    @property
    def key(self) -> str:
        """A file name for it: the name, and a digest of what distinguishes its namesakes."""
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name)[:KEY_LENGTH]
        parts = [self.name, self.args, plain(self.source)]
        if self.checkout is not None:
            base = base or "git"
            parts.append([self.checkout.content, self.checkout.build])
        elif base == self.name and not self.args and self.source is None:
            return base
        return f"{base}-{digest(parts)[:8]}"

    @property
    def title(self) -> str:
        """For people."""
        return " + ".join(filter(None, (self.name, self.checkout.title if self.checkout else "")))


@dataclass(frozen=True)
class Side:
    """What one side of a benchmark runs, and within which limits."""

    name: str
    image: ImageRef | None
    run: str
    """The whole command, for `sh -c`."""
    syncduet_run: str | None
    results: tuple[str, ...]
    """Files or directories to keep; relative ones are relative to the working directory."""
    env: tuple[tuple[str, str], ...] = ()
    engine: str = "auto"
    memory_bytes: int | None = None
    network: str = "none"
    cpus: str = "exchange"
    """`exchange` (perhaps with a period, `exchange 30ms`), `split`, `shared`, or a set such as `0-3,8`."""
    disk_bytes: int | None = None
    """What it may write, and what may be kept of it; None for the default."""
    privileges: tuple[str, ...] = ()
    """Capabilities that it has in a container, such as SYS_NICE."""
    shares_memory: bool = False
    """In synchronised duets both sides see the same /dev/shm, for a barrier of their own."""
    setup: str | None = None
    """A command, for `sh -c`, before the gate: once a run, not timed."""


@dataclass(frozen=True)
class Benchmark:
    suite: str
    name: str
    a: Side
    b: Side
    format: str
    repetitions: dict[Type, int]
    timeout_s: float | None = None
    remove_containers: bool = True
    warmup: str | float | int | None = None
    """Iterations to leave out: None (the suite's default), a share, a count, `10s`, or `auto`."""
    members: tuple[str, ...] = ()
    """What its one process runs, as the harness names them, where the campaign says so."""
    retries: int = 0
    """How often a run that failed is tried again at once."""

    def side(self, name: str) -> Side:
        return {"A": self.a, "B": self.b}[name]

    @property
    def stem(self) -> str:
        return f"{file_name(self.suite)}.{file_name(self.name)}"

    @property
    def stems(self) -> tuple[str, ...]:
        """Its own, and those of its members."""
        inner = (file_name(within(self.name, member)) for member in self.members)
        return tuple(dict.fromkeys((self.stem, *(f"{file_name(self.suite)}.{name}" for name in inner))))


def within(program: str, name: str) -> str:
    """How one of several benchmarks of a process is called in the table."""
    return program if name == program else f"{program}{WITHIN}{name}"


TIME = "time"
"""The metric that every harness measures: iteration time."""


@dataclass(frozen=True)
class Metric:
    """What is compared: iteration time, a quantile of it, or a column of the table."""

    COLUMNS: ClassVar[dict[str, str]] = {"peak_memory": "peak_memory_bytes", "cpu_time": "cpu_time_ns"}
    """What the engine measures of a side -> its column."""

    name: str
    """`time`, a quantile such as `p99` or `p99.9`, `peak_memory`, `cpu_time`, or a harness's column."""
    better: str = "lower"
    """Which way is better: `lower` or `higher`."""

    @staticmethod
    def usual(name: str) -> str:
        """Which way is better where nothing is said: more per second, less of all else."""
        return "higher" if name.endswith(("/s", "_per_second", "_per_s")) else "lower"

    @property
    def column(self) -> str:
        return self.COLUMNS.get(self.name, self.name)

    @property
    def quantile(self) -> float | None:
        """0.99 of `p99`; None for what is no quantile."""
        match = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", self.name)
        share = float(match[1]) / 100 if match else 0.0
        return share if share > 0 else None

    @property
    def words(self) -> tuple[str, str]:
        """What B is whose value is greater, and whose is less."""
        if self.name == TIME or self.quantile:
            return "slower", "faster"
        return ("worse", "better") if self.better == "lower" else ("better", "worse")


@dataclass(frozen=True)
class Precision:
    """When a benchmark has been measured enough (config key `precision`)."""

    TYPES: ClassVar[tuple[Type, ...]] = (Type.DUET, Type.SYNCDUET)
    """Those whose runs it may end; others keep their repetitions."""

    MOST: ClassVar[int] = 40
    """`max_repetitions` where a campaign does not say."""

    max_repetitions: int
    ci_width_percent: float | None = None
    """Its interval is no wider than this."""
    verdict: bool = False
    """Or it has another verdict than inconclusive."""
    time_budget_s: float | None = None
    """Of all runs together; then nothing more is measured."""


@dataclass(frozen=True)
class Analysis:
    """How the table is turned into verdicts (config key `analysis`)."""

    estimator: str = "index"
    method: str = "guarded-t"
    min_overlap: float = 0.5
    confidence: float = 0.95
    margin_percent: float = 2.0
    correction: str = "holm"
    metrics: tuple[Metric, ...] = (Metric(TIME),)
    """What is judged, each a family of its own for the correction."""
    max_disturbance_percent: float | None = None
    """Of one core: what others may take from the sides' cores before an iteration is left out; None: all."""
    precision: Precision | None = None
    """Where measuring may stop before all runs: the inference is one that may be looked at."""


@dataclass(frozen=True)
class Campaign:
    name: str
    file: Path
    benchmarks: tuple[Benchmark, ...]
    seed: int = 0
    schedule: Schedule = Schedule.RMIT
    verbose: bool = False
    artifacts: tuple[tuple[str, str], ...] = ()
    """Name and host command of each fact gathered with every run."""
    environment: tuple[tuple[str, str], ...] = ()
    """Patterns of hosts' names, and the environment that each stands for; the first that fits counts."""
    imports: tuple[Path, ...] = ()
    publications: tuple[str, ...] = ()
    """What is imported from S3: s3://bucket/prefix/STAMP."""
    publish: str | None = None
    """Where it is published when it is finished: s3://bucket/prefix."""
    base_image: str = "debian:bookworm-slim"
    registry: str | None = None
    """Where images may be pulled from before they are built."""
    hosts: tuple[str, ...] = ()
    """Nodes of a cluster, each of which measures every benchmark; none: any node does."""
    one_host: bool = False
    """All runs of a benchmark are measured on one node, whichever that is."""
    analysis: Analysis = field(default_factory=Analysis)
    notices: tuple[str, ...] = ()
    """Lines for people: what was understood otherwise than written."""
    suites: tuple[Path, ...] = ()
    """The further files that it was read from."""

    def benchmark(self, run: "Run") -> Benchmark:
        return self._by_name[run.suite, run.benchmark]

    @property
    def _by_name(self) -> dict[tuple[str, str], Benchmark]:
        index = self.__dict__.get("_index")
        if index is None:
            index = {(b.suite, b.name): b for b in self.benchmarks}
            object.__setattr__(self, "_index", index)
        return index

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """Every image that a side asks for, each once, in the order of the file."""
        refs = (s.image for b in self.benchmarks for s in (b.a, b.b) if s.image)
        return tuple(dict.fromkeys(refs))


_RUN = re.compile(
    r"(?P<suite>[A-Za-z0-9_+-]+)\.(?P<benchmark>[A-Za-z0-9_+-]+)\.(?P<runid>0|[1-9][0-9]{0,9})"
    r"\.(?P<type>duet|syncduet|seqn|aaduet|bbduet)\.(?P<order>AB|BA|None)(?:\.(?P<side>[AB]))?"
)
_FILE = re.compile(_RUN.pattern.removesuffix(r"(?:\.(?P<side>[AB]))?") + r"\.(?P<pair>[AB])\.(?P<file>.+)")


@dataclass(frozen=True)
class Run:
    """One execution: the sampling unit. `side` is set for seqn only."""

    suite: str
    benchmark: str
    runid: int
    type: Type
    order: Order = Order.NONE
    side: str | None = None

    @property
    def benchmark_stem(self) -> str:
        """`<suite>.<benchmark>`: equal to the benchmark's own `stem`."""
        return f"{file_name(self.suite)}.{file_name(self.benchmark)}"

    @property
    def stem(self) -> str:
        """`<suite>.<benchmark>.<runid>.<type>.<order>`: how all files of the run begin."""
        return f"{self.benchmark_stem}.{self.runid}.{self.type}.{self.order}"

    @property
    def name(self) -> str:
        """The run's folder under runs/ and its Snakemake wildcard."""
        return f"{self.stem}.{self.side}" if self.side else self.stem

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides it starts, the first one first."""
        return (self.side,) if self.side else tuple(self.order)

    def file(self, side: str, result_file: str) -> str:
        return f"{self.stem}.{side}.{result_file}"

    def log(self, side: str) -> str:
        return self.file(side, "log")

    def plan_file(self, side: str) -> str:
        """Name of the file under plan/ that says what `side` runs (both sides of aaduet run A's, …)."""
        source = {Type.AADUET: "A", Type.BBDUET: "B"}.get(self.type, side)
        suffix = ".syncduet" if self.type == Type.SYNCDUET else ""
        return f"{self.benchmark_stem}.{source}{suffix}.json"


def parse_run(name: str) -> Run | None:
    """The inverse of `Run.name` (names as they stand in files), or None for another name."""
    m = _RUN.fullmatch(name)
    if m is None or not _fits(m) or (m["side"] is not None) != (m["type"] == Type.SEQN):
        return None
    return Run(m["suite"], m["benchmark"], int(m["runid"]), Type(m["type"]), Order(m["order"]), m["side"])


def _fits(name: re.Match[str]) -> bool:
    """Only a side that runs alone has no order."""
    return (name["order"] == Order.NONE) == (name["type"] == Type.SEQN)


def parse_result_file(name: str) -> tuple[Run, str, str] | None:
    """Run, side and result file of a file named by the schema (also the predecessor's), or None."""
    m = _FILE.fullmatch(name)
    if m is None or not _fits(m):
        return None
    type_ = Type(m["type"])
    side = m["pair"] if type_ == Type.SEQN else None
    run = Run(m["suite"], m["benchmark"], int(m["runid"]), type_, Order(m["order"]), side)
    return run, m["pair"], m["file"]


def printable(text: str, but: str = "") -> str:
    """The text with its control characters and lone surrogates escaped, `but` for these: a side wrote it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in but else repr(c)[1:-1] for c in text)


def open_file(path: Path) -> IO[bytes]:
    """A file to be read. Raises OSError, for what is none too: a FIFO in its place would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    code, what = (errno.EISDIR, None) if stat.S_ISDIR(mode) else (errno.EINVAL, "is no file")
    raise OSError(code, what or os.strerror(code), os.fspath(path))


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()


def plain(value: object) -> Any:
    """Dataclasses, tuples, enums and paths as JSON has them."""
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))  # type: ignore[call-overload]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def collisions(benchmarks: Iterable[Benchmark]) -> list[tuple[Benchmark, Benchmark]]:
    """Pairs of benchmarks whose names fall together in file names."""
    seen: dict[str, Benchmark] = {}
    return [(seen[s], b) for b in benchmarks for s in b.stems if seen.setdefault(s, b) is not b]
