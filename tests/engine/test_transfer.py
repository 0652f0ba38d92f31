"""Images from engine to engine, by archives and a real registry: they stay what they are."""

import io
import os
import shlex
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.images import presence, transfer
from duet.images.provide import provide_image
from duet.images.store import NoRegistry, Store
from duet.model import DuetError, ImageRef, Order, Run, Type
from duet.records.layout import Layout
from duet.records.plan import ImagePlan
from duet.records.provision import ImageIdentity, ImagePresence, ImageRecord, place
from duet.records.run import file_record, finished, intact
from run_records import run_record
from tools import need


class Campaign:
    """One image of ours on one that is not, as a campaign has it that was measured on a host."""

    def __init__(self, store: Store, folder: Path, external: str):
        self.store, self.images, self.results = store, folder / "images", folder / "results"
        self.external = external
        self.ref = ImageRef(f"t{uuid.uuid4().hex[:10]}")
        made = self.images / self.ref.name
        made.mkdir(parents=True)
        (made / "Dockerfile").write_text(f"FROM {external}\nCOPY content ./\n")
        (made / "content").write_text("1")
        self.record = self.provide()
        self.layout = Layout(self.results)
        presence.write(self.layout, self.record)

    def provide(self) -> ImageRecord:
        with (self.images / "build.log").open("w") as log:
            return provide_image(self.store, self.ref, self.images, self.external, log)

    def elsewhere(self) -> Layout:
        """The campaign on a host whose engine has none of it: its results without what is present there."""
        shutil.rmtree(self.layout.images / place(self.store.engine))
        self.forget()
        return self.layout

    def forget(self) -> None:
        listed = self.store._client.images.list()
        tags = [tag for image in listed for tag in image.tags if self.ref.name in tag]
        for tag in [*tags, self.external]:
            with suppress(Exception):
                self.store._client.images.remove(tag, force=True)

    @property
    def state(self) -> presence.State:
        return presence.look(
            {self.ref: self.store.engine}, self.layout, self.external, lambda _: self.store, self.images
        )[self.ref.key]


