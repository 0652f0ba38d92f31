"""A campaign file, YAML, as a Campaign. Looks at files only; never talks to an engine.

A value may stand on several levels; the nearest wins: campaign < suite file < --config <
benchmark, and on each of them `A:` or `B:` before what both sides share. `env` and `image_args`
are joined key by key. A level without `B:` gives B what it gives A.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duet.campaign import check, resolve
from duet.campaign.check import OVERRIDES, Document, Faults
from duet.campaign.resolve import Chain, Findings, Layer
from duet.model import Analysis, Benchmark, Campaign, DuetError, ImageRef, Schedule, collisions


class ConfigError(DuetError):
    """All faults found, one line each: `file: key.path: what is wrong; accepted: …`."""

    def __init__(self, faults: Iterable[str]):
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Campaign:
    """The campaign of a file, with the values of `--config` over it.

    `overrides` holds campaign keys and benchmarks' mappings, or a `duetbench` mapping as in a
    file; its relative paths are relative to the current directory. Raises ConfigError with all
    faults: first those of each file by itself, and when there are none those of the whole.
    """
    faults = Faults()
    main = check.read(Path(path), faults)
    over = check.document(OVERRIDES, Path.cwd(), _as_file(overrides or {}), faults)
    if main is None or over is None:
        raise ConfigError(faults.lines)
    suites = [check.read(p, faults) for p in _paths(main, over, "suites")]
    if faults.lines:
        raise ConfigError(faults.lines)
    campaign = _campaign(Path(path), main, over, [s for s in suites if s], faults)
    if faults.lines:
        raise ConfigError(faults.lines)
    return campaign


def _as_file(overrides: Mapping[str, Any]) -> dict[str, Any]:
    known = check.keys("campaign")
    top = {k: v for k, v in overrides.items() if k in known}
    rest = {k: v for k, v in overrides.items() if k not in known}
    if isinstance(rest.get("duetbench", {}), Mapping):
        rest["duetbench"] = {**rest.get("duetbench", {}), **top}
    return rest


def _holder(main: Document, over: Document, key: str) -> Document:
    return over if key in over.campaign else main


def _paths(main: Document, over: Document, key: str) -> tuple[Path, ...]:
    """Paths of a campaign's list, relative to the file that holds it."""
    holder = _holder(main, over, key)
    return tuple(check.place(holder.folder, p) for p in holder.campaign.get(key, ()))


def _campaign(path: Path, main: Document, over: Document, suites: list[Document], faults: Faults) -> Campaign:
    top = {**main.campaign, **over.campaign}
    name = _name(top, path, main, faults)
    findings = Findings(faults)
    benchmarks: list[tuple[Document, Benchmark]] = []
    for document in (main, *suites):
        for benchmark in _duets(document, main, over, faults):
            chain = _chain(document, main, over, benchmark)
            suite = resolve.value(chain, "suite") or _suite_name(document, main, name)
            benchmarks.append((document, resolve.benchmark(chain, suite, benchmark, findings)))
    findings.finish()
    _check_whole(main, over, suites, benchmarks, faults)
    analysis = {**main.campaign.get("analysis", {}), **over.campaign.get("analysis", {})}
    if "margin" in analysis:
        analysis["margin_percent"] = analysis.pop("margin")
    artifacts: dict[str, str] = {}
    for document in (*suites, main, over):
        artifacts |= document.campaign.get("artifacts", {})
    return Campaign(
        name=name,
        file=path,
        benchmarks=tuple(b for _, b in benchmarks),
        seed=int(top.get("seed", 0)),
        schedule=Schedule(top.get("schedule", Schedule.SEQUENTIAL)),
        verbose=top.get("verbose", False),
        artifacts=tuple(artifacts.items()),
        imports=_paths(main, over, "import"),
        base_image=top.get("base_image", Campaign.base_image),
        analysis=Analysis(**analysis),
        notices=tuple(findings.notices),
    )


def _name(top: Mapping[str, Any], path: Path, main: Document, faults: Faults) -> str:
    name = top.get("name", path.stem)
    if not check.is_name(name):
        what = f'missing, and the file\'s own name "{name}" cannot be used instead'
        faults.add(f"{main.label}: duetbench.name", what, "a name of letters, digits, _ . + -")
    return name


