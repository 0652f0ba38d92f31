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

from duet.report.summary.facts import read_json
from duet.report.summary.html import document, table, text
from duet.table.build import artifact

PACKAGES = ("snakemake", "docker", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "seaborn")
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
    first_ns: int | None = None
    last_ns: int | None = None


def gather(records: Iterable[Mapping]) -> Provenance:
    """From run.json objects; what one of them lacks is left out."""
    records = list(records)
    found = Provenance(artifacts=_artifacts(records))
    for record in records:
        _host(found, record)
        asked = _dict(_dict(record.get("spec")).get("sides"))
        run = _dict(record.get("run"))
        for side, facts in sorted(_dict(record.get("sides")).items()):
            _side(found, run, side, _dict(facts), _dict(asked.get(side)), _dict(record.get("spec")))
        skew_ns = _dict(record.get("gate")).get("skew_ns")
        if isinstance(skew_ns, int):
            found.skew_ms.append(skew_ns / 1e6)
        for name, choose in (("first_ns", min), ("last_ns", max)):
            stamps = [t for t in (getattr(found, name), record.get("start_ns")) if isinstance(t, int)]
            setattr(found, name, choose(stamps) if stamps else None)
    return found


def read(runs: Path, planned: Iterable[str]) -> Provenance:
    """From the finished ones of the planned runs of a campaign."""
    there = (runs / name / "run.json" for name in planned)
    return gather(r for path in there if (r := read_json(path)) is not None)


def page(
    campaign: str, found: Provenance, images: Sequence[Mapping], analysis: Mapping, config: Mapping[str, str]
) -> str:
    """HTML. `images`: image records; `config`: path -> text of each configuration file."""
    parts = [f"<h1>{text(campaign)}: provenance</h1>", _when(found)]
    parts += [f'<p class="alarm">{text(w)}</p>' for w in suspicions(found)]
    parts += [
        "<h2>Hosts and engines</h2>",
        table(
            ("runs", "engine", *HOST, *found.artifacts), [(n, *key) for key, n in sorted(found.hosts.items())]
        ),
        "<h2>What the sides ran</h2>",
        table(
            ("runs", "suite", "benchmark", "side", "image", "content", "command", "limits"),
            [(n, *key) for key, n in sorted(found.sides.items())],
        ),
        "<h2>Images</h2>",
        table(("name", "key", "engine", "content", "id"), [_image(i) for i in images]),
        "<h2>Analysis</h2>",
        table(("setting", "value"), [(k, json.dumps(v)) for k, v in analysis.items()]),
        "<h2>Versions (when this page was made)</h2>",
        table(("name", "version"), versions()),
    ]
    for path, content in config.items():
        parts += [f"<h2>{text(path)}</h2>", f"<pre>{_pre(content)}</pre>"]
    return document(f"{campaign}: provenance", "\n".join(parts))


def suspicions(found: Provenance) -> list[str]:
    """What does not fit together under one verdict."""
    out = [
        f"{suite} {benchmark}: side {side} ran {len(seen)} different contents of image {image}"
        for (suite, benchmark, side, image), seen in sorted(found.contents.items())
        if len(seen) > 1
    ]
    names = {key[1] for key in found.hosts}
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


def _artifacts(records: Sequence[Mapping]) -> list[str]:
    """Those that tell hosts apart: what changes from run to run, as a date, would make a row of each."""
    values: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, raw in _dict(record.get("artifacts")).items():
            values[name].add(_brief(name, raw))
    return [name for name, seen in values.items() if len(seen) <= MANY and name not in HOST]


def _host(found: Provenance, record: Mapping) -> None:
    artifacts, host = _dict(record.get("artifacts")), _dict(record.get("host"))
    engine = f"{record.get('engine', '')} {record.get('engine_version') or ''}".strip()
    told = [str(host.get(name, "")) for name in HOST]
    found.hosts[engine, *told, *(_brief(name, artifacts.get(name)) for name in found.artifacts)] += 1


def _side(found: Provenance, run: Mapping, side: str, facts: Mapping, asked: Mapping, spec: Mapping) -> None:
    image, content = str(facts.get("image") or "–"), str(facts.get("image_hash") or "–")
    cpus = _dict(facts.get("cpus"))
    limits = {
        "cpus": asked.get("cpus"),
        "memory": asked.get("memory_bytes"),
        "disk": asked.get("disk_bytes"),
        "privileges": " ".join(map(str, asked.get("privileges") or ())) or None,
        "network": asked.get("network"),
        "timeout s": spec.get("timeout_s"),
        "unlike asked, cores": cpus.get("seen")
        if cpus.get("asked") not in (None, cpus.get("seen"))
        else None,
    }
    told = ", ".join(f"{k} {v}" for k, v in limits.items() if v is not None)
    suite, benchmark = str(run.get("suite", "")), str(run.get("benchmark", ""))
    side = f"{side} of A/A" if run.get("type") == "aaduet" else side
    found.sides[suite, benchmark, side, image, content[:HASH], str(asked.get("run", "")), told] += 1
    found.contents[suite, benchmark, side, image].add(content)


def _when(found: Provenance) -> str:
    if found.first_ns is None:
        return "<p>No run record: these runs were imported, or none has finished.</p>"
    first, last = (_utc(ns) for ns in (found.first_ns, found.last_ns))
    told = f"Measured from {first} to {last} (UTC)."
    if found.skew_ms:
        ordered = sorted(found.skew_ms)
        p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        told += (
            f" The sides went through the gate {statistics.median(ordered):.3f} ms apart at the median, "
            f"{p90:.3f} ms at the 90th percentile, {ordered[-1]:.3f} ms at most."
        )
    return f"<p>{told}</p>"


def _utc(ns: int | None) -> str:
    return datetime.fromtimestamp((ns or 0) / 1e9, UTC).strftime("%F %T")


def _image(image: Mapping) -> tuple[str, ...]:
    return tuple(str(image.get(k) or "–") for k in ("name", "key", "engine", "hash", "id"))


def _brief(name: str, raw: object) -> str:
    """An artifact in a cell: what the table keeps of it, at most its first lines."""
    lines = (artifact(name, None if raw is None else str(raw)) or "").strip().splitlines()
    return "\n".join(lines[:3]) + ("\n…" if len(lines) > 3 else "")


def _pre(content: str) -> str:
    return "\n".join(text(part) for part in content.splitlines())


def _dict(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else {}
