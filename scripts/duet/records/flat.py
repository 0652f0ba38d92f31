"""Result files of the predecessor, asynchronous-duet, in one flat directory: which run each is of.

Today's names are `<suite>.<benchmark>.<runid>.<type>.<order>.<A|B>.<file>`. Its older versions left out the
suite, then the order and the type, and called sequential runs `sequential`:

    <benchmark>.<runid>.<type>.<order>.<A|B>.<file>
    <benchmark>.<duet|sequential>.<runid>.<A|B>.<file>
    <benchmark>.<runid>.<A|B>.<file>

There the suite is told by the file's name, and of a duet without its order A counts as the first.
"""

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from duet.model import Order, Run, Type, file_name, parse_result_file

SUITES = {"results.json": "renaissance", "results.csv": "dacapo", "result": "speccpu"}
"""What the older versions' suites wrote -> the suite."""
DUETPROCESS = (".csv", ".json")
"""Endings of what its `duetprocess` writes: one table of many directories."""

_NAME, _TYPE = r"(?P<benchmark>[A-Za-z0-9_+-]+)", r"(?P<type>duet|syncduet|seqn|sequential)"
_OLDER = tuple(
    re.compile(rf"{_NAME}\.{middle}\.(?P<pair>[AB])\.(?P<file>.+)")
    for middle in (
        rf"(?P<runid>\d+)\.{_TYPE}\.(?P<order>AB|BA|None)",
        rf"{_TYPE}\.(?P<runid>\d+)",
        r"(?P<runid>\d+)",
    )
)


def parse(name: str) -> tuple[Run, str] | None:
    """Run and side of a result file, also of an older version's, or None."""
    if (parsed := parse_result_file(name)) is not None:
        return parsed[0], parsed[1]
    match = next(filter(None, (pattern.fullmatch(name) for pattern in _OLDER)), None)
    if match is None or (suite := SUITES.get(match["file"])) is None:
        return None
    given = match.groupdict()
    name_of_type = given.get("type") or "duet"
    type_ = Type("seqn" if name_of_type == "sequential" else name_of_type)
    alone = type_ == Type.SEQN
    order = Order.NONE if alone else Order(given.get("order") or "AB")
    if not alone and order == Order.NONE:
        return None
    side = match["pair"] if alone else None
    return Run(suite, match["benchmark"], int(match["runid"]), type_, order, side), match["pair"]


def result_files(directory: Path) -> Iterator[tuple[Run, str, Path]]:
    """Run, side and path of every result file or directory, by name."""
    for name in sorted(os.listdir(directory)):
        if (parsed := parse(name)) is not None:
            yield *parsed, directory / name


def stems_of_table(path: Path) -> set[str]:
    """`<suite>.<benchmark>` of all rows of a table of duetprocess; nothing of a file that cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            if path.suffix == ".json":
                columns = json.load(file)
                pairs = set(zip(*(columns[c].values() for c in ("suite", "benchmark")), strict=False))
            else:
                rows = csv.reader(file)
                header = next(rows)
                suite, benchmark = header.index("suite"), header.index("benchmark")
                pairs = {(r[suite], r[benchmark]) for r in rows if len(r) > max(suite, benchmark)}
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        StopIteration,
        csv.Error,
        RecursionError,
    ):
        return set()
    return {f"{file_name(str(s))}.{file_name(str(b))}" for s, b in pairs}
