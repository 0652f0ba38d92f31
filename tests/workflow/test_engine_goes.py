"""A Docker Engine that goes while a campaign runs on it and returns: one of its own, not the machine's."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tools
from commands import DUETBENCH
from conftest import busybox_tar
from duet.engines import EngineError
from duet.engines.choose import choose_engine
from duet.engines.containers import connect
from faults import RESULT, Campaign, kill, until

IMAGE = "localhost/duetbench-goes"

pytestmark = pytest.mark.long


class Dockerd:
    """A daemon in a network of its own, since a second one there would delete the first one's bridge."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.host = f"unix://{folder}/sock"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        at = self.folder
        command = [
            *("unshare", "--net", "dockerd", "--bridge=none", "--iptables=false", "-H", self.host),
            *("--data-root", at / "data", "--exec-root", at / "exec", "--pidfile", at / "pid"),
        ]
        (at / "pid").unlink(missing_ok=True)
        with (at / "log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until(self.answers, timeout_s=60)

    def answers(self) -> bool:
        try:
            choose_engine("docker")
        except EngineError:
            return False
        return True

    def stop(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)
        self.process.wait(60)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGTERM)
        kill(self._processes())
        until(lambda: not self._processes(), timeout_s=20)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if line.split()[1].startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)
        shutil.rmtree(self.folder)

    def _processes(self) -> list[int]:
        """Of its containerd and shims, which outlive it when it is killed."""
        ids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{self.folder}/" in words and int(pid) != os.getpid():
                ids.append(int(pid))
        return ids


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Dockerd]:
    if os.geteuid():
        pytest.skip("needs root, to start a Docker Engine of its own")
    tools.need("dockerd")
    made = Dockerd(Path(tempfile.mkdtemp(prefix="dockerd-")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", made.host)
        try:
            made.start()
            connect("docker").api.import_image_from_data(busybox_tar(), repository=IMAGE, tag="latest")
            yield made
        finally:
            made.remove()


@pytest.fixture
def campaign(project, dockerd: Dockerd) -> Iterator[Campaign]:
    made = Campaign(project, "docker", IMAGE)
    made.write({})
    assert made.call().returncode == 0
    before = made.calm()
    yield made
    assert made.left() == [] and made.calm() == before


SLOW = f"echo up; {RESULT} sleep 3"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_engine_that_ends_and_is_started_again(campaign: Campaign, dockerd: Dockerd, number: int):
    campaign.write({"hurt": {"A": SLOW}, "next": {"A": RESULT}})
    workflow = campaign.begin()
    until(lambda: any(path.stat().st_size for path in campaign.part("hurt", "*.log")), workflow)
    dockerd.stop(number)
    time.sleep(10)
    assert workflow.poll() is None, "it waits"
    dockerd.start()
    output, _ = workflow.communicate(timeout=120)
    assert workflow.returncode == 0, output
    assert "waiting for it, at most 10 min" in output and "Traceback" not in output
    (attempt,) = campaign.record("hurt")["attempts"]
    assert "docker" in attempt["reason"] and "exit code" not in attempt["reason"]
    assert campaign.record("next")["attempts"] == []


def test_a_run_that_begins_while_the_engine_is_gone(campaign: Campaign, dockerd: Dockerd):
    campaign.write({"later": {"A": RESULT}})
    assert campaign.call().returncode == 0
    run = campaign.run("later")
    directory = campaign.results / "runs" / run
    before = json.loads((directory / "run.json").read_text())
    dockerd.stop(signal.SIGTERM)
    command = [*DUETBENCH, "measure", "--results", campaign.results, "--run", run]
    measuring = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(5)
    assert measuring.poll() is None
    dockerd.start()
    _, output = measuring.communicate(timeout=120)
    assert measuring.returncode == 0 and output.count("waiting for it") == 1, output
    assert json.loads((directory / "run.json").read_text())["start_ns"] > before["end_ns"]


def test_an_image_that_goes_just_before_its_run(campaign: Campaign, dockerd: Dockerd, harness_text: str):
    """By a command that the campaign asks for itself, between the workflow's look and the start."""
    folder = campaign.project.path / "images/tool"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY harness.sh /duet/\n")
    (folder / "harness.sh").write_text(harness_text)
    flag = campaign.project.path / "flag"
    flag.touch()
    gone = f"rm {flag} && docker rmi -f $(docker images -q --filter label=duetbench.image=tool)"
    given = {"robbed": {"A": "sh harness.sh 5", "image": "tool"}}
    campaign.write(given, artifacts={"gone": gone})
    done = campaign.call()
    if flag.exists():
        raise AssertionError(done.stdout)
    assert done.returncode != 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error: run native.robbed")]
    assert "No such image" in line and "start the workflow again, which provides its images" in line
    done = campaign.call()
    assert done.returncode == 0, done.stdout
