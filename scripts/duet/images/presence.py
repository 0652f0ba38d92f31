"""What a campaign knows of its images: their identity, and their presence on this machine's engine.

    results/<name>/images/<key>.json                    identity: content hash, content of external images
    results/<name>/images/<engine>@<host>/<key>.json    presence: id and tag there, or files for `process`

The identity decides which runs are due; it is written only where its content changed. The presence
says what to start, and may go at any time: with it nothing is lost but a build.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from duet.engines import EngineError
from duet.images.checkouts import checkout_hash
from duet.images.identity import (
    IMAGES,
    file_digest,
    is_ours,
    plan_hash,
    process_files,
    process_hash,
    recipe,
)
from duet.model import Checkout, DuetError, ImageRef
from duet.records.layout import Layout
from duet.records.provision import ImageIdentity, ImagePresence, ImageRecord, SourceRecord, place

if TYPE_CHECKING:
    from duet.images.store import Store


@dataclass(frozen=True)
class State:
    """One image, now."""

    hash: str | None
    """The content that a run measured now would have; None while that cannot be known. Where only so much
    is known that it would be another one than before, a text that is no hash."""
    present: bool
    """Whether the engine has that content, under the tag that the record of its presence names."""


def write(layout: Layout, record: ImageRecord) -> None:
    """Write down an image that was provided."""
    record.identity.write_if_changed(layout.image_identity(record.key))
    record.presence.write(layout.image_presence(place(record.engine), record.key))


def agree(layout: Layout, made: ImageRecord, ref: ImageRef, base_image: str) -> None:
    """Raise DuetError where an image of this host is another one than the campaign's other hosts have.

    That it is described otherwise than they had it is no such case: then all will have the new one.
    """
    identity = ImageIdentity.read_sound(layout.image_identity(ref.key))
    if identity is None or identity.hash in (None, made.hash):
        return
    if look({ref: made.engine}, layout, base_image)[ref.key].hash == identity.hash:
        below = f" ({', '.join(made.base)} differs)" if made.base else ""
        raise DuetError(
            f"image {ref.title}: on {place(made.engine)} it is another one than on the campaign's other hosts"
            f"{below}",
            "bring theirs here: ./duetbench images save and load, or push and the key registry",
        )


def look(
    wanted: Mapping[ImageRef, str],
    layout: Layout,
    base_image: str,
    connect: "Callable[[str], Store] | None" = None,
    images_dir: Path = IMAGES,
) -> dict[str, State]:
    """State of each image by its key. `wanted`: the engine that each is for.

    `connect` gives an engine's store, which is then asked, but changed in nothing; without it, or
    where it cannot be reached, the records are believed. Raises DuetError for a wrong recipe.
    """
    # A damaged record tells nothing, and its rule makes it again.
    identities = {path.stem: ImageIdentity.read_sound(path) for path in layout.images.glob("*.json")}
    anywhere = {name: content for i in identities.values() if i for name, content in i.base.items()}
    stores: dict[str, Store | None] = {}
    states = {}
    try:
        for ref, engine in wanted.items():
            if engine not in stores:
                stores[engine] = _store(engine, connect) if engine != "process" else None
            mine = identities.get(ref.key)
            there = ImagePresence.read_sound(layout.image_presence(place(engine), ref.key))
            seen = _Seen(
                ref,
                stores[engine],
                there if mine else None,
                anywhere | dict(mine.base if mine else {}),
                _source_digest(ref, layout),
                base_image,
                images_dir,
                mine is not None,
            )
            try:
                states[ref.key] = seen.state(engine)
            except EngineError:  # it went away meanwhile
                states[ref.key] = replace(seen, store=None).state(engine)
    finally:
        for store in stores.values():
            if store is not None:
                store.close()
    return states


@dataclass(frozen=True)
class _Seen:
    """What is known of an image before its engine is asked."""

    ref: ImageRef
    store: "Store | None"
    there: ImagePresence | None
    """Counts only beside the identity: what lost one of both is provided again."""
    known: dict[str, str]
    """Content of external images."""
    source: str | None
    base_image: str
    images_dir: Path
    identified: bool
    """Whether there is an identity: then what the image stood on is known."""

    def state(self, engine: str) -> State:
        if self.ref.checkout is not None:
            return self.with_checkout(self.ref.checkout, engine)
        if engine == "process":
            return self.for_processes()
        return self.ours() if is_ours(self.ref.name, self.images_dir) else self.external()

    def with_checkout(self, checkout: Checkout, engine: str) -> State:
        below = replace(self, ref=replace(self.ref, checkout=None), there=None)
        if engine == "process":
            content = checkout_hash(below.for_processes().hash, checkout)
            there = self._recorded(content)
            return State(content, there is not None and all(file.exists() for file in there.files))
        content = checkout_hash(below._planned(), checkout)
        there = self._recorded(content)
        if self.store is None:
            return State(content, there is not None)
        from duet.images.provide import label

        if there is not None and label(self.store, str(there.tag)) == content:
            return State(content, True)
        if self._loaded(content):
            return State(content, False)
        return State(checkout_hash(below.state(engine).hash, checkout), False)

    def for_processes(self) -> State:
        if self.ref.source is not None and self.source is None:
            return State(None, False)
        files = tuple(process_files(self.ref, self.base_image, self.images_dir))
        content = process_hash(files, self.source)
        there = self._recorded(content)
        return State(content, there is not None and there.files == files)

    def external(self) -> State:
        as_it_was = self.known.get(self.ref.name)
        if self.store is None:
            return State(as_it_was, self.there is not None)
        from duet.images.provide import content_here

        if self.there is None or self.there.tag is None:
            return State(content_here(self.store, self.ref.name, self.base_image) or as_it_was, False)
        content = self.store.content(self.there.tag)
        return State(content or as_it_was, self._recorded(content) is not None)

    def ours(self) -> State:
        content = self._planned()
        there = self._recorded(content)
        if self.store is None:
            return State(content, there is not None)
        from duet.images.provide import content_here, label

        if there is not None and label(self.store, str(there.tag)) == content:
            return State(content, True)
        if self._loaded(content):
            return State(content, False)
        # It will be built on what the engine has now below it.
        below = recipe(self.ref.name, self.images_dir, dict(self.ref.args), self.base_image)
        for name in dict.fromkeys(name for each in below.all() for name in each.external):
            now = content_here(self.store, name, self.base_image)
            if now is not None:
                self.known[name] = now
            elif self.identified and name not in self.known:
                # Its content cannot be known, but it is no longer the one that was identified.
                return State(f"stands on {name}", False)
        return State(self._planned(), False)

    def _planned(self) -> str | None:
        return plan_hash(self.ref, self.base_image, self.known, self.source, self.images_dir)

    def _loaded(self, content: str | None) -> bool:
        """Whether the engine has that content without a record of it here: it came from another host."""
        from duet.images.provide import label

        if self.store is None or content is None or not self.identified:
            return False
        return label(self.store, tag_of(self.store, self.ref, content, self.images_dir)) == content

    def _recorded(self, content: str | None) -> ImagePresence | None:
        """The record of the presence, where it stands for this content."""
        known = content is not None and self.there is not None and self.there.hash == content
        return self.there if known else None


def tag_of(store: "Store", ref: ImageRef, content: str, images_dir: Path = IMAGES) -> str:
    """The tag under which an engine has an image of that content."""
    if ref.checkout is not None:
        return store.tag("checkout", content[:12])
    return store.tag(ref.name, content[:12]) if is_ours(ref.name, images_dir) else ref.name


def _store(engine: str, connect: "Callable[[str], Store] | None") -> "Store | None":
    try:
        return connect(engine) if connect else None
    except DuetError:
        return None  # what needs the engine says so


def _source_digest(ref: ImageRef, layout: Layout) -> str | None:
    """SHA-256 of an image's source as it is now; before it was fetched, as it must be."""
    if ref.source is None:
        return None
    fetched = SourceRecord.read_sound(layout.source(ref.key))
    path = ref.source.own or (fetched.path if fetched else None)
    if path is None or not path.is_file():
        return ref.source.sha256
    status = path.stat()
    if fetched and (fetched.size_bytes, fetched.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return fetched.sha256
    return file_digest(path)
