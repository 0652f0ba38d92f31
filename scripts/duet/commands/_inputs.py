"""What several subcommands read."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from duet.model import DuetError
from duet.records.plan import AnalysisPlan


def analysis_plan(path: Path | None) -> AnalysisPlan:
    """plan/analysis.json; the defaults where none is given. Raises DuetError."""
    return AnalysisPlan.read(path) if path else AnalysisPlan()


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table that another subcommand wrote. Raises DuetError."""
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except pa.ArrowException as error:
        what = " ".join(str(error).split())[:200]
        raise DuetError(
            f"{path}: not a table for this ({what})", "run the workflow again, which rewrites it"
        ) from None
