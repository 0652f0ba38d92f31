"""Bring an image into an engine, and write down which one it is and that it is there."""

import argparse
import io
import re
from pathlib import Path

from duet.commands import Log, UsageError
from duet.images import presence
from duet.images.checkouts import provide_for_processes
from duet.images.identity import IMAGES, process_files, process_hash
from duet.measure.phase import Phase
from duet.model import ImageRef, Source
from duet.records.layout import Layout
from duet.records.plan import ImagePlan
from duet.records.provision import ImageRecord, SourceRecord

EXAMPLE = "./duetbench image --name compress --engine docker --out compress.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--name", help="a directory of images/, or any image that the engine has or can pull")
    parser.add_argument("--args", nargs="*", default=[], metavar="ARG=VALUE", help="of --name's Dockerfile")
    parser.add_argument("--base-image", default="debian:bookworm-slim", help="the base image")
    parser.add_argument("--source", type=Path, help="what fetch wrote (default: beside --plan)")
    parser.add_argument("--engine", required=True, choices=("docker", "podman", "process"))
    parser.add_argument("--images", type=Path, default=IMAGES, help="directory of the images")
    parser.add_argument("--out", type=Path, help="of --name: the record to write (JSON)")


def execute(options: argparse.Namespace, log: Log) -> None:
    """With --plan its identity and its presence go to <results>/images."""
    if bool(options.name) != bool(options.out):
        raise UsageError("--out goes with --name, and only with it")
    ref, base_image = from_plan(options) if options.plan else by_hand(options)
    source = SourceRecord.read(options.source) if options.source else None
    if options.engine == "process":
        files = tuple(process_files(ref, base_image, options.images.resolve()))
        record = for_processes(ref, files, source.sha256 if source else None, log)
    else:
        record = provide(options, ref, base_image, source.path if source else None, log)
    if options.out:
        record.write(options.out)
    else:
        presence.write(Layout(options.plan.parent.parent), record)


def for_processes(ref: ImageRef, files: tuple[Path, ...], source_digest: str | None, log: Log) -> ImageRecord:
    """Nothing is built of an image for host processes, but a checkout is."""
    if ref.checkout is not None:
        with Phase(f"building {ref.checkout.title}"):
            return provide_for_processes(ref, files, source_digest)
    names = ", ".join(file.name for file in files) or "nothing"
    log(f"image {ref.name}: not built for host processes, which get these files of it: {names}")
    content = process_hash(files, source_digest)
    return ImageRecord(
        name=ref.name, key=ref.key, engine="process", id=None, tag=None, hash=content, files=files
    )


def from_plan(options: argparse.Namespace) -> tuple[ImageRef, str]:
    plan = ImagePlan.read(options.plan)
    if plan.image.source and options.source is None:
        options.source = Layout(options.plan.parent.parent).source(plan.image.key)
    return plan.image, plan.base_image


def by_hand(options: argparse.Namespace) -> tuple[ImageRef, str]:
    args = tuple(tuple(item.split("=", 1)) for item in options.args)
    if any(len(item) != 2 for item in args):
        raise UsageError("--args takes ARG=VALUE")
    source = Source(SourceRecord.read(options.source).path.name) if options.source else None
    return ImageRef(options.name, args, source), options.base_image


def provide(
    options: argparse.Namespace, ref: ImageRef, base_image: str, source: Path | None, log: Log
) -> ImageRecord:
    """The build's output goes to the log's file; without one, beside the record or the plan."""
    from duet.images.provide import provide_image
    from duet.images.store import Store

    path = log.path or (options.out or options.plan).with_suffix(".log")
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.engine)
    try:
        with Phase(f"image {ref.title} for {options.engine}") as phase, _BuildLog(path, phase) as file:
            return provide_image(store, ref, options.images.resolve(), base_image, file, source)
    finally:
        store.close()


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
