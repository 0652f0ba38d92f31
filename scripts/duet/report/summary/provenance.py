"""Where the numbers come from: hosts, images, what each side ran, the gate, configuration, versions."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from platform import python_version

from duet.model import Type
from duet.records.codec import encode
from duet.records.doctor import DoctorRecord, Level
from duet.records.layout import RUN
from duet.records.plan import AnalysisPlan
from duet.records.provision import ImagePresence
from duet.records.run import ExchangeRecord, RunRecord
from duet.report.summary import exchanges
from duet.report.summary.html import document, table, text
from duet.table.build import artifact

PACKAGES = ("snakemake", "docker", "numpy", "pandas", "pyarrow", "scipy", "matplotlib")
HOST = ("hostname", "kernel", "cores")
MANY = 6
"""An artifact with more different values than this is not a fact of the host."""
HASH = 12
"""Characters of a content hash that are shown."""


@dataclass
class Provenance:
    """Facts of all run records, each with the number of runs it is true of."""

    hosts: dict[tuple[str, ...], int] = field(default_factory=lambda: defaultdict(int))
    """(engine and version, hostname, kernel, cores, then the artifacts)"""
    artifacts: list[str] = field(default_factory=list)
    sides: dict[tuple[str, ...], int] = field(default_factory=lambda: defaultdict(int))
    """(suite, benchmark, side, image, content, command, limits)"""
    contents: dict[tuple[str, str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """(suite, benchmark, side, image) -> contents seen"""
    skew_ms: list[float] = field(default_factory=list)
    exchanges: list[ExchangeRecord] = field(default_factory=list)
    first_ns: int | None = None
    last_ns: int | None = None


def gather(records: Iterable[RunRecord]) -> Provenance:
    records = list(records)
    gathered = Provenance(artifacts=_artifacts(records))
    for record in records:
        _host(gathered, record)
        for side in sorted(record.sides):
            _side(gathered, record, side)
        if record.gate.skew_ns is not None:
            gathered.skew_ms.append(record.gate.skew_ns / 1e6)
        gathered.exchanges.append(record.exchange)
    starts_ns = [record.start_ns for record in records]
    gathered.first_ns, gathered.last_ns = min(starts_ns, default=None), max(starts_ns, default=None)
    return gathered


def read(runs: Path, planned: Iterable[str]) -> Provenance:
    """From the finished ones of the planned runs of a campaign."""
    records = (RunRecord.read_sound(runs / name / RUN) for name in planned)
    return gather(record for record in records if record is not None)


def html_page(
    campaign: str,
    gathered: Provenance,
    images: Sequence[ImagePresence],
    analysis: AnalysisPlan,
    config: Mapping[str, str],
    doctor: DoctorRecord | None = None,
) -> str:
    """HTML. `config`: path -> text of each configuration file. `doctor`: the machine, if looked at."""
    title = f"{campaign}: provenance"
    return document(title, f"<h1>{text(title)}</h1>\n{body(gathered, images, analysis, config, doctor)}")


def body(
    gathered: Provenance,
    images: Sequence[ImagePresence],
    analysis: AnalysisPlan,
    config: Mapping[str, str],
    doctor: DoctorRecord | None = None,
) -> str:
    """The same as a part of a page."""
    parts = [_when(gathered)]
    parts += [f"<p>{text(sentence)}</p>" for sentence in exchanges.sentences(gathered.exchanges)]
    parts += [f'<p class="alarm">{text(w)}</p>' for w in suspicions(gathered)]
    parts += [
        "<h2>Hosts and engines</h2>",
        table(
            ("runs", "engine", *HOST, *gathered.artifacts),
            [(n, *key) for key, n in sorted(gathered.hosts.items())],
        ),
        *_machine(doctor),
        "<h2>What the sides ran</h2>",
        table(
            ("runs", "suite", "benchmark", "side", "image", "content", "command", "limits"),
            [(n, *key) for key, n in sorted(gathered.sides.items())],
        ),
        "<h2>Images</h2>",
        table(("name", "key", "engine", "content", "id"), [_image(i) for i in images]),
        "<h2>Analysis</h2>",
        table(("setting", "value"), [(k, json.dumps(v)) for k, v in encode(analysis).items()]),
        "<h2>Versions (when this page was written)</h2>",
        table(("name", "version"), versions()),
    ]
    for path, content in config.items():
        parts += [f"<h2>{text(path)}</h2>", f"<pre>{_pre(content)}</pre>"]
    return "\n".join(parts)


def suspicions(gathered: Provenance) -> list[str]:
    """What does not fit together under one verdict."""
    out = [
        f"{suite} {benchmark}: side {side} ran image {image} with {len(seen)} different contents"
        for (suite, benchmark, side, image), seen in sorted(gathered.contents.items())
        if len(seen) > 1
    ]
    names = {key[1] for key in gathered.hosts}
    if len(names) > 1:
        out.append(f"runs come from {len(names)} hosts: {', '.join(sorted(names))}")
    return out


def versions() -> list[tuple[str, str]]:
    out = [("python", python_version())]
    for name in PACKAGES:
        try:
            out.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return out


def _artifacts(records: Sequence[RunRecord]) -> list[str]:
    """Those that tell hosts apart: what changes from run to run, as a date, would make a row of each."""
    values: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, raw in record.artifacts.items():
            values[name].add(_brief(name, raw))
    return [name for name, seen in values.items() if len(seen) <= MANY and name not in HOST]


def _host(gathered: Provenance, record: RunRecord) -> None:
    engine = f"{record.engine} {record.engine_version}".strip()
    artifacts = (_brief(name, record.artifacts.get(name)) for name in gathered.artifacts)
    gathered.hosts[engine, *(getattr(record.host, name) for name in HOST), *artifacts] += 1


def _side(gathered: Provenance, record: RunRecord, side: str) -> None:
    wanted, ran = record.spec.sides[side], record.sides[side]
    image, content = ran.image or "–", ran.image_hash or "–"
    limits = {
        "cpus": wanted.cpus,
        "memory": wanted.memory_bytes,
        "disk": wanted.disk_bytes,
        "privileges": " ".join(wanted.privileges) or None,
        "network": wanted.network,
        "timeout s": record.spec.timeout_s,
        "cores, unlike configured": None if ran.cpus.asked in (None, ran.cpus.seen) else ran.cpus.seen,
    }
    shown = ", ".join(f"{k} {v}" for k, v in limits.items() if v is not None)
    alike = {Type.AADUET: " of A/A", Type.BBDUET: " of B/B"}
    side += alike.get(record.run.type, "")
    key = (record.run.suite, record.run.benchmark, side, image)
    gathered.sides[*key, content[:HASH], wanted.run, shown] += 1
    gathered.contents[key].add(content)


def _machine(doctor: DoctorRecord | None) -> list[str]:
    if doctor is None:
        return []
    rows = sorted(doctor.findings, key=lambda finding: finding.level == Level.OK)
    return [
        f"<h2>{text(doctor.host)} before its last runs, {_utc(doctor.time_ns)} (UTC)</h2>",
        table(("", "what", "found", "remedy"), [(f.level, f.what, f.found, f.remedy) for f in rows]),
    ]


def _when(gathered: Provenance) -> str:
    if gathered.first_ns is None:
        return "<p>No run record: these runs were imported, or none has finished.</p>"
    first, last = (_utc(ns) for ns in (gathered.first_ns, gathered.last_ns))
    sentences = f"Measured from {first} to {last} (UTC)."
    if gathered.skew_ms:
        ordered = sorted(gathered.skew_ms)
        p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        sentences += (
            f" The sides passed the gate {statistics.median(ordered):.3f} ms apart at the median, "
            f"{p90:.3f} ms at the 90th percentile, {ordered[-1]:.3f} ms at most."
        )
    return f"<p>{sentences}</p>"


def _utc(ns: int | None) -> str:
    return datetime.fromtimestamp((ns or 0) / 1e9, UTC).strftime("%F %T")


def _image(image: ImagePresence) -> tuple[str, ...]:
    return image.name, image.key, image.engine, image.hash or "–", image.id or "–"


def _brief(name: str, raw: str | None) -> str:
    """An artifact in a cell: what the table keeps of it, at most its first lines."""
    lines = (artifact(name, raw) or "").strip().splitlines()
    return "\n".join(lines[:3]) + ("\n…" if len(lines) > 3 else "")


def _pre(content: str) -> str:
    return "\n".join(text(part) for part in content.splitlines())
