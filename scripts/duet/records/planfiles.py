"""What a campaign asks for, as files under results/<name>/plan/.

They are written when jobs are about to run, and only where their content changed.

    <suite>.<benchmark>.<A|B>.json             one side of duet, aaduet and seqn runs
    <suite>.<benchmark>.<A|B>.syncduet.json    the same for syncduet runs
    <suite>.<benchmark>.json                   what the other rules must know of the benchmark
    <suite>.<benchmark>.runs.txt               its runs, and runs.txt those of all, in order
    <image>.image.json                         what an image is made from
    analysis.json                              how verdicts are found
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from duet.model import SCHEMA_VERSION, Benchmark, Campaign, ImageRef, Run, Side, Type, plain
from duet.records import files as record

GRACE_S = 10
"""Between asking a side to end at its timeout, and killing it."""


Content = dict[str, Any]
"""Plan files by name: lines of a .txt, or the value of a .json."""


def content(campaign: Campaign, runs: Iterable[Run]) -> Content:
    """All plan files of a campaign."""
    runs = tuple(runs)
    of_benchmark: dict[str, list[str]] = {b.stem: [] for b in campaign.benchmarks}
    for run in runs:
        of_benchmark[run.benchmark_stem].append(run.name)
    files: Content = {"runs.txt": [run.name for run in runs]}
    for benchmark in campaign.benchmarks:
        files[f"{benchmark.stem}.json"] = _benchmark(campaign, benchmark)
        files[f"{benchmark.stem}.runs.txt"] = sorted(of_benchmark[benchmark.stem])
        for side in (benchmark.a, benchmark.b):
            files |= _side(benchmark, side)
    for ref in campaign.images:
        asked = {"schema": SCHEMA_VERSION, "image": _image(ref), "base_image": campaign.base_image}
        files[f"{ref.key}.image.json"] = asked
    warmup = {f"{b.suite}/{b.name}": b.warmup for b in campaign.benchmarks if b.warmup is not None}
    files["analysis.json"] = {**asdict(campaign.analysis), "warmup": warmup}
    return files


def write(files: Content, results: Path) -> None:
    """Write plan files below `results`/plan, where their content is another one."""
    (results / "plan").mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        path = results / "plan" / name
        if name.endswith(".txt"):
            _write_lines(path, value)
        else:
            record.write_if_changed(path, value)


def same(files: Content, results: Path, name: str) -> bool:
    """Whether `write` would leave that file as it is."""
    try:
        text = (results / "plan" / name).read_text()
    except OSError:
        return False
    return text == (_lines(files[name]) if name.endswith(".txt") else record.canonical(files[name]))


def _side(benchmark: Benchmark, side: Side) -> Content:
    commands = {"": side.run}
    if benchmark.repetitions.get(Type.SYNCDUET) and side.syncduet_run:
        commands[".syncduet"] = side.syncduet_run
    return {
        f"{benchmark.stem}.{side.name}{suffix}.json": {
            "schema": SCHEMA_VERSION,
            "side": {**plain(replace(side, run=command, syncduet_run=None)), "image": _image(side.image)},
            "timeout_s": benchmark.timeout_s,
        }
        for suffix, command in commands.items()
    }


def _benchmark(campaign: Campaign, benchmark: Benchmark) -> dict[str, object]:
    return {
        "schema": SCHEMA_VERSION,
        "campaign": campaign.name,
        "suite": benchmark.suite,
        "benchmark": benchmark.name,
        "format": benchmark.format,
        "remove_containers": benchmark.remove_containers,
        "verbose": campaign.verbose,
        "artifacts": dict(campaign.artifacts),
        "seed": campaign.seed,
        "timeout_s": benchmark.timeout_s,
        "grace_s": GRACE_S,
    }


def _image(ref: ImageRef | None) -> dict[str, object] | None:
    return None if ref is None else {**plain(ref), "key": ref.key}


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write_lines(path: Path, lines: list[str]) -> None:
    if not path.exists() or path.read_text() != _lines(lines):
        path.write_text(_lines(lines))
