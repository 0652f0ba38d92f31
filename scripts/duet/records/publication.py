"""How a measured run comes into its place: at once and whole, or not at all.

A run is made beside its directory, in `Layout.part`, and put into its place by renaming. So a finished run is
there until a finished one replaces it; what a killed process was about to publish is published by `recover`.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from duet.records.files import sync, unwritable
from duet.records.layout import FAILED, Layout
from duet.records.run import intact


def publish(part: Path, directory: Path, keep: Sequence[str] = ()) -> None:
    """Have the run's `directory` be what `part` is, with those files of it that are called as in `keep`.

    Everything is on the disk before anything of the old content goes. Raises RecordError; then the
    directory is what it was.
    """
    try:
        for name in keep:
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                _link(directory / name, part / name)
        _sync_tree(part)
        _replace(directory, part)
    except OSError as e:
        raise unwritable(directory, e) from None


def publish_failure(part: Path, directory: Path, keep: Sequence[str] = ()) -> None:
    """The same of a run that failed; where a finished one is there it stays, and this is put into it."""
    if not holds_finished(directory):
        publish(part, directory, keep)
        return
    shutil.rmtree(directory / FAILED, ignore_errors=True)
    try:
        part.rename(directory / FAILED)
    except OSError as e:
        raise unwritable(directory / FAILED, e) from None


def holds_finished(directory: Path) -> bool:
    """Whether a finished run is there that nothing but another one may replace."""
    return not intact(directory)


def set_aside(part: Path, name: str) -> None:
    """Move what a failed attempt left in `part` into its subdirectory `name`, for the next attempt."""
    (part / name).mkdir()
    for path in list(part.iterdir()):
        if not path.name.startswith(f"{FAILED}."):
            path.rename(part / name / path.name)


def recover(layout: Layout) -> list[str]:
    """Bring into its place what measuring had finished when it was killed; the runs. Nobody measures here."""
    runs = []
    for part in layout.runs.glob(layout.part("*").name):
        directory = layout.run(part.name.removeprefix(".").removesuffix(".part"))
        if not intact(part, name=directory.name, digests=True):
            publish(part, directory)
            runs.append(directory.name)
    for aside in layout.runs.glob(f".*{_OLD}"):
        directory = layout.run(aside.name.removeprefix(".").removesuffix(_OLD))
        if directory.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(directory)
    return runs


_OLD = ".old"


def _replace(directory: Path, part: Path) -> None:
    """Between the two renames `recover` knows what to do."""
    old = directory.with_name(f".{directory.name}{_OLD}")
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        directory.rename(old)
    try:
        part.rename(directory)
    except OSError:
        old.rename(directory)
        raise
    sync(directory.parent)
    shutil.rmtree(old, ignore_errors=True)


def _link(source: Path, to: Path) -> None:
    try:
        os.link(source, to, follow_symlinks=False)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, to, follow_symlinks=False)


def _sync_tree(tree: Path) -> None:
    for folder, _, names in os.walk(tree):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            # A pipe that something left there has no content, and opening it might block.
            if stat.S_ISREG(mode := path.lstat().st_mode) or stat.S_ISDIR(mode):
                sync(path)