def _suite_name(document: Document, main: Document, campaign: str) -> str:
    return campaign if document is main else document.campaign.get("name", Path(document.label).stem)


def _chain(document: Document, main: Document, over: Document, benchmark: str) -> Chain:
    tops = dict.fromkeys(map(id, (main, document, over)))
    by_id = {id(d): d for d in (main, document, over)}
    levels = [Layer(by_id[i], "duetbench", by_id[i].campaign) for i in tops]
    for d in (document, over):
        levels.append(Layer(d, benchmark, d.benchmarks.get(benchmark, {})))
    return tuple(levels)


def _duets(document: Document, main: Document, over: Document, faults: Faults) -> tuple[str, ...]:
    """The benchmarks to measure. Mappings that none of them uses are no fault, misspelt ones are."""
    holder = _holder(document, over, "duets") if document is main else document
    names = holder.campaign.get("duets", ())
    unused = sorted(set(document.benchmarks) - set(names))
    for i, name in enumerate(names):
        twin = next((u for u in unused if check.misspelt(name, u)), None)
        if twin and name not in document.benchmarks and name not in over.benchmarks:
            what = f"{name} has no mapping, and the mapping {twin} is not used"
            faults.add(f"{holder.label}: duetbench.duets[{i}]", what, "the same name in both places")
    return tuple(names)


def _check_whole(
    main: Document,
    over: Document,
    suites: list[Document],
    found: list[tuple[Document, Benchmark]],
    faults: Faults,
) -> None:
    """What can only be wrong with all files together."""
    for document in suites:
        if "suites" in document.campaign:
            faults.add(
                f"{document.label}: duetbench.suites",
                "a suite file must not name others",
                "suites in the campaign only",
            )
    known = {b.name for _, b in found}.union(main.benchmarks, *(s.benchmarks for s in suites))
    for name in over.benchmarks:
        if name not in known:
            hint = check.nearest(name, (*known, *check.keys("campaign")))
            faults.add(f"{OVERRIDES}: {name}", f"no such benchmark{hint}", ", ".join(sorted(known)))
    documents = {id(b): d for d, b in found}
    for one, two in collisions(b for _, b in found):
        same = (one.suite, one.name) == (two.suite, two.name)
        first, second = f"{one.suite}/{one.name}", f"{two.suite}/{two.name}"
        what = (
            f"{first} occurs in two files"
            if same
            else f"{second} gets the file names of {first} (. becomes _)"
        )
        faults.add(f"{documents[id(two)].label}: duetbench.duets", what, "each benchmark of a suite once")
    _check_engines(found, faults)
    holder = _holder(main, over, "import")
    folders = _paths(main, over, "import")
    for i, folder in enumerate(folders):
        if not os.path.isdir(folder):
            faults.add(
                f"{holder.label}: duetbench.import[{i}]",
                f"there is no directory {folder}",
                "result directories",
            )
    if not folders and not any(sum(b.repetitions.values()) for _, b in found):
        what = "nothing to measure"
        accepted = "benchmarks in duets with repetitions, suite files in suites, or directories in import"
        faults.add(f"{main.label}: duetbench.duets", what, accepted)


def _check_engines(found: list[tuple[Document, Benchmark]], faults: Faults) -> None:
    """An image is made once, in one engine. A fault for each image, however many sides have it."""
    first: dict[ImageRef, tuple[str, str]] = {}
    others: dict[ImageRef, tuple[str, str]] = {}
    for document, benchmark in found:
        for side in (benchmark.a, benchmark.b):
            who = f"{benchmark.name}.{side.name}"
            if side.image and side.engine != first.setdefault(side.image, (side.engine, who))[0]:
                others.setdefault(side.image, (f"{document.label}: {who}.engine", side.engine))
    for image, (where, engine) in others.items():
        known, who = first[image]
        what = f"is {engine}, but {who} uses the same image ({image.name}) with {known}"
        faults.add(where, what, "one engine per image, or a directory of images/ for each")
