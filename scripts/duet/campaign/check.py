"""One YAML file, or the --config values, checked against the schema: documents and faults."""

import contextlib
import difflib
import json
import math
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from duet.campaign import predecessor, yaml_data
from duet.campaign.values import engine_of
from duet.model import printable

OVERRIDES = "--config"
"""How faults name the values of the command line."""

LISTS = ("results", "privileges", "duets", "suites", "import", "hosts")
"""Keys that take a single text for a list of one."""

FILE_BYTES = 4 << 20
"""Of a campaign file; 10,000 benchmarks take a quarter of it."""

LONGEST_BITS = 1000
"""Of a whole number."""

SHOWN = 60
"""Characters of a value or a key that a fault shows."""

SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "campaign.schema.json"


@dataclass
class Faults:
    """Faults in the order of finding, each once and in one line."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, accepted: str = "") -> None:
        line = printable(f"{where}: {what}; accepted: {accepted}" if accepted else f"{where}: {what}")
        if line not in self.lines:
            self.lines.append(line)


@dataclass(frozen=True)
class Document:
    """A checked file: the mapping under `duetbench` and those of the benchmarks."""

    label: str
    """How faults name the file."""
    folder: Path
    """What its relative paths are relative to."""
    campaign: Mapping[str, Any]
    benchmarks: Mapping[str, Mapping[str, Any]]
    predecessors: bool = False
    """Whether it is a file of asynchronous-duet (duet.campaign.predecessor)."""


@cache
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def keys(level: str) -> tuple[str, ...]:
    """The keys of a level: `campaign`, `benchmark` or `side`."""
    return tuple(schema()["$defs"][level]["properties"])


def nearest(word: str, words: Iterable[str]) -> str:
    """` (did you mean …?)`, or nothing where no word is near."""
    close = difflib.get_close_matches(word[:SHOWN], list(words), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def is_name(text: str) -> bool:
    return Draft202012Validator(schema()["propertyNames"]).is_valid(text)


def read(path: Path, faults: Faults) -> Document | None:
    """The file's document; None when it has faults that leave nothing to go on with."""
    label = str(path)
    try:
        data, duplicates = yaml_data.parse(_bytes(path))
    except OSError as e:
        faults.add(label, f"cannot be read: {e.strerror}")
        return None
    except yaml_data.YamlError as e:
        faults.add(label, e.what, e.remedy)
        return None
    for key, first, again in duplicates:
        faults.add(f"{label}: {_key(key)}", f"line {again} repeats the key of line {first}", "each key once")
    return document(label, path.parent, data, faults)


def _bytes(path: Path) -> bytes:
    """Raises OSError, also for what has no end or waits for a writer."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(0, "not a file")
    with path.open("rb") as file:
        data = file.read(FILE_BYTES + 1)
    if len(data) > FILE_BYTES:
        raise OSError(0, f"more than {FILE_BYTES >> 20} MiB")
    return data


def document(label: str, folder: Path, data: object, faults: Faults) -> Document | None:
    """Check data as read; null means "not given"."""
    try:
        data = _named(data, label, (), faults)
        if isinstance(data, dict):
            data = {k: _given(v, "campaign" if k == "duetbench" else "benchmark") for k, v in data.items()}
        errors = sorted(
            Draft202012Validator(schema()).iter_errors(data), key=lambda e: _path(e.absolute_path)
        )
    except RecursionError:
        faults.add(label, "is nested without end")
        return None
    for error in errors:
        if isinstance(error.instance, float) and not math.isfinite(error.instance):
            continue  # said already
        for where, what, accepted in _explain(error):
            faults.add(f"{label}: {where}" if where else label, what, accepted)
    if errors or not isinstance(data, dict):
        return None
    campaign = dict(data["duetbench"])
    compatible = campaign.get("compatible")
    its = compatible == predecessor.NAME or predecessor.is_its(
        data | {"duetbench": {k: v for k, v in campaign.items() if k != "compatible"}}
    )
    command = campaign.pop("docker_command", None)
    if command is not None and campaign.setdefault("engine", engine_of(command)) != engine_of(command):
        what = f"is {command}, but engine is {campaign['engine']}"
        faults.add(f"{label}: duetbench.docker_command", what, "one of the two")
    benchmarks = {k: v for k, v in data.items() if k != "duetbench"}
    return Document(label, folder, campaign, benchmarks, its)


def place(folder: Path, path: str) -> Path:
    """A path of a file, relative to the file's folder. `~` that means nobody stays as it is."""
    with contextlib.suppress(RuntimeError):
        return folder / Path(path).expanduser()
    return folder / path


