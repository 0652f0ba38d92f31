"""plan/due.txt: the runs that a call of the workflow was to measure, and which of them it has.

A line `<run>: <why>` for each; `<run>: measured` is added behind when it is. The workflow writes it
before its first job; so what is left is known after every run without looking at all of them again.
"""

from collections.abc import Mapping

from duet.records.files import write_text
from duet.records.layout import Layout

MEASURED = "measured"


def write(layout: Layout, due: Mapping[str, str]) -> None:
    """Begin again with these runs. `due`: why each is to be measured."""
    text = "".join(f"{name}: {' '.join(reason.split())}\n" for name, reason in due.items())
    write_text(layout.due, text, durable=False)


def strike(layout: Layout, name: str) -> None:
    """Note that a run was measured."""
    if layout.due.exists():
        with layout.due.open("a") as file:
            file.write(f"{name}: {MEASURED}\n")


def left(layout: Layout) -> dict[str, str] | None:
    """Why each run that is still to be measured is; None where no workflow has said."""
    try:
        lines = layout.due.read_text().splitlines()
    except FileNotFoundError:
        return None
    reasons: dict[str, str] = {}
    for line in lines:
        name, _, reason = line.partition(": ")
        reasons[name] = reason
    return {name: reason for name, reason in reasons.items() if reason != MEASURED}
