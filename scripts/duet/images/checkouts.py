"""Revisions of a git repository, checked out and built once: on top of an image, or for host processes.

What is built for host processes lies in the user's cache directory, outside every working tree, and may be
removed at any time: it is built again.

    <cache>/duetbench/checkouts/<host>/<digest of commit and build>/tree/         the files, built
    …/build.log                                                                   what the build printed
    …/built                                                                       it is complete

The identity is the commit (or the content of a working tree with changes), the build command and what is
below: not the compilers of this machine.
"""

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from duet import revisions
from duet.engines import WORKDIR, supervise
from duet.engines.processes import remove_tree
from duet.images.identity import process_hash
from duet.model import Checkout, DuetError, ImageRef, digest
from duet.records.provision import ImageRecord, place

if TYPE_CHECKING:
    from duet.images.store import Store

TAIL_LINES = 15
TIME_S = 946_684_800
"""Of all files in an image (2000-01-01): as they are equal, make takes none for older than another. Archives
such as zip have no earlier years than 1980."""


class CheckoutError(DuetError):
    """A build failed, or there is no place for it."""


def checkout_hash(below: str | None, checkout: Checkout) -> str | None:
    """Identity of a checkout on an image whose content is `below`; None while that is not known."""
    return None if below is None else digest([below, checkout.content, checkout.build])


def files_below(files: Sequence[Path], tree: Path) -> tuple[Path, ...]:
    """What a `process` side finds in its working directory: the image's files, and over them the
    checkout's."""
    entries = sorted(tree.iterdir())
    names = {entry.name for entry in entries}
    return (*(file for file in files if file.name not in names), *entries)


def provide_for_processes(ref: ImageRef, files: Sequence[Path], source_digest: str | None) -> ImageRecord:
    """See to it that a checkout is there for host processes. Raises CheckoutError, RevisionError."""
    assert ref.checkout is not None
    tree = built(ref.checkout)
    return ImageRecord(
        name=ref.title,
        key=ref.key,
        engine="process",
        id=None,
        tag=None,
        hash=checkout_hash(process_hash(files, source_digest), ref.checkout),
        files=files_below(files, tree),
    )


def directory_of(checkout: Checkout) -> Path:
    """Where it lies, built, for host processes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    host = place("process").partition("@")[2]
    return cache / "duetbench/checkouts" / host / digest([checkout.content, checkout.build])[:16]


def built(checkout: Checkout) -> Path:
    """The directory with its files, built unless it was before; one at a time."""
    directory = directory_of(checkout)
    tree, log = directory / "tree", directory / "build.log"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ((directory / "built").exists() and tree.is_dir()):
                (directory / "built").unlink(missing_ok=True)
                remove_tree(tree)
                tree.mkdir()
                revisions.write_files(_revision(checkout), tree)
                if checkout.build:
                    with log.open("w") as file:
                        _build(checkout, tree, file, lock.fileno())
                (directory / "built").touch()
    except OSError as error:
        remedy = "set XDG_CACHE_HOME to a directory where you may write"
        raise CheckoutError(f"{error.filename or directory}: {error.strerror}", remedy) from None
    return tree


def _build(checkout: Checkout, tree: Path, log: IO[str], lock: int) -> None:
    """Nothing that it starts outlives it, or whoever wants it: that would run beside what is measured. Until
    its last process is gone the lock, an open file, is held."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env["GIT_CEILING_DIRECTORIES"] = str(tree.parent)  # there is no .git: not one further up, either
    words = [sys.executable, "-I", "-S", supervise.__file__, "tree", "", "sh", "-c", checkout.build]
    with subprocess.Popen(
        words,
        cwd=tree,
        env=env,
        pass_fds=[lock],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
    ) as build:
        assert build.stdin is not None and build.stdout is not None
        said = build.stdout.read().decode(errors="replace").splitlines()
    code = int(said[-1].split()[1]) if said[-1:] and said[-1].startswith("ended ") else 128 + signal.SIGKILL
    if code:
        text = Path(log.name).read_bytes()[-20_000:].decode(errors="replace")
        tail = ["    " + line for line in text.splitlines() if line.strip()][-TAIL_LINES:]
        command = " ".join(checkout.build.split())
        what = f"{checkout.title}: the build ended with exit code {code} ({command})"
        raise CheckoutError("\n".join([f"{what}; log: {log.name}", *tail]))


def _revision(checkout: Checkout) -> revisions.Revision:
    return revisions.Revision(checkout.repository, checkout.commit, checkout.content, checkout.left_out)


def provide_on(store: "Store", below: ImageRecord, ref: ImageRef, log: IO[str]) -> ImageRecord:
    """See to it that an engine has a checkout, built on top of an image that it has.

    Raises EngineError (BuildFailed), RevisionError.
    """
    from duet.images.provide import alone, label
    from duet.images.store import HASH_LABEL, BuildFailed

    checkout = ref.checkout
    assert checkout is not None
    content = checkout_hash(below.hash, checkout)
    assert content is not None
    tag = store.tag("checkout", content[:12])
    with alone(tag):
        if label(store, tag) != content:
            log.write(f"# {time.strftime('%F %T')} {store.engine}: building {tag} from {checkout.title}\n")
            labels = {HASH_LABEL: content, "duetbench.image": "checkout", "duetbench.commit": checkout.commit}
            try:
                with _context(checkout, str(below.tag)) as context:
                    store.build(context, tag, {}, labels, log)
            except BuildFailed as error:
                raise BuildFailed(error.what.replace(tag, checkout.title, 1)) from None
    inspected = store.inspect(tag) or {}
    return ImageRecord(
        name=ref.title,
        key=ref.key,
        engine=store.engine,
        id=inspected.get("Id"),
        tag=tag,
        hash=content,
        base=below.base,
    )


def _context(checkout: Checkout, below: str) -> IO[bytes]:
    """What is sent to the engine: a Dockerfile, and the files in `files`."""
    lines = [f"FROM {below}", "USER 0", f"WORKDIR {WORKDIR}", "COPY files/ ./"]
    if checkout.build:
        lines.append(f"RUN {json.dumps(['sh', '-c', checkout.build])}")
    text = "\n".join([*lines, ""]).encode()
    out = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's to close
    with (
        tempfile.TemporaryDirectory(prefix="duetbench-") as folder,
        tarfile.open(fileobj=out, mode="w") as tar,
    ):
        revisions.write_files(_revision(checkout), Path(folder))
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(_plain(info), io.BytesIO(text))
        tar.add(folder, "files", filter=_plain)
    out.seek(0)
    return out


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime, info.uid, info.gid, info.uname, info.gname = TIME_S, 0, 0, "", ""
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info
