"""Files of the predecessor, asynchronous-duet: how they are known, and how far a side is as it was there.

A file is the predecessor's when it would have read it: no key of ours, no suite that only we have a harness
for, and image, results, suite and an `A` with its `run` for every benchmark. The key `compatible` says it of
any file, or denies it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from duet import harnesses

NAME, OURS = "asynchronous-duet", "duetbench"
"""Values of the key `compatible`."""

_SIDE = {"image", "run", "results", "run_base", "syncduet_run_base"}
_BENCHMARK = {
    *_SIDE,
    *("suite", "remove_containers", "timeout", "A", "B"),
    *("duet_repetitions", "syncduet_repetitions", "sequential_repetitions"),
}
_CAMPAIGN = (_BENCHMARK - {"A", "B", "run"}) | {
    *("name", "verbose", "seed", "docker_command", "duets", "artifacts", "schedule")
}
_SUITES = {"renaissance", "dacapo", "scalabench", "speccpu"}
"""Suites that it had, too: any other name of a harness means ours."""

PRIVILEGES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID")
"""Of what a container may do by an engine's default, what concerns files and users inside it."""
CONDITIONS: Mapping[str, Any] = {"network": "bridge", "cpus": "shared", "privileges": PRIVILEGES}
"""Keys of a side as asynchronous-duet has them, which knows none of them."""
AS_HERE = "no network, the host's name localhost, cores exchanged, no capabilities"


def is_its(data: object) -> bool:
    """Whether asynchronous-duet would read the content of a file, by its keys."""
    if not isinstance(data, dict) or not isinstance(top := data.get("duetbench"), dict):
        return False
    duets = top.get("duets")
    if not set(top) <= _CAMPAIGN or not isinstance(duets, list) or not duets:
        return False
    return all(_reads(top, data.get(name)) for name in duets if isinstance(name, str))


def _reads(top: Mapping[str, Any], benchmark: object) -> bool:
    if not isinstance(benchmark, dict) or not set(benchmark) <= _BENCHMARK or "A" not in benchmark:
        return False
    suite = benchmark.get("suite", top.get("suite"))
    if suite in harnesses.names() and suite not in _SUITES:
        return False
    sides = [benchmark[side] for side in ("A", "B") if side in benchmark]
    if not all(isinstance(side, dict) and set(side) <= _SIDE and "run" in side for side in sides):
        return False
    return all(
        key in top or key in benchmark or (key in _SIDE and all(key in side for side in sides))
        for key in ("image", "results", "suite")
    )


@dataclass(frozen=True)
class Manner:
    """How far a side is as it was in asynchronous-duet."""

    engines_image: bool = False
    """`image` is one that the engine has under that name, whatever images/ has."""
    conditions: bool = False
    """Network, cores, host name and what a container may do are as there."""
    translated: bool = False
    """Its command is put into the words of the image in images/."""


def manner(its: bool, image_is_its: bool, brings_files: bool, compatible: str | None) -> Manner:
    """`its`: whether a file of it has a part in the side, and `image_is_its`: in its image's name.
    `brings_files`: whether `jar`, `source` or `image_args` say what an image of images/ is made from."""
    if compatible == NAME:
        return Manner(engines_image=True, conditions=True)
    if compatible == OURS or brings_files or not image_is_its:
        return Manner(translated=its)
    return Manner(engines_image=True)


def engines_name(image: str) -> str:
    """The image as it is called where images/ has one of its name: a tag makes it the engine's."""
    return image if set(image) & set("/:@") else f"{image}:latest"


def notice(file: str, images: Iterable[str], manner: Manner) -> str:
    """What is said of a file of it, once."""
    names = ", ".join(dict.fromkeys(images))
    if manner.engines_image:
        image = f"image {names} as the engine has it (`compatible: {OURS}` for that of images/)"
    else:
        image = f"image {names} as in images/, the commands put into its words"
    if manner.conditions:
        return f"{file}: as in {NAME}: {image}; a network, all cores shared, a host's name of its own"
    return f"{file}: a file of {NAME}: {image}; {AS_HERE} (`compatible: {NAME}` for its own)"


_REFUSED = re.compile(r"(?:^|(?<=\s))-XX:\+UseParallelOldGC(?:\s+|$)")
_JAR = re.compile(r"((?:^|(?<=\s))-jar\s+)(\S+\.jar)")


def translated(command: str, image: str, jar: bool) -> tuple[str, list[str]]:
    """A JVM's command for an image of images/, and what differs from what is written.

    `jar`: the image has <image>.jar, from `jar` or `source`. JVMs from 15 on refuse -XX:+UseParallelOldGC,
    which -XX:+UseParallelGC implies.
    """
    differences = []
    if _REFUSED.search(command):
        command = _REFUSED.sub("", command)
        differences.append("without -XX:+UseParallelOldGC, which JVMs from 15 on refuse")
    written = _JAR.search(command)
    if jar and written and written[2] != f"{image}.jar":
        command = _JAR.sub(rf"\g<1>{image}.jar", command)
        differences.append(f"{image}.jar instead of {written[2]}")
    return command, differences
