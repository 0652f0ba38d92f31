"""Real engines, and an image of one busybox that needs no registry."""

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
from duet.engines import Engine, EngineError, Start, Started, processes, supervise

HERE = Path(__file__).parent

LAUNCH = """\
gate=${0%/*} side=$1
export gate
exec </dev/null >>"$gate/$side.log" 2>&1
if [ "$$" = 1 ]; then trap 'kill -TERM -1' TERM; else trap 'trap "" TERM; kill -TERM 0' TERM; fi
sh -c "$2" &
wait $!; status=$?
if [ "$status" = 143 ]; then wait $!; status=$?; fi
if [ -r "$gate/$side.atend" ]; then . "$gate/$side.atend"; fi
exit $status
"""
"""As much of the real launcher as an engine has to do with."""


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[None]:
    """Docker answers: started when it may be. Must not be missing in CI."""
    done = subprocess.run([HERE / "start-docker.sh"], capture_output=True, text=True)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(done.stderr.strip())
    yield
    if done.stdout.strip():
        os.kill(int(Path(done.stdout.strip()).read_text()), signal.SIGTERM)


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
        pytest.skip("podman is not installed; apt-get install podman")
    return ContainerEngine(name)


def busybox_tar() -> bytes:
    """A root file system: busybox as sh and everything else."""
    busybox = Path("/bin/busybox")
    if not busybox.exists():
        command = ["apt-get", "install", "-y", "--no-install-recommends", "busybox-static"]
        if os.geteuid():
            pytest.fail(f"the test image is made of busybox; sudo {' '.join(command)}")
        subprocess.run(command, check=True, capture_output=True)
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
    """The test image's id in an engine. It has a command and a volume of its own, to be overruled and removed."""
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


class Sides:
    """Starts sides of one test, each with a rendezvous directory of its own, and removes them at its end."""

    def __init__(self, engine: Engine, image: str | None, tmp: Path):
        self.engine, self.image, self.tmp = engine, image, tmp
        self.root = tmp / "results"
        self.started: list[Started] = []
        self.log = tmp / "log"

    def spec(self, script: str, **changes: object) -> Start:
        gate = self.tmp / f"gate{len(self.started)}"
        gate.mkdir(exist_ok=True)
        (gate / "launch").write_text(LAUNCH)
        self.log = gate.with_suffix(".log")
        self.log.touch()
        given = {
            "campaign": "test",
            "run": "s.b.0.duet.AB",
            "side": "A",
            "root": self.root,
            "image": self.image,
            "command": ("sh", "{gate}/launch", "A", script),
            "gate": gate,
            "log": self.log,
        }
        return Start(**(given | changes))

    def __call__(self, script: str, **changes: object) -> Started:
        side = self.engine.start(self.spec(script, **changes))
        self.started.append(side)
        return side


@pytest.fixture
def sides(engine: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    yield from _sides(engine, images, tmp_path)


@pytest.fixture
def contained(containers: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    yield from _sides(containers, images, tmp_path)


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Sides]:
    yield from _sides(processes.ProcessEngine(), lambda _: None, tmp_path)


def _sides(engine: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    made = Sides(engine, images(engine), tmp_path)
    yield made
    for side in made.started:
        side.remove()
    assert engine.leftovers(made.root) == []


def alive(mark: str) -> list[str]:
    """Command lines of this machine's processes that contain `mark`, those in containers too, but for
    a side's supervisor, which tells the end before its own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and supervise.__file__ not in line:
            found.append(line)
    return found


def refusal(sides: Sides, script: str = "true", **changes: object) -> EngineError:
    """The error of a start that must fail, and leave nothing."""
    with pytest.raises(EngineError) as caught:
        sides(script, **changes)
    assert "\n" not in str(caught.value) and caught.value.remedy
    assert sides.engine.leftovers(sides.root) == []
    return caught.value
