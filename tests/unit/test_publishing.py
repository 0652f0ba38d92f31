"""Results to S3 and back, against a real server: whole or not at all, resumed, and faults in one line."""

import csv
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from amazon import KEY, SECRET, Amazon, Cutting
from commands import DUETBENCH, ROOT
from duet.model import DuetError, Order, Run, Type
from duet.platform import aws, publishing, storage
from duet.platform.aws import PlatformError
from duet.platform.storage import Storage
from duet.records.layout import Layout
from duet.records.manifest import Manifest, Publications, PublishedFile
from duet.records.run import stems
from run_records import run_record

TO = "s3://results/lab"
RUN = Run("s", "b.c", 0, Type.DUET, Order.AB)
NAME = "s.b_c.0.duet.AB"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A campaign of one run, two suites' rows, a figure, and what is no part of a publication."""
    made = Layout(tmp_path / "results/mine")
    files = {
        f"runs/{NAME}/{NAME}.A.results.csv": "A", f"runs/{NAME}/{NAME}.A.log": "",
        f"runs/.{NAME}.part/x": "x",
        "plan/runs.txt": f"{NAME}\n", "plan/analysis.json": "{}", "figures/s.forest.pdf": "%PDF",
        "figures/s.forest.png": "PNG", "report.html": "<html>",
        "logs/table.log": "log", "methods/rq1.csv": "q",
        "iterations.csv": "suite,benchmark,x\ns,b.c,1\ns,b.c,2\nt,d,3\ns,b.c,\"4,\"\"5\"\n",
        "verdicts.csv": "suite,benchmark\ns,b.c\nt,d\n", "pairs.parquet": "PAR1",
    }  # fmt: skip
    for name, text in files.items():
        (made.results / name).parent.mkdir(parents=True, exist_ok=True)
        (made.results / name).write_text(text)
    (made.run(NAME) / "link").symlink_to("/etc/passwd")
    run_record(RUN).write(made.run_record(NAME))
    return made


def publish(layout: Layout, to: str = TO) -> tuple[str, list[str]]:
    said: list[str] = []
    return publishing.publish(layout, to, Storage.at(to), said.append).address, said


def test_what_is_published(amazon: Amazon, layout: Layout):
    address, _ = publish(layout)
    stamp = address.removeprefix(f"{TO}/")
    found = {name.removeprefix(f"lab/{stamp}/"): body for name, body in amazon.objects().items()}
    run = f"runs/{NAME}"
    assert set(found) == {
        *("manifest.json", "report.html", "verdicts.csv", "plan/analysis.json", "plan/runs.txt"),
        *("s/b_c.csv", "t/d.csv", "s/verdicts.csv", "t/verdicts.csv"),
        *("plot/s.forest.pdf", "plot/s.forest.png", "plot/draw.sh", "plot/data/methods/rq1.csv"),
        *(
            "plot/data/pairs.parquet",
            "plot/data/verdicts.csv",
            "plot/data/runs.txt",
            "plot/data/analysis.json",
        ),
        *(f"{run}/run.json", f"{run}/{NAME}.A.results.csv", f"{run}/{NAME}.A.log"),
    }
    assert list(csv.reader(found["s/b_c.csv"].decode().splitlines()))[1:] == [
        ["s", "b.c", "1"], ["s", "b.c", "2"], ["s", "b.c", '4,"5'],
    ]  # fmt: skip
    assert found["t/verdicts.csv"] == b"suite,benchmark\nt,d\n"
    manifest = json.loads(found.pop("manifest.json"))
    assert {file["name"]: (file["size_bytes"], file["sha256"]) for file in manifest["files"]} == {
        name: (len(body), hashlib.sha256(body).hexdigest()) for name, body in found.items()
    }
    assert (manifest["campaign"], manifest["stamp"]) == ("mine", stamp)
    assert (manifest["planned_runs"], manifest["finished_runs"]) == (1, 1)
    everything = b"".join(amazon.objects().values()) + layout.publications.read_bytes()
    assert SECRET.encode() not in everything and KEY.encode() not in everything


class Counted(Storage):
    """Notes what is sent."""

    def send(self, path: Path, file: PublishedFile) -> None:
        SENT.append(file.name)
        super().send(path, file)


SENT: list[str] = []


@pytest.fixture
def counted() -> Storage:
    SENT.clear()
    return Counted.at(TO)


