"""Benchmarks' mappings and the names in `duets`: which belong together, and which were probably meant to."""

from collections import defaultdict
from collections.abc import Iterable

SHOWN = 8
"""Names that one line shows."""


def misspelt(listed: Iterable[str], unused: Iterable[str]) -> dict[str, str]:
    """Of names without a mapping, those that a mapping which nothing uses was probably written for.

    That is: they differ by one letter more, less or other, or by two neighbours exchanged.
    """
    near: dict[str, list[str]] = defaultdict(list)
    for name in sorted(unused):
        for form in _forms(name):
            near[form].append(name)
    candidates = {name: [c for form in sorted(_forms(name)) for c in near.get(form, ())] for name in listed}
    twins = {name: next((c for c in of if one_edit(name, c)), None) for name, of in candidates.items()}
    return {name: twin for name, twin in twins.items() if twin}


def _forms(name: str) -> set[str]:
    """The name, and with each of its letters left out: words one edit apart have one in common."""
    return {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}


def one_edit(one: str, two: str) -> bool:
    """Whether a word is the other with one letter inserted, deleted, replaced or exchanged with the next
    (the distance of Damerau 1964 is 1)."""
    if one == two:
        return False
    i = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    rest, other = one[i:], two[i:]
    exchanged = rest[1:2] + rest[:1] == other[:2] and len(rest) > 1 and rest[2:] == other[2:]
    return rest[1:] == other[1:] or rest[1:] == other or rest == other[1:] or exchanged


def names(some: Iterable[str]) -> str:
    """As one line shows them."""
    listed = list(some)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def unused(label: str, listed: Iterable[str]) -> str:
    """What is said of mappings that nothing uses."""
    some = sorted(listed)
    mappings = "the mapping" if len(some) == 1 else f"these {len(some)} mappings:"
    return f"{label}: no benchmark in duets uses {mappings} {names(some)}"
