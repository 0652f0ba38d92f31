"""Rows of verdicts.csv with the types of their cells, as far as figures and texts show them."""

from math import nan
from typing import NamedTuple

import pandas as pd


class VerdictRow(NamedTuple):
    """One benchmark and type. A number that is not known is NaN, a text that is not there is empty."""

    suite: str
    benchmark: str
    type: str
    verdict: str
    runs: int
    change_percent: float
    ci_low_percent: float
    ci_high_percent: float
    warnings: str
    p_adjusted: float = nan
    coverage: float = nan
    holds_for_min_overlap: str = ""
    left_out: str = ""
    difference: str = ""
    environment: str = ""
    name: str = ""
    """The benchmark's, with its environment where the table has several."""
    metric: str = "time"
    better: str = "lower"
    value_A: float = nan
    value_B: float = nan
    saving: float = nan
    saving_ci_low: float = nan
    saving_ci_high: float = nan
    width_of_sequential: float = nan


_TEXTS = [name for name, type_ in VerdictRow.__annotations__.items() if type_ is str]


def named(verdicts: pd.DataFrame) -> pd.DataFrame:
    """The same with the column `name`, how a benchmark is called in texts."""
    names = verdicts["benchmark"].astype(str)
    if "environment" in verdicts and verdicts["environment"].nunique() > 1:
        names = names + " @ " + verdicts["environment"].astype(object).fillna("").astype(str).replace("", "?")
    return verdicts.assign(name=names)


def verdict_rows(verdicts: pd.DataFrame) -> list[VerdictRow]:
    """The rows of a frame with columns of verdicts.csv, in its order; those with defaults may be missing."""
    names = [name for name in VerdictRow._fields if name in verdicts.columns]
    verdicts = named(verdicts) if "name" not in verdicts else verdicts
    names = [*names, "name"] if "name" not in names else names
    texts = {name: verdicts[name].astype(object).fillna("") for name in names if name in _TEXTS}
    cells = verdicts[names].assign(**texts).itertuples(index=False, name=None)
    return [VerdictRow(**dict(zip(names, row, strict=True))) for row in cells]
