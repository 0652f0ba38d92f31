"""What a campaign knows of its images: their identity, and their presence on this machine's engine.

    results/<name>/images/<key>.json                    identity: content hash, content of external images
    results/<name>/images/<engine>@<host>/<key>.json    presence: id and tag there, or files for `process`

The identity decides which runs are due; it is written only where its content changed. The presence
says what to start, and may go at any time: with it nothing is lost but a build.
"""

import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.images.identity import (
    IMAGES,
    file_digest,
    is_ours,
    plan_hash,
    process_files,
    process_hash,
    recipe,
)
from duet.model import SCHEMA_VERSION, DuetError, ImageRef
from duet.records import files as record

if TYPE_CHECKING:
    from duet.images.store import Store


@dataclass(frozen=True)
class State:
    """One image, now."""

    hash: str | None
    """The content that a run measured now would have; None while that cannot be known."""
    present: bool
    """Whether the engine has that content, under the tag that the record of its presence names."""


def host() -> str:
    """This machine's name, as it stands in file names."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", platform.node()) or "localhost"


def identity_file(results: Path, key: str) -> Path:
    return results / "images" / f"{key}.json"


def presence_file(results: Path, engine: str, key: str) -> Path:
    return results / "images" / f"{engine}@{host()}" / f"{key}.json"


def write(results: Path, key: str, name: str, made: Mapping[str, Any]) -> None:
    """Write down an image that was provided. `made`: engine, id, tag, hash, base, files."""
    both = {"schema": SCHEMA_VERSION, "name": name, "key": key, "hash": made["hash"]}
    record.write_if_changed(identity_file(results, key), both | {"base": made["base"]})
    there = {k: made[k] for k in ("engine", "id", "tag", "files")}
    record.write(presence_file(results, made["engine"], key), both | there | {"host": host()})


def look(
    wanted: Mapping[ImageRef, str],
    results: Path,
    base_image: str,
    connect: "Callable[[str], Store] | None" = None,
    images_dir: Path = IMAGES,
) -> dict[str, State]:
    """State of each image by its key. `wanted`: the engine that each is for.

    `connect` gives an engine's store, which is then asked, but changed in nothing; without it, or
    where it cannot be reached, the records are believed.
    """
    identities = {path.stem: _read(path) for path in (results / "images").glob("*.json")}
    anywhere: dict[str, str] = {}
    for known in identities.values():
        anywhere |= known.get("base") or {}
    stores: dict[str, Store | None] = {}
    states = {}
    try:
        for ref, engine in wanted.items():
            known = anywhere | (identities.get(ref.key, {}).get("base") or {})
            there = _read(presence_file(results, engine, ref.key))
            source = _source_digest(ref, results)
            if engine == "process":
                states[ref.key] = _for_processes(ref, there, source, base_image, images_dir)
                continue
            if engine not in stores:
                stores[engine] = _store(engine, connect)
            seen = _Seen(stores[engine], there, known, source, base_image, images_dir)
            states[ref.key] = _ours(ref, seen) if is_ours(ref.name, images_dir) else _external(ref, seen)
    finally:
        for store in stores.values():
            if store is not None:
                store.close()
    return states


@dataclass(frozen=True)
class _Seen:
    """What is known of an image before its engine is asked."""

    store: "Store | None"
    there: Mapping[str, Any]
    """Record of its presence, empty without."""
    known: dict[str, str]
    """Content of external images."""
    source: str | None
    base_image: str
    images_dir: Path

    def planned(self, ref: ImageRef) -> str | None:
        return plan_hash(ref, self.base_image, self.known, self.source, self.images_dir)


def _for_processes(
    ref: ImageRef, there: Mapping[str, Any], source: str | None, base_image: str, images_dir: Path
) -> State:
    if ref.source is not None and source is None:
        return State(None, False)
    files = process_files(ref, base_image, images_dir)
    content = process_hash(files, source)
    return State(content, there.get("hash") == content and there.get("files") == list(map(str, files)))


def _external(ref: ImageRef, seen: _Seen) -> State:
    recorded = seen.known.get(ref.name)
    if seen.store is None:
        return State(recorded, bool(seen.there))
    from duet.images.provide import content_here

    tag = seen.there.get("tag")
    content = seen.store.content(tag) if tag else content_here(seen.store, ref.name, seen.base_image)
    return State(content or recorded, bool(tag) and content is not None and content == seen.there.get("hash"))


def _ours(ref: ImageRef, seen: _Seen) -> State:
    content = seen.planned(ref)
    as_recorded = content is not None and seen.there.get("hash") == content
    if seen.store is None:
        return State(content, as_recorded)
    from duet.images.provide import content_here, label

    if as_recorded and label(seen.store, seen.there["tag"]) == content:
        return State(content, True)
    # It will be built on what the engine has now below it.
    below = recipe(ref.name, seen.images_dir, dict(ref.args), seen.base_image)
    for name in dict.fromkeys(name for each in below.all() for name in each.external):
        below_now = content_here(seen.store, name, seen.base_image)
        if below_now is not None:
            seen.known[name] = below_now
    return State(seen.planned(ref), False)


def _store(engine: str, connect: "Callable[[str], Store] | None") -> "Store | None":
    try:
        return connect(engine) if connect else None
    except DuetError:
        return None  # what needs the engine says so


def _read(path: Path) -> dict[str, Any]:
    """A record, empty where it cannot be read: then it tells nothing, and its rule makes it again."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _source_digest(ref: ImageRef, results: Path) -> str | None:
    """SHA-256 of an image's source as it is now; before it was fetched, as it must be."""
    if ref.source is None:
        return None
    fetched = _read(results / "sources" / f"{ref.key}.json")
    path = ref.source.own or Path(fetched.get("path", ""))
    if not path.is_file():
        return ref.source.sha256
    status = path.stat()
    if (fetched.get("size_bytes"), fetched.get("mtime_ns")) == (status.st_size, status.st_mtime_ns):
        return fetched.get("sha256")
    return file_digest(path)