def test_what_has_not_changed_is_not_sent_and_what_has_is_another_publication(
    amazon: Amazon, layout: Layout, counted: Storage
):
    first = publishing.publish(layout, TO, counted, print)
    before = amazon.objects()
    SENT.clear()
    assert publishing.publish(layout, TO, counted, print) == first
    assert SENT == [] and amazon.objects() == before
    (layout.results / "report.html").write_text("<html>2")
    second = publishing.publish(layout, TO, counted, print)
    assert second.stamp > first.stamp
    assert {name: body for name, body in amazon.objects().items() if name in before} == before
    other = publishing.publish(layout, "s3://results/elsewhere", Storage.at("s3://results/elsewhere"), print)
    assert Publications.read(layout.publications).publications == (second, other)


def test_a_half_upload_is_invisible_and_goes_on_where_it_was(
    amazon: Amazon, layout: Layout, counted: Storage, monkeypatch: pytest.MonkeyPatch
):
    """Killed in the middle; what another content came to in the meantime is sent again, and nothing else."""
    large = layout.run(NAME) / f"{NAME}.B.results.csv"
    large.write_bytes(b"x" * (storage.WHOLE_BYTES + 1))  # sent in parts
    real = storage.Storage.send

    def killed(self: Storage, path: Path, file: PublishedFile) -> None:
        if file.name.startswith("runs/") and not file.name.endswith(".B.results.csv"):
            raise KeyboardInterrupt
        real(self, path, file)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(storage.Storage, "send", killed)
        publishing.publish(layout, TO, Storage.at(TO), print)
    half = set(amazon.objects())
    assert half and not any(name.endswith("manifest.json") for name in half)
    (stamp,) = {name.split("/")[1] for name in half}
    with pytest.raises(DuetError, match="nothing was published there"):
        publishing.manifest(Storage.at(f"{TO}/{stamp}"))
    s3 = amazon.client("s3")
    s3.create_multipart_upload(Bucket="results", Key=f"lab/{stamp}/runs/{NAME}/x")  # what a kill -9 leaves
    (layout.results / "report.html").write_text("<HTML>")  # as many bytes
    done = publishing.publish(layout, TO, counted, print)
    assert done.stamp == stamp and done.complete
    sent_before = {name.removeprefix(f"lab/{stamp}/") for name in half} - {"report.html"}
    assert sent_before and not sent_before & set(SENT)
    assert publishing.manifest(Storage.at(done.address)).content == done.content
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="results")
    head = s3.head_object(Bucket="results", Key=f"lab/{stamp}/runs/{NAME}/{large.name}")
    assert head["Metadata"]["sha256"] == hashlib.sha256(large.read_bytes()).hexdigest()


def test_a_connection_that_breaks(
    amazon: Amazon, layout: Layout, counted: Storage, monkeypatch: pytest.MonkeyPatch
):
    for i in range(8):
        (layout.run(NAME) / f"{NAME}.A.{i}.bin").write_bytes(bytes(100_000))
    cutting = Cutting(amazon.port, after_bytes=300_000, times=1_000)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", cutting.url)
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(
            PlatformError, match=r"s3://results/lab.*: no answer \(.*then type the same again"
        ):
            publishing.publish(layout, TO, Storage.at(TO), print)
        half = {name.split("/", 2)[2] for name in amazon.objects()}
        cutting.left = 1  # once more, and boto3 tries again
        patch.setenv("AWS_MAX_ATTEMPTS", "3")
        done = publishing.publish(layout, TO, Counted.at(TO), print)
    cutting.close()
    assert not half & set(SENT)
    assert publishing.bring(Storage.at(done.address), layout.results.parent / "back", print).content == (
        done.content
    )


def test_back_and_imported(amazon: Amazon, layout: Layout, tmp_path: Path):
    address, _ = publish(layout)
    folder = tmp_path / "back"
    manifest = publishing.bring(Storage.at(address), folder, print)
    assert manifest.stems() == {"s.b_c"} == stems(folder)
    for file in manifest.files:
        assert hashlib.sha256((folder / file.name).read_bytes()).hexdigest() == file.sha256
    (folder / "report.html").write_text("torn")
    kept = folder / "verdicts.csv"
    before = kept.stat().st_mtime_ns
    publishing.bring(Storage.at(address), folder, print)
    assert (folder / "report.html").read_text() == "<html>" and kept.stat().st_mtime_ns == before


