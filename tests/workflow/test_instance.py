"""The script of an instance in a fresh Debian: prepared, measured, published, ended; S3 is moto's server.

What would end a machine is recorded instead; the agent of Systems Manager is said to be there.
"""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from amazon import KEY, REGION, SECRET, Amazon
from campaigns import HARNESS, process_campaign
from duet.images.identity import IMAGES
from duet.images.provide import provide_image
from duet.images.store import Store
from duet.model import ImageRef
from duet.platform import cloud_file, instances, publishing
from duet.platform.cloud_file import CloudFile
from duet.platform.instances import Cloud
from test_bare_machine import of_the_host, project

RECORDED = '#!/bin/sh\necho "$(basename "$0") $*" >>/recorded\n'
SLEEP = "#!/bin/sh\ncase $1 in 60) exec /bin/sleep 3 ;; esac\n"
INSTANCE = "i-0123456789abcdef0"


def repository(folder: Path) -> str:
    """A repository of the project as it is here, with campaigns of its own; its commit."""
    with tarfile.open(fileobj=io.BytesIO(project())) as tar:
        tar.extractall(folder, filter="data")
    (inner,) = folder.iterdir()
    (inner / "config/harness.sh").write_text(HARNESS)
    side = "sh /opt/duetbench/config/harness.sh"
    good = {"b": {"A": f"{side} 5", "B": f"{side} 6"}}
    import yaml

    for name, benchmarks in {"good": good, "bad": good | {"no": {"A": "false", "B": "false"}}}.items():
        text = yaml.safe_dump(process_campaign(name, benchmarks))
        (inner / f"config/{name}.yml").write_text(text)
    identity = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    for words in (["init", "-q"], ["add", "--all", "--force"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=inner, check=True, capture_output=True)
    inner.rename(folder / "repository")
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder / "repository", check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Machine:
    """A container that is taken for an instance."""

    def __init__(self, container, endpoint: str):
        self._container = container
        self._known = {
            "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }  # fmt: skip

    def put(self, files: dict[str, str]) -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(text.encode()), 0o755
                tar.addfile(member, io.BytesIO(text.encode()))
        self._container.put_archive("/", data.getvalue())

    def boot(self, file: CloudFile, **environment: str) -> tuple[int, str, list[str]]:
        """Exit code and output of what it is given, and what ended it."""
        self.put({"user-data": instances.user_data(file, "run"), "recorded": ""})
        code, output = self._container.exec_run(["bash", "/user-data"], environment=self._known | environment)
        _, recorded = self._container.exec_run(["cat", "/recorded"])
        return code, output.decode(errors="replace"), recorded.decode().splitlines()


@pytest.fixture(scope="module")
def commit_and_container(docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    folder = tmp_path_factory.mktemp("instance")
    commit = repository(folder)
    store = Store("docker")
    with (folder / "log").open("w") as log:
        made = provide_image(store, ImageRef("base"), IMAGES, "debian:bookworm-slim", log)
    store.close()
    host = of_the_host()
    container = docker.containers.run(
        made.tag, ["sleep", "infinity"], detach=True, init=True, working_dir="/", network_mode="host", **host
    )
    try:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.add(folder / "repository", "repository", filter=_roots)
        container.put_archive("/", data.getvalue())
        yield commit, container
    finally:
        container.remove(force=True, v=True)
        shutil.rmtree(folder / "repository")


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member


@pytest.mark.long
@pytest.mark.needs("git")
@pytest.mark.timeout(1800)
def test_it_measures_publishes_and_ends(amazon: Amazon, commit_and_container, tmp_path: Path) -> None:
    commit, container = commit_and_container
    machine = Machine(container, amazon.url)
    fakes = {
        f"usr/local/sbin/{name}": RECORDED for name in ("shutdown", "systemd-run", "poweroff", "systemctl")
    }
    machine.put({**fakes, "var/lib/cloud/data/instance-id": f"{INSTANCE}\n"})
    file = cloud_file.checked("c.yml", {
        "name": "nightly", "region": REGION, "image": "ami-0123", "type": "c7i.large", "hours": 1,
        "bucket": "s3://results/lab", "campaign": "config/good.yml", "limit_role": "none",
        "engine": "process",
        "repository": "file:///repository", "commit": commit,
    })  # fmt: skip
    code, output, recorded = machine.boot(file)
    assert code == 0, output[-5000:]
    assert recorded[0].startswith("shutdown -P +60") and recorded[1].startswith("systemd-run ")
    assert recorded[-1] == "poweroff " and recorded.count("poweroff ") == 1
    (known,) = instances.known(Cloud.of(file))
    assert (known.id, known.state) == (INSTANCE, "gone")
    assert known.status is not None
    assert (known.status.phase, known.status.exit_code) == ("ended", 0)
    assert (known.status.planned_runs, known.status.finished_runs) == (2, 2)
    assert "ends with 0" in known.log
    own = Cloud.of(file).storage.below(INSTANCE)
    (stamp,) = known.publications
    manifest = publishing.bring(own.below(stamp), tmp_path / "back", print)
    assert manifest.campaign == "good" and (tmp_path / "back/report.html").exists()
    assert SECRET.encode() not in b"".join(amazon.objects().values())

    # The same machine, prepared: a campaign of which a run fails. What there is is published all the same.
    machine.put({"recorded": ""})
    bad = CloudFile(**{**vars(file), "campaign": "config/bad.yml"})
    code, output, recorded = machine.boot(bad, MODE="measure")
    assert code == 0 and recorded[-1] == "poweroff ", output[-5000:]
    (known,) = instances.known(Cloud.of(file))
    assert known.status is not None and known.status.exit_code == 1 and known.status.failed_runs == 2
    campaigns = {publishing.manifest(own.below(stamp)).campaign for stamp in known.publications}
    assert campaigns == {"good", "bad"}

    # What cannot be prepared ends, too.
    machine.put({"usr/local/sbin/sleep": SLEEP})
    lost = CloudFile(**{**vars(file), "repository": "file:///nowhere"})
    code, output, recorded = machine.boot(lost)
    assert code == 0 and recorded[-1] == "poweroff " and "error: git fetch" in output, output[-5000:]
    (known,) = instances.known(Cloud.of(file))
    assert known.status is not None and known.status.exit_code == 1
