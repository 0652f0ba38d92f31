"""What `--config` gives, as YAML has it.

Snakemake reads numbers and Python's True, and hands on what lies in a mapping as text. So its
`KEY=VALUE` arguments are read again here: `verbose=yes`, `analysis={margin: 1}`, `duets=[a, b]`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from duet.campaign import check, yaml_data

NULLS = ("", "~", "null", "Null", "NULL")


_KEY = re.compile(r"[A-Za-z_][\w-]*\w", re.ASCII)
"""What Snakemake takes."""


def malformed(arguments: Sequence[str]) -> list[str]:
    """A line for each argument that Snakemake does not take for `KEY=VALUE`."""
    faults = check.Faults()
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        if not equals:
            faults.add(check.OVERRIDES, f"is {check.show(argument)}", "KEY=VALUE")
        elif not _KEY.fullmatch(key):
            accepted = "keys of letters, digits, _ and -, at least two (others stand in a file)"
            faults.add(check.OVERRIDES, f"is {check.show(argument)}", accepted)
    return faults.lines


def read(arguments: Sequence[str]) -> dict[str, Any]:
    """The values of `KEY=VALUE` arguments by key; the last of several with one key counts.

    A value is what YAML makes of it. Where the key takes a text, and what YAML made of it is
    something else (`run=true`, `run=cat a: b`), it is the text as it was typed.
    """
    values: dict[str, Any] = {}
    for argument in arguments:
        key, _, text = argument.partition("=")
        values[key] = _value(key, text)
    return values


def _value(key: str, text: str) -> Any:
    try:
        parsed, _ = yaml_data.parse(text)
    except yaml_data.YamlError:
        return text
    if parsed is None:
        return None if text.strip() in NULLS else text
    choices = [text, parsed] if isinstance(parsed, str) else [parsed, text]
    return next((choice for choice in choices if _fits(key, choice)), choices[0])


def _fits(key: str, value: Any) -> bool:
    faults = check.Faults()
    check.document(check.OVERRIDES, Path(), as_file({key: value}), faults)
    return not faults.lines


def as_file(values: dict[str, Any]) -> dict[str, Any]:
    """The same as a file has it: keys of the campaign under `duetbench`, beside those of benchmarks."""
    known = check.keys("campaign")
    top = {k: v for k, v in values.items() if k in known}
    rest = {k: v for k, v in values.items() if k not in known}
    if isinstance(rest.get("duetbench", {}), dict):
        rest["duetbench"] = {**rest.get("duetbench", {}), **top}
    return rest
