"""What several subcommands read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from duet.model import DuetError
from duet.records import files as record


def settings(path: Path | None) -> dict[str, Any]:
    """plan/analysis.json; empty where none is given."""
    return record.read(path, schema=None) if path else {}


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table that another subcommand wrote. Raises DuetError."""
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except pa.ArrowException as error:
        what = " ".join(str(error).split())[:200]
        raise DuetError(f"{path}: not a table for this ({what})", "make it again by the workflow") from None
