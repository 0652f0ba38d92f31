"""The directory for locks, whatever others have put in its place."""

import os
import tempfile
from pathlib import Path

import pytest
from duet.engines import podman, private
from duet.model import DuetError


@pytest.mark.parametrize("obstacle", ["link", "dangling link", "file", "FIFO", "open to all"])
def test_what_others_may_have_put_in_its_place(tmp_path: Path, obstacle):
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    directory = tmp_path / "duetbench"
    {
        "link": lambda: directory.symlink_to(victim),
        "dangling link": lambda: directory.symlink_to(tmp_path / "nothing"),
        "file": directory.touch,
        "FIFO": lambda: os.mkfifo(directory),
        "open to all": lambda: (directory.mkdir(), directory.chmod(0o777)),
    }[obstacle]()
    if obstacle == "open to all":
        private.make_private(directory)
        assert directory.stat().st_mode & 0o777 == 0o700
        return
    with pytest.raises(OSError):
        private.make_private(directory)
    assert victim.stat().st_mode & 0o777 == 0o755 and list(victim.iterdir()) == []
    assert not (tmp_path / "nothing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives the directory away")
def test_a_directory_of_another_user_is_not_taken(tmp_path: Path):
    directory = tmp_path / "duetbench"
    directory.mkdir(mode=0o700)
    os.chown(directory, 65534, 65534)
    with pytest.raises(PermissionError):
        private.make_private(directory)


def test_a_user_without_any_private_place_is_told_so(monkeypatch):
    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(private, "make_private", refuse)
    with pytest.raises(DuetError, match="is not a directory that only you may enter; remove it"):
        private.private_directory()


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives the directory away")
def test_nobody_else_can_take_the_place_of_podmans_socket(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    for name in ("podman", "podman-0"):
        (tmp_path / f"duetbench-{name}").mkdir()
        os.chown(tmp_path / f"duetbench-{name}", 65534, 65534)
    assert not any(str(tmp_path) in host for host in podman.hosts())


def test_the_place_is_private():
    facts = private.private_directory().lstat()
    assert facts.st_uid == os.geteuid() and facts.st_mode & 0o777 == 0o700
