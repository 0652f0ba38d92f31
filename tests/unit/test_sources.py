"""Fetching from a real server on this machine, which breaks off, resumes or refuses as told."""

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.images import sources
from duet.model import ImageRef, Source
from duet.records.plan import ImagePlan
from duet.records.provision import SourceRecord

BODY = os.urandom(1_500_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@dataclass
class Server:
    """What it serves, how it behaves, and what it was asked."""

    url: str = ""
    body: bytes = BODY
    etag: str | None = '"1"'
    ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    """Bytes it sends before it breaks the connection, one for each of the first requests."""
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    """Where it sends who asks."""
    requests: list[str | None] = field(default_factory=list)
    """The Range header of every request."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.requests.append(wanted)
        if self.location:
            handler.send_response(302)
            handler.send_header("Location", self.location)
            return handler.end_headers()
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return handler.send_error(status)
        first = 0
        if self.ranges and wanted and handler.headers.get("If-Range") in (None, self.etag):
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(self.body):
                return handler.send_error(416)
        body = self.body[first:]
        handler.send_response(206 if first else 200)
        handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(self.body) - 1}/{len(self.body)}")
        handler.end_headers()
        handler.wfile.write(body[: self.breaks_after.pop(0)] if self.breaks_after else body)
        handler.wfile.flush()
        handler.close_connection = True
        return None


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/suite-1.jar"
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def fetch(source: Source, folder: Path) -> tuple[SourceRecord, list[str]]:
    messages: list[str] = []
    return sources.fetch(source, folder, messages.append, pause_s=0), messages


def test_fetched_once_under_its_own_name_with_its_digest(server: Server, tmp_path: Path) -> None:
    source = Source("suite.jar", server.url)
    record, messages = fetch(source, tmp_path)
    path = Path(record.path)
    assert (path.name, path.read_bytes(), record.sha256) == ("suite.jar", BODY, SHA256)
    assert json.loads(path.with_name("suite.jar.json").read_text())["sha256"] == SHA256
    assert messages[0] == "suite.jar: fetching of 1.5 MB" and messages[-1] == "suite.jar: 1.5 MB, done"
    again, messages = fetch(source, tmp_path)
    assert again == record and messages == [] and len(server.requests) == 1
    assert not list(tmp_path.rglob("*.part*"))


def test_two_versions_do_not_collide(server: Server, tmp_path: Path) -> None:
    one, _ = fetch(Source("suite.jar", server.url), tmp_path)
    server.body = b"another"
    two, _ = fetch(Source("suite.jar", server.url + "?2"), tmp_path)
    assert Path(one.path).read_bytes() == BODY and Path(two.path).read_bytes() == b"another"


def test_a_broken_connection_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [500_000, 400_000]
    record, messages = fetch(Source("suite.jar", server.url, SHA256), tmp_path)
    assert record.sha256 == SHA256
    assert server.requests == [None, "bytes=500000-", "bytes=900000-"]
    assert "suite.jar: resuming at 0.5 MB of 1.5 MB" in messages


def test_a_killed_fetch_goes_on_the_next_time(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [700_000]
    source = Source("suite.jar", server.url)
    with pytest.raises(KeyboardInterrupt):
        sources.fetch(source, tmp_path, interrupted, pause_s=0)
    assert not sources.place(source, tmp_path).exists()
    record, _ = fetch(source, tmp_path)
    assert record.sha256 == SHA256 and server.requests[-1] == "bytes=700000-"


def interrupted(line: str) -> None:
    if "trying again" in line:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("ranges", "etag"), [(False, '"1"'), (True, None), (True, 'W/"1"')])
def test_a_server_that_cannot_resume_is_asked_for_the_whole(
    server: Server, tmp_path: Path, ranges: bool, etag: str | None
) -> None:
    server.ranges, server.etag, server.breaks_after = ranges, etag, [500_000]
    record, _ = fetch(Source("suite.jar", server.url), tmp_path)
    assert record.sha256 == SHA256


def test_a_part_of_an_older_version_is_not_gone_on_with(server: Server, tmp_path: Path) -> None:
    source = Source("suite.jar", server.url)
    server.breaks_after = [700_000]
    with pytest.raises(KeyboardInterrupt):
        sources.fetch(source, tmp_path, interrupted, pause_s=0)
    server.body, server.etag = BODY[::-1], '"2"'
    record, _ = fetch(source, tmp_path)
    assert Path(record.path).read_bytes() == BODY[::-1]


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    source = Source("suite.jar", server.url)
    path = sources.place(source, tmp_path)
    path.parent.mkdir(parents=True)
    path.with_name("suite.jar.part").write_bytes(BODY + b"more")
    path.with_name("suite.jar.part.tag").write_text('"1"')
    record, _ = fetch(source, tmp_path)
    assert record.sha256 == SHA256 and server.requests == ["bytes=1500004-", None]


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    record, messages = fetch(Source("suite.jar", server.url), tmp_path)
    assert record.sha256 == SHA256 and sum("trying again" in line for line in messages) == 2


def test_another_digest_is_an_error_and_the_file_is_kept_aside(server: Server, tmp_path: Path) -> None:
    source = Source("suite.jar", server.url, "0" * 64)
    place = sources.place(source, tmp_path)
    for _ in range(2):
        with pytest.raises(
            sources.SourceError, match=rf"its SHA-256 is {SHA256}, but the campaign has 0{{64}}"
        ):
            fetch(source, tmp_path)
        assert {p.name for p in place.parent.iterdir()} == {".lock", "suite.jar.refused"}
        assert place.with_name("suite.jar.refused").read_bytes() == BODY
    found, _ = fetch(replace(source, sha256=SHA256), tmp_path)
    assert found.sha256 == SHA256 == SourceRecord.read(place.with_name("suite.jar.json")).sha256


@pytest.mark.parametrize("url", ["http://suite.example/x.jar", "ftp://suite.example/x.jar"])
def test_a_server_does_not_send_us_where_anybody_may_change_what_comes(
    server: Server, tmp_path: Path, url: str
) -> None:
    server.location = url
    with pytest.raises(sources.SourceError) as caught:
        fetch(Source("suite.jar", server.url), tmp_path)
    assert str(caught.value).startswith(f"{server.url}: sends us to {url}, not https; give the key sha256")
    assert len(server.requests) == 1


def test_plain_http_only_with_the_digest_that_is_expected(tmp_path: Path) -> None:
    source = Source("suite.jar", "http://suite.invalid/x.jar")
    with pytest.raises(sources.SourceError, match=r"x.jar: not https; give the key sha256 beside url"):
        fetch(source, tmp_path)
    with pytest.raises(sources.SourceError, match="cannot download"):  # there is no such server
        fetch(replace(source, sha256=SHA256), tmp_path)


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusal_is_final_and_names_key_and_place(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status]
    source = Source("suite.jar", server.url)
    with pytest.raises(sources.SourceError) as caught:
        fetch(source, tmp_path)
    place = sources.place(source, tmp_path)
    assert f"cannot download {server.url}: HTTP {status}" in str(caught.value)
    assert caught.value.remedy == f"put the file at {place}, or set the key jar to your copy"
    assert len(server.requests) == 1


def test_without_network_the_file_can_be_put_in_place(tmp_path: Path) -> None:
    source = Source("suite.jar", "http://127.0.0.1:9/suite.jar")
    with pytest.raises(sources.SourceError, match=r"Connection refused.*or set the key jar") as caught:
        fetch(source, tmp_path)
    place = Path(caught.value.remedy.split()[4].rstrip(","))
    place.write_bytes(BODY)
    record, _ = fetch(source, tmp_path)
    assert record.sha256 == SHA256


def test_the_users_own_file_is_used_instead(tmp_path: Path) -> None:
    own = tmp_path / "my copy.jar"
    own.write_bytes(BODY)
    source = Source("suite.jar", "http://127.0.0.1:9/x", SHA256, own)
    record, _ = fetch(source, tmp_path / "sources")
    assert Path(record.path).name == "suite.jar" and Path(record.path).read_bytes() == BODY
    assert (record.sha256, record.origin) == (SHA256, str(own))
    own.write_bytes(b"changed")
    with pytest.raises(sources.SourceError, match="correct the key sha256"):
        fetch(source, tmp_path / "sources")
    assert own.exists()
    own.unlink()
    with pytest.raises(sources.SourceError, match=r"my copy.jar: no such file; put it there"):
        fetch(source, tmp_path / "sources")


@pytest.mark.parametrize("url", [None, "file:///etc/passwd", "ftp://x/y"])
def test_what_is_no_web_address_is_not_fetched(tmp_path: Path, url: str | None) -> None:
    with pytest.raises(sources.SourceError, match="set the key jar"):
        fetch(Source("suite.jar", url), tmp_path)


def test_two_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    source = Source("suite.jar", server.url)
    threads = [threading.Thread(target=fetch, args=(source, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 1


def test_the_command_writes_a_record_and_faults_are_one_line(server: Server, tmp_path: Path) -> None:
    ref = ImageRef("suite", source=Source("suite.jar", server.url, SHA256))
    plan, out, log = tmp_path / "plan.json", tmp_path / "out.json", tmp_path / "logs/fetch.log"
    ImagePlan(image=ref, base_image="base").write(plan)
    command = [*DUETBENCH, "fetch", "--plan", str(plan), "--folder", str(tmp_path / "s")]
    done = subprocess.run([*command, "--out", str(out), "--log", str(log)], capture_output=True, text=True)
    assert done.returncode == 0 and "done" in done.stderr and "done" in log.read_text()
    record = json.loads(out.read_text())
    assert (record["sha256"], Path(record["path"]).read_bytes()) == (SHA256, BODY)
    elsewhere = replace(ref, source=Source("suite.jar", server.url + "2", SHA256))
    ImagePlan(image=elsewhere, base_image="base").write(plan)
    server.statuses = [404]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: cannot download")
    assert done.stderr.count("\n") == 1
