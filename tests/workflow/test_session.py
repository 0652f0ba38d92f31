"""One workflow at a time on a campaign; the second is refused and changes nothing."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from campaigns import process_campaign


@pytest.fixture
def running(project, harness):
    """A workflow in the middle of a run, which goes on until the file `end` is there."""
    waits = (
        f"touch {project.path}/started; while [ ! -e {project.path}/end ]; do sleep 0.1; done; {harness} 5"
    )
    project.write("c", process_campaign("c", {"b": {"A": waits, "B": f"{harness} 5"}}, duet_repetitions=1))
    command = project.command("c", "results/c/verdicts.csv")
    workflow = subprocess.Popen(
        command, cwd=project.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 60
    while not (project.path / "started").exists():
        assert time.monotonic() < deadline and workflow.poll() is None
        time.sleep(0.1)
    yield workflow
    (project.path / "end").touch()
    if workflow.poll() is None:
        workflow.send_signal(signal.SIGINT)
    workflow.communicate(timeout=60)


def test_a_second_workflow_is_refused_and_changes_nothing(project, harness, running):
    campaign = process_campaign("c", {"b": {"A": f"{harness} 7"}}, duet_repetitions=3)
    project.write("c", campaign)  # meanwhile somebody edited it
    time.sleep(0.5)
    before = project.tree()
    started = time.monotonic()
    done = project.snakemake("c")
    assert done.returncode == 1 and time.monotonic() - started < 60
    after = project.tree()
    logs = {name for name in after if name.startswith(".snakemake/")}  # snakemake's own of this call
    assert {k: v for k, v in after.items() if k not in logs} == {
        k: v for k, v in before.items() if not k.startswith(".snakemake/")
    }
    assert {k for k in before if "/locks/" in k} == {k for k in after if "/locks/" in k}
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert f"process {running.pid} " in line and "since 2" in line and "results/c" in line
    assert "snakemake" in line and "unlock" not in done.stdout and "Traceback" not in done.stdout

    dry = project.snakemake("c", "-n")
    assert dry.returncode == 0, dry.stdout
    assert {k for k in project.tree(".snakemake")} == {k for k in after if k not in logs}
    (project.path / "end").touch()
    assert running.wait(60) == 0
    plan = Path(project.results("c") / "plan/native.b.A.json").read_text()
    assert "started" in plan, "the first workflow's plan is still the one it began with"


def test_cleaning_up_beside_a_running_workflow_is_refused(project, running):
    command = [sys.executable, "scripts/duetbench.py", "clean", "results/c"]
    done = project.run(command)
    assert done.returncode == 1 and done.stdout.count("\n") == 1, done.stdout
    assert "results/c: another workflow works on it, since 2" in done.stdout
    assert f"process {running.pid} " in done.stdout
    (project.path / "end").touch()
    assert running.wait(60) == 0
    assert project.run(command).returncode == 0


def test_another_campaign_in_the_same_directory_goes_on(project, harness, running):
    project.write("d", process_campaign("d", {"b": {"A": f"{harness} 5"}}, duet_repetitions=1))
    done = project.snakemake("d", "-n")
    assert done.returncode == 0, done.stdout
    (project.path / "end").touch()
    done = project.snakemake("d", "results/d/verdicts.csv")
    assert done.returncode == 0, done.stdout
    assert running.wait(60) == 0


def test_a_dead_workflows_lock_is_removed(project, harness, running):
    running.kill()
    running.wait(60)
    locks = project.path / ".snakemake/locks"
    dead = set(locks.iterdir())
    assert dead, "snakemake left its lock"
    (project.path / "end").touch()
    done = project.snakemake("c", "results/c/verdicts.csv")
    assert done.returncode == 0, done.stdout
    assert not any(path.exists() for path in dead)


def test_nothing_ends_in_silence(project, harness):
    """What nothing makes is named with the nearest; a failure is said once; the end has the verdicts."""
    sides = {"A": f"{harness} 5", "B": f"{harness} 5"}
    project.write("c", process_campaign("c", {"b": sides, "other": {"A": "exit 3"}}, duet_repetitions=1))
    for target, nearest in (
        ("avaliable", "available"),
        ("results/c/verdict.csv", "results/c/verdicts.csv"),
        ("results/c/iterations/native.bb.parquet", "results/c/iterations/native.b.parquet"),
    ):
        done = project.snakemake("c", target)
        assert done.returncode == 1 and done.stdout.count("\n") == 2  # the first line is snakemake's
        expected = f"error: config/c.yml: there is no target {target} (did you mean {nearest}?); targets are "
        assert done.stdout.splitlines()[1].startswith(expected)
    lost = project.snakemake("c", "results/c/runs/native.b.7.duet.AB/run.json")
    assert lost.returncode == 1 and "the campaign has no run native.b.7.duet.AB (did you mean " in lost.stdout
    assert not project.results("c").exists()

    failed = project.snakemake("c", "results/c/verdicts.csv")
    assert failed.returncode == 1 and "error: run native.other.0.duet." in failed.stdout
    assert "CalledProcessError" not in failed.stdout
    assert "A and B run the same in all benchmarks: no difference is to be expected" in failed.stdout

    first, again = (project.snakemake("c", "available") for _ in range(2))
    assert first.returncode == again.returncode == 0
    assert "nothing was left to do" in again.stdout and "nothing was left" not in first.stdout
    verdicts = first.stdout[first.stdout.index("\nVerdicts: ") :]
    assert "\nRuns: 1 of 2 measured, 1 failed" in verdicts and verdicts in again.stdout


def test_planning_that_takes_long_is_said_before_anything_is_measured(project, harness, monkeypatch):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5"}}, duet_repetitions=1))
    assert "planning" not in project.snakemake("c", "results/c/verdicts.csv").stdout
    monkeypatch.setenv("DUETBENCH_SILENT_S", "0")
    again = project.snakemake("c", "results/c/verdicts.csv").stdout
    assert 0 <= again.index("planning c …") < again.index("nothing was left to do")


def test_hints_work_as_they_stand_from_anywhere(project, harness, tmp_path):
    """With -s from another folder, and with --directory."""
    project.write("c", process_campaign("c", {"b": {"A": "exit 3"}}, duet_repetitions=1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    snakefile, config = project.path / "workflow/Snakefile", project.path / "config/c.yml"
    for options in (
        ["-s", str(snakefile), "--configfile", str(config)],
        ["-s", "../duetbench/workflow/Snakefile", "--directory", "here", "--configfile", str(config)],
    ):
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *options]
        failed = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
        (again,) = re.findall("again: snakemake (.+)", failed.stderr)
        repeated = subprocess.run(
            f"{sys.executable} -m snakemake {again}",
            shell=True, cwd=elsewhere, capture_output=True, text=True,
        )  # fmt: skip
        assert repeated.returncode == 1 and "exit code 3" in repeated.stderr, again


def test_the_advice_for_a_command_that_writes_no_times_works_as_it_stands(project):
    keys = {"duets": ["words"], "engine": "process", "duet_repetitions": 1, "suite": "own"}
    project.write("c", {"duetbench": {**keys, "run": "sort /etc/passwd >/dev/null"}})
    failed = project.snakemake("c", "results/c/verdicts.csv")
    (line,) = set(re.findall(r"left no results.csv; .*: image: probes and (.+?); log: ", failed.stdout))
    (run,) = yaml.safe_load(line.replace("--seconds 10", "--seconds 0.1")).values()
    project.write("c", {"duetbench": {**keys, "image": "probes", "run": run}})
    done = project.snakemake("c", "results/c/verdicts.csv")
    assert done.returncode == 0 and "[1/1] own.words.0.duet." in done.stdout, done.stdout
