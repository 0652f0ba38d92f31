"""What measuring leaves: run.json of a finished run, failure.json of a failed one."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duet.model import Order, Run, Side, Type, open_file, parse_run
from duet.records import flat
from duet.records.closing import closing_of
from duet.records.codec import Mismatch
from duet.records.files import Record, RecordError
from duet.records.layout import FAILURE, RUN, Layout
from duet.records.noise import MachineCounters, SideCounters


@dataclass(frozen=True)
class FileRecord:
    """A result file, or a directory with all that is below it."""

    name: str
    """In the run's directory."""
    size_bytes: int | None = None
    """None as `sha256` where an older version wrote the name only."""
    sha256: str | None = None

    @staticmethod
    def upgrade(document: object) -> object:
        return {"name": document} if isinstance(document, str) else document

    def check(self) -> None:
        _check_name(self.name, "name")


@dataclass(frozen=True, kw_only=True)
class CpusRecord:
    """Sets of cores such as `0-3,8`; None for all."""

    asked: str | None
    """What the side was bound to."""
    seen: str | None
    """What the side saw itself bound to."""


@dataclass(frozen=True, kw_only=True)
class SideRecord:
    """What became of one side of a run."""

    engine: str
    image: str | None
    image_id: str | None
    image_hash: str | None
    exit_code: int
    go_ns: int
    """When it went through the gate (epoch)."""
    end_ns: int
    cpus: CpusRecord
    peak_memory_bytes: int | None
    cpu_time_ns: int | None
    oom_killed: bool
    user_time_ns: int | None = None
    system_time_ns: int | None = None
    """What of its CPU time was spent in the kernel."""
    padding_bytes: int | None = None
    """By how much its environment was made longer."""
    files: tuple[FileRecord, ...]
    """Its results, in the order of the configuration."""
    log: str | None

    def check(self) -> None:
        if self.log is not None:
            _check_name(self.log, "log")


@dataclass(frozen=True, kw_only=True)
class GateRecord:
    skew_ns: int | None
    """How much earlier one side passed the gate than the other; None for one side alone."""
    resolution_ns: int | None = None
    """How far its stamps may be from the truth."""


@dataclass(frozen=True, kw_only=True)
class ExchangeRecord:
    """How the sides' cores were exchanged while the run was measured, or why they were not."""

    sets: tuple[str, str] | None = None
    """The two sets of cores; None where the campaign asked for something else, or it could not be."""
    reason: str = ""
    """Why there was no exchange although it was asked for, or why it ended before the run."""
    ways: Mapping[str, str] = field(default_factory=dict)
    """How each side is moved."""
    period_ns: int | None = None
    """Mean time between two moves at the end; drawn from half to one and a half of it, for two moves each."""
    period_given: bool = False
    """By the campaign; else it follows what moves cost."""
    cost_ns: int | None = None
    """Length of a move, tried before the gate."""
    moves: int = 0
    mean_ns: int | None = None
    """Length of a move."""
    worst_ns: int | None = None
    time_share: float = 0.0
    """Of the run's time during which a move was under way: only then may both sides be on the same cores."""
    cpu_ns: int = 0
    """CPU time of the thread that moves them (an engine that is asked to has its own)."""
    cpu_share: float = 0.0
    """The same of one core's time."""
    late_median_ns: int | None = None
    """How long after it was due a move began."""
    late_worst_ns: int | None = None
    refused: int = 0
    """Moves that were refused and taken back."""
    strange: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other sets of cores that threads of a side were found bound to: by the program, or by somebody else."""
    priority: str = ""
    """Of the thread that moves them."""
    cores: str = ""
    """Where that thread may run."""
    file: FileRecord | None = None
    """The file of moves."""

    def check(self) -> None:
        if self.moves and self.file is None:
            raise Mismatch("is missing", "file")


@dataclass(frozen=True, kw_only=True)
class NoiseRecord:
    """What disturbed the run, in all; the file has it stretch by stretch. See `duet.measure.telemetry`."""

    reason: str = ""
    """Why nothing was seen, or why it ended before the run."""
    samples: int = 0
    span_ns: int | None = None
    """From the first sample, some 50 ms after the gate, to the last."""
    period_ns: int | None = None
    """Between two samples in the mean: what their cost allows."""
    cpu_ns: int = 0
    """CPU time of the thread that samples."""
    cpu_share: float = 0.0
    """The same of one core's time."""
    machine: MachineCounters = field(default_factory=MachineCounters)
    sides: Mapping[str, SideCounters] = field(default_factory=dict)
    others_ns: int | None = None
    """What others computed on the sides' cores."""
    frequency_khz: int | None = None
    """Mean of the sides' cores."""
    file: FileRecord | None = None

    def check(self) -> None:
        if self.samples and self.file is None:
            raise Mismatch("is missing", "file")


