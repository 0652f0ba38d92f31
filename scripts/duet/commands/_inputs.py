"""What several subcommands read."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from duet.model import DuetError
from duet.records.plan import AnalysisPlan
from duet.records.provision import ImageIdentity, ImagePresence


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


def image_records(directory: Path) -> list[ImagePresence]:
    """Each image where it is present, and one that is nowhere any more as it was."""
    present = [r for path in sorted(directory.glob("*@*/*.json")) if (r := ImagePresence.read_sound(path))]
    keys = {record.key for record in present}
    known = [i for path in sorted(directory.glob("*.json")) if (i := ImageIdentity.read_sound(path))]
    gone = (identity for identity in known if identity.key not in keys)
    return present + [
        ImagePresence(name=i.name, key=i.key, engine="gone", hash=i.hash, id=None, tag=None) for i in gone
    ]
