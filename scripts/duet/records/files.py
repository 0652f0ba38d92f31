"""How files of a campaign are written and read: whole or not at all, checked, durable."""

import contextlib
import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

from duet.model import SCHEMA_VERSION, DuetError, open_file
from duet.records.codec import Mismatch, canonical, decode, encode


class RecordError(DuetError):
    """A file of the campaign is absent, damaged, of another version, or cannot be written."""


class Record:
    """A JSON file that one command writes and another reads; its keys are a frozen dataclass's fields."""

    DURABLE: ClassVar[bool] = True
    """Whether it must be on the disk before the writer goes on."""
    REMEDY: ClassVar[str] = "delete it and start again"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises RecordError, one line: the file, the key, the remedy."""
        try:
            with open_file(path) as file:
                text = file.read()
        except FileNotFoundError:
            raise RecordError(f"{path}: no such file") from None
        except OSError as e:
            raise RecordError(f"{path}: {e.strerror}") from None
        return cls.of(text, str(path))

    @classmethod
    def of(cls, text: bytes, path: str) -> Self:
        """The record that a text is; `path` is how errors call it. Raises RecordError."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise RecordError(f"{path}: not JSON, perhaps cut off ({e})", cls.REMEDY) from None
        schema = document.get("schema", SCHEMA_VERSION) if isinstance(document, dict) else SCHEMA_VERSION
        if schema != SCHEMA_VERSION:
            raise RecordError(
                f"{path}: schema: is {json.dumps(schema)[:40]}, expected {SCHEMA_VERSION}", cls.REMEDY
            )
        try:
            return decode(cls, document)
        except Mismatch as mismatch:
            raise RecordError(f"{path}: {mismatch}", cls.REMEDY) from None

    @classmethod
    def read_sound(cls, path: Path) -> Self | None:
        """None where there is no such file, or a damaged one: for who must not end at it."""
        try:
            return cls.read(path)
        except RecordError:
            return None

    def write(self, path: Path) -> None:
        """Raises RecordError where the file cannot be written; what was there stays then."""
        write_text(path, self.text(), durable=self.DURABLE)

    def write_if_changed(self, path: Path) -> bool:
        """Write only if it says something else than what is there; whether it does.

        A file that says the same stays as it is, also where an older version wrote fewer keys: for
        what is made from it, Snakemake looks at its modification time.
        """
        if self.read_sound(path) == self:
            return False
        self.write(path)
        return True

    def text(self) -> str:
        """As a file has it."""
        return canonical({"schema": SCHEMA_VERSION, **encode(self)})


def read_lines(path: Path) -> list[str]:
    """The names in a file that has one a line. Raises RecordError."""
    try:
        return path.read_text().split()
    except OSError as e:
        raise RecordError(f"{path}: {e.strerror}", "start again: the workflow writes it") from None
    except ValueError:
        raise RecordError(f"{path}: not text", Record.REMEDY) from None


def write_lines_if_changed(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    with contextlib.suppress(OSError, ValueError):
        if path.read_text() == text:
            return
    write_text(path, text, durable=False)


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write beside `path`, then rename: a reader sees the old content or the new.

    `durable`: it is on the disk afterwards. Raises RecordError.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text)
        if durable:
            sync(beside)
        beside.replace(path)
        if durable:
            sync(path.parent)
    except OSError as e:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise unwritable(path, e) from None


def unwritable(path: Path, e: OSError) -> RecordError:
    """The error of a file that could not be written."""
    return RecordError(f"{path}: cannot be written ({e.strerror})", remedy(e))


def remedy(e: OSError) -> str:
    """Empty but for a disk that is full."""
    full = e.errno in (errno.ENOSPC, errno.EDQUOT)
    return "make room there and start again: finished runs are kept" if full else ""


def sync(path: Path) -> None:
    """Have a file's content, or a directory's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
