"""One benchmark's values, found on the levels on which they may stand."""

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from duet import harnesses, revisions
from duet.campaign import predecessor, values
from duet.campaign.check import OVERRIDES, Document, Faults, nearest, place, show
from duet.campaign.predecessor import Manner
from duet.harnesses import Harness
from duet.model import HERE, Benchmark, Checkout, ImageRef, Order, Run, Side, Source, Type

COUNTS = {
    Type.DUET: ("duet_repetitions", 1),
    Type.SYNCDUET: ("syncduet_repetitions", 0),
    Type.SEQN: ("sequential_repetitions", 0),
    Type.AADUET: ("aa_repetitions", 0),
    Type.BBDUET: ("bb_repetitions", 0),
}


@dataclass(frozen=True)
class Layer:
    """One level's mapping and where it stands."""

    document: Document
    path: str
    mapping: Mapping[str, Any]

    def where(self, key: str) -> str:
        return f"{self.document.label}: {self.path}.{key}"


Chain = tuple[Layer, ...]
"""The levels that a value is looked up on, the farthest first."""


Arguments = Callable[[str, Mapping[str, str]], frozenset[str] | None]
"""(image, its image_args) -> the names that image_args may have; None for an image that is not built here."""


@dataclass
class Findings:
    """What resolving brings besides values. Faults that many benchmarks share are one line."""

    faults: Faults
    arguments: Arguments | None = None
    """None: what images take is not looked at."""
    notices: dict[str, None] = field(default_factory=dict)
    its: dict[tuple[str, Manner], dict[str, None]] = field(default_factory=dict)
    """Files of the predecessor and how they are taken -> their images."""
    lacking: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)

    def lacks(self, benchmark: str, where: str, what: str, accepted: str) -> None:
        self.lacking.setdefault((where, what, accepted), {})[benchmark] = None

    def finish(self) -> None:
        for (where, what, accepted), names in self.lacking.items():
            self.faults.add(where, f"{what} ({', '.join(names)})", accepted)
        its = [predecessor.notice(file, images, manner) for (file, manner), images in self.its.items()]
        self.notices = dict.fromkeys((*its, *self.notices))


def find(chain: Chain, *names: str) -> Layer | None:
    """The nearest level that has one of the keys."""
    return next((layer for layer in reversed(chain) if any(n in layer.mapping for n in names)), None)


def value(chain: Chain, key: str, default: Any = None) -> Any:
    layer = find(chain, key)
    return default if layer is None else layer.mapping[key]


def joined(chain: Chain, key: str) -> tuple[tuple[str, str], ...]:
    """A mapping's entries from all levels, sorted by name."""
    entries: dict[str, str] = {}
    for layer in chain:
        entries |= {k: values.text(v) for k, v in layer.mapping.get(key, {}).items()}
    return tuple(sorted(entries.items()))


def of_side(chain: Chain, side: str) -> Chain:
    """The levels with their `A:` or `B:`. A level without B gives B what it gives A."""

    def layers() -> Iterator[Layer]:
        for layer in chain:
            yield layer
            # The command line's A is no new level: it does not reach B where the file has a B.
            level = (
                [o for o in chain if o.path == layer.path] if layer.document.label == OVERRIDES else [layer]
            )
            key = side if any(side in o.mapping for o in level) else "A"
            if key in layer.mapping:
                yield Layer(layer.document, f"{layer.path}.{key}", layer.mapping[key])

    return tuple(layers())


Point = tuple[tuple[str, str], ...]
"""A value of each parameter; empty where a benchmark has none."""
LONGEST_NAME = 120
"""Of a benchmark with its parameters: a file's name has 255."""


MOST_POINTS = 1000


def points(chain: Chain, findings: Findings) -> list[Point]:
    """All combinations of its parameters' values, the last one's changing fastest."""
    lists = [
        [(name, values.text(each)) for each in listed]
        for name, listed in value(chain, "parameters", {}).items()
    ]
    count, layer = math.prod(map(len, lists)), find(chain, "parameters")
    if count > MOST_POINTS and layer:
        findings.faults.add(layer.where("parameters"), f"makes {count} benchmarks", f"at most {MOST_POINTS}")
        return []
    return list(itertools.product(*lists))


