"""duetbench compare of revisions, measured; the commands of docs/compare.md as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import PROJECT
from commands import DUETBENCH
from repositories import Repository

DOCUMENT = (PROJECT / "docs/compare.md").read_text(encoding="utf-8")
SHORT = ("--runs", "4", "--time", "2")
BENCH = "#!/bin/sh\nsleep DELAY && cat data.txt\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """main, and a commit more whose bench, which make writes, takes four times as long."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Repository.new(tmp_path / "repository")
    entry = made.path / "duetbench"
    entry.write_text(f'#!/bin/sh\nexec {" ".join(DUETBENCH)} "$@"\n')
    entry.chmod(0o755)
    recipe = "sed s/DELAY/0.0$$(cat delay)/ bench.sh >bench && chmod +x bench"
    made.write(Makefile=f"bench: bench.sh delay\n\t{recipe}\n", bench_sh=BENCH, data_txt="")
    made.commit(delay="20", _gitignore="bench\nresults\n.snakemake\n*.json\n")
    made.git("switch", "--quiet", "--create", "slower")
    made.commit(delay="80")
    return made


def compare(repository: Repository, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*DUETBENCH, "compare", *words]
    return subprocess.run(command, cwd=repository.path, capture_output=True, text=True)


@pytest.mark.long  # test_readme.py has the short of it
@pytest.mark.needs("make")
def test_two_revisions_in_one_line(repository: Repository) -> None:
    """The documents' line; then a branch that names the same commit, and more runs."""
    (line,) = re.findall(r"^    \./duetbench (compare --git .*)$", DOCUMENT, re.MULTILINE)
    assert f"    ./duetbench {line}\n" in (PROJECT / "README.md").read_text(encoding="utf-8")
    command = f"./duetbench {line} {' '.join(SHORT)} --export-json out.json"
    done = subprocess.run(command, shell=True, cwd=repository.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = json.loads((repository.path / "out.json").read_text())
    assert out["verdict"] == "slower"
    main, head = (repository.git("rev-parse", "--short=7", name) for name in ("main", "HEAD"))
    assert (out["A"]["revision"], out["B"]["revision"]) == (f"main ({main})", f"HEAD ({head})")
    assert f"HEAD ({head}): ./bench data.txt" in done.stdout
    assert repository.git("status", "--porcelain") == "" and not (repository.path / "bench").exists()
    (folder,) = repository.path.glob("results/*")
    records = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/run.json")}
    more = compare(repository, "--name", folder.name, "--runs", "5")
    assert more.returncode == 0 and "in 5 runs" in more.stdout, more.stderr
    assert {path: path.stat().st_mtime_ns for path in records} == records


@pytest.mark.needs("make")
def test_a_build_that_fails_leaves_its_log(repository: Repository) -> None:
    done = compare(repository, "--git", "main..HEAD", "--build", "make nothing", "./bench data.txt")
    assert done.returncode == 4 and done.stdout == ""
    assert re.search(r"^  A \| make: \*\*\* No rule to make target 'nothing'", done.stderr, re.MULTILINE)
    last = done.stderr.splitlines()[-1]
    assert re.match(
        r"error: A: main \(\w{7}\): the build ended with exit code 2 \(make nothing\); log: /", last
    )
    log = Path(re.findall(r"; log: ([^;]+)", last)[0])
    assert "No rule" in log.read_text() and not (repository.path / "results").exists()


def test_a_command_that_the_revisions_do_not_have(repository: Repository) -> None:
    done = compare(repository, "--git", "main..HEAD", "./bench data.txt")
    assert done.returncode == 4
    last = done.stderr.splitlines()[-1]
    assert re.match(
        r"error: A \(main \(\w{7}\): ./bench data.txt\): ended with exit code 127 \(.*\); B \(HEAD ", last
    )
    assert "sides have the files that git has of their revision, and what --build makes" in last


@pytest.mark.long
@pytest.mark.needs("make")
def test_the_shell_example(repository: Repository) -> None:
    """The working tree is slower than main, by more than the threshold."""
    (script,) = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    script = script.replace("--fail-threshold", f"{' '.join(SHORT)} --fail-threshold")
    repository.git("switch", "--quiet", "main")
    repository.write(delay="80")
    done = subprocess.run(["sh", "-c", script], cwd=repository.path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "exit code 1", done.stderr
    assert "working tree (" in done.stdout and "with changes): ./bench" in done.stdout


@pytest.mark.long
def test_the_python_example(repository: Repository) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    script = script.replace('"--export-json"', f"{', '.join(map(repr, SHORT))}, '--export-json'")
    for name, delay in (("old", "0.08"), ("new", "0.02")):
        path = repository.path / name
        path.write_text(BENCH.replace("DELAY", delay))
        path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repository.path, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    verdict, times = done.stdout.splitlines()[-2:]
    assert re.match(r"faster -\d+\.\d % \(-\d+\.\d to -\d+\.\d %\)$", verdict), verdict
    assert re.match(r"A \d+\.\d ms, B \d+\.\d ms$", times), times
