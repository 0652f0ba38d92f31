"""What harnesses share that write JSON: reading it, also where its end is missing, and its numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError

if TYPE_CHECKING:
    import numpy as np


LARGEST = 1e30
"""No harness measures more, in whatever unit; products of such numbers stay finite."""


def load(path: Path, data: bytes) -> tuple[Any, bool]:
    """The value, and whether its end was missing and had to be supplied; FormatError where neither helps."""
    try:
        return json.loads(data, parse_constant=_no_constant), False
    except (ValueError, RecursionError) as e:
        mended = _mend(data)
        if mended is None:
            position = f"line {e.lineno}, column {e.colno}" if isinstance(e, json.JSONDecodeError) else ""
            raise FormatError(path, position, f"not JSON: {getattr(e, 'msg', None) or e}"[:200]) from None
        return mended, True


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)


def _mend(data: bytes) -> Any | None:
    """The readable beginning of JSON that was cut short, its open brackets closed; None for other faults.

    It ends before the last comma or after the last closing bracket, since what follows may be cut
    in the middle of a number or string.
    """
    stack: list[bytes] = []
    keep = 0
    closers: bytes | None = b""
    for token in _TOKEN.finditer(data):
        mark = token[0]
        if mark in b"{[":
            stack.append(b"}" if mark == b"{" else b"]")
        elif mark in b"}]":
            if not stack or stack.pop() != mark:
                return None
            keep, closers = token.end(), None
        elif mark == b",":
            keep, closers = token.start(), None
        if not stack:
            return None
        if closers is None:
            closers = b"".join(reversed(stack))
    try:
        return json.loads(data[:keep] + (closers or b""), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def mapping(path: Path, at: str, value: object) -> Mapping[str, Any]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise FormatError(path, at, f"{_short(value)}, not an object")
    return value


def sequence(path: Path, at: str, value: object) -> Sequence[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise FormatError(path, at, f"{_short(value)}, not a list")
    return value


def text(path: Path, at: str, value: object) -> str:
    """The value, which must be a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise FormatError(path, at, f"{_short(value)}, not a text")
    return value


def is_number(value: object) -> bool:
    """Whether it is a number that something can measure; true and false are none."""
    return type(value) in (int, float) and -LARGEST < value < LARGEST  # type: ignore[operator]


def number(path: Path, at: str, value: object) -> float:
    if not is_number(value):
        raise FormatError(path, at, f"{_short(value)}, not a number")
    return float(value)  # type: ignore[arg-type]


def count(path: Path, at: str, value: object) -> int:
    """The value as a whole number of things, which fits into a column."""
    if not is_number(value) or not 0 <= value < 2**53:  # type: ignore[operator]
        raise FormatError(path, at, f"{_short(value)}, not a count")
    return int(value)  # type: ignore[call-overload]


def numbers(path: Path, at: str, values: object) -> np.ndarray:
    """The values of a list as float64; FormatError names the first that is no number."""
    import numpy as np

    items = sequence(path, at, values)
    if set(map(type, items)) <= {int, float}:
        try:
            array = np.array(items, np.float64)
            if (np.abs(array) < LARGEST).all():
                return array
        except OverflowError:
            pass
    wrong = next(i for i, value in enumerate(items) if not is_number(value))
    raise FormatError(path, f"{at}[{wrong}]", f"{_short(items[wrong])}, not a number")


def _short(value: object) -> str:
    return "missing" if value is None else f"{value!r:.40}"
