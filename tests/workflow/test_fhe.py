"""Tools for fully homomorphic encryption: their images, programs and figure, from campaign to report."""

import shutil

import pandas as pd
import pytest
from campaigns import PROJECT, Project

pytestmark = pytest.mark.long  # images of several hundred megabytes, one of which builds for half an hour

PHASES = ["t_keygen_ns", "t_input_encryption_ns", "t_computation_ns", "t_decryption_ns"]


def phases_add_up(table: pd.DataFrame) -> None:
    phased = table[table[PHASES].notna().all(axis=1)]
    assert len(phased) and (phased[PHASES] > 0).all(axis=None)
    assert (phased[PHASES].sum(axis=1) == phased.iteration_time_ns).all()


def test_tenseals_programs_in_a_campaign(project: Project, docker) -> None:
    tenseal = {"image": "fhe/tenseal"}
    spoilt = "sed 's/SCORE = /SCORE = 1 + /' /usr/local/lib/python3/cases.py >cases.py"
    project.write(
        "fhe",
        {
            "duetbench": {
                "suite": "fhe",
                "engine": "docker",
                **{"duets": ["cardio", "kernel", "wrong"], "duet_repetitions": 1, "timeout": 300},
                "A": tenseal,
                "B": tenseal,
            },
            "cardio": {side: {"run": "python3 cardio.py batched 1"} for side in "AB"},
            "kernel": {side: {"run": "python3 kernel.py naive 1"} for side in "AB"},
            "wrong": {
                "A": {"run": f"{spoilt}; python3 cardio.py batched 1"},
                "B": {"run": "python3 cardio.py batched 1"},
            },
        },
    )
    done = project.snakemake("fhe")
    assert done.returncode != 0
    assert 'ended with exit code 1 ("wrong result: the score is 5, not 6"); log: ' in done.stdout, done.stdout
    assert project.snakemake("fhe", "--cores", "1", "available").returncode == 0
    results = project.results("fhe")
    table = pd.read_csv(results / "iterations.csv")
    assert set(table.benchmark) == {"cardio", "kernel"}
    phases_add_up(table)
    assert (results / "figures/phases.png").stat().st_size > 1000
    assert "Phases of the programs" in (results / "report.html").read_text()


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_every_tool_in_the_ready_campaign(project: Project, docker) -> None:
    shutil.copy(PROJECT / "config/fhe.yml", project.path / "config")
    values = ("engine=docker", "duet_repetitions=1", "sequential_repetitions=0")
    done = project.snakemake("fhe", "--config", *values)
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(project.results("fhe") / "iterations.csv")
    assert set(table.image) == {
        f"fhe/{tool}" for tool in ("seal", "tenseal", "concrete", "lattigo", "heir", "tfhe-rs")
    }
    phases_add_up(table)
