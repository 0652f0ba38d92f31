"""Dataclasses to canonical JSON and back, every value checked against its annotation.

A dataclass may say more about its own JSON:
    `ALSO_WRITTEN`       names of properties that are written beside the fields (and not read)
    `upgrade(document)`  static: what an older version wrote, in today's form
    `check()`            raises Mismatch where fields that fit one by one do not fit together
Keys that no field has are left alone (a newer version wrote them); a field with a default may be absent.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Decoder = Callable[[Any], Any]
_PLAIN = (str, int, float, bool, NoneType)
_SHOWN = 40
"""Characters of a wrong value that are shown."""


class Mismatch(Exception):
    """A value that does not fit; `key` is where it stands, such as `sides.A.go_ns`."""

    def __init__(self, fault: str, key: str = ""):
        self.fault, self.key = fault, key
        super().__init__(fault)

    def within(self, key: str) -> Self:
        """The same, seen from outside of `key`."""
        between = "." if self.key and not self.key.startswith("[") else ""
        self.key = f"{key}{between}{self.key}"
        return self

    def __str__(self) -> str:
        return f"{self.key}: {self.fault}" if self.key else self.fault


def canonical(document: object) -> str:
    """One text for equal documents."""
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def encode(value: Any) -> Any:
    """A value as JSON has it: dataclasses and mappings are objects, tuples lists, enums and paths text."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if hasattr(kind, "__dataclass_fields__"):
        return {name: encode(getattr(value, name)) for name in _written(kind)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    raise TypeError(f"a record cannot hold a {kind.__name__}")


def decode(kind: type[T], document: object) -> T:
    """The inverse of `encode`. Raises Mismatch."""
    cached: Any = kind
    made: T = _decoder(cached)(document)
    return made


@cache
def _written(kind: type) -> tuple[str, ...]:
    return (*(field.name for field in fields(kind)), *getattr(kind, "ALSO_WRITTEN", ()))


def _wrong(value: object, expected: str) -> Mismatch:
    return Mismatch(f"is {_shown(value)}, expected {expected}")


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of more than 64 bits"  # Python refuses to write out very long ones
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


@cache
def _decoder(kind: Any) -> Decoder:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple:
        return _list(arguments[0]) if arguments[-1] is Ellipsis else _places(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*arguments)
    if is_dataclass(kind):
        return _object(kind)
    if issubclass(kind, Enum):
        return _choice({member.value: member for member in kind})
    raise TypeError(f"a record cannot hold {kind}")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _wrong(value, "text")
    return value


def _integer(value: Any) -> int:
    """Of 64 bits, as tables have it."""
    if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
        raise _wrong(value, "an integer")
    return value


def _number(value: Any) -> float:
    """As it is written: 60 stays an integer."""
    if type(value) is int:
        return _integer(value)
    if type(value) is not float or not math.isfinite(value):
        raise _wrong(value, "a number")
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def _nothing(value: Any) -> None:
    if value is not None:
        raise _wrong(value, "null")


def _path(value: Any) -> Path:
    if type(value) is not str or not value or "\0" in value:
        raise _wrong(value, "a path")
    return Path(value)


_SCALARS: dict[Any, Decoder] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _truth,
    NoneType: _nothing,
    Path: _path,
}
_CALLED = {str: "text", int: "an integer", float: "a number", bool: "true or false", NoneType: "null"}


def _union(kinds: tuple[Any, ...]) -> Decoder:
    some = [kind for kind in kinds if kind is not NoneType]
    if len(some) == 1:
        decode_some = _decoder(some[0])
        return lambda value: None if value is None else decode_some(value)
    decoders = [_decoder(kind) for kind in kinds]
    expected = " or ".join(_CALLED.get(kind, str(kind)) for kind in kinds)

    def decode_any(value: Any) -> Any:
        for decode_one in decoders:
            try:
                return decode_one(value)
            except Mismatch:
                continue
        raise _wrong(value, expected)

    return decode_any


def _choice(values: Mapping[Any, Any]) -> Decoder:
    def decode_choice(value: Any) -> Any:
        if type(value) not in _PLAIN or value not in values:
            raise _wrong(value, " or ".join(map(str, values)))
        return values[value]

    return decode_choice


def _list(kind: Any) -> Decoder:
    decode_item = _decoder(kind)

    def decode_list(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _wrong(value, "a list")
        items = []
        for place, item in enumerate(value):
            try:
                items.append(decode_item(item))
            except Mismatch as mismatch:
                raise mismatch.within(f"[{place}]") from None
        return tuple(items)

    return decode_list


def _places(kinds: tuple[Any, ...]) -> Decoder:
    decoders = [_decoder(kind) for kind in kinds]

    def decode_places(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(decoders):
            raise _wrong(value, f"a list of {len(decoders)}")
        return tuple(decode_item(item) for decode_item, item in zip(decoders, value, strict=True))

    return decode_places


def _mapping(key_kind: Any, kind: Any) -> Decoder:
    decode_key, decode_item = _decoder(key_kind), _decoder(kind)

    def decode_mapping(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise _wrong(value, "a mapping")
        items = {}
        for key, item in value.items():
            try:
                items[decode_key(key)] = decode_item(item)
            except Mismatch as mismatch:
                raise mismatch.within(key if key.isprintable() else _shown(key)) from None
        return items

    return decode_mapping


def _object(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    parts = [
        (f.name, _decoder(hints[f.name]), f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    ]
    upgrade, check = getattr(kind, "upgrade", None), getattr(kind, "check", None)

    def decode_object(value: Any) -> Any:
        if upgrade is not None:
            value = upgrade(value)
        if type(value) is not dict:
            raise _wrong(value, "a mapping")
        given = {}
        for name, decode_part, required in parts:
            if name not in value:
                if required:
                    raise Mismatch("is missing", name)
                continue
            try:
                given[name] = decode_part(value[name])
            except Mismatch as mismatch:
                raise mismatch.within(name) from None
        made = kind(**given)
        if check is not None:
            check(made)
        return made

    return decode_object
