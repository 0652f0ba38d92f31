"""A campaign's images from one engine to another, by archives, registries and ssh.

What an image is stays what it is: its content hash is a label that it carries with it, and that of an image
which is not ours is made of its layers, which are the same wherever it is loaded. So nothing is built and
nothing is measured again.

    <directory>/<key>.tar, <key>.json                             an archive: the image, and its ImageRecord
    <registry>/duetbench/<key>:<first digits of its hash>         an image in a registry
"""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from duet.images import presence
from duet.images.identity import IMAGES
from duet.images.provide import label
from duet.images.store import NoRegistry, Store
from duet.model import DuetError, ImageRef
from duet.records.layout import Layout
from duet.records.plan import ImagePlan
from duet.records.provision import ImageIdentity, ImagePresence, ImageRecord, place


class TransferError(DuetError):
    """An image is not where it was expected, or another one than expected."""


def remote_name(registry: str, key: str, content: str) -> str:
    """An image's name in a registry, which knows no capital letters."""
    return f"{registry}/duetbench/{key.lower()}:{content[:12]}"


def as_identified(
    store: Store,
    ref: ImageRef,
    layout: Layout,
    base_image: str,
    registry: str | None,
    log: IO[str],
    images_dir: Path = IMAGES,
) -> ImageRecord | None:
    """The image that the campaign has identified, where the engine or the registry has just that one.

    None where it is to be made: it has no identity yet, is described otherwise since, or is nowhere.
    """
    identity = ImageIdentity.read_sound(layout.image_identity(ref.key))
    if identity is None or identity.hash is None:
        return None
    state = presence.look({ref: store.engine}, layout, base_image, None, images_dir)[ref.key]
    if state.hash != identity.hash:
        return None
    tag = _tag(store, ref, identity)
    there = holds(store, tag, identity.hash)
    if there or (registry is not None and _pulled(store, registry, identity, tag, log)):
        return _record(store, identity, tag)
    return None


def holds(store: Store, tag: str, content: str) -> bool:
    """Whether the engine has that content under that tag."""
    return content in (label(store, tag), store.content(tag))


def _pulled(store: Store, registry: str, identity: ImageIdentity, tag: str, log: IO[str]) -> bool:
    name = remote_name(registry, identity.key, str(identity.hash))
    try:
        store.pull(name)
    except NoRegistry as error:
        log.write(f"# {error.what}\n")
        return False
    _checked(store, name, str(identity.hash))
    store.name(name, tag)
    return True


def _checked(store: Store, name: str, content: str) -> None:
    if not holds(store, name, content):
        what = f"{store.engine}: {name} is another image than the one whose hash it has, {content[:12]}"
        raise TransferError(what, "push or save it again where the campaign was measured")


def _record(store: Store, identity: ImageIdentity, tag: str) -> ImageRecord:
    inspected = store.inspect(tag) or {}
    return ImageRecord(
        name=identity.name,
        key=identity.key,
        engine=store.engine,
        id=inspected.get("Id"),
        tag=tag,
        hash=identity.hash,
        base=identity.base,
    )


def present(layout: Layout, engine: str) -> list[ImageRecord]:
    """The campaign's images that are recorded to be on an engine of this machine. Raises TransferError."""
    records = []
    for path in sorted(layout.image_presence(place(engine), "any").parent.glob("*.json")):
        there, identity = ImagePresence.read(path), ImageIdentity.read_sound(layout.image_identity(path.stem))
        if identity is not None and identity.hash == there.hash and there.tag is not None:
            records.append(ImageRecord(**vars(there), base=identity.base))
    if not records:
        what = f"{layout.results}: none of its images is on {place(engine)}"
        raise TransferError(what, "measure it here, or name another --engine")
    return records


def save(store: Store, layout: Layout, directory: Path) -> Iterator[str]:
    """Write the campaign's images, an archive each; gives the files."""
    directory.mkdir(parents=True, exist_ok=True)
    for record in present(layout, store.engine):
        _still(store, record)
        store.save(str(record.tag), directory / f"{record.key}.tar")
        record.write(directory / f"{record.key}.json")  # last: what has one is whole
        yield str(directory / f"{record.key}.tar")


