"""plan/due.txt: the runs that a call of the workflow was to measure, and which of them it has.

A line `<run>: <why>` for each; `<run>: measured` is added behind when it is. The workflow writes it
before its first job; so what is left is known after every run without looking at all of them again.
"""

from collections.abc import Mapping
from pathlib import Path

MEASURED = "measured"


def place(results: Path) -> Path:
    return results / "plan" / "due.txt"


def write(results: Path, due: Mapping[str, str]) -> None:
    """Begin anew with these runs. `due`: why each is to be measured."""
    place(results).write_text("".join(f"{name}: {_line(reason)}\n" for name, reason in due.items()))


def strike(results: Path, name: str) -> None:
    """Note that a run was measured."""
    if place(results).exists():
        with place(results).open("a") as file:
            file.write(f"{name}: {MEASURED}\n")


def left(results: Path) -> dict[str, str] | None:
    """Why each run that is still to be measured is; None where no workflow has said."""
    try:
        lines = place(results).read_text().splitlines()
    except FileNotFoundError:
        return None
    reasons: dict[str, str] = {}
    for line in lines:
        name, _, reason = line.partition(": ")
        reasons[name] = reason
    return {name: reason for name, reason in reasons.items() if reason != MEASURED}


def _line(text: str) -> str:
    return " ".join(text.split())
