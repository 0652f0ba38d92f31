"""What a campaign asks for, as files under results/<name>/plan/.

They are written whenever the workflow is read, but only where their content changed, and
Snakemake looks at nothing but modification times. So a run is measured again when what its
sides run changed (command, limits, timeout, image content), and not when the tool's own code,
the order of the YAML or another benchmark did. A run depends on the files of the sides it starts.

    <suite>.<benchmark>.<A|B>.json             one side of duet, aaduet and seqn runs
    <suite>.<benchmark>.<A|B>.syncduet.json    the same for syncduet runs
    <suite>.<benchmark>.json                   what the other rules must know of the benchmark
    <suite>.<benchmark>.runs.txt               its runs, and runs.txt those of all, in order
    <image>.image.json                         what an image is made from
    analysis.json                              how verdicts are found
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from duet.model import SCHEMA_VERSION, Benchmark, Campaign, ImageRef, Run, Side, Type, plain
from duet.records import files as record

GRACE_S = 10
"""Between asking a side to end at its timeout, and killing it."""


def write(
    campaign: Campaign,
    runs: Iterable[Run],
    results: Path,
    image_hash: Callable[[ImageRef], str | None],
) -> None:
    """Write all plan files of a campaign below `results`/plan.

    `image_hash` gives an image's content hash where it is known already; learning it later is
    no change (the file's modification time stays).
    """
    plan = results / "plan"
    plan.mkdir(parents=True, exist_ok=True)
    runs = tuple(runs)
    hashes = {ref: image_hash(ref) for ref in campaign.images}
    of_benchmark: dict[str, list[str]] = {b.stem: [] for b in campaign.benchmarks}
    for run in runs:
        of_benchmark[run.benchmark_stem].append(run.name)
    _write_lines(plan / "runs.txt", [run.name for run in runs])
    for benchmark in campaign.benchmarks:
        record.write_if_changed(plan / f"{benchmark.stem}.json", _benchmark(campaign, benchmark))
        _write_lines(plan / f"{benchmark.stem}.runs.txt", sorted(of_benchmark[benchmark.stem]))
        for side in (benchmark.a, benchmark.b):
            _write_side(plan, benchmark, side, hashes)
    for ref, known in hashes.items():
        asked = {
            "schema": SCHEMA_VERSION,
            "image": _image(ref),
            "base_image": campaign.base_image,
            "image_hash": known,
        }
        record.write_if_changed(plan / f"{ref.key}.image.json", asked, ignore_unknown=("image_hash",))
    warmup = {f"{b.suite}/{b.name}": b.warmup for b in campaign.benchmarks if b.warmup is not None}
    record.write_if_changed(plan / "analysis.json", {**asdict(campaign.analysis), "warmup": warmup})


def _write_side(plan: Path, benchmark: Benchmark, side: Side, hashes: dict[ImageRef, str | None]) -> None:
    commands = {"": side.run}
    if benchmark.repetitions.get(Type.SYNCDUET) and side.syncduet_run:
        commands[".syncduet"] = side.syncduet_run
    for suffix, command in commands.items():
        asked = {
            "schema": SCHEMA_VERSION,
            "side": {**plain(replace(side, run=command, syncduet_run=None)), "image": _image(side.image)},
            "timeout_s": benchmark.timeout_s,
            "image_hash": hashes.get(side.image) if side.image else None,
        }
        path = plan / f"{benchmark.stem}.{side.name}{suffix}.json"
        record.write_if_changed(path, asked, ignore_unknown=("image_hash",))


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


def _write_lines(path: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
