"""A campaign file, YAML, as a Campaign. Looks at files only; never talks to an engine.

A value may stand on several levels; the nearest wins: campaign < suite file < --config <
benchmark, and on each of them `A:` or `B:` before what both sides share. `env` and `image_args`
are joined key by key. A level without `B:` gives B what it gives A.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from duet.campaign import check, mappings, overrides, placement, resolve, values
from duet.campaign.check import OVERRIDES, Document, Faults
from duet.campaign.resolve import Arguments, Chain, Findings, Layer
from duet.model import (
    Analysis,
    Benchmark,
    Campaign,
    DuetError,
    ImageRef,
    Metric,
    Precision,
    Schedule,
    Type,
    collisions,
)

S3 = "s3://"
MOST_RUNS = 100_000
"""Of a campaign: Snakemake takes a minute to look at ten thousand."""


class ConfigError(DuetError):
    """All faults found, one line each: `file: key.path: what is wrong; accepted: …`."""

    exit_code = 2

    def __init__(self, faults: Iterable[str]):
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


def load_campaign(
    files: Path | Sequence[Path],
    values: Mapping[str, Any] | None = None,
    arguments: Arguments | None = None,
) -> Campaign:
    """The campaign of its files, with the values of `--config` over it.

    The first file is the campaign. Further ones are suite files, as if it named them in `suites`;
    what they say of the campaign as a whole must be what holds for it. `values` holds campaign keys
    and benchmarks' mappings, or a `duetbench` mapping as in a file; its relative paths are relative
    to the current directory. `arguments` tells what images take, to find what they do not. Raises
    ConfigError with all faults: first those of each file by itself, and when there are none those of
    the whole.
    """
    first, *further = [files] if isinstance(files, (str, Path)) else files
    findings = Findings(Faults(), arguments)
    main = check.read(Path(first), findings.faults)
    return _loaded(Path(first), main, [Path(f) for f in further], values, findings)


def from_mapping(data: Mapping[str, Any], label: str, arguments: Arguments | None = None) -> Campaign:
    """The campaign that a mapping describes as a file would; campaign keys at its top are as in `--config`.

    `label` is how faults name it; relative paths are relative to the current directory.
    """
    findings = Findings(Faults(), arguments)
    main = check.document(label, Path.cwd(), overrides.as_file(dict(data)), findings.faults)
    return _loaded(Path(label), main, [], None, findings)


def _loaded(
    path: Path,
    main: Document | None,
    further: Sequence[Path],
    values: Mapping[str, Any] | None,
    findings: Findings,
) -> Campaign:
    faults = findings.faults
    over = check.document(OVERRIDES, Path.cwd(), overrides.as_file(dict(values or {})), faults)
    beside = [check.read(file, faults) for file in further]
    if main is None or over is None or None in beside:
        raise ConfigError(faults.lines)
    named = _paths(main, over, "suites")
    suites = [*(check.read(file, faults) for file in named), *beside]
    if faults.lines:
        raise ConfigError(faults.lines)
    for document in filter(None, beside):
        _check_agrees(document, main, over, faults)
    campaign = _campaign(path, main, over, [s for s in suites if s], findings)
    if faults.lines:
        raise ConfigError(faults.lines)
    notices = campaign.notices
    if further:
        what = f"the campaign is {main.label}, with the suites of {', '.join(map(str, further))}"
        notices = (f"{campaign.name}: {what}", *notices)
    return replace(campaign, notices=notices, suites=(*named, *further))


WHOLE = (
    *("seed", "schedule", "verbose", "environment", "base_image", "registry", "import"),
    *("analysis", "precision", "publish", "replicate", "hosts", "one_host"),
)
"""Keys that only a campaign has, and of which a suite file's are of no effect."""


def _check_agrees(document: Document, main: Document, over: Document, faults: Faults) -> None:
    """A further file must not ask for another campaign than the one that it is measured in."""
    for key in WHOLE:
        if key not in document.campaign or key in over.campaign:
            continue
        value, holds = document.campaign[key], main.campaign.get(key)
        if value != holds:
            has = f"has {check.show(holds)}" if key in main.campaign else "has none"
            what = f"is {check.show(value)}, but the campaign, {main.label}, {has}"
            faults.add(f"{document.label}: duetbench.{key}", what, f"the same in both, or --config {key}=…")


def _holder(main: Document, over: Document, key: str) -> Document:
    return over if key in over.campaign else main


