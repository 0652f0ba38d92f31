"""What images need of an engine: look up, pull, import, build. Beside containers.py the SDK's only user."""

import os
import queue
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from duet.engines import EngineError
from duet.engines.containers import connect
from duet.model import digest

HASH_LABEL = "duetbench.hash"
ANSWER_S = 10.0
"""How long a registry may take to say its first word."""
TAIL_LINES = 15
TAIL_CHARACTERS = 20_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class NoRegistry(EngineError):
    """The image could not be pulled: no registry in reach, or it does not have it."""


class BuildFailed(EngineError):
    """A Dockerfile's instruction failed. The message ends with the last lines of the output."""


class Store:
    """The images of one engine, docker or podman."""

    def __init__(self, engine: str):
        self.engine = engine
        self._client: docker.DockerClient = connect(engine)

    def close(self) -> None:
        self._client.close()

    def tag(self, name: str, version: str) -> str:
        """The tag that an image of ours has in this engine."""
        prefix = "localhost/" if self.engine == "podman" else ""
        return f"{prefix}duetbench/{name.lower()}:{version}"

    def inspect(self, name: str) -> dict | None:
        """What the engine knows of an image, or None when it does not have it. Never pulls."""
        try:
            return self._client.api.inspect_image(name)
        except ImageNotFound:
            return None
        except DockerException as error:
            raise EngineError(f"{self.engine}: image {name}: {_wording(error)}") from error

    def content(self, name: str) -> str | None:
        """Digest of an image's layers (RootFS.Layers), the same wherever it was loaded; None without it."""
        image = self.inspect(name)
        return None if image is None else digest(image["RootFS"].get("Layers") or [])

    def pull(self, name: str) -> None:
        """Fetch an image from its registry. Raises NoRegistry, within 10 s when nobody answers."""
        repository, tag = _split(name)
        events: queue.Queue[dict | Exception | None] = queue.Queue()
        client = connect(self.engine)

        def ask() -> None:
            try:
                for event in client.api.pull(repository, tag=tag, stream=True, decode=True):
                    events.put(event)
                events.put(None)
            except Exception as error:  # carried to the waiting thread
                events.put(error)

        threading.Thread(target=ask, daemon=True).start()
        wait_s: float | None = ANSWER_S
        try:
            while (event := events.get(timeout=wait_s)) is not None:
                wait_s = None
                if isinstance(event, Exception):
                    raise NoRegistry(f"{self.engine} cannot pull {name}: {_wording(event)}") from event
                if "error" in event:
                    raise NoRegistry(f"{self.engine} cannot pull {name}: {event['error']}")
        except queue.Empty:
            raise NoRegistry(
                f"{self.engine} cannot pull {name}: no registry answered in {ANSWER_S:.0f} s"
            ) from None
        finally:
            client.close()

    def load(self, archive: Path, tag: str) -> None:
        """Make an image of a root file system (a tar file)."""
        try:
            # The tag as a part of the repository: podman does not heed a tag of its own here.
            answer = self._client.api.import_image_from_file(str(archive), repository=tag)
        except DockerException as error:
            raise EngineError(f"{self.engine} cannot import {archive}: {_wording(error)}") from error
        if '"error"' in answer:
            raise EngineError(f"{self.engine} cannot import {archive}: {answer.strip()}")

    def save(self, name: str, archive: Path) -> None:
        """Write an image with its tag to a file (a tar file), whole or not at all."""
        beside = archive.with_name(f".{archive.name}.part")
        try:
            with beside.open("wb") as file:
                for chunk in self._client.api.get_image(name):
                    file.write(chunk)
            beside.replace(archive)
        except DockerException as error:
            raise EngineError(f"{self.engine} cannot save {name}: {_wording(error)}") from error
        finally:
            beside.unlink(missing_ok=True)

    def unpack(self, archive: Path) -> list[str]:
        """Load what `save` wrote, by whichever engine; the tags that the engine says it has now."""
        try:
            with archive.open("rb") as file:
                events = list(self._client.api.load_image(file))
        except DockerException as error:
            raise EngineError(f"{self.engine} cannot load {archive}: {_wording(error)}") from error
        if failed := next((event["error"] for event in events if "error" in event), None):
            raise EngineError(f"{self.engine} cannot load {archive}: {failed.strip()}")
        text = "".join(event.get("stream", "") for event in events)
        return re.findall(r"Loaded image(?:\(s\))?: (\S+)", text)

    def name(self, image: str, tag: str) -> None:
        """Give an image one more tag."""
        try:
            self._client.api.tag(image, *_split(tag))
        except DockerException as error:
            raise EngineError(f"{self.engine} cannot tag {image} as {tag}: {_wording(error)}") from error

    def push(self, name: str) -> None:
        """Send an image to the registry that its name begins with. Raises NoRegistry."""
        repository, tag = _split(name)
        try:
            for event in self._client.api.push(repository, tag=tag, stream=True, decode=True):
                if "error" in event:
                    raise NoRegistry(f"{self.engine} cannot push {name}: {event['error']}")
        except DockerException as error:
            raise NoRegistry(f"{self.engine} cannot push {name}: {_wording(error)}") from error

    def build(
        self,
        context: IO[bytes],
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        log: IO[str],
    ) -> None:
        """Build a context (a tar file with a Dockerfile) and tag it; the output goes to `log`.

        Raises BuildFailed with the last lines of the output.
        """
        end = ""

        def write(text: str) -> None:
            nonlocal end
            log.write(text)
            log.flush()
            end = (end + text)[-TAIL_CHARACTERS:]

        failure = None
        try:
            stream = self._client.api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs=_proxies() | dict(arguments),
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
                timeout=None,  # an instruction may be silent for as long as it likes
            )
            for event in stream:
                write(event.get("stream", ""))
                failure = event.get("error", failure)
        except DockerException as error:
            failure = _wording(error)
        if failure is not None:
            write(f"{failure}\n")
            # Colours, and the engine sends what goes to stderr in pieces.
            lines = [line for line in _COLOUR.sub("", end).splitlines() if line.strip()]
            tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
            raise BuildFailed(f"{tag}: build failed; log: {log.name}\n{tail}")


def _split(name: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image's name; the tag is `latest` unless given."""
    if "@" in name:
        repository, _, version = name.partition("@")
        return repository, version
    repository, colon, version = name.rpartition(":")
    return (repository, version) if colon and "/" not in version else (name, "latest")


def _wording(error: Exception) -> str:
    """An SDK error as the engine worded it, in one line."""
    text = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(str(text).split())


def _proxies() -> dict[str, str]:
    """The host's proxies, which an instruction may need to reach the network; no part of a result.

    One on the loopback interface cannot be reached from inside, so it is not handed on.
    """
    names = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
    proxies = {k: v for k, v in os.environ.items() if k.lower() in names and v}
    return {k: v for k, v in proxies.items() if not ("127." in v or "localhost" in v) or "no" in k.lower()}
