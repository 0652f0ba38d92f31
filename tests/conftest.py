"""What a test may need: programs, a real Docker Engine, an image of one busybox that needs no registry.

And what is said at the end: how many tests did not run, and what they need.
"""

import io
import os
import shutil
import signal
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tools
from duet.engines import Engine

pytest_plugins = ["amazon"]
os.environ["DUETBENCH_SILENT_S"] = "3600"  # what is said must not depend on how long it takes
START_DOCKER = Path(__file__).parent / "engine/start-docker.sh"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.stash[LEFT_OUT] = len(long)
        config.hook.pytest_deselected(items=long)


LEFT_OUT = pytest.StashKey[int]()
"""Tests marked `long` that were not asked for."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        tools.need(*marker.args)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Iterator[None]:
    """One line between pytest's summary, which lists the reasons, and its last line."""
    yield
    skipped = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    line = tools.closing(skipped, config.stash.get(LEFT_OUT, 0))
    if line:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[None]:
    """Docker answers: started when it may be. Must not be missing in CI."""
    done = subprocess.run([START_DOCKER], capture_output=True, text=True)
    if done.returncode:
        tools.without("a Docker Engine", done.stderr.strip().splitlines()[-1])
    yield
    if done.stdout.strip():
        os.kill(int(Path(done.stdout.strip()).read_text()), signal.SIGTERM)


def busybox_tar() -> bytes:
    """A root file system: busybox as sh and everything else."""
    tools.need("busybox")
    busybox = Path(shutil.which("busybox") or "")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        for folder in ("tmp", "etc", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
    return data.getvalue()


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Engine], str | None]]:
    """The test image's name in an engine. It has a command to be overruled, and a volume to be removed."""
    from duet.engines.containers import connect

    made: dict[str, str] = {}
    root = tmp_path_factory.mktemp("image") / "root.tar"

    def image(engine: Engine) -> str | None:
        if engine.name == "process":
            return None
        if engine.name not in made:
            if not root.exists():
                root.write_bytes(busybox_tar())
            name = f"localhost/duetbench-test-{uuid.uuid4().hex[:8]}"
            changes = ['CMD ["sleep", "1000"]', "VOLUME /data"]
            api = connect(engine.name).api
            api.import_image(src=str(root), repository=name, tag="latest", changes=changes)
            made[engine.name] = name
        return made[engine.name]

    yield image
    for engine, name in made.items():
        connect(engine).api.remove_image(name, force=True)
