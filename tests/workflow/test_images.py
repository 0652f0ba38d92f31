"""Campaigns in real containers: what a changed image measures again, and what it does not."""

import json

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


def test_an_image_that_the_engine_lost_is_just_made_again(project, harness_text, test_image, docker):
    container_campaign(project, harness_text, test_image)
    assert project.snakemake("c", VERDICTS).returncode == 0
    first = project.measured("c")
    tag = json.loads((project.results("c") / "images/one.json").read_text())["tag"]
    docker.images.remove(tag, force=True)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert docker.images.get(tag)
    assert project.measured("c") == first
