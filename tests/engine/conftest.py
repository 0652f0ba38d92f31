"""Sides on every engine."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from duet.engines import Engine, processes
from sides import Sides, sides_of

NO_PODMAN = "needs podman; apt-get install podman"
"""Skipped in CI, too: Podman is used where it is and never installed."""


@pytest.fixture(scope="session", params=["docker", "podman", "process", "process without namespace"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    name, _, tree = request.param.partition(" ")
    if name == "process":
        with pytest.MonkeyPatch.context() as patch:
            if tree:
                patch.setattr(processes, "namespace", lambda: ())
            yield processes.ProcessEngine()
        return
    yield _container_engine(name, request)


@pytest.fixture(scope="session", params=["docker", "podman"])
def containers(request: pytest.FixtureRequest) -> Engine:
    return _container_engine(request.param, request)


def _container_engine(name: str, request: pytest.FixtureRequest) -> Engine:
    from duet.engines.containers import ContainerEngine

    if name == "docker":
        request.getfixturevalue("docker_engine")
    elif shutil.which("podman") is None:
        pytest.skip(NO_PODMAN)
    return ContainerEngine(name)


@pytest.fixture
def sides(engine: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    yield from sides_of(engine, images, tmp_path)


@pytest.fixture
def contained(containers: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    yield from sides_of(containers, images, tmp_path)


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Sides]:
    yield from sides_of(processes.ProcessEngine(), lambda _: None, tmp_path)