def _paths(main: Document, over: Document, key: str) -> tuple[Path, ...]:
    """Paths of a campaign's list, relative to the file that holds it; what lies in S3 is none."""
    holder = _holder(main, over, key)
    given = (p for p in holder.campaign.get(key, ()) if not p.startswith(S3))
    return tuple(check.place(holder.folder, p) for p in given)


def _publications(main: Document, over: Document) -> tuple[str, ...]:
    given = _holder(main, over, "import").campaign.get("import", ())
    return tuple(p.rstrip("/") for p in given if p.startswith(S3))


def _campaign(
    path: Path, main: Document, over: Document, suites: list[Document], findings: Findings
) -> Campaign:
    faults = findings.faults
    top = {**main.campaign, **over.campaign}
    name = _name(top, path, main, faults)
    benchmarks: list[tuple[Document, Benchmark]] = []
    for document in (main, *suites):
        for benchmark, members in _duets(document, main, over, findings):
            chain = _chain(document, main, over, benchmark)
            suite = resolve.value(chain, "suite") or _suite_name(document, main, name)
            for point in resolve.points(chain, findings):
                made = resolve.benchmark(chain, suite, benchmark, point, findings)
                benchmarks.append((document, replace(made, members=members)))
    findings.finish()
    _check_whole(main, over, suites, benchmarks, len(top.get("hosts", ())), faults)
    analysis = {**main.campaign.get("analysis", {}), **over.campaign.get("analysis", {})}
    for key in ("margin", "max_disturbance"):
        if key in analysis:
            analysis[f"{key}_percent"] = analysis.pop(key)
    if "metrics" in analysis:
        holder = over if "metrics" in over.campaign.get("analysis", {}) else main
        analysis["metrics"] = _metrics(analysis["metrics"], f"{holder.label}: duetbench.analysis", faults)
    if "precision" in top:
        holder = _holder(main, over, "precision")
        analysis["precision"] = _precision(top["precision"], f"{holder.label}: duetbench.precision", faults)
        benchmarks = [(d, _up_to(b, analysis["precision"])) for d, b in benchmarks]
    holder = _holder(main, over, "replicate")
    hosts = placement.hosts(top, (b for _, b in benchmarks), f"{holder.label}: duetbench", faults)
    artifacts: dict[str, str] = {}
    for document in (*suites, main, over):
        artifacts |= document.campaign.get("artifacts", {})
    return Campaign(
        name=name,
        file=path,
        benchmarks=tuple(b for _, b in benchmarks),
        seed=int(top.get("seed", 0)),
        schedule=Schedule(top.get("schedule", Schedule.RMIT)),
        verbose=top.get("verbose", False),
        artifacts=tuple(artifacts.items()),
        environment=_environment(top.get("environment", {})),
        imports=_paths(main, over, "import"),
        publications=_publications(main, over),
        publish=top.get("publish"),
        base_image=top.get("base_image", Campaign.base_image),
        registry=top.get("registry"),
        hosts=hosts,
        one_host=top.get("one_host", False),
        analysis=Analysis(**analysis),
        notices=tuple(findings.notices),
    )