def point_name(name: str, point: Point) -> str:
    """`compress[size=small,level=1]`."""
    return f"{name}[{','.join(f'{key}={text}' for key, text in point)}]" if point else name


def benchmark(chain: Chain, suite: str, name: str, point: Point, findings: Findings) -> Benchmark:
    """The benchmark that its levels describe, at one point of its parameters' matrix; faults are added to
    the findings."""
    harness = _harness(chain, suite, findings)
    repetitions = {t: int(value(chain, key, default)) for t, (key, default) in COUNTS.items()}
    synchronised = find(chain, COUNTS[Type.SYNCDUET][0]) if repetitions[Type.SYNCDUET] else None
    a, b = (_side(of_side(chain, s), s, name, point, harness, synchronised, findings) for s in ("A", "B"))
    for side in (a, b):
        _check_length(of_side(chain, side.name), suite, point_name(name, point), side.results, findings)
    explicit = [s for s in (a, b) if s.cpus[0].isdigit()]
    if a.cpus != b.cpus and len(explicit) < 2:
        layer = find(of_side(chain, "B"), "cpus") or find(of_side(chain, "A"), "cpus")
        if layer:
            what = f"A has {a.cpus} and B has {b.cpus}"
            findings.faults.add(
                layer.where("cpus"), what, "exchange, split or shared for both, or a set of cores for each"
            )
    timeout_s = value(chain, "timeout", 0)
    # 0 is left to the suite's name, by which imported results are judged, too
    warmup = value(chain, "warmup", harness.warmup or None)
    return Benchmark(
        suite=suite,
        name=_checked_name(chain, name, point, findings),
        a=a,
        b=b,
        format=harness.name,
        repetitions=repetitions,
        timeout_s=float(timeout_s) if timeout_s > 0 else None,
        remove_containers=value(chain, "remove_containers", True),
        warmup=int(warmup) if isinstance(warmup, float) and warmup >= 1 else warmup,
        retries=int(value(chain, "retries", 0)),
    )


def _checked_name(chain: Chain, name: str, point: Point, findings: Findings) -> str:
    full, layer = point_name(name, point), find(chain, "parameters")
    if layer and len(full) > LONGEST_NAME:
        what = f"{full[:57]}… has {len(full)} characters"
        findings.faults.add(layer.where("parameters"), what, f"names up to {LONGEST_NAME}")
    return full


def _harness(chain: Chain, suite: str, findings: Findings) -> Harness:
    """The one that is given (`format` is its name in older files), else the suite's."""
    layer = find(chain, "harness", "format")
    if layer is None:
        return harnesses.of_suite(suite)
    key = "harness" if "harness" in layer.mapping else "format"
    name = layer.mapping[key]
    if layer.mapping.get("format", name) != name:
        what = f"is {show(name)}, but format is {show(layer.mapping['format'])}"
        findings.faults.add(layer.where(key), what, "one of the two")
    if name not in harnesses.names():
        known = harnesses.names()
        findings.faults.add(
            layer.where(key), f"is {show(name)}, no harness{nearest(name, known)}", ", ".join(known)
        )
        return harnesses.get(harnesses.DEFAULT)
    return harnesses.get(name)


