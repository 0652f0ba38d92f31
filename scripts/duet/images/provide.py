"""Brings an image into an engine: built, taken as it is, pulled, or (the base) bootstrapped."""

import fcntl
import io
import os
import stat
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from duet.engines.private import private_directory
from duet.images import base as bootstrap
from duet.images import dockerfile
from duet.images.checkouts import provide_on
from duet.images.identity import (
    ImageError,
    Recipe,
    context,
    dockerfile_text,
    file_digest,
    hashes,
    is_ours,
    recipe,
)
from duet.images.store import HASH_LABEL, NoRegistry, Store
from duet.model import ImageRef, digest
from duet.records.provision import ImageRecord


def provide_image(
    store: Store,
    ref: ImageRef,
    images_dir: Path,
    base_image: str,
    log: IO[str],
    source: Path | None = None,
) -> ImageRecord:
    """See to it that the engine has an image, and say which it is.

    Builds what is not there with the same hash; safe when several do it at once. Raises
    ImageError, EngineError (BuildFailed, NoRegistry), NoBase, RevisionError.
    """
    if ref.checkout is not None:
        below = provide_image(store, replace(ref, checkout=None), images_dir, base_image, log, source)
        return provide_on(store, below, ref, log)
    if not is_ours(ref.name, images_dir):
        tag, content = _external(store, ref.name, base_image, log)
        return _record(store, ref, tag, content, {ref.name: content})
    if ref.source is not None and source is None:
        raise ImageError(
            f"image {ref.name}: the file {ref.source.file} is missing", "download it, or set the key jar"
        )
    made = recipe(ref.name, images_dir, dict(ref.args), base_image)
    names = dict.fromkeys(e for each in made.all() for e in each.external)
    outside = {name: _external(store, name, base_image, log) for name in names}
    known = {name: content for name, (_, content) in outside.items()}
    hash_of = hashes(made, known, None if source is None else file_digest(source.resolve()))
    for each in made.all():
        tags = {name: tag for name, (tag, _) in outside.items()}
        tags |= {p.name: _tag(store, p, hash_of) for p in each.ours}
        own_source = (ref.source.file, source) if each.within(made) and ref.source and source else None
        _built(store, each, hash_of[each], tags, own_source, log)
    return _record(store, ref, _tag(store, made, hash_of), hash_of[made], known)


def _tag(store: Store, made: Recipe, content: Mapping[Recipe, str]) -> str:
    return store.tag(made.name, content[made][:12])


def _record(store: Store, ref: ImageRef, tag: str, content: str, base: Mapping[str, str]) -> ImageRecord:
    inspected = store.inspect(tag)
    if inspected is None:
        raise ImageError(f"image {tag} disappeared from {store.engine} while it was in use", "start again")
    return ImageRecord(
        name=ref.name,
        key=ref.key,
        engine=store.engine,
        id=inspected["Id"],
        tag=tag,
        hash=content,
        base=dict(base),
    )


def _built(
    store: Store,
    made: Recipe,
    content: str,
    tags: Mapping[str, str],
    source: tuple[str, Path] | None,
    log: IO[str],
) -> None:
    tag = store.tag(made.name, content[:12])
    if label(store, tag) == content:
        return
    with alone(tag):
        if label(store, tag) == content:
            return
        text = dockerfile.rewrite(dockerfile_text(made.folder), dict(made.args), lambda name: tags[name])
        log.write(f"# {time.strftime('%F %T')} {store.engine}: building {tag} from {made.folder}\n")
        with build_context(made, text, source) as sent:
            store.build(sent, tag, dict(made.args), {HASH_LABEL: content, "duetbench.image": made.name}, log)


@contextmanager
def alone(what: str) -> Iterator[None]:
    """One at a time on this host; only to save work, since building twice does no harm."""
    place = int(digest(what)[:15], 16)
    with open(private_directory() / f"images.{os.uname().nodename}", "a") as file:
        # One file for all: each name locks a byte of its own in it, which need not exist.
        fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
        yield


def _external(store: Store, name: str, base_image: str, log: IO[str]) -> tuple[str, str]:
    """Tag and content of an image that is not ours: the engine's, else pulled, the base else bootstrapped."""
    content = store.content(name)
    if content is not None:
        return name, content
    if name != base_image:
        try:
            store.pull(name)
        except NoRegistry as error:
            own = f", or create images/{name}/" if not set(name) & set(":/") else ""
            raise NoRegistry(error.what, f"load it into {store.engine}{own}") from error
        return name, _present(store, name)
    return _base(store, name, log)


def content_here(store: Store, name: str, base_image: str) -> str | None:
    """Content of an image that is not ours as the engine has it now; nothing is fetched or made for it."""
    content = store.content(name)
    if content is None and name == base_image:
        content = store.content(_bootstrapped(store))
    return content


def _bootstrapped(store: Store) -> str:
    return store.tag("base-bootstrap", bootstrap.codename() or "unknown")


def _base(store: Store, name: str, log: IO[str]) -> tuple[str, str]:
    """The base image: what was bootstrapped before, else pulled, else bootstrapped.

    In this order, so that a registry which comes back changes no campaign's images.
    """
    release = bootstrap.codename()
    ours = _bootstrapped(store)
    with alone(f"{store.engine} {name}"):
        content = store.content(ours)
        if content is not None:
            return ours, content
        try:
            if store.content(name) is None:
                store.pull(name)
            return name, _present(store, name)
        except NoRegistry as error:
            log.write(f"# {error}\n")
        with tempfile.TemporaryDirectory(prefix="duetbench-") as folder:
            archive = Path(folder, "base.tar")
            bootstrap.make(archive, release, log)
            store.load(archive, ours)
        return ours, _present(store, ours)


def label(store: Store, tag: str) -> str | None:
    """The content hash that an image of ours was given when it was built; None without it."""
    inspected = store.inspect(tag) or {}
    return ((inspected.get("Config") or {}).get("Labels") or {}).get(HASH_LABEL)


def _present(store: Store, name: str) -> str:
    content = store.content(name)
    if content is None:
        raise ImageError(f"{store.engine} has no image {name} after loading it", "start again")
    return content


def build_context(made: Recipe, text: str, source: tuple[str, Path] | None) -> IO[bytes]:
    """The context as a tar file, the Dockerfile being `text`; `source` is a file and its name there.

    Times and owners are fixed, so that the engine's layer cache sees content only.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's to close
    with tarfile.open(fileobj=out, mode="w") as tar:
        body = text.encode()
        tar.addfile(_plain(tarfile.TarInfo("Dockerfile"), len(body)), io.BytesIO(body))
        for name in context(made.folder):
            _add(tar, made.folder / name, name)
        if source is not None:
            _add(tar, source[1].resolve(), source[0])
    out.seek(0)
    return out


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tar.gettarinfo(path, name)
    if info.issym():
        tar.addfile(_plain(info, 0))
    else:
        info.type = tarfile.REGTYPE  # a second hard link is a file as well
        with path.open("rb") as file:
            tar.addfile(_plain(info, path.stat().st_size), file)


def _plain(info: tarfile.TarInfo, size: int) -> tarfile.TarInfo:
    info.size, info.mtime, info.uid, info.gid, info.uname, info.gname = size, 0, 0, 0, "", ""
    info.mode = 0o755 if info.mode & stat.S_IXUSR else 0o644
    return info