def _named(node: object, label: str, path: tuple[object, ...], faults: Faults) -> Any:
    """The same data with text keys only; others (`500:`, `on:`) are faults, as is .nan."""
    if isinstance(node, list | tuple):
        return [_named(v, label, (*path, i), faults) for i, v in enumerate(node)]
    if isinstance(node, float) and not math.isfinite(node):
        faults.add(f"{label}: {_path(path)}", f"is {node}", "finite numbers")
    if isinstance(node, int) and node.bit_length() > LONGEST_BITS:
        faults.add(f"{label}: {_path(path)}", "is a very large number", "numbers of at most 300 digits")
        return math.inf  # Python would not write it out in the messages of the schema's faults
    if not isinstance(node, dict):
        return node
    for key in node:
        if not isinstance(key, str):
            faults.add(
                f"{label}: {_path((*path, key))}", f"the key is {show(key)}, not text", "names, quoted"
            )
    return {k: _named(v, label, (*path, k), faults) for k, v in node.items() if isinstance(k, str)}


def _given(node: object, level: str) -> object:
    """A level's mapping without null values and with lists of one for single texts."""
    if node is None:
        return {}
    if not isinstance(node, dict):
        return node
    known = keys(level)
    node = {k: [v] if k in LISTS and isinstance(v, str) else v for k, v in node.items()}
    sides = {s: _given(node[s], "side") for s in ("A", "B") if level != "side" and s in node}
    return {k: v for k, v in node.items() if v is not None or k not in known} | sides


def _explain(error: ValidationError) -> Iterator[tuple[str, str, str]]:
    """Key path, what is wrong and what is accepted of each fault that an error stands for."""
    path, rule = tuple(error.absolute_path), error.schema
    assert isinstance(rule, Mapping)  # the schema has no `false`
    instance: Any = error.instance
    value: Any = error.validator_value
    accepted = rule.get("accepted", "")
    if error.validator == "additionalProperties":
        known = rule["properties"]
        for key in sorted(set(instance) - set(known)):
            inner = "git" in known and key in schema()["$defs"]["side"]["properties"]["git"]["properties"]
            hint = f" (it stands in git: {{{key}: …}})" if inner else nearest(key, known)
            yield _path((*path, key)), f"unknown key{hint}", ", ".join(known)
    elif error.validator == "required":
        for key in set(value) - set(instance):
            near = difflib.get_close_matches(key, [k for k in instance if isinstance(k, str)], 1)
            meant = f" (is {near[0]} a misspelling of it?)" if near else ""
            yield _path((*path, key)), f"missing{meant}", rule["accepted"]
    elif "propertyNames" in list(error.absolute_schema_path)[-2:-1]:
        yield _path((*path, instance)), "cannot be used as a name", accepted
    else:
        hint = nearest(instance, _words(rule)) if isinstance(instance, str) else ""
        if len(path) == 1 and not isinstance(instance, dict):
            hint = nearest(str(path[0]), keys("campaign"))
        yield _path(path), f"is {show(instance)}{hint}", accepted


def _words(rule: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(w.strip() for w in rule.get("enum", ()) if isinstance(w, str))


def _path(parts: Iterable[object]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) and text else f"{'.' if text else ''}{_key(part)}"
    return text


def _key(key: object) -> str:
    return key if isinstance(key, str) and key.isprintable() and 0 < len(key) <= SHOWN else show(key)


def show(value: object) -> str:
    """A value in one short line."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a very large number"
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "…"
