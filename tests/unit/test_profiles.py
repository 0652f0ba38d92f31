"""--workflow-profile and what it needs: one line before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.commands import start
from duet.platform import slurm


def started(*words: str, path: str) -> subprocess.CompletedProcess:
    command = [*DUETBENCH, "start", "--", *words]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": path})


def test_a_profile_of_ours_is_named_by_its_name(tmp_path: Path) -> None:
    ours = str(start.PROFILES / "slurm")
    expected = ["a", "--workflow-profile", ours, "--jobs", "2"]
    assert start.with_profile(["a", "--workflow-profile", "slurm", "--jobs", "2"]) == expected
    assert start.with_profile(["a", "--workflow-profile=slurm", "--jobs", "2"]) == expected
    own = ["--workflow-profile", str(tmp_path)]
    assert start.with_profile(own) == own


def test_an_unknown_profile_is_one_line() -> None:
    done = started("--workflow-profile", "slrum", path=os.environ["PATH"])
    assert done.returncode == 1
    what = "--workflow-profile slrum: there is no such profile"
    assert done.stderr == f"error: {what}; ours are default, slurm\n"


def test_no_scheduler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "PLUGIN", "json")
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in (["--workflow-profile", str(start.PROFILES / "slurm")], ["--executor", "slurm"]):
        with pytest.raises(slurm.SlurmError, match="there is no sbatch on this machine"):
            start.check_executor(words)
    start.check_executor(["--workflow-profile", str(start.PROFILES / "default")])


def test_no_plugin_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "PLUGIN", "no_such_plugin")
    with pytest.raises(slurm.SlurmError, match="plugin for it is not installed; pip install"):
        start.check_executor(["--executor", "slurm"])


def test_jobs_of_a_campaign_are_found_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = slurm.job_prefix("/a/results/mine"), slurm.job_prefix("/b/results/mine")
    assert (
        here != there and here.startswith("duetbench-mine-") and len(slurm.job_prefix("/" + "é" * 99)) <= 50
    )
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!{sys.executable}\nprint('1 {here}_x\\n2 {there}_x\\n3 {here}')\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm._jobs(here) == ["1"]
    squeue.write_text(f"#!{sys.executable}\nraise SystemExit('slurm_load_jobs error: no controller')\n")
    with pytest.raises(slurm.SlurmError, match="squeue: slurm_load_jobs error: no controller; see to it"):
        slurm.end_jobs(here)