def _side(
    chain: Chain,
    side: str,
    benchmark: str,
    point: Point,
    harness: Harness,
    synchronised: Layer | None,
    findings: Findings,
) -> Side:
    engine = value(chain, "engine", "auto")
    manner = _manner(chain, engine, findings)
    default = predecessor.CONDITIONS if manner.conditions else values.CONDITIONS
    base, run = _command_base(chain, "run_base", harness, manner, findings), value(chain, "run", benchmark)
    command = values.command(base, run)
    if not command:
        findings.faults.add((find(chain, "run") or chain[-1]).where("run"), "is empty", "a command")
    memory_bytes = _bytes(chain, "memory", findings)
    disk_bytes = _bytes(chain, "disk", findings)
    command = harness.around(command) if harness.around and command else command
    syncduet_run = _syncduet(chain, command, run, harness, synchronised, manner, findings)
    words = f"{command} {syncduet_run if synchronised else ''}"
    _check_size(chain, max(command, syncduet_run or "", key=len), findings)
    if engine == "process" and (jar := values.absent_probe(words)):
        where = (find(chain, "engine") or chain[-1]).where("engine")
        what = f"a host process has no {jar}, which is made in the image"
        accepted = "docker or podman, or the path of a jar that images/probes/build made, in the command"
        findings.lacks(benchmark, where, what, accepted)
    return Side(
        name=side,
        image=_image(chain, engine, benchmark, manner, findings),
        run=command,
        syncduet_run=syncduet_run,
        shares_memory=syncduet_run is not None and values.has_agent(syncduet_run),
        results=_results(chain, harness, findings),
        env=_env(chain, point, findings),
        engine=engine,
        memory_bytes=memory_bytes,
        network=value(chain, "network", default["network"]),
        cpus=_cpus(chain, default["cpus"], findings),
        disk_bytes=disk_bytes,
        privileges=tuple(sorted(value(chain, "privileges", default["privileges"]))),
        setup=value(chain, "setup") or None,
    )


def _manner(chain: Chain, engine: str, findings: Findings) -> Manner:
    """How far the side is as it was in asynchronous-duet; said once for each of its files."""
    image = find(chain, "image")
    its = [layer.document.label for layer in chain if layer.document.predecessors]
    brings_files = find(chain, "jar", "source", "image_args") is not None
    compatible = value(chain, "compatible")
    image_is_its = image is not None and image.document.predecessors and engine != "process"
    manner = predecessor.manner(bool(its), image_is_its, brings_files, compatible)
    if its and image is not None:
        findings.its.setdefault((its[-1], manner), {})[image.mapping["image"]] = None
    return manner


def _command_base(chain: Chain, key: str, harness: Harness, manner: Manner, findings: Findings) -> str:
    """The first part of the command, in the words of an image of ours where it was written for another."""
    base = value(chain, key, "")
    image = value(chain, "image")
    if not manner.translated or image is None:
        return base
    command, differences = predecessor.translated(base, image, find(chain, "jar", "source") is not None)
    if harness.for_stock is not None:
        command, more = harness.for_stock(command)
        differences += more
    if differences and (layer := find(chain, key)):
        findings.notices[f"{layer.where(key)}: {', '.join(differences)}: {command}"] = None
    return command


def _check_size(chain: Chain, command: str, findings: Findings) -> None:
    size = len(command.encode())
    if size > values.COMMAND_BYTES:
        longest = max(("run", "run_base", "syncduet_run_base"), key=lambda key: len(value(chain, key, "")))
        what, accepted = f"makes a command of {size} bytes", f"at most {values.COMMAND_BYTES} bytes"
        findings.faults.add((find(chain, longest) or chain[-1]).where(longest), what, accepted)


def _cpus(chain: Chain, default: str, findings: Findings) -> str:
    layer = find(chain, "cpus")
    if layer is None:
        return default
    cpus: str = layer.mapping["cpus"]
    if fault := values.core_fault(cpus):
        findings.faults.add(layer.where("cpus"), f'is "{cpus}": {fault}', 'cores such as "0-3,8"')
    return cpus


def _env(chain: Chain, point: Point, findings: Findings) -> Point:
    """With the parameters, by which commands know them."""
    env, parameters = dict(joined(chain, "env")), dict(point)
    layer = find(chain, "parameters")
    for name in sorted(set(env) & set(parameters)):
        where = layer.where(f"parameters.{name}") if layer else ""
        findings.faults.add(where, "env has a variable of that name, too", "another name")
    return tuple(sorted((env | parameters).items()))


