"""./run and ./test as typed by root in a Debian container with nothing but a copy of the project in it."""

import io
import os
import re
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from duet.images.identity import IMAGES
from duet.images.provide import provide_image
from duet.images.store import Store
from duet.model import ImageRef

PROJECT = Path(__file__).parents[2]
HOME = "/home/duetbench"


class Machine:
    """A container that waits for commands."""

    def __init__(self, container):
        self._container = container

    def type(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command in the project's directory."""
        code, output = self._container.exec_run(["sh", "-c", command], workdir=HOME)
        return code, output.decode(errors="replace")


@pytest.fixture(scope="module")
def machine(docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    store = Store("docker")
    with (tmp_path_factory.mktemp("base") / "log").open("w") as log:
        made = provide_image(store, ImageRef("base"), IMAGES, "debian:bookworm-slim", log)
    store.close()
    container = docker.containers.run(
        made.tag, ["sleep", "infinity"], detach=True, init=True, working_dir="/", **of_the_host()
    )
    try:
        container.put_archive("/home", project())
        yield Machine(container)
    finally:
        container.remove(force=True, v=True)


def of_the_host() -> dict:
    """How pip reaches an index is the host's business: its settings, certificates and proxies.

    Under names of their own: the container's packages bring files of the usual names.
    """
    settings = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k.lower().endswith("_proxy")}
    files = {
        "PIP_CONFIG_FILE": settings.get("PIP_CONFIG_FILE", "/etc/pip.conf"),
        "PIP_CERT": settings.get("PIP_CERT", ssl.get_default_verify_paths().cafile or ""),
    }
    shared = {file: f"/host/{name}" for name, file in files.items() if Path(file).is_file()}
    return {
        "environment": settings | {Path(inside).name: inside for inside in shared.values()},
        "volumes": {file: {"bind": inside, "mode": "ro"} for file, inside in shared.items()},
    }


def project() -> bytes:
    """The project as a clone has it, as a tar file: without what .gitignore names and without .git."""
    named = (PROJECT / ".gitignore").read_text().split()
    ignored = {".git", "results", *(name.strip("/") for name in named if not name.startswith("!"))}

    def clean(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return None if ignored.intersection(Path(member.name).parts) else member

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(PROJECT, Path(HOME).name, filter=clean)
        tar.add(PROJECT / "results/README.md", f"{Path(HOME).name}/results/README.md")
    return data.getvalue()


def test_run_measures_the_quickstart(machine: Machine) -> None:
    assert machine.type("command -v python3 docker cc ps")[0] != 0
    code, output = machine.type("./run --config duet_repetitions=1 sequential_repetitions=1")
    assert code == 0, output
    assert "engine: process" in output
    code, summary = machine.type("cat results/quickstart/summary.md")
    assert code == 0 and re.search(r"gzip-9.*inconclusive", summary)


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_test_passes_and_says_what_it_skipped(machine: Machine) -> None:
    code, output = machine.type("./test")
    assert code == 0, output[-20_000:]
    *_, closing, last = output.strip().splitlines()
    assert re.fullmatch(
        r"\d+ tests skipped for want of a Docker Engine \(\d+\), .*; the remedies stand above\."
        r" \d+ long tests? left out: \./test --long runs (it|them)\.",
        closing,
    ), closing
    assert re.match(r"\d+ passed, \d+ skipped", last), last
    assert " failed" not in output and " error" not in output
