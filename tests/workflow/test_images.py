"""Campaigns in real containers: what a changed image measures again, and what it does not."""

import json
import shutil

import pytest
import yaml
from campaigns import process_campaign

VERDICTS = "results/c/verdicts.csv"

DOCKERFILE = """FROM {base}
COPY harness.sh /duet/
"""


def container_campaign(project, harness_text: str, base: str) -> None:
    for name in ("one", "two"):
        folder = project.path / "images" / name
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(DOCKERFILE.format(base=base))
        (folder / "harness.sh").write_text(harness_text)
    campaign = process_campaign("c", {"first": {"A": "sh harness.sh 5"}, "second": {"A": "sh harness.sh 5"}})
    campaign["duetbench"] |= {"engine": "docker", "image": "one", "cpus": "split"}
    campaign["second"]["image"] = "two"
    project.write("c", campaign)


def test_a_changed_image_measures_just_its_runs(project, harness_text, test_image):
    container_campaign(project, harness_text, test_image)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    first = project.measured("c")
    record = json.loads(next(project.results("c").glob("runs/*first.0*/run.json")).read_text())
    assert record["engine"] == "docker" and record["sides"]["A"]["image_hash"]

    for folder in ("one", "two"):  # newer, but the same
        (project.path / "images" / folder / "harness.sh").write_text(harness_text)
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert project.measured("c") == first

    (project.path / "images/two/harness.sh").write_text(harness_text + "# changed\n")
    assert project.snakemake("c", VERDICTS).returncode == 0
    again = {run for run, mtime in project.measured("c").items() if mtime != first[run]}
    assert again == {run for run in first if ".second." in run}

    (project.path / "images/two/harness.sh").write_text(harness_text)
    (project.path / "images/one/Dockerfile").write_text("FROM nowhere/none\n")
    failed = project.snakemake("c", VERDICTS)
    assert failed.returncode != 0 and "Traceback" not in failed.stdout
    assert "nowhere/none" in failed.stdout


@pytest.mark.parametrize("also", ["nothing", "its records"])
def test_an_image_that_the_engine_lost_is_built_before_the_run_that_needs_it(
    project, harness_text, test_image, docker, also
):
    container_campaign(project, harness_text, test_image)
    assert project.snakemake("c", VERDICTS).returncode == 0
    first = project.measured("c")
    (presence,) = project.results("c").glob("images/docker@*/one.json")
    tag = json.loads(presence.read_text())["tag"]
    docker.images.remove(tag, force=True)
    if also == "its records":
        shutil.rmtree(project.results("c") / "images")
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert project.measured("c") == first, "nobody needed it"
    campaign = yaml.safe_load((project.path / "config/c.yml").read_text())
    campaign["first"]["duet_repetitions"] = 3
    project.write("c", campaign)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert docker.images.get(tag)
    assert len(project.measured("c")) == len(first) + 1 and first.items() <= project.measured("c").items()


def test_an_image_of_ones_own_that_was_built_again_measures_its_runs(
    project, harness_text, test_image, docker
):
    """A tag such as `mine:main`, which its owner moves to another content."""
    tag = f"localhost/duetbench-own-{project.path.parent.name}:main".lower()
    container_campaign(project, harness_text, test_image)
    assert project.snakemake("c", VERDICTS).returncode == 0
    made = {
        name: json.loads(next(project.results("c").glob(f"images/docker@*/{name}.json")).read_text())["id"]
        for name in ("one", "two")
    }
    docker.images.get(made["one"]).tag(tag)
    try:
        campaign = yaml.safe_load((project.path / "config/c.yml").read_text())
        campaign["second"]["image"] = tag
        project.write("c", campaign)
        assert project.snakemake("c", VERDICTS).returncode == 0
        first = project.measured("c")
        assert project.snakemake("c", VERDICTS).returncode == 0
        assert project.measured("c") == first
        (project.path / "images/two/harness.sh").write_text(harness_text + "# changed\n")
        other = {"image": "two", "duet_repetitions": 1}
        campaign["third"] = other | {"A": {"run": "sh harness.sh 5"}}
        campaign["duetbench"]["duets"].append("third")
        project.write("c", campaign)
        assert project.snakemake("c", VERDICTS).returncode == 0
        presence = next(project.results("c").glob("images/docker@*/two.json"))
        docker.images.get(json.loads(presence.read_text())["id"]).tag(tag)
        dry = project.snakemake("c", "-n", VERDICTS)
        assert "2 to measure" in dry.stdout and project.measured("c").items() >= first.items()
        assert project.snakemake("c", VERDICTS).returncode == 0
        again = {run for run, mtime in first.items() if mtime != project.measured("c")[run]}
        assert again == {run for run in first if ".second." in run}
    finally:
        docker.images.remove(tag, force=True)
