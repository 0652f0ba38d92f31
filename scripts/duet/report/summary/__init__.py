"""What came out, for people and programs: one order, one wording; Markdown, JSON, HTML, terminal."""

from duet.report.summary.facts import Facts, Failure, read_facts
from duet.report.summary.outcome import Outcome, read_outcome
from duet.report.summary.page import html_page, landing
from duet.report.summary.rows import (
    VERDICTS,
    Calibration,
    calibration,
    complete,
    counts,
    headline,
    read_verdicts,
)
from duet.report.summary.texts import as_json, index, markdown, terminal

__all__ = [
    "VERDICTS",
    "Calibration",
    "Facts",
    "Failure",
    "Outcome",
    "as_json",
    "calibration",
    "complete",
    "counts",
    "headline",
    "html_page",
    "index",
    "landing",
    "markdown",
    "read_facts",
    "read_outcome",
    "read_verdicts",
    "terminal",
]
