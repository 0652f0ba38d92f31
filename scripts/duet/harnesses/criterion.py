"""criterion (Rust): the directory `target/criterion`, and our probe's file.

Each benchmark has `…/new/sample.json`: `iters`, how often it was called in each sample, and `times`,
nanoseconds of all those calls; a sample is an iteration. Its name is `full_id` of the `benchmark.json`
beside it (`sort/1024`), else the directory's.

criterion writes no absolute times. The probe is a Measurement (images/probes/rust): it stamps every
sample, and meets at the barrier. It is not told which benchmark runs, so its passes are found by their
durations, which are the very ones that criterion wrote.

A panic ends the process, and what comes after it is lost: images/probes/rust/each runs each benchmark
in a process of its own, goes on after one that failed, and says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, read_lines, result_files
from duet.harnesses._json_values import load, mapping, numbers

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured, Stamps

MAX_BENCHMARKS = 10_000
_RUNNING = re.compile(
    r"Benchmarking (?P<name>.+?)(?:: (?:Warming|Collecting|Analyzing|AnalyzingCriterion).*)?\s*"
)


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The directory with the probe's times; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    probe, others = _many.find(result_files(files))
    folder = next((path for path in others if path.is_dir()), None)
    if folder is None:
        path = others[0] if others else Path(files[0])
        raise FormatError(path, "", "not a directory of criterion", "keep target/criterion in `results`")
    stamps, warnings = _many.beside(probe, others)
    samples = sorted(folder.rglob("new/sample.json"))[:MAX_BENCHMARKS]
    measured = []
    for path in samples:
        each = _benchmark(folder, path)
        if stamps:
            each, warning = _placed(each, stamps)
            warnings += [warning] if warning else []
        measured.append(each)
    return _many.frame(folder, measured, warnings=warnings, failures=_failures(files))


def _benchmark(folder: Path, path: Path) -> Measured:
    import numpy as np

    from duet.harnesses._many import Measured

    content = mapping(path, "$", load(path, read_bytes(path))[0])
    counts, times_ns = (numbers(path, f"$.{key}", content.get(key)) for key in ("iters", "times"))
    if len(counts) != len(times_ns):
        raise FormatError(path, "$.iters", f"{len(counts)} of them, but {len(times_ns)} times")
    whole = (counts >= 1) & (counts < 2**53) & (counts == np.floor(counts))
    if not whole.all():
        wrong = int(np.argmin(whole))
        raise FormatError(path, f"$.iters[{wrong}]", f"{counts[wrong]:g}, not a count")
    about = path.with_name("benchmark.json")
    name = path.parent.parent.relative_to(folder).as_posix()
    if about.is_file():
        full = mapping(about, "$", load(about, read_bytes(about))[0]).get("full_id")
        name = full if isinstance(full, str) and full else name
    return Measured(name, times_ns, counts.astype(np.int64))


def _placed(measured: Measured, stamps: Stamps) -> tuple[Measured, str]:
    """The samples with the times of the passes that took as long, one after the other."""
    import numpy as np

    from duet.harnesses import _many

    if not len(measured):
        return measured, ""
    lengths, wanted = (
        stamps.end_ns - stamps.start_ns,
        np.rint(np.clip(measured.time_ns, 0, 2.0**62)).astype(np.int64),
    )
    for at in np.flatnonzero(lengths[: len(lengths) - len(wanted) + 1] == wanted[0]):
        rows = slice(int(at), int(at) + len(wanted))
        if (lengths[rows] == wanted).all():
            return _many.stamped(measured, stamps.where(rows))
    return measured, f"{stamps.path.name}: no passes like those of {measured.name}: no absolute times"


def _failures(files: Sequence[Path]) -> list[str]:
    """What the log says of panics."""
    failures, name = [], ""
    for log in (Path(file) for file in files if str(file).endswith(".log") and Path(file).is_file()):
        for _, line in read_lines(log, b"Benchmarking ", b" panicked at "):
            line = line.rstrip()[:500]
            if (running := _RUNNING.fullmatch(line)) is not None:
                name = running["name"]
            elif " panicked at " in line:
                failures.append(f"{name or 'a benchmark'} failed: {line:.200}")
    return failures


HARNESS = Harness(
    name="criterion",
    parse=parse,
    results=("target/criterion",),
)
