"""Which engine, and what is said about it."""

import subprocess
import sys
from pathlib import Path

import pytest
from duet.engines import EngineError, choose

SCRIPTS = Path(choose.__file__).parents[2]


class Fake:
    def __init__(self, name: str):
        self.name, self.version = name, "1.2"


@pytest.fixture
def there(monkeypatch):
    """Engines that answer; the others are absent."""
    names = set()

    def connect(name):
        if name not in names:
            raise EngineError(f"{name} is not installed", f"apt-get install {name}")
        return Fake(name)

    monkeypatch.setattr(choose, "_container_engine", connect)
    return names


def test_auto_takes_docker_first(there):
    there |= {"docker", "podman"}
    engine, line = choose.choose_engine("auto")
    assert engine.name == "docker"
    assert line == "engine: docker 1.2 (auto)"


def test_auto_says_why_not_docker(there):
    there |= {"podman"}
    engine, line = choose.choose_engine("auto")
    assert engine.name == "podman"
    assert line == "engine: podman 1.2 (auto; docker is not installed)"


def test_auto_ends_at_process(there):
    engine, line = choose.choose_engine("auto")
    assert engine.name == "process"
    assert (
        line == f"engine: process {engine.version} (auto; docker is not installed; podman is not installed)"
    )


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_named_engine_is_not_replaced(there, name):
    with pytest.raises(EngineError, match=f"{name} is not installed; apt-get install {name}"):
        choose.choose_engine(name)
    there.add(name)
    engine, line = choose.choose_engine(name)
    assert (engine.name, line) == (name, f"engine: {name} 1.2")


def test_unknown_name():
    with pytest.raises(EngineError, match=r"no engine 'dokcer'.*docker, podman, process or auto"):
        choose.choose_engine("dokcer")


def test_process_does_without_the_sdk():
    code = "import sys; from duet.engines.choose import choose_engine; choose_engine('process'); "
    code += "exit('docker' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS)
