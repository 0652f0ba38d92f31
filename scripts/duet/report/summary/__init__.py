"""What came out, for people and programs: one order, one wording; Markdown, JSON, HTML, terminal."""

from duet.report.summary.facts import Facts, Failure, read_facts
from duet.report.summary.outcome import Outcome, read_outcome
from duet.report.summary.rows import (
    VERDICTS,
    Answer,
    Calibration,
    answer,
    calibration,
    complete,
    counts,
    read_verdicts,
    tally,
)
from duet.report.summary.texts import as_json, index, markdown, terminal

__all__ = [
    "VERDICTS",
    "Answer",
    "Calibration",
    "Facts",
    "Failure",
    "Outcome",
    "answer",
    "as_json",
    "calibration",
    "complete",
    "counts",
    "index",
    "markdown",
    "read_facts",
    "read_outcome",
    "read_verdicts",
    "tally",
    "terminal",
]
