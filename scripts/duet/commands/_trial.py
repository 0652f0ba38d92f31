"""Each side of a comparison tried alone, as it will be measured: whether it works, how long it takes."""

import csv
import os
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duet.campaign import load, order
from duet.commands import Log, _comparison
from duet.commands._comparison import Comparison
from duet.commands._workflow import PROJECT
from duet.images import checkouts
from duet.measure.phase import Phase
from duet.model import Campaign, DuetError, Run
from duet.records.layout import Layout
from duet.records.plan import plan_of
from duet.records.run import FailureRecord, RunRecord
from duet.report.summary.wording import line, seconds

LEFT_OUT = frozenset((".git", ".snakemake", ".venv", "results"))
"""Of the current directory, what does not go into containers."""
MOST_BYTES = 500_000_000
"""Of the files that go into containers."""
TAIL_LINES = 10
SLOW_START = 0.5
"""A command of which so much is its process's start hardly does anything."""


@dataclass(frozen=True)
class Tried:
    times_s: tuple[float, float]
    """Of one execution of each command, alone: the median after the first, where there are more."""
    start_s: float
    """Of that the start of a process (or of a shell) that does nothing."""
    around_s: float
    """What a run takes besides: starting the sides, setup."""

    def messages(self) -> list[str]:
        """What a reader should know of it before measuring."""
        a, b = map(seconds, self.times_s)
        text = f"alone, A takes {a} and B {b}"
        share = self.start_s / min(self.times_s)
        if share >= 0.02:
            text += (
                f"; {seconds(self.start_s)} of each is starting a process, which duetbench cannot leave out"
            )
        lines = [text]
        if share >= SLOW_START:
            remedy = "let them repeat their work, or do more of it"
            lines.append(
                f"warning: the commands do hardly more than start, so a difference looks small; {remedy}"
            )
        return lines


def trial(comparison: Comparison, folder: Path, limit_s: float, log: Log) -> Tried:
    """Try both commands in `folder`, which is empty but for the files that containers get.

    Shows the last lines of what failed, then raises DuetError.
    """
    file = folder / "trial.yml"
    file.write_text(_comparison.trial_text(comparison, limit_s), encoding="utf-8")
    campaign, layout = load.load_campaign(file), Layout(folder / "results")
    runs = order.runs(campaign)
    plan_of(campaign, runs).write(layout)
    _bring_images(comparison, campaign, layout, log)
    faults, tried = [], {}
    for run in sorted(runs, key=lambda run: str(run.side)):
        side = str(run.side)
        begin = time.monotonic()
        fault = _try(run, layout, limit_s)
        if fault:
            faults.append(_failed(side, fault, comparison, campaign, layout, run, log))
        else:
            directory = layout.run(run.name)
            times_s = _times_s(directory / run.file(side, "results.csv"))
            start_s = _times_s(directory / run.file(side, "start.csv"))
            around_s = time.monotonic() - begin - sum(times_s) - sum(start_s)
            tried[side] = (_typical(times_s), _typical(start_s), around_s)
    if faults:
        raise DuetError("; ".join(faults), _remedy(faults, comparison))
    (a, a_start, a_around), (b, b_start, b_around) = tried["A"], tried["B"]
    return Tried((a, b), min(a_start, b_start, a, b), max(a_around, b_around, 0.0))


def pack(directory: Path, archive: Path) -> None:
    """The files of a directory as a tar file, which is the same as long as their content is.

    Raises DuetError where they are too large or cannot be read.
    """
    names, size = [], 0
    for parent, folders, files in os.walk(directory):
        if Path(parent) == directory:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for path in (Path(parent, name) for name in sorted(files) + links):
            if path.is_file() or path.is_symlink():
                names.append(path.relative_to(directory))
                size += path.lstat().st_size
        if size > MOST_BYTES:
            what = f"{directory} has more than {MOST_BYTES // 1_000_000} MB, too much to copy into containers"
            raise DuetError(what, "stand in a directory that has only what the commands need")
    try:
        with tarfile.open(archive, "w") as tar:
            for name in names:
                tar.add(directory / name, str(name), recursive=False, filter=_plain)
    except OSError as error:
        raise DuetError(f"{error.filename}: {error.strerror}", "see to it that it can be read") from None


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    return info


