"""What runs need and has been brought here: images and fetched files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duet.records.files import Record


@dataclass(frozen=True, kw_only=True)
class ImageRecord(Record):
    """results/<name>/images/<key>.json: an image that is there."""

    name: str
    """As the campaign has it."""
    key: str
    engine: str
    id: str | None
    """The engine's own id; None as `tag` and `hash` where sides run as processes."""
    tag: str | None
    hash: str | None
    """Digest of its content."""
    base: Mapping[str, str] = field(default_factory=dict)
    """External images that it is made from -> their content."""
    files: tuple[Path, ...] = ()
    """What a `process` side finds of it in its working directory."""


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
