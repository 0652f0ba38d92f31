"""Campaigns that name revisions of a git repository: built once, measured again where content changed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from campaigns import HARNESS, Project, process_campaign
from repositories import Repository

TABLE = "results/git/iterations.csv"
BUILD = "sed s/STEP/$(cat step)/ bench.in >bench && chmod +x bench"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A harness that a build makes; B's iterations are a tenth longer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Repository.new(tmp_path / "repository")
    (made.path / "bench.in").write_text(HARNESS.replace("$1 *", "STEP *"))
    made.commit(step="10")
    made.git("tag", "old")
    made.commit(step="11")
    return made


def campaign(repository: Repository, b: str, engine: str, image: str | None) -> dict:
    sides = {"A": {"git": {"revision": "old"}}, "B": {"git": {"revision": b}}}
    git = {"repository": str(repository.path), "build": BUILD}
    keys = {"git": git, "engine": engine, "setup": "echo $DUET_SIDE $size >ready"}
    keys |= {"run": 'test "$(cat ready)" = "$DUET_SIDE $size" && ./bench', "parameters": {"size": [7]}}
    return process_campaign("git", {"b": {}}, **keys, **sides, **({"image": image} if image else {}))


def records(project: Project) -> list[dict]:
    records = sorted(project.results("git").glob("runs/*/run.json"))
    return [json.loads(path.read_bytes()) for path in records]


@pytest.mark.parametrize("engine", ["process", "docker"])
def test_revisions_are_built_once(
    project: Project, repository: Repository, engine: str, request: pytest.FixtureRequest
) -> None:
    image = request.getfixturevalue("test_image") if engine == "docker" else None
    project.write("git", campaign(repository, "HEAD", engine, image))
    done = project.snakemake("git", "--cores", "1", TABLE)
    assert done.returncode == 0, done.stdout
    means = pd.read_csv(project.results("git") / "iterations.csv").groupby("pair").iteration_time_ns.mean()
    assert means["A"] == 10_000_007 and means["B"] == 11_000_007
    old, new = (repository.git("rev-parse", name)[:7] for name in ("old", "main"))
    base = f"{image} + " if image else ""
    for record in records(project):
        assert record["run"]["benchmark"] == "b[size=7]"
        assert record["sides"]["A"]["image"] == f"{base}old ({old})"
        assert record["sides"]["B"]["image"] == f"{base}HEAD ({new})"
    measured = project.measured("git")
    assert len(measured) == 2
    assert "duetbench" not in repository.git("status", "--porcelain")

    # another name of the same commit; then one that is another commit
    project.write("git", campaign(repository, "main", engine, image))
    done = project.snakemake("git", "--cores", "1", TABLE)
    assert done.returncode == 0 and project.measured("git") == measured, done.stdout
    repository.commit(step="12")
    done = project.snakemake("git", "--dry-run", "--cores", "1", "--quiet", "rules")
    assert "2 to measure" in done.stdout
    done = project.snakemake("git", "--cores", "1", TABLE)
    assert done.returncode == 0, done.stdout
    means = pd.read_csv(project.results("git") / "iterations.csv").groupby("pair").iteration_time_ns.mean()
    assert means["B"] == 12_000_007 and not set(project.measured("git").values()) & set(measured.values())


def test_a_build_that_fails_is_one_line_with_its_log(project: Project, repository: Repository) -> None:
    wrong = campaign(repository, "HEAD", "process", None)
    wrong["duetbench"]["git"]["build"] = "echo the reason; exit 3"
    project.write("git", wrong)
    done = project.snakemake("git", "--cores", "1", TABLE)
    assert done.returncode != 0
    line = next(text for text in done.stdout.splitlines() if "the build ended with exit code 3" in text)
    log = Path(line.rpartition("; log: ")[2])
    assert line.startswith("error: ") and log.read_text() == "the reason\n" and "the reason" in done.stdout


def test_a_setup_that_fails_fails_its_run(project: Project, harness: str) -> None:
    project.write("s", process_campaign("s", {"b": {"A": f"{harness} 10"}}, setup="echo why; exit 3"))
    done = project.snakemake("s", "--cores", "1")
    assert done.returncode != 0
    assert "ended its setup with exit code 3" in done.stdout