def _bring_images(comparison: Comparison, campaign: Campaign, layout: Layout, log: Log) -> None:
    """As the workflow's rules do."""
    if comparison.images:
        log("making the images, once")
    for ref in campaign.images:
        plan = layout.image_plan(ref.key)
        more: list[str | Path] = []
        if ref.checkout is not None:
            # of a build that fails: it stays
            more = ["--log", checkouts.directory_of(ref.checkout) / "image.log"]
        if ref.source:
            _call(
                [
                    "fetch",
                    "--plan",
                    plan,
                    "--out",
                    layout.source(ref.key),
                    "--folder",
                    layout.results / ".sources",
                ]
            )
        with Phase(f"building {ref.checkout.title if ref.checkout else ref.name}"):
            done = _call(["provide", "--plan", plan, "--engine", comparison.engine, *more])
        if done.returncode and ref.checkout is not None:
            sides = [side.name for b in campaign.benchmarks for side in (b.a, b.b) if side.image == ref]
            raise _not_built(sides[0], done.stderr, log)
        if done.returncode:
            for text in done.stderr.splitlines():
                log(text)
            name = dict(ref.args).get("IMAGE", ref.name)
            raise DuetError(f"there is no image to try the commands in: {name}", "see above")


def _not_built(side: str, stderr: str, log: Log) -> DuetError:
    """What it says of a checkout that failed: its first line, after those that follow."""
    lines = [text.removeprefix("error: ") for text in stderr.splitlines() if text.startswith("error: ")]
    what, *tail = lines or stderr.strip().splitlines()[-1:] or ["it could not be built"]
    for text in tail:
        log(f"  {side} | {line(text.strip())}")
    return DuetError(
        f"{side}: {what}", "see that it builds in a fresh clone, by --build COMMAND" if tail else ""
    )


def _call(words: Sequence[str | Path], timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "scripts/duetbench.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s)


def _try(run: Run, layout: Layout, limit_s: float) -> str:
    """Why it cannot be measured; empty where it can."""
    done = _call(["measure", "--results", layout.results, "--run", run.name])
    failure = layout.failure(run.name)
    if failure.is_file():
        reason = FailureRecord.read(failure).reason
        return f"it does not end within {limit_s:g} s" if "when it was stopped" in reason else reason
    record = RunRecord.read_sound(layout.run_record(run.name))
    if record is None:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it was not measured"
    times_s = _times_s(layout.run(run.name) / run.file(str(run.side), "results.csv"))
    return "" if times_s else f"it does not end within {limit_s:g} s"


def _failed(
    side: str, fault: str, comparison: Comparison, campaign: Campaign, layout: Layout, run: Run, log: Log
) -> str:
    """One line for it, after the last lines that it wrote were shown."""
    command = comparison.commands["AB".index(side)]
    title = comparison.titles["AB".index(side)]
    called = line(f"{title}: {command}" if title else command)
    try:
        written = (layout.run(run.name) / run.log(side)).read_bytes().decode(errors="replace")
    except OSError:
        written = ""
    lines = [line(text).rstrip() for text in written.splitlines()]
    for text in [text for text in lines if text][-TAIL_LINES:]:
        log(f"  {side} | {text}")
    return f"{side} ({called}): {fault.removeprefix(f'side {side} ')}"


def _remedy(faults: Sequence[str], comparison: Comparison) -> str:
    place = str(comparison.directory)
    if comparison.revisions is not None:
        place = "sides have the files that git has of their revision, and what --build makes"
    elif comparison.images:
        place = "containers have the current directory's files"
    if any("exit code 127" in fault for fault in faults):
        python = ", and an image needs Python 3" if comparison.images else ""
        return f"a command or what it calls is not there: check names and paths ({place}){python}"
    if any("does not end" in fault for fault in faults):
        return "see that it ends by itself and reads no input, or allow more: --timeout SECONDS"
    return f"see that it works when it is typed ({place}); if a status other than 0 is right, append: || true"


def _times_s(file: Path) -> list[float]:
    """Of the iterations of a file that duet-loop wrote."""
    with file.open(newline="") as text:
        return [(int(row["end_ns"]) - int(row["start_ns"])) / 1e9 for row in csv.DictReader(text)]


def _typical(times_s: Sequence[float]) -> float:
    return statistics.median(times_s[1:] or times_s)
