"""What a campaign came to, read from its files once for everything that tells it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from duet.model import DuetError
from duet.records.files import read_lines
from duet.records.layout import Layout
from duet.records.plan import AnalysisPlan
from duet.report.summary.facts import Facts, read_facts
from duet.report.summary.rows import complete, read_verdicts
from duet.table import store


@dataclass(frozen=True)
class Outcome:
    rows: pd.DataFrame
    """Verdicts, worst first, with a row `no data` for every planned comparison without one."""
    facts: Facts
    confidence: float
    planned: tuple[str, ...]
    """Names of the planned runs."""


def read_outcome(
    results: Path,
    *,
    name: str | None = None,
    verdicts: Path | None = None,
    runs: Path | None = None,
    planned: Path | None = None,
    analysis: Path | None = None,
) -> Outcome:
    """The outcome in results/<name>, where the other paths stand for what lies elsewhere.

    The table beside the verdicts says what was imported, what it leaves out and what reading it
    warned of. Raises DuetError.
    """
    layout = Layout(results)
    verdicts, planned = verdicts or layout.verdicts, planned or layout.planned_runs
    for path in (verdicts, planned):
        if not path.is_file():
            raise DuetError(f"{path} is not there", "run the campaign, or its target `available`, first")
    analysis = analysis or layout.analysis_plan
    settings = AnalysisPlan.read(analysis) if analysis.is_file() else AnalysisPlan()
    table = Layout(verdicts.parent).table
    notes = store.read_notes(table) if table.is_file() else None
    names = tuple(read_lines(planned))
    facts = read_facts(name or results.resolve().name, runs or layout.runs, names, notes)
    rows = complete(read_verdicts(verdicts), facts)
    return Outcome(rows, facts, settings.confidence, names)
