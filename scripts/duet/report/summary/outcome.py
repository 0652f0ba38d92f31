"""What a campaign came to, read from its files once for everything that tells it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from duet.model import DuetError
from duet.records import files as record
from duet.report.summary.facts import Facts, facts
from duet.report.summary.rows import complete, read_verdicts
from duet.table import build as table


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
    verdicts = verdicts or results / "verdicts.csv"
    planned = planned or results / "plan" / "runs.txt"
    for path in (verdicts, planned):
        if not path.is_file():
            raise DuetError(f"{path} is not there", "run the campaign, or its target `available`, first")
    analysis = analysis or results / "plan" / "analysis.json"
    settings = record.read(analysis, schema=None) if analysis.is_file() else {}
    iterations = verdicts.with_name("iterations.parquet")
    attributes = table.read_attrs(iterations) if iterations.is_file() else {}
    names = tuple(planned.read_text().split())
    found = facts(name or results.resolve().name, runs or results / "runs", names, attributes)
    rows = complete(read_verdicts(verdicts), found)
    return Outcome(rows, found, settings.get("confidence", 0.95), names)
