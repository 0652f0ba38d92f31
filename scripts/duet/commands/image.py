"""Bring an image into an engine, and write a record of which one it is."""

import argparse
from pathlib import Path

from duet.commands import Log, UsageError
from duet.images.identity import IMAGES, process_files
from duet.model import SCHEMA_VERSION, ImageRef, Source
from duet.records import files as record

EXAMPLE = "./duetbench image --name compress --engine docker --out compress.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", type=Path, help="an image's plan file (<results>/plan/<image>.image.json)")
    what.add_argument("--name", help="a folder of images/, or any image that the engine has or can pull")
    parser.add_argument("--args", nargs="*", default=[], metavar="ARG=VALUE", help="of --name's Dockerfile")
    parser.add_argument("--base-image", default="debian:bookworm-slim", help="what --name stands on")
    parser.add_argument("--source", type=Path, help="what fetch wrote (default: beside --plan)")
    parser.add_argument("--engine", required=True, choices=("docker", "podman", "process"))
    parser.add_argument("--images", type=Path, default=IMAGES, help="the folder of the images")
    parser.add_argument("--out", type=Path, required=True, help="the record to write (JSON)")


def execute(options: argparse.Namespace, log: Log) -> None:
    ref, base_image = from_plan(options) if options.plan else by_hand(options)
    if options.engine == "process":
        files = [str(path) for path in process_files(ref, base_image, options.images.resolve())]
        names = ", ".join(Path(file).name for file in files) or "nothing"
        log(f"image {ref.name}: not made for host processes; they find of it {names}")
        made = {"engine": "process", "id": None, "tag": None, "hash": None, "base": {}, "files": files}
    else:
        made = provide(options, ref, base_image, log)
    record.write(options.out, {"schema": SCHEMA_VERSION, "name": ref.name, "key": options.out.stem, **made})


def from_plan(options: argparse.Namespace) -> tuple[ImageRef, str]:
    plan = record.read(options.plan, keys=("image", "base_image"))
    asked = plan["image"]
    if asked["source"] and options.source is None:
        options.source = options.plan.parent.parent / "sources" / f"{asked['key']}.json"
    source = Source(asked["source"]["file"]) if asked["source"] else None
    return ImageRef(asked["name"], tuple((k, v) for k, v in asked["args"]), source), plan["base_image"]


def by_hand(options: argparse.Namespace) -> tuple[ImageRef, str]:
    args = tuple(tuple(item.split("=", 1)) for item in options.args)
    if any(len(item) != 2 for item in args):
        raise UsageError("--args takes ARG=VALUE")
    source = (
        Source(Path(record.read(options.source, keys=("path",))["path"]).name) if options.source else None
    )
    return ImageRef(options.name, args, source), options.base_image


def source_path(options: argparse.Namespace) -> Path | None:
    return Path(record.read(options.source, keys=("path",))["path"]) if options.source else None


def provide(options: argparse.Namespace, ref: ImageRef, base_image: str, log: Log) -> dict:
    """The build's output goes to the log's file; without one, beside --out."""
    from duet.images.provide import provide
    from duet.images.store import Store

    path = log.path or options.out.with_suffix(".log")
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.engine)
    try:
        with path.open("a") as file:
            return provide(store, ref, options.images.resolve(), base_image, file, source_path(options))
    finally:
        store.close()