def _bytes(chain: Chain, key: str, findings: Findings) -> int | None:
    layer = find(chain, key)
    size = values.byte_count(layer.mapping[key]) if layer else None
    if layer and size is not None and size < values.SMALLEST_BYTES:
        findings.faults.add(layer.where(key), f"is {size} bytes", "6m or more")
    if layer and size is not None and size > values.LARGEST_BYTES:
        findings.faults.add(layer.where(key), f"is {size} bytes", "at most 2^60 bytes")
    return size


def _syncduet(
    chain: Chain,
    command: str,
    run: str,
    harness: Harness,
    synchronised: Layer | None,
    manner: Manner,
    findings: Findings,
) -> str | None:
    base = value(chain, "syncduet_run_base", "")
    if base and manner.translated and (image := value(chain, "image")):
        base, _ = predecessor.translated(base, image, find(chain, "jar", "source") is not None)
    command_line: str | None
    if base:
        command_line, notice = values.syncduet_command(base, run, harness, agent=not manner.translated)
        if notice:
            layer = find(chain, "syncduet_run_base")
            findings.notices[f"{layer.where('syncduet_run_base') if layer else ''}: {notice}"] = None
    else:
        command_line = command if values.meets_barrier(command, harness) else None
    if synchronised:
        where = synchronised.where("syncduet_repetitions")
        if harness.no_barrier:
            findings.faults.add(where, f"{harness.name}: {harness.no_barrier}", "0")
        elif command_line is None:
            what = f"{harness.name}: no syncduet_run_base says how the harness loads the probe"
            findings.faults.add(where, what, "0, or a syncduet_run_base beside run_base")
    return None if harness.no_barrier else command_line


def _results(chain: Chain, harness: Harness, findings: Findings) -> tuple[str, ...]:
    layer = find(chain, "results")
    if layer is None:
        return harness.results
    results = layer.mapping["results"]
    if not results and not harness.log_is_enough:
        what = f"is empty, and {harness.name} is not read from the log alone"
        accepted = f"the files that it writes, such as [{', '.join(harness.results)}]"
        findings.faults.add(layer.where("results"), what, accepted)
    seen: dict[str, str] = {}
    for i, result in enumerate(results):
        base = Path(result).name
        where = f"{layer.where('results')}[{i}]"
        if base in ("", "..", "log"):
            findings.faults.add(
                where,
                f'"{result}" cannot be kept under that name',
                "a path that ends in a name other than log",
            )
        elif seen.setdefault(base, result) != result:
            findings.faults.add(
                where, f'"{result}" has the same name as "{seen[base]}"', "results with different names"
            )
    return tuple(results)


def _check_length(
    chain: Chain, suite: str, benchmark: str, results: Iterable[str], findings: Findings
) -> None:
    """A result is kept under the name of its run and its own."""
    longest = Run(suite, benchmark, 10**5, Type.SYNCDUET, Order.AB)
    room = values.NAME_BYTES - len(longest.file("A", ""))
    for i, result in enumerate(results):
        if (size := len(Path(result).name.encode())) > room and (layer := find(chain, "results")):
            what = f"its name has {size} bytes, too many beside the run's"
            findings.lacks(benchmark, f"{layer.where('results')}[{i}]", what, "a shorter name")


def _image(chain: Chain, engine: str, benchmark: str, manner: Manner, findings: Findings) -> ImageRef | None:
    name, source = value(chain, "image"), _source(chain, manner, findings)
    checkout = _checkout(chain, findings)
    if name is not None and manner.engines_image:
        return ImageRef(predecessor.engines_name(name), checkout=checkout)
    if name is None and engine != "process":
        where = f"{chain[0].document.label}: duetbench.image"
        findings.lacks(
            benchmark, where, f"missing, and engine {engine} needs one", "an image's name, or engine: process"
        )
    if name is None and source is None and checkout is None:
        return None
    args = joined(chain, "image_args")
    if name and args and findings.arguments:
        _check_arguments(chain, name, dict(args), findings.arguments, findings)
    return ImageRef(name or "", args, source, checkout)


