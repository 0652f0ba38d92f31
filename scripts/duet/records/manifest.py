"""What a publication has in it, and where a campaign was published."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from duet.model import digest, parse_run
from duet.records.codec import Mismatch
from duet.records.files import Record
from duet.records.layout import RUN

MANIFEST = "manifest.json"
"""Of a publication: what is not in it is no part of it, and without it there is none."""
STAMP = re.compile(r"\d{8}_\d{6}")
"""YYYYMMDD_HHMMSS, in UTC."""
_NAME = re.compile(r"[^/\0\\]+(/[^/\0\\]+)*")


def address_folder(address: str, folder: Path) -> Path:
    """Where a publication lies below `folder` (results/.published)."""
    address = address.rstrip("/")
    return folder / f"{address.rpartition('/')[2]}-{digest(address)[:12]}"


@dataclass(frozen=True)
class PublishedFile:
    name: str
    """Below the publication's prefix, with / between."""
    size_bytes: int
    sha256: str

    def check(self) -> None:
        """No name leads out of the directory that it is brought to."""
        if not _NAME.fullmatch(self.name) or {".", ".."} & set(self.name.split("/")):
            raise Mismatch(f"is {self.name[:80]!r}, expected a relative path", "name")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise Mismatch(f"is {self.sha256[:80]!r}, expected 64 hexadecimal digits", "sha256")


@dataclass(frozen=True, kw_only=True)
class Manifest(Record):
    """<prefix>/<stamp>/manifest.json, which is sent last."""

    REMEDY: ClassVar[str] = "publish again"

    campaign: str
    stamp: str
    planned_runs: int
    finished_runs: int
    files: tuple[PublishedFile, ...]

    @property
    def content(self) -> str:
        """Digest of all that is in it."""
        return digest([(file.name, file.size_bytes, file.sha256) for file in self.files])

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def stems(self) -> set[str]:
        """`<suite>.<benchmark>` of all finished runs."""
        parts = (file.name.split("/") for file in self.files)
        names = [part[1] for part in parts if part[0] == "runs" and part[2:] == [RUN]]
        return {run.benchmark_stem for name in names if (run := parse_run(name))}


@dataclass(frozen=True, kw_only=True)
class Publication:
    destination: str
    """s3://bucket/prefix"""
    stamp: str
    content: str
    """`Manifest.content`"""
    complete: bool

    @property
    def address(self) -> str:
        return f"{self.destination.rstrip('/')}/{self.stamp}"


@dataclass(frozen=True, kw_only=True)
class Publications(Record):
    """results/<name>/publications.json: the last one at each destination, complete or not."""

    REMEDY: ClassVar[str] = "delete it: the campaign is then published anew"

    publications: tuple[Publication, ...] = ()

    def last(self, destination: str) -> Publication | None:
        return next((each for each in self.publications if each.destination == destination), None)

    def having(self, one: Publication) -> Self:
        others: Iterable[Publication] = (p for p in self.publications if p.destination != one.destination)
        return replace(self, publications=(*others, one))
