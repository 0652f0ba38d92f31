"""Checkouts for host processes, and what an image's state is with one on top."""

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from duet.images import checkouts, presence
from duet.images.checkouts import CheckoutError
from duet.model import Checkout, ImageRef
from duet.records.layout import Layout
from repositories import Repository

BASE = "debian:bookworm-slim"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Repository.new(tmp_path / "repository")
    made.commit(a_txt="1")
    return made


def checkout(repository: Repository, build: str = "", revision: str = "main") -> Checkout:
    commit = repository.git("rev-parse", revision)
    return Checkout(commit, build, commit, revision, repository.path)


def test_a_commit_is_built_once_whatever_it_is_called(repository: Repository, tmp_path: Path) -> None:
    count = tmp_path / "count"
    build = f"echo built >>{count}; cp a.txt b.txt; git rev-parse HEAD || true"
    tree = checkouts.built(checkout(repository, build))
    assert (tree / "b.txt").read_text() == "1"
    assert not tree.is_relative_to(repository.path)
    assert "not a git repository" in (tree.parent / "build.log").read_text()
    assert checkouts.built(checkout(repository, build, "HEAD")) == tree
    assert count.read_text() == "built\n"
    assert checkouts.built(checkout(repository, "true")) != tree


def test_a_build_that_fails(repository: Repository) -> None:
    bad = checkout(repository, "for i in $(seq 30); do echo line $i; done; echo why >&2; exit 7")
    for _ in range(2):  # nothing of it is taken for built
        with pytest.raises(CheckoutError) as caught:
            checkouts.built(bad)
    first, *tail = str(caught.value).splitlines()
    log = checkouts.directory_of(bad) / "build.log"
    assert first == f"{bad.title}: the build ended with exit code 7 ({bad.build}); log: {log}"
    assert len(tail) == 15 and tail[-1] == "    why" and "line 1\n" in log.read_text()


def test_no_place_to_build(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CheckoutError, match=r"file/duetbench.*: Not a directory; set XDG_CACHE_HOME"):
        checkouts.built(checkout(repository))


def test_what_a_side_finds(repository: Repository, tmp_path: Path) -> None:
    """The checkout's files lie over the image's."""
    image = (tmp_path / "duet-loop", tmp_path / "a.txt")
    for file in image:
        file.write_text("the image's")
    ref = ImageRef("probes", (), None, checkout(repository))
    made = checkouts.provide_for_processes(ref, image, None)
    assert [file.name for file in made.files] == ["duet-loop", "a.txt"]
    assert made.files[1].read_text() == "1"


def look(layout: Layout, ref: ImageRef) -> presence.State:
    return presence.look({ref: "process"}, layout, BASE)[ref.key]


def test_the_state_follows_commit_and_build(repository: Repository, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "results/x")
    ref = ImageRef("", (), None, checkout(repository, "true"))
    before = look(layout, ref)
    assert before.hash and not before.present
    made = checkouts.provide_for_processes(ref, (), None)
    presence.write(layout, made)
    assert look(layout, ref) == presence.State(before.hash, True)
    same = replace(ref, checkout=checkout(repository, "true", "HEAD"))
    assert same == ref and look(layout, same) == look(layout, ref)
    other = replace(ref, checkout=checkout(repository, "false"))
    assert other.key != ref.key and look(layout, other).hash != before.hash
    (made.files[0]).unlink()  # somebody emptied the cache: to be built again, not measured
    assert look(layout, ref) == presence.State(before.hash, False)


def test_what_an_engine_is_sent(repository: Repository) -> None:
    (repository.path / "run").write_text("#!/bin/sh\n")
    (repository.path / "run").chmod(0o755)
    (repository.path / "link").symlink_to("run")
    repository.commit()
    with (
        checkouts._context(checkout(repository, 'make "all"\nit'), "below:1") as data,
        tarfile.open(fileobj=data) as tar,
    ):
        text = tar.extractfile("Dockerfile").read().decode()
        members = {member.name: member for member in tar.getmembers()}
    assert text.startswith("FROM below:1\n") and text.endswith('RUN ["sh", "-c", "make \\"all\\"\\nit"]\n')
    assert members["files/run"].mode == 0o755 and members["files/a.txt"].mode == 0o644
    assert members["files/link"].linkname == "run"
    assert {member.mtime for member in members.values()} == {checkouts.TIME_S}
