"""Runs that need not be measured, since their benchmark is known well enough or the time is up.

Who decides that writes a closing for each of them below results/<name>/closed/; when the run's turn comes it
is moved to the place of the run's record, by the shell, in milliseconds. It holds for the precision and
the analysis that it was decided by, and for the runs that it rests on: if one of these changes the run
is due again (duet.campaign.due).
"""

from dataclasses import dataclass
from pathlib import Path

from duet.model import Analysis, open_file
from duet.records.files import Record
from duet.records.layout import RUN


@dataclass(frozen=True, kw_only=True)
class Closing(Record):
    """closed/<run>.json, later runs/<run>/run.json: why a run was not measured."""

    not_needed: str
    """The reason, in words."""
    name: str
    analysis: Analysis
    """By which it was decided, with its precision."""
    rests_on: tuple[str, ...]
    """Names of the runs that were looked at."""


def closing_of(directory: Path) -> Closing | None:
    """That of a run's directory; None where it was measured, or is still to be."""
    path = directory / RUN
    try:
        # run records are longer, and most: what is none need not be decoded
        with open_file(path) as file:
            if b'"not_needed"' not in file.read():
                return None
    except OSError:
        return None
    return Closing.read_sound(path)
