"""docs/harness.md, "A harness of your own", done as it stands there."""

import re

import pandas as pd
import pytest
from campaigns import PROJECT, Project

PAGE = PROJECT / "docs" / "harness.md"


def files() -> dict[str, str]:
    """The page's files and their content."""
    section = PAGE.read_text(encoding="utf-8").split("## A harness of your own")[1]
    return dict(re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


@pytest.fixture
def followed(project: Project) -> Project:
    assert len(files()) == 6
    for name, content in files().items():
        path = project.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        if "Dockerfile" not in name and path.parent.name == "mine":
            path.chmod(0o755)
    return project


@pytest.mark.needs("corelist")
def test_as_processes(followed: Project) -> None:
    done = followed.snakemake("mine", "--config", "engine=process")
    assert done.returncode == 0, done.stdout
    (verdict,) = pd.read_csv(followed.results("mine") / "verdicts.csv").to_dict("records")
    # comparing as text takes longer than as numbers, whatever the machine
    assert (verdict["suite"], verdict["verdict"], verdict["runs"]) == ("mine", "slower", 4)
    table = pd.read_csv(followed.results("mine") / "iterations.csv")
    assert len(table) == 4 * 2 * 20 and table.iteration_start_ns.isna().all()
    refused = followed.snakemake("mine", "-n", "--config", "engine=process", "syncduet_repetitions=1")
    assert "mine: its laps wait for nobody" in refused.stdout


def test_stamped_in_containers(followed: Project, docker) -> None:
    done = followed.snakemake("mine-stamped", "--config", "engine=docker")
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(followed.results("mine-stamped") / "iterations.csv")
    assert dict(table.groupby("type").size()) == {"duet": 160, "syncduet": 80}
    synchronised = table[table.type == "syncduet"]
    assert (synchronised.synchronised == 1).all()
    together = synchronised.pivot(index=["runid", "iteration"], columns="pair")
    skew_ns = (together.iteration_start_ns.A - together.iteration_start_ns.B).abs()
    assert skew_ns.median() < together.iteration_time_ns.B.median() / 2
