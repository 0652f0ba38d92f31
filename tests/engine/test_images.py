"""Images on real engines: built once, rebuilt when and only when content changed, pulled, bootstrapped."""

import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.engines.private import private_directory
from duet.images import presence
from duet.images import store as builds
from duet.images.identity import IMAGES, ImageError, process_hash
from duet.images.provide import provide_image
from duet.images.store import BuildFailed, NoRegistry, Store
from duet.model import ImageRef, Source
from duet.records.layout import Layout
from duet.records.provision import ImageRecord

BASE = "debian:bookworm-slim"


@pytest.fixture(
    params=[
        "docker",
        pytest.param(
            "podman",
            marks=pytest.mark.skipif(
                shutil.which("podman") is None, reason="needs podman; apt-get install podman"
            ),
        ),
    ]
)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    store = Store(request.param)
    yield store
    store.close()


@dataclass
class Folder:
    """Images of a test, named so that no other test has them; gone afterwards."""

    path: Path
    store: Store
    mark: str

    def make(self, name: str, text: str, **files: str) -> str:
        """`{name}` in the text stands for the full name of another image of the test."""
        folder = self.path / f"{self.mark}-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(text.replace("{", "{" + self.mark + "-").format_map(_Itself()))
        for file, content in files.items():
            (folder / file).write_text(content)
        return folder.name

    def provide(self, name: str, args: dict | None = None, **kwargs) -> ImageRecord:
        ref = ImageRef(name, tuple((args or {}).items()), kwargs.pop("wanted", None))
        with self.log.open("a") as log:
            return provide_image(self.store, ref, self.path, BASE, log, **kwargs)

    @property
    def log(self) -> Path:
        return self.path / "build.log"

    @property
    def builds(self) -> int:
        return self.log.read_text().count(": building ") if self.log.exists() else 0

    def run(self, made: ImageRecord, command: str) -> str:
        # Where raising limits is forbidden, podman starts nothing with its own defaults.
        limits = ["--ulimit=nofile=1024", "--ulimit=nproc=4096"] if self.store.engine == "podman" else []
        out = [self.store.engine, "run", "--rm", "--network=none", *limits, made.id, "sh", "-c", command]
        return subprocess.run(out, capture_output=True, text=True, check=True).stdout


class _Itself(dict):
    def __missing__(self, key: str) -> str:
        return key


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path, store, "t" + uuid.uuid4().hex[:10])
    shutil.copytree(IMAGES / "base", tmp_path / "base")
    yield made
    command = [store.engine, "images", "--format", "{{.Repository}}:{{.Tag}}"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    for tag in listed:
        if made.mark in tag:
            subprocess.run([store.engine, "rmi", "-f", tag], capture_output=True, check=True)


def test_a_base_is_there_even_without_a_registry(folder: Folder) -> None:
    made = folder.provide("base")
    assert set(made.base) == {BASE} and made.hash and made.engine == folder.store.engine
    assert "apt-get" in folder.run(made, "command -v apt-get")
    assert folder.run(made, "pwd") == "/duet\n"


def test_the_same_content_is_not_built_twice(folder: Folder) -> None:
    name = folder.make("app", "FROM base\nCOPY data ./\n", data="1")
    first = folder.provide(name)
    built = folder.builds
    os.utime(folder.path / name / "data", (1, 1))
    assert folder.provide(name) == first and folder.builds == built
    assert folder.run(first, "cat data") == "1"
    (folder.path / name / "data").write_text("2")
    second = folder.provide(name)
    assert second.hash != first.hash and second.id != first.id and folder.builds == built + 1
    assert folder.run(second, "cat data") == "2"
    (folder.path / name / "data").write_text("1")
    assert folder.provide(name) == first and folder.builds == built + 1


def test_the_plan_foretells_the_hash_once_the_base_is_known(folder: Folder, tmp_path: Path) -> None:
    name = folder.make("app", "ARG V=1\nFROM base\nCOPY data ./\n", data="1")
    made = folder.provide(name)
    layout, changed = Layout(tmp_path), ImageRef(name, (("V", "2"),))
    presence.write(layout, made)
    state = presence.look({changed: folder.store.engine}, layout, BASE, images_dir=folder.path)[changed.key]
    assert state.hash == folder.provide(name, {"V": "2"}).hash != made.hash and not state.present


def test_arguments_reach_the_dockerfile(folder: Folder) -> None:
    name = folder.make("app", "FROM base\nARG V=1\nRUN echo $V >v\n")
    assert folder.run(folder.provide(name), "cat v") == "1\n"
    assert folder.run(folder.provide(name, {"V": "2 3"}), "cat v") == "2 3\n"
    with pytest.raises(ImageError, match="no ARG W"):
        folder.provide(name, {"W": "2"})


def test_layers_are_built_first_and_their_change_reaches_the_top(folder: Folder) -> None:
    folder.make("tools", "FROM scratch\nCOPY loop /\n", loop="1")
    folder.make("mid", "FROM base\nRUN echo mid >mid\n")
    name = folder.make("top", "ARG M={mid}\nFROM $M AS built\nFROM built\nCOPY --from={tools} /loop ./\n")
    first = folder.provide(name)
    assert folder.run(first, "cat mid loop") == "mid\n1"
    folder.make("tools", "FROM scratch\nCOPY loop /\n", loop="2")
    second = folder.provide(name)
    assert folder.run(second, "cat mid loop") == "mid\n2" and second.hash != first.hash


def test_dockerignore_leaves_out_of_hash_and_context(folder: Folder) -> None:
    name = folder.make("app", "FROM base\nCOPY . ./\n", data="1", notes="x")
    (folder.path / name / ".dockerignore").write_text("notes\n")
    made = folder.provide(name)
    assert "notes" not in folder.run(made, "ls; cat data").split()
    (folder.path / name / "notes").write_text("y")
    assert folder.provide(name) == made


def test_a_source_lies_in_the_context_under_its_name(folder: Folder, tmp_path: Path) -> None:
    name = folder.make("app", "FROM base\nCOPY suite.jar ./\n")
    stored = tmp_path / "stored"
    stored.write_text("jar 1")
    first = folder.provide(name, wanted=Source("suite.jar"), source=stored)
    assert folder.run(first, "cat suite.jar") == "jar 1"
    stored.write_text("jar two")
    assert folder.provide(name, wanted=Source("suite.jar"), source=stored).hash != first.hash
    with pytest.raises(ImageError, match=r"the file suite\.jar is missing; download it, or set the key jar"):
        folder.provide(name, wanted=Source("suite.jar"))


def test_a_failed_build_shows_its_last_lines_and_the_log(folder: Folder) -> None:
    # what goes to stdout and to stderr comes in no order unless there is time between
    broken = "sleep 0.5; printf no\\ such >&2; sleep 0.2; echo ' compiler' >&2; exit 3"
    name = folder.make("app", f"FROM base\nRUN seq 100 200; {broken}\n")
    with pytest.raises(BuildFailed) as caught:
        folder.provide(name)
    first, *tail = str(caught.value).splitlines()
    assert name in first and str(folder.log) in first
    assert 5 < len(tail) <= builds.TAIL_LINES
    assert "    no such compiler" in tail and any(line.strip() == "200" for line in tail)
    assert not any("\x1b" in line for line in tail)
    assert "100\n" in folder.log.read_text()
    folder.make("app", "FROM base\nRUN true\n")
    assert folder.provide(name).id


def test_builds_of_the_same_image_at_once_make_one(folder: Folder) -> None:
    folder.make("low", "FROM base\nRUN sleep 1\n")
    names = [folder.make(f"app{i % 2}", f"FROM {{low}}\nRUN echo {i % 2} >i\n") for i in range(4)]
    made: dict[int, dict] = {}
    locks = set(private_directory().glob("images.*"))

    def one(i: int) -> None:
        out = folder.path / f"out{i}.json"
        command = [*DUETBENCH, "provide", "--name", names[i], "--engine", folder.store.engine]
        command += ["--images", str(folder.path), "--out", str(out), "--log", str(folder.path / f"{i}.log")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made[i] = json.loads(out.read_text()) | {"key": ""}

    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made[0] == made[2] != made[1] == made[3]
    logs = [(folder.path / f"{i}.log").read_text() for i in range(4)]  # each begins its own anew
    built = [line for log in logs for line in log.splitlines() if ": building " in line]
    assert sum("-low:" in line for line in built) == 1 and sum("-app" in line for line in built) == 2
    own = private_directory() / f"images.{socket.gethostname()}"
    assert set(private_directory().glob("images.*")) == locks | {own}  # one file locks all images of a host


def test_an_image_that_went_or_changed_is_not_present(folder: Folder, tmp_path: Path) -> None:
    engine, layout = folder.store.engine, Layout(tmp_path)
    app, other = folder.make("app", "FROM base\nRUN true\n"), folder.make("other", "FROM base\nRUN echo\n")
    theirs = f"{folder.mark}/theirs:1"
    refs = [ImageRef(name) for name in (app, other, theirs)]

    def look() -> list[presence.State]:
        states = presence.look(
            dict.fromkeys(refs, engine), layout, BASE, lambda _: Store(engine), folder.path
        )
        return [states[ref.key] for ref in refs]

    made = [folder.provide(name) for name in (app, other)]
    subprocess.run([engine, "tag", made[1].id, theirs], check=True)
    made.append(folder.provide(theirs))
    assert made[2].hash == folder.store.content(theirs) and made[2].base == {theirs: made[2].hash}
    assert look() == [presence.State(record.hash, False) for record in made]
    for record in made:
        presence.write(layout, record)
    assert look() == [presence.State(record.hash, True) for record in made]
    subprocess.run([engine, "rmi", "-f", made[0].tag], check=True, capture_output=True)
    another = folder.provide(folder.make("third", "FROM base\nRUN echo >x\n"))
    subprocess.run([engine, "tag", another.id, theirs], check=True)
    assert look() == [
        presence.State(made[0].hash, False),
        presence.State(made[1].hash, True),
        presence.State(folder.store.content(theirs), False),
    ]


def test_an_image_that_nobody_has_is_said_to_be_so(folder: Folder) -> None:
    start = time.monotonic()
    with pytest.raises(NoRegistry, match=r"cannot pull nobody\.invalid/x:1: .*; load it into \w+$"):
        folder.provide("nobody.invalid/x:1")
    assert time.monotonic() - start < builds.ANSWER_S + 2


def test_a_registry_that_is_silent_is_not_waited_for(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "ANSWER_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(NoRegistry, match=r"no registry answered in 1 s|cannot pull"):
            folder.provide(f"127.0.0.1:{silent.getsockname()[1]}/x:1")
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("store", ["docker"], indirect=True)  # podman wants https unless configured otherwise
def test_an_image_is_pulled_from_a_registry(folder: Folder) -> None:
    with registry() as address:
        name = f"{address}/{folder.mark}:1"
        made = folder.provide(name)
        assert made.hash == folder.store.content(name) and made.base == {name: made.hash}
        inner = folder.make("app", f"FROM scratch\nCOPY --from={name} /hello /\n")
        assert folder.provide(inner).base == {name: made.hash}


class registry:
    """A registry of one image with one file, on this machine."""

    def __enter__(self) -> str:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            info = tarfile.TarInfo("hello")
            info.size = 5
            tar.addfile(info, io.BytesIO(uuid.uuid4().hex[:5].encode()))
        layer = gzip.compress(raw.getvalue())
        diff = hashlib.sha256(raw.getvalue()).hexdigest()
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff}"]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
        blobs = {f"sha256:{hashlib.sha256(b).hexdigest()}": b for b in (layer, config)}
        kinds = ("rootfs.diff.tar.gzip", "container.image.v1+json")
        layer_, config_ = (
            {"mediaType": f"application/vnd.docker.{kind}", "digest": d, "size": len(b)}
            for kind, (d, b) in zip(("image." + kinds[0], kinds[1]), blobs.items(), strict=True)
        )
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config_, "layers": [layer_]})

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                what = self.path.rpartition("/")[2]
                body = blobs.get(what, manifest.encode() if "/manifests/" in self.path else b"{}")
                self.send_response(200)
                self.send_header("Content-Type", kind if "/manifests/" in self.path else "application/json")
                self.send_header("Content-Length", str(len(body)))
                if "/manifests/" in self.path:
                    digest = hashlib.sha256(body).hexdigest()
                    self.send_header("Docker-Content-Digest", f"sha256:{digest}")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return f"127.0.0.1:{self.http.server_port}"

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()


def test_the_command_for_process_lists_the_files_of_a_side(tmp_path: Path) -> None:
    out = tmp_path / "compress.json"
    command = [*DUETBENCH, "provide", "--name", "compress", "--engine", "process", "--out", str(out)]
    done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    assert done.stderr.startswith(
        "image compress: not built for host processes, which get these files of it: "
    )
    record = json.loads(out.read_text())
    assert (record["id"], record["key"]) == (None, "compress")
    files = [Path(path) for path in record["files"]]
    assert {"duet-loop", "make-data"} <= {path.name for path in files}
    assert record["hash"] == process_hash(files, None)


def test_the_commands_faults_are_lines_and_no_tracebacks(folder: Folder) -> None:
    name = folder.make("app", "FROM base\nRUN false\n")
    command = [*DUETBENCH, "provide", "--name", name, "--engine", folder.store.engine]
    command += ["--images", str(folder.path), "--out", str(folder.path / "o.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert not (folder.path / "o.json").exists()
