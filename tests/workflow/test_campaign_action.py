"""What .github/workflows/campaign.yml does, outside of GitHub: on a runner, and on an instance of a cloud."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from amazon import Amazon
from campaigns import PROJECT, Project, process_campaign
from duet.platform import publishing
from duet.platform.storage import Storage
from duet.records.layout import Layout

WORKFLOW = PROJECT / ".github/workflows/campaign.yml"


@pytest.fixture
def checkout(project: Project, harness: str) -> Project:
    """With the environment that there is: `./run` and `./duetbench` need not make one."""
    shutil.copytree(PROJECT / "scripts/action", project.path / "scripts/action", dirs_exist_ok=True)
    (project.path / "requirements-platform.txt").write_text("")
    (project.path / ".venv/bin").mkdir(parents=True)
    (project.path / ".venv/bin/python").symlink_to(sys.executable)
    stems = {"run": "-m snakemake --cores 1", "duetbench": f"{project.path}/scripts/duetbench.py"}
    for name, words in stems.items():
        (project.path / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (project.path / name).chmod(0o755)
    project.write("one", process_campaign("one", {"b": {"A": f"{harness} 5", "B": f"{harness} 6"}}))
    project.write("bad", process_campaign("bad", {"b": {"A": f"{harness} 5"}, "no": {"A": "false"}}))
    return project


def measured(project: Project, **environment: str) -> tuple[int, str, str]:
    """Exit code, output, and the job's summary."""
    summary = project.path / "summary"
    known = os.environ | {"GITHUB_STEP_SUMMARY": str(summary), "POLL_S": "1"} | environment
    done = subprocess.run(
        [project.path / "scripts/action/campaign"], env=known, capture_output=True, text=True, cwd="/"
    )
    return done.returncode, done.stdout + done.stderr, summary.read_text() if summary.exists() else ""


def test_the_workflow_runs_scripts_that_are_there_and_puts_no_input_into_a_shell():
    text = WORKFLOW.read_text()
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert not any("${{" in command for command in commands)
    for script in re.findall(r"scripts/action/\S+", "\n".join(commands)):
        assert os.access(PROJECT / script, os.X_OK)


def test_on_a_runner(checkout: Project, amazon: Amazon):
    code, output, summary = measured(checkout, CAMPAIGN="config/one.yml", PUBLISH="s3://results/lab")
    assert code == 0, output
    assert "| b |" in summary or "b" in summary
    assert any(name.endswith("/manifest.json") for name in amazon.objects())


def test_a_campaign_that_fails_shows_what_there_is(checkout: Project):
    code, output, summary = measured(checkout, CAMPAIGN="config/bad.yml")
    assert code == 1, output
    assert "1 of 2" in output and summary


def cloud_file(project: Project, amazon: Amazon) -> None:
    amazon.client("iam").create_instance_profile(InstanceProfileName="duetbench-instance")
    image = amazon.client("ec2").describe_images()["Images"][0]["ImageId"]
    values = {
        "name": "nightly", "region": "eu-central-1", "image": image, "type": "c7i.large",
        "hours": 1, "bucket": "s3://results/lab", "campaign": "config/other.yml", "limit_role": "none",
        "repository": "https://example.org/x", "commit": "0" * 40,
    }  # fmt: skip
    project.write("cloud", values)


def as_an_instance(amazon: Amazon, results: Path) -> None:
    """What the instance does in the end: publish, and terminate."""
    ec2 = amazon.client("ec2")
    while True:
        there = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
        if there:
            break
        time.sleep(0.2)
    place = f"s3://results/lab/nightly/{there[0]['InstanceId']}"
    publishing.publish(Layout(results), place, Storage.at(place), print)
    ec2.terminate_instances(InstanceIds=[there[0]["InstanceId"]])


def test_on_an_instance(checkout: Project, amazon: Amazon):
    done = checkout.snakemake("one")
    assert done.returncode == 0, done.stdout
    cloud_file(checkout, amazon)
    elsewhere = checkout.path / "elsewhere/one"
    elsewhere.parent.mkdir()
    checkout.results("one").rename(elsewhere)
    instance = threading.Thread(target=as_an_instance, args=(amazon, elsewhere), daemon=True)
    instance.start()
    given = {"CAMPAIGN": "config/one.yml", "REPOSITORY": "https://example.org/me", "COMMIT": "1" * 40}
    code, output, summary = measured(checkout, CLOUD="config/cloud.yml", **given)
    instance.join(30)
    assert code == 0, output
    assert len(list((checkout.path / "results").glob("one.i-*/report.html"))) == 1
    assert "published" in summary and "b" in summary


def test_no_instance_is_left_where_nothing_comes_of_it(checkout: Project, amazon: Amazon):
    cloud_file(checkout, amazon)
    ec2 = amazon.client("ec2")

    def dies() -> None:
        while not (there := ec2.describe_instances()["Reservations"]):
            time.sleep(0.2)
        ec2.terminate_instances(InstanceIds=[there[0]["Instances"][0]["InstanceId"]])

    death = threading.Thread(target=dies, daemon=True)
    death.start()
    code, output, _ = measured(checkout, CAMPAIGN="config/one.yml", CLOUD="config/cloud.yml")
    death.join(30)
    assert code == 1 and "ended without results" in output, output
