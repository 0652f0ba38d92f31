"""Unpack a tar stream that a benchmark's container had a hand in. Nothing is written outside one place."""

import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from duet.engines import EngineError, Room

_CHUNK = 1 << 20
_END = bytes(1024)
"""Two zero blocks end every tar archive; a stream without them was cut off."""
DEEPEST = 100
"""Directories in each other that are kept: who looks at them later does so by recursion."""
NAMED = 10
"""Of what is left out, so many are named."""
NAME_CHARACTERS = 200
"""Of a longer name its beginning."""


def extract(chunks: Iterable[bytes], to: Path, room: Room) -> list[str]:
    """Make `to` out of the archive of one file or one directory tree (as `docker cp` gives it).

    The archive's first path component becomes `to`, which must not exist. Regular files and directories
    only, readable and writable for the owner, never setuid, owned by whoever runs this. Links, devices,
    pipes, sparse files and what lies deeper than DEEPEST are not made: returns their names. Where `room`
    ends, so does reading: the name of what did not fit in comes last then. Streams: memory does not grow
    with the archive.

    Raises EngineError, and then leaves no `to`: for names that are absolute, contain `..` or do not lie in
    the one tree, for a name that comes twice, for a cut-off or broken archive, for a full disk, for a file
    (not one in a directory) that there is no room for.
    """
    stream = _Stream(iter(chunks))
    skipped = Names()
    if os.path.lexists(to):
        raise EngineError(f"{to} already exists", "remove it")
    try:
        with tarfile.open(mode="r|", fileobj=stream, bufsize=_CHUNK) as archive:
            root = None
            for member in archive:
                parts = _parts(member.name)
                root = root if root is not None else parts[:1]
                if parts[:1] != root:
                    raise EngineError(f"archive of {to.name}: {member.name!r} lies outside {root}")
                if not room.take(member.size if member.isreg() else 0):
                    if len(parts) == 1:
                        raise EngineError(*too_large(to.name, member.size, room))
                    return [
                        *skipped.listed(),
                        f"{member.name[:NAME_CHARACTERS]} ({member.size} bytes) and whatever comes after it",
                    ]
                if len(parts) > DEEPEST + 1:
                    continue  # in a directory that was left out
                if len(parts) > DEEPEST or not _write(archive, member, to.joinpath(*parts[1:])):
                    skipped.add(member.name)
        stream.drain()
        if not stream.ended:
            raise EngineError(f"archive of {to.name} was cut off", "is the disk full, did the engine stop?")
    except (tarfile.TarError, OSError, ValueError, EOFError) as e:
        discard(to)
        reason = (e.strerror if isinstance(e, OSError) else None) or str(e) or type(e).__name__
        raise EngineError(f"archive of {to.name} cannot be unpacked: {reason}") from e
    except BaseException:
        discard(to)
        raise
    return skipped.listed()


def too_large(name: str, size: int, room: Room) -> tuple[str, str]:
    return (
        f"{name} has {size} bytes, {room.bytes} are what may still be kept of its side",
        "raise `disk`, or have it write less",
    )


class Names:
    """Names of what was left out: those of a hostile tree may be more than one wants to know."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._more = 0

    def add(self, name: str) -> None:
        if len(self._first) < NAMED:
            self._first.append(name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}…")
        else:
            self._more += 1

    def listed(self) -> list[str]:
        return self._first + ([f"{self._more} more"] if self._more else [])


def _parts(name: str) -> tuple[str, ...]:
    """Path components of a member's name; `.` stands for the root of the tree itself."""
    if name.startswith("/") or "\0" in name:
        raise EngineError(f"archive holds the absolute name {name!r}", "do not trust its content")
    parts = tuple(p for p in name.split("/") if p not in ("", "."))
    if ".." in parts:
        raise EngineError(f"archive holds the name {name!r}", "do not trust its content")
    return parts or (".",)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bool:
    """Whether the member was made. Every directory below `to` was made here, so none of them is a link."""
    if member.isdir():
        path.mkdir(mode=0o755)
        return True
    if not member.isreg() or member.issparse():
        return False
    mode = 0o600 | member.mode & 0o755
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    source = archive.extractfile(member)
    with open(os.open(path, flags, mode), "wb") as target:
        assert source is not None  # a regular member always has content
        shutil.copyfileobj(source, target, _CHUNK)
        if target.tell() != member.size:
            raise tarfile.ReadError("unexpected end of data")
    return True


def discard(to: Path) -> None:
    """Remove what was copied of a result, of which not all could be."""
    if to.is_dir():
        shutil.rmtree(to, ignore_errors=True)
    else:
        to.unlink(missing_ok=True)


class _Stream(io.RawIOBase):
    """A reader over chunks that remembers how the stream ended."""

    def __init__(self, chunks: Iterator[bytes]):
        super().__init__()
        self._chunks, self._left, self._tail = chunks, b"", b""

    def read(self, size: int = _CHUNK, /) -> bytes:
        """At most so many bytes, none at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._tail = (self._tail + chunk)[-len(_END) :] if len(chunk) < len(_END) else chunk[-len(_END) :]
            self._left = chunk
        data, self._left = self._left[:size], self._left[size:]
        return data

    def drain(self) -> None:
        while self.read(_CHUNK):
            pass

    @property
    def ended(self) -> bool:
        return self._tail == _END
