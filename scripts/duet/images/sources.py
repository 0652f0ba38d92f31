"""Files that a suite needs and that cannot be redistributed: downloaded once, or the user's own.

    results/.sources/<digest of the URL>/<file>        the file under its own name
    results/.sources/<digest of the URL>/<file>.json   its SHA-256 and where it came from
    results/.sources/<digest of the URL>/<file>.refused   what came with another SHA-256 than was expected

It comes by HTTPS, also where a server sends us elsewhere; by plain HTTP only where its SHA-256 is given, or
from this machine.
The user's own file (key `jar`) is linked there instead, so that a side finds it under the same
name. A download that broke off goes on where it ended (`<file>.part`), as long as the server
says that the file is the same. Proxies and CA certificates are the environment's (urllib).
"""

import fcntl
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from duet.model import HERE, DuetError, Source, digest
from duet.records.provision import SourceRecord

TIMEOUT_S = 30.0
ATTEMPTS = 5
"""In a row without a byte gained; while the file grows it goes on."""
_CHUNK_BYTES = 1 << 18

Say = Callable[[str], None]


class SourceError(DuetError):
    """The file cannot be had, or is another one than was asked for."""


class _Broken(Exception):
    """This attempt failed; another may not."""


def place(source: Source, folder: Path) -> Path:
    """Where a source lies below `folder` (results/.sources): versions do not collide."""
    origin = str(source.own.absolute()) if source.own else source.url
    return folder / digest(origin)[:12] / source.file


def fetch(source: Source, folder: Path, say: Say, pause_s: float = 1.0) -> SourceRecord:
    """See to it that a source is there and is the right one.

    `say` gets progress, a line each time. Raises SourceError.
    """
    path = place(source, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if source.own:
            _link(source.own, path)
        elif not path.exists():
            _download(source, path, say, pause_s)
        return _checked(source, path)


def _link(own: Path, path: Path) -> None:
    if not own.is_file():
        raise SourceError(f"{own}: no such file", "put it there, or correct the key jar")
    if path.is_symlink() or path.exists():
        path.unlink()
    path.symlink_to(own.absolute())


def _checked(source: Source, path: Path) -> SourceRecord:
    """The file's digest, read again only when the file has changed, against the configured one."""
    origin = str(source.own.absolute()) if source.own else str(source.url)
    beside = path.with_name(path.name + ".json")
    status = path.stat()
    known = SourceRecord.read_sound(beside)
    if known is None or (known.size_bytes, known.mtime_ns) != (status.st_size, status.st_mtime_ns):
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        known = SourceRecord(
            path=path,
            sha256=sha256,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            origin=origin,
        )
        known.write(beside)
    for key, wanted in (("sha256", source.sha256), ("sha1", source.sha1)):
        digest = wanted and (known.sha256 if key == "sha256" else _sha1(path))
        if not wanted or digest == wanted.lower():
            continue
        name = key.replace("sha", "SHA-")
        what = f"{origin}: its {name} is {digest}, but the campaign has {wanted.lower()}"
        if source.own:
            raise SourceError(what, f"use the right file, or correct the key {key}")
        aside = path.with_name(f"{path.name}.refused")
        path.replace(aside)
        beside.unlink()
        raise SourceError(f"{what}; it is not used, see {aside}", f"correct the key {key} or url")
    return known


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def _download(source: Source, path: Path, say: Say, pause_s: float) -> None:
    if not source.url:
        raise SourceError(
            f"{source.file}: neither a URL nor a file is configured", "set the key jar to your copy"
        )
    if not re.match(r"https?://", source.url):
        raise SourceError(f"{source.url}: only http and https are supported", "set the key jar for a file")
    _check_safe(source, source.url)
    part = path.with_name(path.name + ".part")
    left = ATTEMPTS
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _attempt(source, part, say)
            break
        except _Broken as error:
            grown = part.exists() and part.stat().st_size > before
            left = ATTEMPTS if grown else left - 1
            if left == 0:
                raise _unavailable(source, path, error) from error
            say(f"{source.file}: {error}; trying again")
            time.sleep(pause_s)
    os.replace(part, path)
    _tag(part).unlink(missing_ok=True)


def _check_safe(source: Source, url: str) -> None:
    """Nobody on the way may change what comes without being noticed. Raises SourceError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and (source.sha256 or parts.hostname in HERE)):
        what = f"{url}: not https" if url == source.url else f"{source.url}: sends us to {url}, not https"
        raise SourceError(what, "give the key sha256 beside url, or set the key jar to your copy")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, source: Source):
        self.source = source

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        _check_safe(self.source, arguments[-1])
        return super().redirect_request(*arguments)


def _unavailable(source: Source, path: Path, why: object) -> SourceError:
    return SourceError(
        f"cannot download {source.url}: {why}",
        f"put the file at {path.absolute()}, or set the key jar to your copy",
    )


def _tag(part: Path) -> Path:
    """Holds what the server called the version that `part` is a part of."""
    return part.with_name(part.name + ".tag")


def _attempt(source: Source, part: Path, say: Say) -> None:
    """Fetch what is missing. Raises _Broken when trying again may help, SourceError when not."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        str(source.url), headers={"User-Agent": "duetbench", "Accept-Encoding": "identity"}
    )
    if have and _tag(part).exists():
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", _tag(part).read_text())
    try:
        opener = urllib.request.build_opener(_Redirects(source))
        with opener.open(request, timeout=TIMEOUT_S) as response:
            _receive(response, part, have, say, source.file)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # what we have is longer than the file, so it is another file's
            part.unlink()
            raise _Broken("the server has a shorter file") from error
        why = f"HTTP {error.code} {error.reason}"
        if error.code in (408, 429) or error.code >= 500:
            raise _Broken(why) from error
        raise _unavailable(source, part.with_name(source.file), why) from error
    except urllib.error.URLError as error:
        raise _Broken(error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _receive(response: http.client.HTTPResponse, part: Path, have: int, say: Say, name: str) -> None:
    resumed = response.status == 206
    if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
        part.unlink()
        raise _Broken("the server sent a different range than requested")
    have = have if resumed else 0
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    if not resumed:
        part.unlink(missing_ok=True)
        _tag(part).unlink(missing_ok=True)
        # A weak ETag does not vouch for single bytes, so it cannot tell whether to go on.
        etag = response.headers.get("ETag") or ""
        version = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
        if version:
            _tag(part).write_text(version)
    said_s = time.monotonic()
    what = f"resuming at {_mb(have)}" if resumed else "fetching"
    say(f"{name}: {what}" + (f" of {_mb(total)}" if total else ""))
    with part.open("ab") as file:
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            have += len(chunk)
            if time.monotonic() - said_s >= 2:
                said_s = time.monotonic()
                say(f"{name}: {_mb(have)}" + (f" of {_mb(total)} ({100 * have // total} %)" if total else ""))
    if total is not None and have < total:
        raise _Broken(f"the connection broke at {_mb(have)} of {_mb(total)}")
    say(f"{name}: {_mb(have)}, done")


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
