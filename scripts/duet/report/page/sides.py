"""What A and B are: only what distinguishes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from pathlib import Path

from duet.model import ImageRef, Run, Side, Type, parse_run, plain
from duet.records.layout import Layout
from duet.records.plan import SidePlan

NOT_ASKED = ("name", "results", "syncduet_run", "image")
"""What is no property of the program, or told otherwise."""
WORDS = {"run": "command", "env": "environment variables", "memory_bytes": "memory", "disk_bytes": "disk"}
ALONE = 3
"""Equal words beside a difference that are shown; of more, the outer ones give way."""
SHORT = 100
"""Commands up to so many characters are shown whole."""


@dataclass(frozen=True)
class Piece:
    text: str
    differs: bool


@dataclass(frozen=True)
class Difference:
    """One property in which the sides differ."""

    what: str
    a: tuple[Piece, ...]
    b: tuple[Piece, ...]


def sides_of(results: Path, planned: Iterable[str]) -> dict[str, tuple[Side, Side]]:
    """`<suite>.<benchmark>` -> both sides, of the planned benchmarks whose plan can be read."""
    layout = Layout(results)
    sides: dict[str, tuple[Side, Side]] = {}
    stems = {run.benchmark_stem: run for name in planned if (run := parse_run(name))}
    for stem, run in stems.items():
        duet = Run(run.suite, run.benchmark, 0, Type.DUET)
        plans = [SidePlan.read_sound(layout.side_plan(duet, side)) for side in "AB"]
        if plans[0] and plans[1]:
            sides[stem] = (plans[0].side, plans[1].side)
    return sides


def differences(a: Side, b: Side) -> tuple[Difference, ...]:
    """Every property in which two sides differ."""
    both = zip(_properties(a).items(), _properties(b).values(), strict=True)
    return tuple(Difference(what, *_pieces(left, right)) for (what, left), right in both if left != right)


def common(sides: Mapping[str, tuple[Side, Side]]) -> tuple[tuple[Difference, ...], bool]:
    """What distinguishes B from A in every benchmark, and whether some differ in something else, too.

    A command that has the benchmark's name in it differs from benchmark to benchmark: what counts is
    which of its words differ between the sides.
    """
    of = [{(d.what, _only(d.a), _only(d.b)): d for d in differences(*pair)} for pair in sides.values()]
    if not of:
        return (), False
    shared = [key for key in of[0] if all(key in other for other in of)]
    alone = len(of) == 1
    shown = (of[0][key] if alone else Difference(key[0], *map(_marked, key[1:])) for key in shared)
    return tuple(shown), any(set(other) != set(shared) for other in of)


def _properties(side: Side) -> dict[str, str]:
    """What can distinguish a side, for people; of an image what it is made of."""
    image = side.image or ImageRef("none")
    checkout = image.checkout
    args = (f"{name}={text}" for name, text in image.args)
    return {
        "revision": checkout.title if checkout else "none",
        "build": (checkout.build if checkout else "") or "none",
        "image": " ".join([image.name or "none", *args]),
        **{
            WORDS.get(field.name, field.name): _text(getattr(side, field.name))
            for field in fields(Side)
            if field.name not in NOT_ASKED
        },
    }


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join("=".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value) or "none"
    return "none" if value is None else str(plain(value))


def _pieces(a: str, b: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in pieces; of long ones what is equal is cut short."""
    left, right = a.split(), b.split()
    whole = max(len(a), len(b)) <= SHORT
    out: tuple[list[Piece], list[Piece]] = ([], [])
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for place, (code, i, j, k, m) in enumerate(codes):
        ends = (place == 0, place == len(codes) - 1)
        for pieces, words in zip(out, (left[i:j], right[k:m]), strict=True):
            same = code == "equal"
            if words:
                pieces.append(Piece(" ".join(words if whole or not same else _short(words, *ends)), not same))
    return tuple(out[0]), tuple(out[1])


def _short(words: list[str], first: bool, last: bool) -> list[str]:
    """Equal words between two differences, at the beginning or at the end."""
    if len(words) <= ALONE:
        return words
    before, after = [] if first else words[:1], [] if last else words[-1:]
    return [*before, "…", *after]


def _only(pieces: tuple[Piece, ...]) -> str:
    return " … ".join(piece.text for piece in pieces if piece.differs) or "nothing"


def _marked(text: str) -> tuple[Piece, ...]:
    return (Piece(text, True),)
