"""Which runs are to be measured: decided here, by content, and nowhere else.

A finished run is due again when what its sides run changed (command, limits, results to keep,
content of the image), when its timeout changed, or when its record or a file of it is damaged. Not
when the tool, the order of the YAML or another benchmark changed, nor when an image was lost or
built again; and no modification time is looked at, so that results may be copied anyhow.

What one of both sides does not know is no difference: a record without a key was written before
there was such a key, and had its default; an image whose content is not known is the one it was
where its name, arguments and source are the same.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duet.model import Run, Side, plain
from duet.records.files import RUN

NEW = "not measured yet"
DEFAULTS = plain(
    {field.name: field.default for field in dataclasses.fields(Side) if field.default is not dataclasses.MISSING}
)
"""What a side had that was measured before there was the key."""


def due(
    runs: Iterable[Run],
    planned: Mapping[str, Mapping[str, Any]],
    hashes: Mapping[str, str | None],
    results: Path,
) -> dict[str, str]:
    """Name of each run that is to be measured, in the order given, and why.

    `planned`: plan files by name (`Run.plan_file`); `hashes`: content of images by their keys, as
    far as it is known.
    """
    folder = f"{results}/runs"
    reasons = ((run.name, _reason(run, planned, hashes, f"{folder}/{run.name}")) for run in runs)
    return {name: reason for name, reason in reasons if reason is not None}


def _reason(
    run: Run, planned: Mapping[str, Mapping[str, Any]], hashes: Mapping[str, str | None], directory: str
) -> str | None:
    try:
        with open(f"{directory}/{RUN}", "rb") as file:
            record = json.loads(file.read())
        if missing := _missing(record, directory):
            return f"damaged: {missing} is not there any more"
        for side in run.sides:
            if change := _change(side, planned[run.plan_file(side)], record, hashes):
                return change
    except FileNotFoundError:
        return NEW
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"damaged: {RUN} cannot be used ({type(error).__name__}: {error})"
    return None


def _missing(record: Mapping[str, Any], directory: str) -> str | None:
    """A file of the run that its directory has no more."""
    there = set(os.listdir(directory))
    names = (name for side in record["sides"].values() for name in (*side["files"], side["log"]))
    return next((name for name in names if name not in there), None)


def _change(
    side: str, planned: Mapping[str, Any], record: Mapping[str, Any], hashes: Mapping[str, str | None]
) -> str | None:
    was, asked = DEFAULTS | record["spec"]["sides"][side], planned["side"]
    for key in asked:
        if key not in ("image", "name") and asked[key] != was.get(key):
            return f"changed: {key} of side {side}"
    if planned["timeout_s"] != record["spec"]["timeout_s"]:
        return "changed: timeout"
    image = asked["image"]
    known = hashes.get(image["key"]) if image else None
    measured = record["sides"][side]["image_hash"]
    if known is not None and measured is not None:
        return f"changed: content of image {image['name']} of side {side}" if known != measured else None
    return None if _recipe(image) == _recipe(was["image"]) else f"changed: image of side {side}"


def _recipe(image: Mapping[str, Any] | None) -> object:
    """What an image is told from others by where its content is not known. Where an own file lies is not in it."""
    if image is None:
        return None
    source = image["source"] and {k: v for k, v in image["source"].items() if k != "own"}
    return image["name"], image["args"], source
