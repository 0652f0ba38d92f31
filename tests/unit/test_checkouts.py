"""Checkouts for host processes, and what an image's state is with one on top."""

import io
import os
import shutil
import signal
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from duet.images import checkouts, presence
from duet.images.checkouts import CheckoutError
from duet.images.provide import provide_image
from duet.images.store import BuildFailed
from duet.model import Checkout, ImageRef, digest
from duet.records.layout import Layout
from repositories import Repository
from sides import alive

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


def test_what_fails_when_built_again_is_not_taken_for_built(repository: Repository, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    once = checkout(repository, f"test -e {flag}\n")
    tree = checkouts.built(once)
    flag.unlink()
    assert checkouts.built(once) == tree
    shutil.rmtree(tree)
    for _ in range(2):
        with pytest.raises(CheckoutError) as caught:
            checkouts.built(once)
    assert f" 1 (test -e {flag}); log: " in str(caught.value)


def test_what_a_build_leaves_running_ends_with_it(repository: Repository) -> None:
    """It would compute beside what is measured."""
    mark = f"5432.{os.getpid()}"
    tree = checkouts.built(checkout(repository, f"(setsid sleep {mark} &); sleep {mark} & echo done >done"))
    assert (tree / "done").exists() and alive(f"sleep {mark}") == []


def test_a_build_ends_with_whoever_wanted_it_and_is_made_again(
    repository: Repository, tmp_path: Path
) -> None:
    mark, flag = f"4321.{os.getpid()}", tmp_path / "flag"
    build = f"touch half; [ -e {flag} ] || {{ touch {flag}; (setsid sleep {mark} &); sleep {mark}; }}"
    wanted = checkout(repository, build)
    child = os.fork()
    if not child:
        checkouts.built(wanted)
        os._exit(0)
    until = time.monotonic() + 30
    while len(alive(f"sleep {mark}")) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    tree = checkouts.built(wanted)
    assert alive(f"sleep {mark}") == [] and {path.name for path in tree.iterdir()} == {"a.txt", "half"}


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


class Engine:
    """The images of an engine that builds whatever it is sent."""

    engine = "docker"

    def __init__(self) -> None:
        self.images: dict[str, dict] = {"app:1": image()}
        self.fault = ""

    def tag(self, name: str, version: str) -> str:
        return f"duetbench/{name}:{version}"

    def inspect(self, name: str) -> dict | None:
        return self.images.get(name)

    def content(self, name: str) -> str | None:
        return digest(self.images[name]["RootFS"]["Layers"]) if name in self.images else None

    def build(self, context, tag: str, arguments, labels: dict[str, str], log: io.StringIO) -> None:
        if self.fault:
            raise BuildFailed(f"{tag}: build failed; log: x\n    {self.fault}")
        with tarfile.open(fileobj=context) as tar:
            log.write(tar.extractfile("Dockerfile").read().decode())
        self.images[tag] = image(labels)

    def close(self) -> None:
        pass


def image(labels: dict[str, str] | None = None) -> dict:
    return {"Id": "sha256:1", "RootFS": {"Layers": ["a"]}, "Config": {"Labels": labels or {}}}


def test_in_an_engine_it_is_built_on_the_image_once(repository: Repository, tmp_path: Path) -> None:
    engine, layout = Engine(), Layout(tmp_path / "results/x")
    ref = ImageRef("app:1", (), None, checkout(repository, "make"))
    log = io.StringIO()
    made = [provide_image(engine, ref, tmp_path, BASE, log) for _ in range(2)]
    assert made[0] == made[1] and log.getvalue().count("FROM app:1\n") == 1
    assert made[0].tag in engine.images and made[0].base == {"app:1": engine.content("app:1")}
    assert made[0].hash == checkouts.checkout_hash(engine.content("app:1"), ref.checkout)
    presence.write(layout, made[0])

    def state() -> presence.State:
        return presence.look({ref: "docker"}, layout, BASE, connect=lambda _: engine)[ref.key]

    assert state() == presence.State(made[0].hash, True)
    del engine.images[str(made[0].tag)]  # lost: it costs a build, no run
    assert state() == presence.State(made[0].hash, False)
    engine.images["app:1"]["RootFS"]["Layers"] = ["b"]  # and is built on what is below it now
    assert state().hash == checkouts.checkout_hash(engine.content("app:1"), ref.checkout) != made[0].hash


def test_a_build_that_fails_in_an_engine_names_the_revision(repository: Repository, tmp_path: Path) -> None:
    engine = Engine()
    engine.fault = "why"
    ref = ImageRef("app:1", (), None, checkout(repository, "make"))
    with pytest.raises(BuildFailed) as caught:
        provide_image(engine, ref, tmp_path, BASE, io.StringIO())
    assert str(caught.value) == f"{ref.checkout.title}: build failed; log: x\n    why"
