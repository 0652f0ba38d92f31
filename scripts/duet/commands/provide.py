"""Bring an image into an engine, and write down which one it is and that it is there."""

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from duet.commands import Log, UsageError
from duet.images import presence
from duet.images.checkouts import provide_for_processes
from duet.images.identity import IMAGES, process_files, process_hash
from duet.measure.phase import Phase
from duet.model import ImageRef, Source
from duet.records.layout import Layout
from duet.records.plan import ImagePlan
from duet.records.provision import ImageRecord, SourceRecord

if TYPE_CHECKING:
    from duet.images.store import Store

CALLED_BY_RULES = True
EXAMPLE = "./duetbench provide --name compress --engine docker --out compress.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--name", help="a directory of images/, or any image that the engine has or can pull")
    parser.add_argument("--args", nargs="*", default=[], metavar="ARG=VALUE", help="of --name's Dockerfile")
    parser.add_argument("--base-image", default="debian:bookworm-slim", help="the base image")
    parser.add_argument("--source", type=Path, help="of --name: what fetch wrote")
    parser.add_argument("--engine", required=True, choices=("docker", "podman", "process"))
    parser.add_argument("--images", type=Path, default=IMAGES, help="directory of the images")
    parser.add_argument("--out", type=Path, help="of --name: the record to write (JSON)")


def execute(options: argparse.Namespace, log: Log) -> None:
    """With --plan its identity and its presence go to <results>/images."""
    if bool(options.name) != bool(options.out):
        raise UsageError("--out goes with --name, and only with it")
    images_dir = options.images.resolve()
    if options.plan:
        presence.write(layout_of(options.plan), planned(options.plan, options.engine, images_dir, log))
        return
    ref, base_image = by_hand(options)
    source = SourceRecord.read(options.source) if options.source else None
    if options.engine == "process":
        record = for_processes(ref, base_image, images_dir, source, log)
    else:
        with _engine(ref, options.engine, log.path or options.out.with_suffix(".log")) as (store, file):
            record = _made(store, ref, base_image, images_dir, source, file)
    record.write(options.out)


def layout_of(plan: Path) -> Layout:
    """The campaign that a plan file is of."""
    return Layout(plan.parent.parent)


def planned(file: Path, engine: str, images_dir: Path, log: Log) -> ImageRecord:
    """See to it that an engine has the image of a plan file: as it was identified, else made."""
    plan, layout = ImagePlan.read(file), layout_of(file)
    ref, base_image = plan.image, plan.base_image
    source = SourceRecord.read(layout.source(ref.key)) if ref.source else None
    if engine == "process":
        return for_processes(ref, base_image, images_dir, source, log)
    from duet.images.transfer import as_identified

    with _engine(ref, engine, log.path or file.with_suffix(".log")) as (store, build_log):
        there = as_identified(store, ref, layout, base_image, plan.registry, build_log, images_dir)
        return there or _made(store, ref, base_image, images_dir, source, build_log)


def for_processes(
    ref: ImageRef, base_image: str, images_dir: Path, source: SourceRecord | None, log: Log
) -> ImageRecord:
    """Nothing is built of an image for host processes, but a checkout is."""
    files, content = tuple(process_files(ref, base_image, images_dir)), source.sha256 if source else None
    if ref.checkout is not None:
        with Phase(f"building {ref.checkout.title}"):
            return provide_for_processes(ref, files, content)
    names = ", ".join(file.name for file in files) or "nothing"
    log(f"image {ref.name}: not built for host processes, which get these files of it: {names}")
    return ImageRecord(
        name=ref.name,
        key=ref.key,
        engine="process",
        id=None,
        tag=None,
        hash=process_hash(files, content),
        files=files,
    )


def by_hand(options: argparse.Namespace) -> tuple[ImageRef, str]:
    args = tuple(tuple(item.split("=", 1)) for item in options.args)
    if any(len(item) != 2 for item in args):
        raise UsageError("--args takes ARG=VALUE")
    source = Source(SourceRecord.read(options.source).path.name) if options.source else None
    return ImageRef(options.name, args, source), options.base_image


@contextlib.contextmanager
def _engine(ref: ImageRef, engine: str, path: Path) -> "Iterator[tuple[Store, IO[str]]]":
    """The engine's store, and the file for what a build says."""
    from duet.images.store import Store

    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(engine)
    try:
        with Phase(f"image {ref.title} for {engine}") as phase, _BuildLog(path, phase) as file:
            yield store, file
    finally:
        store.close()


def _made(
    store: "Store",
    ref: ImageRef,
    base_image: str,
    images_dir: Path,
    source: SourceRecord | None,
    log: IO[str],
) -> ImageRecord:
    from duet.images.provide import provide_image

    return provide_image(store, ref, images_dir, base_image, log, source.path if source else None)


class _BuildLog(io.TextIOWrapper):
    """The build's log, from which the phase hears what is built and how far that is."""

    def __init__(self, path: Path, phase: Phase):
        super().__init__(path.open("ab"), encoding="utf-8")
        self._phase, self._what = phase, phase.what

    def write(self, text: str) -> int:
        if match := re.match(r"# .*: building (\S+?)(?: from|: )", text):
            self._what = f"building {match[1]}"
        elif match := re.match(r"step (\d+)/(\d+)", text, re.IGNORECASE):
            self._phase.at(self._what, int(match[1]) - 1, int(match[2]))
        return super().write(text)
