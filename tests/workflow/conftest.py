"""A copy of the project in which campaigns run."""

import shutil
from pathlib import Path

import pytest
from campaigns import HARNESS, PROJECT, Project
from duet.engines.containers import ContainerEngine, connect


@pytest.fixture
def project(tmp_path: Path) -> Project:
    path = tmp_path / "duetbench"
    path.mkdir()
    skip = shutil.ignore_patterns("__pycache__")
    for folder in ("workflow", "scripts", "images"):
        shutil.copytree(PROJECT / folder, path / folder, ignore=skip)
    (path / "config").mkdir()
    return Project(path)


@pytest.fixture
def harness(tmp_path: Path) -> str:
    """Shell command of the harness; takes milliseconds an iteration."""
    path = tmp_path / "harness.sh"
    path.write_text(HARNESS)
    return f"sh {path}"


@pytest.fixture
def harness_text() -> str:
    return HARNESS


@pytest.fixture(scope="session")
def docker(docker_engine):
    client = connect("docker")
    yield client
    client.close()


@pytest.fixture(scope="session")
def test_image(docker, images) -> str:
    return images(ContainerEngine("docker"))