@pytest.fixture
def campaign(docker_engine, images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Campaign]:
    from duet.engines.containers import ContainerEngine

    store = Store("docker")
    monkeypatch.setattr(Store, "close", lambda self: None)
    external = f"duetbench-test/{uuid.uuid4().hex[:10]}:1"
    store.name(images(ContainerEngine("docker")), external)
    made = Campaign(store, tmp_path, external)
    yield made
    made.forget()
    store._client.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need("docker-registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("registry")
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    command = ["docker-registry", "serve", str(folder / "config.yml")]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
            break
        time.sleep(0.05)
    yield f"127.0.0.1:{port}"
    served.terminate()
    served.wait()


def test_an_archive_brings_the_same_image_to_another_host(campaign: Campaign, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    saved = list(transfer.save(campaign.store, campaign.layout, archive))
    assert saved == [str(archive / f"{campaign.ref.key}.tar")]
    layout = campaign.elsewhere()
    assert not campaign.state.present
    list(transfer.load(campaign.store, layout, archive))
    assert campaign.state == presence.State(campaign.record.hash, True)


def test_an_image_that_was_loaded_by_hand_is_not_built_again(campaign: Campaign, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    list(transfer.save(campaign.store, campaign.layout, archive))
    layout = campaign.elsewhere()
    campaign.store.unpack(archive / f"{campaign.ref.key}.tar")
    assert campaign.state == presence.State(campaign.record.hash, False)
    there = identified(campaign, layout, None)
    assert there == campaign.record  # though the image below it is not there, nor to be had


def test_a_registry_brings_it_before_it_is_built(campaign: Campaign, registry: str) -> None:
    assert identified(campaign, campaign.layout, None) == campaign.record
    [name] = transfer.push(campaign.store, campaign.layout, registry)
    layout = campaign.elsewhere()
    assert identified(campaign, layout, None) is None
    there = identified(campaign, layout, registry)
    assert there == campaign.record and name.startswith(f"{registry}/duetbench/")
    (campaign.images / campaign.ref.name / "content").write_text("2")  # another image: that one is to be made
    assert identified(campaign, layout, registry) is None


def test_the_command_pulls_what_the_campaign_identified(campaign: Campaign, registry: str) -> None:
    plan = ImagePlan(image=campaign.ref, base_image=campaign.external, registry=registry)
    plan.write(campaign.layout.image_plan(campaign.ref.key))
    pushed = subprocess.run([*DUETBENCH, "images", "push", campaign.results], capture_output=True, text=True)
    assert pushed.returncode == 0 and f"pushed {registry}/duetbench/" in pushed.stderr, pushed.stderr
    layout = campaign.elsewhere()
    pulled = subprocess.run([*DUETBENCH, "images", "pull", campaign.results], capture_output=True, text=True)
    assert pulled.returncode == 0, pulled.stderr
    there = ImagePresence.read(layout.image_presence(place("docker"), campaign.ref.key))
    assert there == campaign.record.presence


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[list[str]]:
    """How a real server on this machine is reached; it answers to a key of ours alone."""
    need("sshd", "ssh-keygen")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nPasswordAuthentication no\nUsePAM no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([shutil.which("sshd") or "", "-D", "-f", tmp_path / "sshd_config"])
    options = (
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "BatchMode=yes",
        "ConnectionAttempts=20",
    )
    yield [
        "ssh",
        "-q",
        "-i",
        str(tmp_path / "user"),
        "-p",
        str(port),
        *(w for o in options for w in ("-o", o)),
    ]
    server.terminate()
    server.wait()


def test_another_host_gets_it_by_ssh(campaign: Campaign, ssh: list[str], monkeypatch) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(campaign.store, "save", saved_and_forgotten(campaign, sent))
    [line] = transfer.copy(campaign.store, campaign.layout, "127.0.0.1", ssh)
    assert line == f"{campaign.record.tag} to 127.0.0.1" and sent
    assert campaign.state.present  # the engine that the server's host has is ours: it was brought back there
    with pytest.raises(DuetError, match="did not get there"):
        list(
            transfer.copy(
                campaign.store, campaign.layout, "127.0.0.1", ["ssh", "-o", "BatchMode=yes", "-p", "1"]
            )
        )


@pytest.mark.needs("rsync")
def test_results_of_two_hosts_come_by_ssh_with_their_times(ssh: list[str], tmp_path: Path) -> None:
    """Both are this machine; what was measured where, the directories tell."""
    for host, runid in (("one", 0), ("two", 1)):
        measured(tmp_path / host, runid)
    (tmp_path / "two/runs/.half.part").mkdir()
    (tmp_path / "two/iterations.csv").write_text("made of runs, made again")
    into = Layout(tmp_path / "all")
    copy = [*DUETBENCH, "results", "copy", "--ssh", shlex.join(ssh), "--into", into.results]
    places = [f"127.0.0.1:{tmp_path / host}" for host in ("one", "two")]
    done = subprocess.run([*copy, *places], capture_output=True, text=True)
    assert done.returncode == 0 and "2 runs copied, 2 are there" in done.stderr, done.stderr
    directories = [path for _, path in finished(into.runs)]
    assert len(directories) == 2 and not any(intact(path, digests=True) for path in directories)
    assert {path.stat().st_mtime_ns for each in directories for path in each.glob("*.csv")} == {OLD_NS}
    assert not into.copies.exists() and not into.table_csv.exists()

    (tmp_path / "two/runs" / run(1).name / run(1).file("A", "out.csv")).write_text("damaged")
    damaged = subprocess.run([*copy, places[1]], capture_output=True, text=True)
    assert damaged.returncode == 1 and "error: damaged: " in damaged.stderr
    lost = subprocess.run([*copy, "127.0.0.1:/nowhere"], capture_output=True, text=True)
    assert lost.returncode == 1 and "error: 127.0.0.1:/nowhere: not copied: " in lost.stderr
    assert lost.stderr.count("\n") == 1
    assert len(list(finished(into.runs))) == 2


def run(runid: int) -> Run:
    return Run("s", "b", runid, Type.SEQN, Order.NONE, "A")


OLD_NS = 10**18 + 123456789


def measured(results: Path, runid: int) -> None:
    """A finished run, as of long ago."""
    directory = Layout(results).run(run(runid).name)
    directory.mkdir(parents=True)
    result = directory / run(runid).file("A", "out.csv")
    result.write_text("1")
    (directory / run(runid).log("A")).touch()
    run_record(run(runid), {"A": {"files": (file_record(result),)}}).write(directory / "run.json")
    os.utime(result, ns=(OLD_NS, OLD_NS))
    Layout(results).durations.write_text(f"{run(runid).name} 2.5\n")


def saved_and_forgotten(campaign: Campaign, sent: list[bytes]):
    """Saving, behind which the image is gone here: there is but one engine on this machine."""
    save = Store.save

    def saved(tag: str, path: Path) -> None:
        save(campaign.store, tag, path)
        sent.append(path.read_bytes()[:10])
        campaign.forget()

    return saved


def test_another_content_is_refused(campaign: Campaign, registry: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    list(transfer.save(campaign.store, campaign.layout, archive))
    path = campaign.layout.image_identity(campaign.ref.key)
    replace(ImageIdentity.read(path), hash="0" * 64).write(path)
    with pytest.raises(DuetError, match="identifies another content than the archive has"):
        list(transfer.load(campaign.store, campaign.layout, archive))
    with pytest.raises(NoRegistry):
        list(transfer.pull(campaign.store, campaign.layout, registry))


def identified(campaign: Campaign, layout: Layout, registry: str | None) -> ImageRecord | None:
    """What is there of the campaign's image, without making it."""
    return transfer.as_identified(
        campaign.store, campaign.ref, layout, campaign.external, registry, io.StringIO(), campaign.images
    )
