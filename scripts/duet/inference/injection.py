"""A against A, with B made slower by what the runs promise to find: does the verdict find it?

A campaign's own machine, noise and number of runs are asked, not a simulation: the stamps of B are those of
iterations that took longer by a known share, and everything after them is done as for real ones.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from duet.inference import warmup
from duet.inference.effects import effects_of
from duet.inference.predecessor import slowed
from duet.inference.samples import GROUP_KEYS, from_table
from duet.inference.verdicts import judge
from duet.model import ALIKE, TIME, Analysis, Metric


def with_injected(
    rows: pd.DataFrame, table: pd.DataFrame, analysis: Analysis, rules: Mapping[str, warmup.Warmup]
) -> pd.DataFrame:
    """Verdicts with `injected_p_adjusted` of A/A rows: of no difference, were B slower by `injected_percent`.

    That is what such runs find in nine of ten cases, if their noise is as the method takes it to be, at the
    level that Holm asks of the first of the family: so the p-value is corrected by Bonferroni.
    """
    checked = rows["injected_percent"] > 0
    if not checked.any():
        return rows
    rows = rows.copy()
    keys = list(GROUP_KEYS)
    samples = warmup.drop(from_table(table[table["type"].astype(str).isin(ALIKE)]), rules)
    claims = rows.loc[checked].set_index(keys)["injected_percent"]
    runs = pd.MultiIndex.from_frame(samples.runs[keys].astype(str))
    percent = claims.reindex(runs).fillna(0.0).to_numpy()
    plain = replace(analysis, metrics=(Metric(TIME),))
    judged = judge(effects_of(slowed(samples, 1 + percent / 100), plain), plain).set_index(keys)
    family = rows[checked].groupby([k for k in keys if k != "benchmark"])["p_value"].transform("count")
    times = family if analysis.correction != "none" else 1
    p = judged["p_value"].reindex(claims.index).to_numpy()
    rows.loc[checked, "injected_p_adjusted"] = np.minimum(p * times, 1.0)
    return rows
