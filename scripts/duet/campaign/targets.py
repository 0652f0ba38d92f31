"""What can be asked of a campaign by name, and what was probably meant by a name that nothing has."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

LOOKED_THROUGH = 20_000
"""Names that are compared with a misspelt one: about a second."""


def expanded(patterns: Iterable[str], values: Mapping[str, Sequence[str]]) -> list[str]:
    """The files that rules make: outputs, whose wildcards take each of their values; without any: none."""
    names: list[str] = []
    for pattern in patterns:
        wildcards = list(dict.fromkeys(re.findall(r"{(\w+)[^}]*}", pattern)))
        for choice in product(*(values.get(wildcard, ()) for wildcard in wildcards)):
            name = pattern
            for wildcard, value in zip(wildcards, choice, strict=True):
                name = re.sub(rf"{{{wildcard}\b[^}}]*}}", value, name)
            names.append(name)
    return names


def unknown(name: str, rules: Iterable[str], files: Sequence[str], results: str) -> str:
    """One line on a target that nothing makes. `results`: the campaign's directory."""
    names = [*rules, *files]
    close = difflib.get_close_matches(name, names[:LOOKED_THROUGH], 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"there is no target {name}{meant}; targets are all, available, and files in {results}/"


def no_run(name: str, runs: Iterable[str]) -> str:
    """One line on a run that the campaign does not have."""
    close = difflib.get_close_matches(name, list(runs)[:LOOKED_THROUGH], 1)
    return f"the campaign has no run {name}" + (f" (did you mean {close[0]}?)" if close else "")
