"""The README's commands, typed as they stand there; what measures for long gets options that shorten it."""

import io
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from campaigns import PROJECT, Project

README = (PROJECT / "README.md").read_text()
COMMANDS = re.findall(r"^    (\./.+)$", README, re.MULTILINE)
GZIP, IMAGES, GIT, CAMPAIGN, GATE = COMMANDS
SHORT = "--runs 2 --time 1"

BENCH = """#!/bin/sh
# $1: a benchmark of the campaign. Five iterations of a millisecond, from a clock in whole seconds.
case $1 in parse | render) ;; *) exit 1 ;; esac
start=$(date +%s)000000000
echo iteration,start_ns,end_ns >results.csv
for i in 0 1 2 3 4; do
    echo "$i,$((start + i * 1000000)),$((start + (i + 1) * 1000000))" >>results.csv
done
"""


@pytest.fixture
def clone(project: Project) -> Path:
    """A checkout whose environment is that of the tests."""
    for name in ("run", "duetbench", "requirements.txt"):
        shutil.copy2(PROJECT / name, project.path / name)
    python = project.path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    shutil.copy2(PROJECT / "requirements.txt", project.path / ".venv")
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return project.path


def typed(command: str, folder: Path, checkout: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In `folder`; where that is another one than the checkout, by the path of the latter."""
    if checkout:
        command = f"{checkout}/{command.removeprefix('./')}"
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=600)


def test_the_readme_has_these_commands_and_no_others() -> None:
    assert [shlex.split(command)[0] for command in COMMANDS] == ["./duetbench"] * 3 + ["./run", "./duetbench"]
    assert ["--image" in IMAGES, "--git" in GIT, "mine.yml" in CAMPAIGN, "gate" in GATE] == [True] * 4


def test_two_commands(clone: Path) -> None:
    (clone / "data.txt").write_text("how much wood would a woodchuck chuck\n" * 20_000)
    done = typed(f"{GZIP} {SHORT}", clone)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  A .* gzip -6 -c data.txt$", done.stdout, re.MULTILINE)
    assert "./duetbench compare --name gzip --runs 4" in done.stdout
    again = typed("./duetbench compare --name gzip --runs 2", clone)
    assert again.returncode == 0 and "in 2 runs" in again.stdout, again.stderr


@pytest.mark.needs("git")
def test_two_commits(clone: Path, tmp_path: Path) -> None:
    """In another repository, whose second commit has more work to do."""
    here = tmp_path / "repository"
    here.mkdir()
    (here / "Makefile").write_text("bench: bench.in\n\tinstall -m 755 bench.in bench\n")
    (here / "data.txt").write_text("some words\n" * 1000)

    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *words], cwd=here, check=True, capture_output=True)

    git("init", "-q")
    for times, branch in ((1, "main"), (20, "change")):
        script = f'#!/bin/sh\nfor i in $(seq {times}); do sort "$1" >/dev/null; done\n'
        (here / "bench.in").write_text(script)
        if branch != "main":
            git("switch", "-qc", branch)
        git("add", ".")
        git("commit", "-qm", branch)
    done = typed(f"{GIT} {SHORT} --runs 4", here, clone)
    assert done.returncode == 0, done.stderr
    assert "B is slower than A: +" in done.stdout and not (here / "bench").exists()


@pytest.fixture
def pythons(docker, tmp_path: Path) -> Iterator[None]:
    """python:3.11 and python:3.12: the project's image with a Python."""
    made = tmp_path / "image.json"
    entry = [sys.executable, str(PROJECT / "scripts/duetbench.py")]
    words = ["provide", "--name", "compress", "--engine", "docker", "--out", str(made)]
    subprocess.run([*entry, *words], check=True, capture_output=True)
    (tag,) = re.findall(r'"tag": ?"([^"]+)"', made.read_text())
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        link = tarfile.TarInfo("usr/local/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "/usr/bin/python3"
        tar.addfile(link)
    yield from images(docker, tag, data.getvalue(), "python", ("3.11", "3.12"))


@pytest.fixture
def mine(docker, test_image: str) -> Iterator[None]:
    """mine:main and mine:pull-request: the test image with a program `bench` in /duet."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo("duet/bench")
        entry.mode, entry.size = 0o755, len(BENCH)
        tar.addfile(entry, io.BytesIO(BENCH.encode()))
    yield from images(docker, test_image, data.getvalue(), "mine", ("main", "pull-request"))


def images(docker, image: str, files: bytes, name: str, tags: tuple[str, ...]) -> Iterator[None]:
    """`image` with files put into it, under tags that nobody has yet, until the test is over."""
    container = docker.containers.create(image, "true")
    try:
        container.put_archive("/", files)
        for tag in tags:
            assert not docker.images.list(f"{name}:{tag}"), f"an image {name}:{tag} is here already"
            container.commit(name, tag, changes="WORKDIR /duet")
    finally:
        container.remove(v=True)
    yield
    for tag in tags:
        docker.images.remove(f"{name}:{tag}", force=True)


def test_one_command_in_two_images(clone: Path, pythons: None) -> None:
    (clone / "bench.py").write_text("sum(range(300_000))")
    done = typed(f"{IMAGES} {SHORT} --engine docker", clone)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  B .* python:3.12: python bench.py$", done.stdout, re.MULTILINE)


def test_the_campaign_and_the_gate(clone: Path, mine: None) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?^duetbench:.*?)^```", README, re.MULTILINE | re.DOTALL)
    (clone / "config/mine.yml").write_text(block)
    done = typed(f"{CAMPAIGN} --config duet_repetitions=1 engine=docker", clone)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(clone / "results/mine/iterations.csv")
    assert dict(table.groupby(["benchmark", "pair"]).size()) == {
        (benchmark, side): 5 for benchmark in ("parse", "render") for side in "AB"
    }
    assert set(table.image) == {"mine:main", "mine:pull-request"}
    gate = typed(GATE, clone)
    assert gate.returncode == 0, gate.stdout + gate.stderr
    comment = (clone / "comment.md").read_text()
    assert comment.startswith("✅ **duetbench:** passed, no regression beyond 3 % among 2 benchmarks")
