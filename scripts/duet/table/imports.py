"""Result directories that exist already, ours or the predecessor's -> the unified table.

Ours: results/<name>/ with runs/, or runs/ itself; the run records say everything; the harnesses are
taken from plan/ beside it. The predecessor's (asynchronous-duet): a flat directory of
`<suite>.<benchmark>.<runid>.<type>.<order>.<A|B>.<result file>` and a folder `artifacts/` whose
files hold the output of one command each, gathered once for all runs. Its suite names its harness. Others:
as harnesses know them (`Harness.folder`).

What the predecessor recorded nowhere (engine, image, whether a run timed out, its status) is
null. Where it rounded, in float timestamps, times are exact here. Iterations count from 0 for
every suite (its DaCapo tables count from 1). A benchmark has its true name where the suite's files tell it
(SPEC's `500.perlbench_r` is `500_perlbench_r` in file names), else the one of the file names.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa

from duet import harnesses
from duet.model import Run, Type, open_file, parse_result_file, parse_run
from duet.records import flat
from duet.records.layout import FAILURE, RUN, Layout
from duet.records.plan import BenchmarkPlan
from duet.records.run import finished
from duet.table import duetprocess, store
from duet.table.build import Labels, SideFiles, benchmark_table, environment, join_sides
from duet.table.duetprocess import NoResults
from duet.table.store import LeftOut, ReadingWarning

ARTIFACTS = "artifacts"
ARTIFACT_BYTES = 1 << 20
"""Read of each of its files."""
_RUN_KEYS = ["suite", "benchmark", "type", "runid"]


def read(directory: Path, labels: Labels = ()) -> pd.DataFrame:
    """The table of all runs found; unreadable ones are named, with the directory, in `attrs["left_out"]`,
    and `attrs["imported"]` counts the others.

    DuetError when the directory is neither of both kinds, or no run in it can be read. A file is a table of
    the predecessor's duetprocess.
    """
    directory = Path(directory)
    if directory.is_file():
        frames = [duetprocess.read(directory, labels)]
    elif directory.is_dir():
        runs = Layout(directory).runs
        runs = runs if runs.is_dir() else directory
        recorded = list(finished(runs))
        frames = [*_ours(runs, recorded, labels), *_predecessors(directory, labels)]
        frames = frames or _platforms(directory, labels)
    else:
        raise NoResults(f"{directory}: no such file or directory")
    if not frames:
        expected = "results/<name>, <tool>/*.csv or <suite>.<benchmark>.<runid>.<type>.<order>.<side>.…"
        within = sorted(str(runs.parent) for runs in directory.glob("*/runs") if runs.is_dir())
        raise NoResults(f"{directory}: no results", f"expected: {', '.join(within[:5]) or expected}")
    whole = store.merge([store.to_arrow(frame) for frame in frames])
    if not len(whole):
        first = store.attrs(whole)["left_out"][0]
        raise NoResults(f"{directory}: no run can be read; the first, {first['run']}: {first['reason']}")
    frame = store.to_pandas(whole)
    for bad in frame.attrs["left_out"]:
        bad["run"] = f"{directory}/{bad['run']}" if bad["run"] else str(directory)
    frame.attrs["imported"] = [{"directory": str(directory), "runs": _runs(whole)}]
    return frame


def _runs(whole: pa.Table) -> int:
    """Sides of one run share all but `pair`; sides that run alone (seqn) are runs of their own."""
    keys = [*_RUN_KEYS, "order", "pair"]
    sides = whole.select(keys).group_by(keys).aggregate([]).to_pylist()
    return len({tuple(s[k] for k in keys if k != "pair" or s["type"] == Type.SEQN) for s in sides})


def _ours(runs: Path, recorded: Sequence[tuple[Run, Path]], labels: Labels) -> list[pd.DataFrame]:
    """Where the campaign that measured them had labels for its environments, these hold."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for run, path in recorded:
        groups[run.benchmark_stem].append(path)
    frames = []
    for stem, paths in groups.items():
        plan = Layout(runs.parent).benchmark_plan(stem)
        # Without its plan a benchmark has its suite's harness, as when a campaign names none.
        suite = stem.partition(".")[0]
        name, own = harnesses.of_suite(suite).name, labels
        members: tuple[str, ...] = ()
        if plan.exists():
            planned = BenchmarkPlan.read(plan)
            name, members = planned.format, planned.members
            own = planned.environment or labels
        frames.append(benchmark_table(paths, name, skip_bad=True, members=members, labels=own))
    if recorded and (torn := _without_record(runs)):
        why = f"no {RUN} in it: a copy that is not whole, or a run that was not finished"
        frames.append(join_sides([], "native", skip_bad=True, left_out=[LeftOut(n, why) for n in torn]))
    return frames


