"""Campaign files as they are, each changed a little by somebody who is careless, hasty or hostile. Seeded."""

import copy
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from duet.campaign import check

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, -(10**400), int("f" * 4000, 16), 2**63, 1e308, math.nan, math.inf,
    "", " ", "a b", "a\0b", "a\ud800b", "\x1b[31mred", "two\nlines", "ä" * 200, "x" * 300, "x" * 200_000,
    "~", "..", "/", "../../etc", "~nobody/x", "$(reboot)", "%s{}", "null", "yes", "1_000", "0x10", "10^400",
    "9" * 400 + "s", "3-1", "70000", "0-99999", "0,0", "a" * 240, "a:b:c", "docker", "dockr", "9" * 20 + "g",
    "http://x/y", "file:///x", [], {}, [[]], [None], {"a": {"b": {"c": 1}}}, ["x", "x"], [1, "x"],
    {"A": {"A": {}}}, {"": ""}, {"X": "\0"}, {"NOSUCH": "x"}, 100_000,
)  # fmt: skip
TOKENS = (
    "\t", "\0", "\x1b[2J", "\r", "\x85", "\u2028", "\ufeff", "\ud800", "&a ", "*a ", "<<: *a", "!!int ",
    "!!python/name:os ", "---\n", "...\n", "? ", "- ", "{", "}", "[", "]", ": ", "#", "'", '"', "|", ">",
    "%YAML 1.2\n", "@", "`", "\n", "[" * 99, "__use_yte__: true\n", "0x" + "f" * 5000, "2024-99-99",
)  # fmt: skip


def typo(word: str, draw: random.Random) -> str:
    """One letter more, less, other, or exchanged with the next."""
    i = draw.randrange(len(word)) if word else 0
    forms = (word[:i] + "x" + word[i:], word[:i] + word[i + 1 :], word[:i] + "x" + word[i + 1 :],
             word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :])  # fmt: skip
    return draw.choice(forms)


def containers(node: Any) -> Iterator[Any]:
    """Every mapping and list of a document that has something in it."""
    if isinstance(node, dict | list) and node:
        yield node
        for below in node.values() if isinstance(node, dict) else node:
            yield from containers(below)


def in_data(document: Any, draw: random.Random) -> Any:
    """The document with one place changed."""
    document = copy.deepcopy(document)
    places = list(containers(document))
    place = draw.choice(places)
    key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
    what = draw.randrange(7)
    if what == 0:
        place[key] = draw.choice(VALUES)
    elif what == 1:
        del place[key]
    elif what == 2 and isinstance(place, dict):
        place[typo(str(key), draw)] = place.pop(key)
    elif what == 3:
        place[key] = draw.choice(([place[key]], {"x": place[key]}, str(place[key]), [place[key]] * 2))
    elif what == 4 and isinstance(place, dict):
        place[draw.choice(check.keys("campaign"))] = draw.choice(VALUES)
    elif what == 5:
        moved = place.pop(key)
        target = draw.choice(places)
        if isinstance(target, dict):
            target[str(key)] = moved
        else:
            target.append(moved)
    else:
        place[key] = typo(str(place[key]), draw)
    return document


def in_text(text: str, draw: random.Random) -> bytes:
    """The text of a file with one place changed."""
    i = draw.randrange(len(text))
    lines = text.splitlines(keepends=True)
    j = draw.randrange(len(lines))
    what = draw.randrange(9)
    if what == 0:
        text = text[:i] + text[i + 1 :]
    elif what in (1, 2):
        text = text[:i] + draw.choice(TOKENS) + text[i:]
    elif what == 3:
        text = text[:i]
    elif what == 4:
        text = "".join([*lines[:j], lines[j], *lines[j:]])
    elif what == 5:
        text = "".join([*lines[:j], " " * draw.randrange(1, 4) + lines[j], *lines[j + 1 :]])
    elif what == 6:
        text = "".join([*lines[:j], *lines[j + 1 :]])
    elif what == 7:
        return text.encode(draw.choice(("utf-16", "utf-32", "utf-16-le")))
    else:
        data = bytearray(text.encode())
        data[draw.randrange(len(data))] = draw.randrange(256)
        return bytes(data)
    return text.encode("utf-8", "surrogatepass")


def variants(file: Path, count: int, seed: int) -> Iterator[tuple[str, bytes | dict[str, Any], list[str]]]:
    """What was done, the changed file's bytes or its document, and arguments of `--config`."""
    draw = random.Random(f"{seed} {file.name}")
    text = file.read_text()
    document = yaml.safe_load(text)
    for number in range(count):
        way = number % 5
        if way < 2:
            yield "data", in_data(document, draw), []
        elif way < 4:
            yield "text", in_text(text, draw), []
        else:
            key = draw.choice([*check.keys("campaign"), *document, "nosuch", "a.b", ""])
            value = draw.choice([*map(str, VALUES[:5]), *(v for v in VALUES if isinstance(v, str)), *TOKENS,
                                 "{margin: 1}", "[a, b]", "{A: {run: x}}", "9" * 5000])  # fmt: skip
            yield "--config", document, [f"{typo(key, draw) if draw.random() < 0.3 else key}={value}"]
