"""YAML text as plain data, whatever was written: depth and aliases are bounded, each fault has its place.

Standard YAML only (no tags that make objects), UTF-8 as Snakemake reads it. Not kept apart: what YAML itself
takes for one, such as `yes` and `true`.
"""

import math
from typing import Any

import yaml

from duet.model import DuetError

DEPTH = 50
"""Levels of lists and mappings; a campaign has five."""
ALIASED = 20_000
"""How many values more than are written aliases and merge keys may make: they can multiply without end."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C is ten times as fast, where PyYAML was built with it."""
_OPEN = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSE = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


class YamlError(DuetError):
    """Text that is no usable YAML: `what` says where in it, the remedy what is accepted, if anything."""


def parse(text: bytes | str) -> tuple[Any, list[tuple[str, int, int]]]:
    """The data, and each key that a mapping has again: the key, the line of the first, that of the other.

    Raises YamlError.
    """
    text = _decoded(text) if isinstance(text, bytes) else text
    loader = None
    try:
        _check_depth(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, []
        _check_aliases(node)
        return loader.construct_document(node), loader.duplicates
    except yaml.YAMLError as error:
        raise YamlError(_syntax(error)) from None
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        # a date that no calendar has, a number of 5,000 digits, `!!bool maybe`
        line = f"line {_line(loader.node)}: " if loader and loader.node else ""
        why = str(error).partition(";")[0] if type(error) is ValueError else "not what its tag says"
        raise YamlError(f"{line}not usable YAML: {' '.join(why.split())[:100]}") from None


class _Loader(_Parser):
    """YAML's own loader keeps the last of several equal keys without a word."""

    def __init__(self, stream: str):
        self.duplicates: list[tuple[str, int, int]] = []
        self.node: yaml.Node | None = None
        """The one that it is at."""
        super().__init__(stream)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        self.node = node
        return super().construct_object(node, deep)

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                line = _line(key)
                if (key.tag, key.value) in lines:
                    self.duplicates.append((key.value, lines[key.tag, key.value], line))
                lines.setdefault((key.tag, key.value), line)
        return super().construct_mapping(node, deep)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _decoded(data: bytes) -> str:
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        if data.startswith(mark):
            raise YamlError("is UTF-16 or UTF-32", "UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError(f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x})", "UTF-8") from None


def _check_depth(text: str) -> None:
    """Before anything that is recursive sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Parser):
        depth += isinstance(event, _OPEN) - isinstance(event, _CLOSE)
        if depth > DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise YamlError(f"line {line}: is nested more than {DEPTH} deep", "a campaign's keys")


def _check_aliases(root: yaml.Node) -> None:
    """An alias is one node at several places: count the node once, and its values at each place."""
    sizes: dict[int, float] = {}

    def size(node: yaml.Node) -> float:
        if id(node) in sizes:
            if math.isnan(sizes[id(node)]):
                raise YamlError(f"line {_line(node)}: contains itself by an alias", "values that end")
            return sizes[id(node)]
        sizes[id(node)] = math.nan
        below = (
            [part for pair in node.value for part in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
            if isinstance(node, yaml.SequenceNode)
            else []
        )
        sizes[id(node)] = 1 + sum(map(size, below))
        return sizes[id(node)]

    total = size(root)
    if total - len(sizes) > ALIASED:
        raise YamlError(
            f"its aliases make {total:.0f} values of {len(sizes)}", f"aliases for at most {ALIASED} values"
        )


def _syntax(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{at}not YAML: {' '.join(what.split())}"
