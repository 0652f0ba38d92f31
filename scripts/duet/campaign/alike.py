"""Benchmarks whose sides run the same: meant as a check, or by a mistake that no schema finds."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from duet.model import Benchmark, Side, Type

NAMED = 5
"""Benchmarks that are named; of more the number is said."""


def same_sides(benchmarks: Sequence[Benchmark], engine: Callable[[str], str]) -> str | None:
    """One line that says in which benchmarks A and B are the same; None where there is none.

    `engine` tells which engine a side's, such as `auto`, stands for here: host processes get an image's
    files, and nothing of its arguments.
    """
    same = [b for b in benchmarks if _compared(b) and _runs_the_same(b, engine)]
    if not same:
        return None
    if len(same) == len(benchmarks) > 1:
        where = "all benchmarks"
    else:
        where = ", ".join(b.name for b in same[:NAMED])
        where += f" and {len(same) - NAMED} more" if len(same) > NAMED else ""
    ignored = any(_plain(b.a) != _plain(b.b) for b in same)
    why = " (host processes take no image_args)" if ignored else ""
    return f"A and B run the same in {where}{why}: no difference is to be expected"


def _compared(benchmark: Benchmark) -> bool:
    return any(benchmark.repetitions.get(type_) for type_ in (Type.DUET, Type.SYNCDUET, Type.SEQN))


def _runs_the_same(benchmark: Benchmark, engine: Callable[[str], str]) -> bool:
    a, b = _plain(benchmark.a), _plain(benchmark.b)
    if a == b:
        return True
    return _without_arguments(a) == _without_arguments(b) and engine(a.engine) == "process"


def _plain(side: Side) -> Side:
    return replace(side, name="")


def _without_arguments(side: Side) -> Side:
    return side if side.image is None else replace(side, image=replace(side.image, args=()))