def test_an_altered_object_is_not_used(amazon: Amazon, layout: Layout, tmp_path: Path):
    address, _ = publish(layout)
    key = f"{address.removeprefix('s3://results/')}/report.html"
    amazon.client("s3").put_object(Bucket="results", Key=key, Body=b"<other>")
    with pytest.raises(DuetError, match=r"report\.html: its SHA-256 is .* it is not used"):
        publishing.bring(Storage.at(address), tmp_path / "back", print)
    assert not (tmp_path / "back/report.html").exists() and not (tmp_path / "back/manifest.json").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "a\\..\\x"])
def test_a_manifest_leads_nowhere_else(amazon: Amazon, tmp_path: Path, name: str):
    at = Storage.at("s3://results/evil")
    file = PublishedFile(name, 1, "0" * 64)
    manifest = Manifest(campaign="c", stamp="x", planned_runs=0, finished_runs=0, files=(file,))
    manifest.write(tmp_path / "manifest.json")
    at.write("manifest.json", (tmp_path / "manifest.json").read_bytes())
    with pytest.raises(DuetError, match=r"s3://results/evil/manifest\.json: files.*expected a relative path"):
        publishing.bring(at, tmp_path / "back", print)
    assert not (tmp_path / "back").exists()


def test_without_its_stamp_the_publications_are_named(amazon: Amazon, layout: Layout):
    address, _ = publish(layout)
    with pytest.raises(DuetError, match=f"add one of its time stamps: {address[-15:]}"):
        publishing.manifest(Storage.at(TO))


def test_the_figures_are_drawn_again_by_the_script_that_is_beside_them(layout: Layout, tmp_path: Path):
    """As far as its words are `figures`' own; tests/workflow/test_publish.py draws."""
    (tmp_path / "scratch").mkdir()
    script = publishing.contents(layout, tmp_path / "scratch")["plot/draw.sh"]
    subprocess.run(["sh", "-n", script], check=True)
    (tmp_path / "duetbench").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "duetbench").chmod(0o755)
    done = subprocess.run(["sh", script, tmp_path], capture_output=True, text=True, check=True)
    options = {word for word in done.stdout.split() if word.startswith("--")}
    shown = subprocess.run([*DUETBENCH, "figures", "--help"], capture_output=True, text=True).stdout
    assert options and all(option in shown for option in options)


# ---- faults: one line, and no credential in it ----


def command(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run([*DUETBENCH, *map(str, words)], capture_output=True, text=True)


def fault(layout: Layout, to: str = TO) -> str:
    done = command("publish", layout.results, to)
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert SECRET not in line
    return line


def test_faults_are_one_line(amazon: Amazon, layout: Layout, monkeypatch: pytest.MonkeyPatch):
    assert "there is no such bucket (NoSuchBucket)" in fault(layout, "s3://absent/x")
    with amazon.checking():
        assert "the credentials are wrong (InvalidAccessKeyId)" in fault(layout)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://somebody:secret@127.0.0.1:9")
        line = fault(layout)
        assert "no answer (EndpointConnectionError" in line and "secret" not in line
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        assert "there are no credentials; set AWS_PROFILE" in fault(layout)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_PROFILE", "nobodys")
        assert "nobodys" in fault(layout)
    assert "no address of S3" in fault(layout, "results/x")
    assert "has no results" in command("publish", layout.results.parent / "no", TO).stderr
    assert not amazon.objects() and not layout.publications.exists()


def test_a_signature_by_another_secret_is_refused(
    amazon: Amazon, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    key, _ = amazon.user(policy("person"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    with amazon.checking():
        assert "the credentials are wrong (SignatureDoesNotMatch)" in fault(layout)


def policy(name: str) -> dict:
    text = (ROOT / f"docs/cloud-{name}-policy.json").read_text()
    return json.loads(text.replace("BUCKET", "results").replace("ACCOUNT", "123456789012"))


def test_the_policy_of_an_instance_is_enough_to_publish_and_for_no_more(
    amazon: Amazon, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    """Moto looks at actions, not at resources."""
    key, secret = amazon.user(policy("instance"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with amazon.checking():
        Storage.at(TO).check()
        publish(layout)
        with pytest.raises(PlatformError, match="may not do that"), aws.told("ec2"):
            aws.client("ec2").describe_instances()


def test_without_boto3_it_is_said_what_to_type(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "scripts/boto3.py").write_text("raise ModuleNotFoundError\n")
    done = subprocess.run(
        [DUETBENCH[0], tmp_path / "scripts/duetbench.py", "publish", layout.results, TO],
        capture_output=True, text=True,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: this needs boto3, which is not installed; ")
    assert line.endswith("pip install -r requirements-platform.txt") and done.returncode == 1
