"""What runs need and has been brought here: images and fetched files."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duet.records.files import Record


def place(engine: str) -> str:
    """`<engine>@<host>`: where an image is present."""
    return f"{engine}@{re.sub(r'[^A-Za-z0-9_.-]+', '_', platform.node()) or 'localhost'}"


@dataclass(frozen=True, kw_only=True)
class ImageIdentity(Record):
    """results/<name>/images/<key>.json: what an image is, wherever it is. Decides which runs are due."""

    name: str
    """As the campaign has it."""
    key: str
    hash: str | None
    """Digest of its content."""
    base: Mapping[str, str] = field(default_factory=dict)
    """External images that it is made from -> their content."""


@dataclass(frozen=True, kw_only=True)
class ImagePresence(Record):
    """results/<name>/images/<engine>@<host>/<key>.json: an image on an engine. All it can cost is a build."""

    name: str
    key: str
    engine: str
    hash: str | None
    id: str | None
    """The engine's own id; None as `tag` where sides run as processes."""
    tag: str | None
    files: tuple[Path, ...] = ()
    """What a `process` side finds of it in its working directory."""


@dataclass(frozen=True, kw_only=True)
class ImageRecord(ImagePresence):
    """An image as it was provided: both."""

    base: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> ImageIdentity:
        return ImageIdentity(name=self.name, key=self.key, hash=self.hash, base=self.base)

    @property
    def presence(self) -> ImagePresence:
        return ImagePresence(**{name: getattr(self, name) for name in ImagePresence.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class SourceRecord(Record):
    """results/<name>/sources/<key>.json: a fetched file that is there."""

    path: Path
    """Where it lies, under its own name."""
    sha256: str
    size_bytes: int
    mtime_ns: int
    origin: str
    """The URL, or the user's own path."""