def _without_record(runs: Path) -> list[str]:
    """Names of runs of which there are results but no record; a failed run has said why."""
    names = []
    for entry in sorted(runs.iterdir()):
        if parse_run(entry.name) is None or not entry.is_dir():
            continue
        files = set(os.listdir(entry))
        if not files & {RUN, FAILURE} and any(parse_result_file(name) for name in files):
            names.append(entry.name)
    return names


def _predecessors(directory: Path, labels: Labels) -> list[pd.DataFrame]:
    by_benchmark: dict[tuple[str, str], dict[Run, dict[str, list[Path]]]] = {}
    for run, side, path in flat.result_files(directory):
        of_run = by_benchmark.setdefault((run.suite, run.benchmark), {}).setdefault(run, defaultdict(list))
        of_run[side].append(path)
    artifacts = _artifacts(directory / ARTIFACTS)
    host = environment((artifacts.get("hostname") or "").strip(), labels)
    frames = []
    for (suite, _), of_benchmark in by_benchmark.items():
        runs = [
            [
                SideFiles(
                    run,
                    side,
                    tuple(_log_last(files)),
                    environment=host,
                    artifacts=artifacts,
                    named_by_files=True,
                )
                for side, files in sorted(sides.items())
            ]
            for run, sides in of_benchmark.items()
        ]
        if suite in harnesses.names():
            frames.append(join_sides(runs, suite, skip_bad=True, by_side=True))
        else:
            reason = f"no harness is named after the suite {suite!r}"
            unknown = [LeftOut(run.name, reason) for run in of_benchmark]
            frames.append(join_sides([], "native", skip_bad=True, left_out=unknown))
    if frames:
        everything = {run: sides for runs in by_benchmark.values() for run, sides in runs.items()}
        frames[0].attrs["warnings"] += _doubts(everything)
    return frames


def _doubts(runs: Mapping[Run, Mapping[str, Sequence[Path]]]) -> list[dict[str, str]]:
    """Of which runs a side's files are not there, and which have the number of another: a line each kind."""
    half, twins = [], []
    seen: dict[tuple[object, ...], Run] = {}
    for run, sides in runs.items():
        if any(side not in sides for side in run.sides):
            half.append(run.name)
        key = (run.suite, run.benchmark, run.type, run.runid, run.side)
        if seen.setdefault(key, run) is not run:
            twins.append(run.name)
    doubts = (
        (half, "has no files of a side: a copy that is not whole? The other side is used"),
        (twins, "has the number of another run: two campaigns in one directory; both are used"),
    )
    return [
        asdict(ReadingWarning(names[0], "", what + (f" (and {len(names) - 1} more)" if names[1:] else "")))
        for names, what in doubts
        if names
    ]


def _platforms(directory: Path, labels: Labels) -> list[pd.DataFrame]:
    """What a harness's own platform left: every iteration is a sequential run of side A."""
    frames = []
    for (suite, benchmark), (harness, files) in harnesses.in_folder(directory).items():
        run = Run(suite, benchmark, 0, Type.SEQN, side="A")
        more = [LeftOut(path.name, f"a second file of {suite}'s {benchmark}") for path in files[1:]]
        frame = join_sides(
            [[SideFiles(run, "A", (files[0],), environment=environment(None, labels))]],
            harness.name,
            skip_bad=True,
            left_out=more,
        )
        frame["runid"], frame["iteration"] = frame["iteration"], 0
        frames.append(frame)
    return frames


def _log_last(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda path: path.name.endswith(".log"))


def _artifacts(directory: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        with contextlib.suppress(OSError), open_file(path) as file:
            texts[path.name] = file.read(ARTIFACT_BYTES).decode(errors="replace")
    return texts


def renumbered(frame: pd.DataFrame, others: Sequence[pa.Table]) -> tuple[pd.DataFrame, str]:
    """Raise the runids of benchmarks and types that `others` have runs of too, so that none collide.

    Each such group continues behind the highest runid there. Returns the frame and a line that
    says so, empty when nothing collided.
    """
    taken = _highest(others)
    keys = list(zip(frame["suite"], frame["benchmark"], frame["type"], strict=True))
    offsets = pd.Series([taken.get(key, -1) + 1 for key in keys], index=frame.index, dtype="int64")
    if not offsets.any():
        return frame, ""
    attrs = frame.attrs
    frame = frame.assign(runid=frame["runid"] + offsets)
    frame.attrs = attrs
    groups = len({key for key in set(keys) if key in taken})
    return frame, f"runids of {groups} benchmarks and types were raised because such runs already exist"


def _highest(tables: Sequence[pa.Table]) -> dict[tuple[str, str, str], int]:
    highest: dict[tuple[str, str, str], int] = {}
    for t in tables:
        groups = t.select(_RUN_KEYS).group_by(_RUN_KEYS[:3]).aggregate([("runid", "max")])
        for row in groups.to_pylist():
            key = (row["suite"], row["benchmark"], row["type"])
            highest[key] = max(highest.get(key, -1), row["runid_max"])
    return highest
