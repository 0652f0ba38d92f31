"""A server that answers as S3, EC2, SSM, IAM and EventBridge Scheduler do: moto's, over HTTP."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import tools

REGION = "eu-central-1"
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CLEARED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_CONFIG_FILE", "AWS_REGION")


class Amazon:
    """The server, and how it is reached: as the usual configuration of AWS says."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [shutil.which("moto_server") or "", "-H", "0.0.0.0", "-p", str(self.port)]
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5).status == 200
        return False

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()

    def reset(self) -> None:
        self.post("reset", b"")

    def post(self, what: str, content: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/{what}", content, headers)
        urllib.request.urlopen(request, timeout=30)

    @contextlib.contextmanager
    def checking(self) -> Iterator[None]:
        """Within this it looks at signatures and policies, as Amazon does; otherwise everybody may do all."""
        self.post("reset-auth", b"0")
        try:
            yield
        finally:
            self.post("reset-auth", b"inf")

    def client(self, service: str, key: str = KEY, secret: str = SECRET):
        import boto3  # not here before it is needed

        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION,
            aws_access_key_id=key, aws_secret_access_key=secret,
        )  # fmt: skip

    def user(self, policy: dict) -> tuple[str, str]:
        """Key and secret of somebody who may do what a policy says, and no more."""
        iam = self.client("iam")
        name = f"user{time.time_ns()}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def bucket(self, name: str = "results") -> None:
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def objects(self, bucket: str = "results") -> dict[str, bytes]:
        s3 = self.client("s3")
        names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        return {name: s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}


@pytest.fixture(scope="session")
def amazon_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amazon]:
    tools.need("moto_server")
    server = Amazon(tmp_path_factory.mktemp("moto"))
    yield server
    server.end()


@pytest.fixture
def amazon(amazon_server: Amazon, monkeypatch: pytest.MonkeyPatch) -> Amazon:
    """With nothing in it, for this process and those that it starts; a bucket `results` is there."""
    amazon_server.reset()
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    known = {
        "AWS_ENDPOINT_URL": amazon_server.url, "AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "2",
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    amazon_server.bucket()
    return amazon_server


class Cutting:
    """A proxy on a port of its own that breaks a connection off after so many bytes have gone up."""

    def __init__(self, to: int, after_bytes: int, times: int):
        self._to, self._after_bytes, self.left = to, after_bytes, times
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._sent = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                there, _ = self._server.accept()
                back = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._up, args=(there, back), daemon=True).start()
                threading.Thread(target=self._down, args=(back, there), daemon=True).start()

    def _up(self, source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError), source, to:
            while data := source.recv(1 << 14):
                self._sent += len(data)
                if self.left and self._sent > self._after_bytes:
                    self.left -= 1
                    self._sent = 0
                    to.shutdown(socket.SHUT_RDWR)
                    source.shutdown(socket.SHUT_RDWR)
                    return
                to.sendall(data)

    def _down(self, source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._server.close()
