"""A finished run is there until a finished one replaces it, whenever the process that does it dies."""

import os
import shutil
from pathlib import Path

import pytest
from duet.model import Order, Run, Type
from duet.records import publication
from duet.records.files import RecordError
from duet.records.layout import Layout
from duet.records.run import RunRecord, file_record, intact
from run_records import run_record

RUN = Run("s", "b", 0, Type.SEQN, Order.NONE, "A")


def make(directory: Path, content: str) -> Path:
    """A finished run whose only result is `content`."""
    directory.mkdir(parents=True)
    result = directory / RUN.file("A", "out.csv")
    result.write_text(content)
    (directory / RUN.log("A")).touch()
    run_record(RUN, {"A": {"files": (file_record(result),)}}).write(directory / "run.json")
    return directory


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def part(layout: Layout) -> Path:
    return make(layout.part(RUN.name), "new")


@pytest.fixture
def directory(layout: Layout) -> Path:
    made = make(layout.run(RUN.name), "old")
    (made / "kept").write_text("kept")
    (made / "failed.1").mkdir()
    return made


def result(directory: Path) -> str:
    assert intact(directory, digests=True) == []
    return (directory / RUN.file("A", "out.csv")).read_text()


def test_a_run_replaces_another_as_a_whole(part: Path, directory: Path):
    os.mkfifo(part / "pipe")
    publication.publish(part, directory, keep=("kept", "absent"))
    assert result(directory) == "new" and (directory / "kept").read_text() == "kept"
    assert {p.name for p in directory.iterdir()} == {
        *("run.json", "kept", "pipe", RUN.file("A", "out.csv"), RUN.log("A"))
    }
    assert [p.name for p in directory.parent.iterdir()] == [directory.name]


def test_everything_is_on_the_disk_before_anything_goes(part: Path, directory: Path, monkeypatch):
    events: list[str] = []
    rename, sync = Path.rename, os.fsync
    monkeypatch.setattr(Path, "rename", lambda self, to: events.append(self.name) or rename(self, to))
    monkeypatch.setattr(os, "fsync", lambda fd: events.append("sync") or sync(fd))
    publication.publish(part, directory)
    synced = ["sync"] * 4  # three files and their directory
    assert events == [*synced, directory.name, part.name, "sync"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("calls", range(12))
def test_whenever_it_is_killed_a_finished_run_is_there_after_recovery(
    layout: Layout, part: Path, directory: Path, monkeypatch, calls: int
):
    """Killed at each of the calls that change something or wait for the disk, one after the other."""
    left = [calls]

    def counted(real):
        def call(*args, **kwargs):
            if not left[0]:
                raise Killed
            left[0] -= 1
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        patch.setattr(os, "link", counted(os.link))
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        try:
            publication.publish(part, directory, keep=("kept",))
            killed = False
        except Killed:
            killed = True
    assert killed or calls > 8
    publication.recover(layout)
    assert result(directory) == "new"
    assert [p.name for p in layout.runs.iterdir()] == [directory.name]


def test_what_was_not_finished_is_not_published(layout: Layout, part: Path, directory: Path):
    (part / RUN.file("A", "out.csv")).write_text("torn")
    assert publication.recover(layout) == [] and result(directory) == "old"


def test_an_old_run_comes_back_where_there_is_no_new_one(layout: Layout, directory: Path):
    directory.rename(layout.runs / f".{RUN.name}.old")
    assert publication.recover(layout) == [] and result(directory) == "old"


def test_a_failure_goes_into_the_finished_run_that_stays(layout: Layout, directory: Path):
    for reason in ("one", "two"):
        part = layout.part(RUN.name)
        part.mkdir()
        (part / "failure.json").write_text(reason)
        publication.publish_failure(part, directory)
        assert result(directory) == "old" and (directory / "failed/failure.json").read_text() == reason


def test_what_cannot_be_put_there_leaves_what_was(part: Path, directory: Path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"No space left on device\); make room there"):
        publication.publish(part, directory)
    assert result(directory) == "old"


def test_attempts_are_numbered(layout: Layout):
    part = layout.part(RUN.name)
    part.mkdir(parents=True)
    for number in (1, 2):
        (part / "log").write_text(str(number))
        publication.set_aside(part, f"failed.{number}")
    assert sorted(p.relative_to(part).as_posix() for p in part.rglob("*")) == [
        *("failed.1", "failed.1/log", "failed.2", "failed.2/log")
    ]


def test_the_record_says_what_it_said(part: Path, directory: Path):
    before = RunRecord.read(part / "run.json")
    publication.publish(part, directory)
    assert RunRecord.read(directory / "run.json") == before