@dataclass(frozen=True, kw_only=True)
class HostRecord:
    """Facts of the machine, asked for or not."""

    hostname: str = ""
    kernel: str = ""
    cores: str = ""
    """Those that measuring may use."""
    load_1min: float | None = None
    """Just before the run."""
    randomises_addresses: bool | None = None
    """Whether the kernel lays out the memory of each process anew (randomize_va_space)."""
    node: str = ""
    """What Slurm calls it, where Slurm sent the run."""


@dataclass(frozen=True, kw_only=True)
class SpecRecord:
    """What was to be run."""

    timeout_s: float | None
    sides: Mapping[str, Side]


@dataclass(frozen=True, kw_only=True)
class AttemptRecord:
    """An attempt at a run that failed; what it left is in the run's directory, in `failed.<its number>`."""

    reason: str
    time_ns: int


@dataclass(frozen=True, kw_only=True)
class RunRecord(Record):
    """run.json: what was asked, what happened, where, with which image content."""

    name: str
    campaign: str
    run: Run
    """With true names of suite and benchmark."""
    status: str
    timed_out: bool
    start_ns: int
    """When the first side went through the gate (epoch)."""
    end_ns: int
    """When the last side ended."""
    spec: SpecRecord
    engine: str
    """That of the first side."""
    engine_version: str
    gate: GateRecord
    sides: Mapping[str, SideRecord]
    host: HostRecord = field(default_factory=HostRecord)
    exchange: ExchangeRecord = field(default_factory=ExchangeRecord)
    noise: NoiseRecord = field(default_factory=NoiseRecord)
    artifacts: Mapping[str, str]
    """Raw output of each command that the campaign asks for."""
    warnings: tuple[str, ...]
    clock_step_ns: int | None = None
    """By how much somebody set the clock meanwhile."""
    attempts: tuple[AttemptRecord, ...] = ()
    """Those that failed before this one."""

    def check(self) -> None:
        alone = self.run.type == Type.SEQN
        if (self.run.side is not None) != alone or (self.run.order == Order.NONE) != alone:
            raise Mismatch(f"no run of type {self.run.type} has this order and side", "run")
        for key, sides in (("sides", self.sides), ("spec.sides", self.spec.sides)):
            if set(sides) != set(self.run.sides):
                have = ", ".join(map(repr, sides))[:60] or "nothing"
                raise Mismatch(f"has {have}, expected {', '.join(map(repr, self.run.sides))}", key)


@dataclass(frozen=True, kw_only=True)
class FailureRecord(Record):
    """failure.json: why a run has no result, or beside a run.json why its results cannot be read."""

    name: str
    reason: str
    log: str | None
    """The log to look into."""
    time_ns: int
    attempts: tuple[AttemptRecord, ...] = ()
    """All of them; what the last one left is beside this."""


def finished(runs: Path) -> Iterator[tuple[Run, Path]]:
    """The runs below `runs` (results/<name>/runs) that were measured, and their directories; by name."""
    try:
        # of a link that leads to itself a DirEntry cannot tell
        names = sorted(
            e.name for e in os.scandir(runs) if e.is_dir(follow_symlinks=False) or os.path.isdir(e)
        )
    except FileNotFoundError:
        return
    for name in names:
        run = parse_run(name)
        if run is not None and (runs / name / RUN).exists() and closing_of(runs / name) is None:
            yield run, runs / name