def load(store: Store, layout: Layout, directory: Path) -> Iterator[str]:
    """Bring what `save` wrote into an engine; gives the images' names. Raises TransferError."""
    saved = [ImageRecord.read(path) for path in sorted(directory.glob("*.json"))]
    if not saved:
        raise TransferError(f"{directory}: no archives here", "images save RESULTS DIRECTORY writes some")
    for record in saved:
        _same(layout, record.identity)
    for record in saved:
        tag, content = str(record.tag), str(record.hash)
        for name in store.unpack(directory / f"{record.key}.tar"):
            if name.removeprefix("localhost/") == tag.removeprefix("localhost/"):
                tag = name
        _checked(store, tag, content)
        home = _home(store, record)
        store.name(tag, home)
        presence.write(layout, _record(store, record.identity, home))
        yield f"{record.name} ({home})"


def push(store: Store, layout: Layout, registry: str) -> Iterator[str]:
    """Send the campaign's images to a registry; gives their names there. Raises NoRegistry."""
    for record in present(layout, store.engine):
        _still(store, record)
        name = remote_name(registry, record.key, str(record.hash))
        store.name(str(record.tag), name)
        store.push(name)
        yield name


def pull(store: Store, layout: Layout, registry: str) -> Iterator[str]:
    """Fetch the images that the campaign has identified from a registry; gives their names there.

    Raises NoRegistry, TransferError.
    """
    identities = [ImageIdentity.read(path) for path in sorted(layout.images.glob("*.json"))]
    if not identities:
        what = f"{layout.results}: none of its images is identified (images/*.json)"
        raise TransferError(what, "copy results/<name>/images from where it was measured")
    for identity in identities:
        plan = ImagePlan.read_sound(layout.image_plan(identity.key))
        content = str(identity.hash)
        name = remote_name(registry, identity.key, content)
        store.pull(name)
        _checked(store, name, content)
        ref = plan.image if plan else ImageRef(identity.name)
        home = _tag(store, ref, identity)
        store.name(name, home)
        presence.write(layout, _record(store, identity, home))
        yield name


def copy(store: Store, layout: Layout, host: str, ssh: Sequence[str]) -> Iterator[str]:
    """Send the campaign's images to the engine of another machine; gives their names there.

    `ssh`: the words that reach a host, its own name behind them. Raises TransferError.
    """
    for record in present(layout, store.engine):
        _still(store, record)
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "image.tar"
            store.save(str(record.tag), archive)
            with archive.open("rb") as file:
                done = subprocess.run(
                    [*ssh, "--", host, store.engine, "load"], stdin=file, capture_output=True, text=True
                )
        if done.returncode:
            why = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[
                -1
            ]
            raise TransferError(
                f"{host}: {record.tag} did not get there: {why}",
                f"see whether `{shlex.join([*ssh, host, store.engine, 'info'])}` works",
            )
        yield f"{record.tag} to {host}"


def registry_of(layout: Layout) -> str | None:
    """The registry that the campaign names."""
    plans = (ImagePlan.read_sound(path) for path in sorted(layout.plan.glob("*.image.json")))
    return next((plan.registry for plan in plans if plan and plan.registry), None)


def _tag(store: Store, ref: ImageRef, identity: ImageIdentity) -> str:
    """The tag that an image has in an engine; one that is not ours is made of itself alone."""
    content = str(identity.hash)
    if ref.checkout is None and identity.base.get(ref.name) == content:
        return ref.name
    return store.tag("checkout" if ref.checkout else ref.name, content[:12])


def _home(store: Store, record: ImageRecord) -> str:
    """The tag that an image has in this engine, whichever it came from."""
    plain = str(record.tag).removeprefix("localhost/")
    name, _, version = plain.removeprefix("duetbench/").rpartition(":")
    return store.tag(name, version) if plain.startswith("duetbench/") else str(record.tag)


def _still(store: Store, record: ImageRecord) -> None:
    if not holds(store, str(record.tag), str(record.hash)):
        what = f"{store.engine} has no {record.tag} any more as the campaign recorded it"
        raise TransferError(what, "start the workflow again, which brings it back")


def _same(layout: Layout, saved: ImageIdentity) -> None:
    path = layout.image_identity(saved.key)
    known = ImageIdentity.read_sound(path)
    if known is not None and replace(known, base=saved.base) != saved:
        raise TransferError(
            f"{path}: identifies another content than the archive has",
            "delete it to measure with the archive's, or save again where it was measured",
        )