def _environment(given: str | Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return (("*", given),) if isinstance(given, str) else tuple(given.items())


def _precision(given: Mapping[str, Any], where: str, faults: Faults) -> Precision:
    budget = given.get("time_budget")
    precision = Precision(
        ci_width_percent=given.get("ci_width"),
        verdict=given.get("or") == "verdict",
        max_repetitions=given.get("max_repetitions", Precision.MOST),
        time_budget_s=None if budget is None else values.seconds(budget),
    )
    if precision.ci_width_percent is None and not precision.verdict and budget is None:
        faults.add(where, "never ends before max_repetitions", "ci_width, or: verdict, or a time_budget")
    return precision


def _up_to(benchmark: Benchmark, precision: Precision) -> Benchmark:
    """Planned up to the most runs, in the types that it has."""
    most = {t: precision.max_repetitions for t in Precision.TYPES if benchmark.repetitions.get(t)}
    return replace(benchmark, repetitions={**benchmark.repetitions, **most})


def _metrics(given: Sequence[str | Mapping[str, str]], where: str, faults: Faults) -> tuple[Metric, ...]:
    """`time`, or `{ops: higher}` with its direction."""
    named = [
        (each, Metric.usual(each)) if isinstance(each, str) else next(iter(each.items())) for each in given
    ]
    for i, (name, _) in enumerate(named):
        if name in [other for other, _ in named[:i]]:
            faults.add(f"{where}.metrics[{i}]", f"{name} occurs twice", "each metric once")
    return tuple(Metric(name, better) for name, better in named)


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


def _duets(
    document: Document, main: Document, over: Document, findings: Findings
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The benchmarks to measure, and what each runs in one process where that is said.

    Mappings that none of them uses are told, misspelt ones are faults.
    """
    holder = _holder(document, over, "duets") if document is main else document
    entries = _entries(holder)
    names = [name for name, _ in entries]
    bare = [name for name in names if name not in document.benchmarks and name not in over.benchmarks]
    unused = set(document.benchmarks).difference(names)
    for name, twin in mappings.misspelt(bare, unused).items():
        what = f"{name} has no mapping, and the mapping {twin} is not used"
        where = f"{holder.label}: duetbench.duets[{names.index(name)}]"
        findings.faults.add(where, what, "the same name in both places")
    # What --config leaves out is left out on purpose.
    if unused := unused.difference(name for name, _ in _entries(document)):
        findings.notices[mappings.unused(document.label, unused)] = None
    return entries


def _entries(document: Document) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The names in its `duets`, and what each has in it."""
    given = document.campaign.get("duets", ())
    pairs = ((each, ()) if isinstance(each, str) else next(iter(each.items())) for each in given)
    return tuple((name, tuple(members)) for name, members in pairs)


def _check_whole(
    main: Document,
    over: Document,
    suites: list[Document],
    benchmarks: list[tuple[Document, Benchmark]],
    hosts: int,
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
    known = {b.name.partition("[")[0] for _, b in benchmarks}
    known = known.union(main.benchmarks, *(s.benchmarks for s in suites))
    for name in over.benchmarks:
        if name not in known:
            hint = check.nearest(name, (*known, *check.keys("campaign")))
            faults.add(f"{OVERRIDES}: {name}", f"no such benchmark{hint}", mappings.names(sorted(known)))
    documents = {id(b): d for d, b in benchmarks}
    for one, two in collisions(b for _, b in benchmarks):
        same = (one.suite, one.name) == (two.suite, two.name)
        first, second = f"{one.suite}/{one.name}", f"{two.suite}/{two.name}"
        what = (
            f"{first} occurs in two files"
            if same
            else f"{second} gets the file names of {first} ({_becomes(two.name)} becomes _)"
        )
        faults.add(f"{documents[id(two)].label}: duetbench.duets", what, "each benchmark of a suite once")
    _check_engines(benchmarks, faults)
    holder = _holder(main, over, "import")
    imported = holder.campaign.get("import", ())
    for i, each in enumerate(imported):
        if wrong := _not_imported(holder, each):
            accepted = "result directories, .csv or .json files of duetprocess, and s3://bucket/prefix/STAMP"
            faults.add(f"{holder.label}: duetbench.import[{i}]", wrong, accepted)
    count = sum(n * (1 + (type_ == Type.SEQN)) for _, b in benchmarks for type_, n in b.repetitions.items())
    count *= max(1, hosts)
    if count > MOST_RUNS:
        faults.add(
            f"{main.label}: duetbench.duets", f"makes {count} runs", f"at most {MOST_RUNS} in a campaign"
        )
    if not imported and not count:
        what = "nothing to measure"
        accepted = "benchmarks in duets with repetitions, suite files in suites, or directories in import"
        faults.add(f"{main.label}: duetbench.duets", what, accepted)


def _not_imported(holder: Document, given: str) -> str:
    """Why this cannot be imported, as far as is seen from here."""
    if given.startswith(S3):
        address = re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+", given)
        return "" if address else f"is {check.show(given)}, no publication's address"
    path = check.place(holder.folder, given)
    table = path.suffix in (".csv", ".json") and os.path.isfile(path)
    return "" if table or os.path.isdir(path) else f"there is no directory {path}"


def _becomes(name: str) -> str:
    return "what is no letter, digit, + or -" if "[" in name else "."


def _check_engines(benchmarks: list[tuple[Document, Benchmark]], faults: Faults) -> None:
    """An image is made once, in one engine. A fault for each image, however many sides have it."""
    first: dict[ImageRef, tuple[str, str]] = {}
    others: dict[ImageRef, tuple[str, str]] = {}
    for document, benchmark in benchmarks:
        for side in (benchmark.a, benchmark.b):
            who = f"{benchmark.name}.{side.name}"
            if side.image and side.engine != first.setdefault(side.image, (side.engine, who))[0]:
                others.setdefault(side.image, (f"{document.label}: {who}.engine", side.engine))
    for image, (where, engine) in others.items():
        known, who = first[image]
        what = f"is {engine}, but {who} uses the same image ({image.title}) with {known}"
        faults.add(where, what, "one engine per image, or a directory of images/ for each")