def stems(results: Path) -> set[str]:
    """`<suite>.<benchmark>` of all results in a results directory, ours or the predecessor's flat one, or in
    a table of its duetprocess."""
    if results.is_file():
        return flat.stems_of_table(results)
    if not results.is_dir():
        return set()
    runs = Layout(results).runs
    recorded = [run for run, _ in finished(runs if runs.is_dir() else results)]
    return {run.benchmark_stem for run in (*recorded, *(run for run, *_ in flat.result_files(results)))}


def file_record(path: Path) -> FileRecord:
    """Size and digest of a result. A directory's digest is that of its files' names, sizes and digests."""
    if not path.is_dir():
        return FileRecord(path.name, path.stat().st_size, _sha256(path))
    size_bytes, whole = 0, hashlib.sha256()
    for name, file in _below(path):
        size = file.stat().st_size
        size_bytes += size
        whole.update(f"{name}\0{size}\0{_sha256(file)}\0".encode("utf-8", "surrogateescape"))
    return FileRecord(path.name, size_bytes, whole.hexdigest())


QUICK_BYTES = 1 << 20
"""Of results up to this size the digest is looked at, too, whenever somebody asks."""


def intact(directory: Path, digests: bool = False, name: str | None = None) -> list[str]:
    """What is wrong with a finished run, a line each: its record, results that are gone or were altered.

    Looks at names, sizes and the content of small results, which is quick, unless `digests`. `name`: of
    the run, where the directory is not called like it.
    """
    try:
        record = RunRecord.read(directory / RUN)
    except RecordError as error:
        return [str(error)]
    return faults(record, directory, digests, name)


def faults(record: RunRecord, directory: Path, digests: bool = False, name: str | None = None) -> list[str]:
    """The same of a record that was read."""
    lines = []
    if record.name != (name or directory.name):
        lines.append(f"{directory / RUN}: name: is {record.name}, expected {name or directory.name}")
    for side in record.sides.values():
        if side.log is not None and not (directory / side.log).is_file():
            lines.append(f"{directory / side.log}: is missing")
        lines += filter(None, (_fault(directory / file.name, file, digests) for file in side.files))
    for beside in (record.exchange.file, record.noise.file):
        if beside is not None:
            lines += filter(None, [_fault(directory / beside.name, beside, digests)])
    return lines


def _fault(path: Path, recorded: FileRecord, digests: bool) -> str | None:
    try:
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return f"{path}: is neither a file nor a directory"
        size_bytes = _size_bytes(path)
        if recorded.size_bytes not in (None, size_bytes):
            return f"{path}: has {size_bytes} bytes, {recorded.size_bytes} are recorded"
        if recorded.sha256 is None or not (digests or size_bytes <= QUICK_BYTES):
            return None
        digest = file_record(path).sha256
    except FileNotFoundError:
        return f"{path}: is missing"
    except OSError as e:
        return f"{path}: {e.strerror}"
    return (
        None
        if digest == recorded.sha256
        else f"{path}: its SHA-256 is {digest}, {recorded.sha256} is recorded"
    )


def _size_bytes(path: Path) -> int:
    return sum(file.stat().st_size for _, file in _below(path)) if path.is_dir() else path.stat().st_size


def _below(directory: Path) -> list[tuple[str, Path]]:
    """Relative names and paths of all files below a directory, sorted by name."""
    paths = (Path(folder, name) for folder, _, names in os.walk(directory) for name in names)
    return sorted((path.relative_to(directory).as_posix(), path) for path in paths)


def _sha256(path: Path) -> str:
    with open_file(path) as file:
        start = file.read(QUICK_BYTES)
        digest = hashlib.sha256(start)
        if len(start) == QUICK_BYTES:
            while chunk := file.read(QUICK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def _check_name(name: str, key: str) -> None:
    """No record leads out of its directory."""
    if not name or "/" in name or "\0" in name or name in (".", "..", RUN, FAILURE):
        raise Mismatch(f"is {name[:80]!r}, expected the name of a file in the run's directory", key)