def _check_arguments(
    chain: Chain, image: str, args: Mapping[str, str], arguments: Arguments, findings: Findings
) -> None:
    known = arguments(image, args)
    for name in args:
        if known is not None and name not in known:
            layer = next(each for each in reversed(chain) if name in each.mapping.get("image_args", ()))
            where = layer.where(f"image_args.{name}")
            what = f"images/{image}/Dockerfile has no such ARG{nearest(name, known)}"
            findings.faults.add(where, what, ", ".join(sorted(known)) or "nothing for this image")


def _checkout(chain: Chain, findings: Findings) -> Checkout | None:
    """What `git` says, joined from all levels: by default of the repository in which the file lies that names
    the revision."""
    git = {key: layer for layer in chain for key in layer.mapping.get("git", {})}
    if not git:
        return None
    if "revision" not in git:
        layer = next(iter(git.values()))
        findings.faults.add(layer.where("git"), "has no revision", "such as {revision: main}, or . as it is")
        return None
    layer = git.get("repository", git["revision"])
    folder = layer.document.folder
    if "repository" in git:
        folder = place(folder, layer.mapping["git"]["repository"])
    revision = git["revision"].mapping["git"]["revision"]
    files = (Path(each.document.label).absolute() for each in chain if each.document.label != OVERRIDES)
    try:
        known = revisions.resolve(folder.absolute(), revision, tuple(dict.fromkeys(files)))
    except revisions.RevisionError as error:
        key = "repository" if "repository" in git and not os.path.isdir(folder) else "revision"
        what = f"there is no directory {folder}" if key == "repository" else error.what
        findings.faults.add(git[key].where(f"git.{key}"), what, error.remedy if key == "revision" else "")
        return None
    build = git["build"].mapping["git"]["build"] if "build" in git else ""
    return Checkout(known.content, build, known.commit, revision, known.repository, known.left_out)


def _source(chain: Chain, manner: Manner, findings: Findings) -> Source | None:
    """A jar of one's own replaces a source that stands no nearer; what is known of that one's bytes
    (URL, digest) holds for the jar only where both stand together."""
    layer = find(chain, "jar", "source")
    if layer is None:
        return None
    source = value(chain, "source", {})
    jar = layer.mapping.get("jar")
    file = source.get("file") or Path((source.get("url") or jar or "").split("?")[0]).name
    if manner.translated and "file" not in source:
        file = f"{value(chain, 'image')}{Path(file).suffix}"  # as the images of images/ call it
    if jar is None:
        if not file:
            findings.faults.add(
                layer.where("source"), "has neither url nor file", "url, or file and a jar beside source"
            )
        elif "url" not in source:
            what = f"has no url, and no jar says where your own {file} is"
            findings.faults.add(layer.where("source"), what, "url, or a jar beside source")
        else:
            _check_url(layer, source, findings)
        return Source(file, source.get("url"), source.get("sha256"), sha1=source.get("sha1"))
    own = place(layer.document.folder, jar)
    known = layer.mapping.get("source", {})
    if not os.path.isfile(own):
        remedy = f"a copy of {file} at that path"
        if "url" in source:
            remedy += f", or no jar, to download {source['url']}"
        findings.faults.add(layer.where("jar"), f"there is no file {own}", remedy)
    return Source(file, known.get("url"), known.get("sha256"), own, known.get("sha1"))


def _check_url(layer: Layer, source: Mapping[str, str], findings: Findings) -> None:
    url = source["url"]
    where = layer.where("source.url")
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        findings.faults.add(where, f"is {show(url)}, no address", "https://host/path")
    elif parts.scheme == "http" and "sha256" not in source and parts.hostname not in HERE:
        what = f"is {show(url)}: anybody on the way may change what comes"
        findings.faults.add(where, what, "https://…, or sha256 beside it, by which a change is noticed")
