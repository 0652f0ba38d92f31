#!/usr/bin/env python3
"""docs/*.csv -> the tables of docs/calibration.md, each between `<!-- name -->` and `<!-- /name -->`.

Run it after calibration.py, breaks.py and disturbed.py. A test compares the page with the CSV files.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "calibration.md"
LEFT_IN = "warm-up left in"
"""The scenario that shows what happens without a warm-up cut: not counted among the goals."""
CAMPAIGNS = 1000
"""Simulated campaigns per cell: the default of both scripts, with which the files were written."""
DEFAULT = "guarded-t"


@dataclass(frozen=True)
class Data:
    """What calibration.py and breaks.py wrote: a row per cell of the simulation."""

    cells: pd.DataFrame
    estimators: pd.DataFrame
    types: pd.DataFrame
    families: pd.DataFrame
    breaks_before: pd.DataFrame
    """Of breaks.py before there were methods against these noise models."""
    breaks: pd.DataFrame
    cautions: pd.DataFrame
    disturbed: pd.DataFrame
    """Of disturbed.py: the rule that leaves stretches of a run out."""

    @property
    def counted(self) -> pd.DataFrame:
        """The default method's cells that the goals are about."""
        return self.cells[(self.cells["method"] == DEFAULT) & (self.cells["scenario"] != LEFT_IN)]


def read(docs: Path = DOCS) -> Data:
    names = (
        "calibration",
        "estimators",
        "types",
        "families",
        "breaks-before",
        "breaks",
        "cautions",
        "disturbed",
    )
    return Data(*(pd.read_csv(docs / f"{name}.csv") for name in names))


def render(page: str, data: Data) -> str:
    """The page with every table written again. Raises ValueError when its markers do not match TABLES."""
    names = re.findall(r"^<!-- ([\w-]+) -->$", page, re.MULTILINE)
    if sorted(names) != sorted(TABLES):
        raise ValueError(f"the page has the tables {names}, not {list(TABLES)}")
    for name, table in TABLES.items():
        pattern = rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        page, count = re.subn(pattern, lambda m, t=table: m[1] + "\n" + t(data) + "\n" + m[2], page)
        if count != 1:
            raise ValueError(f"the table {name} does not end with <!-- /{name} -->")
    return page


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]], texts: int = 1) -> str:
    """A table; its columns after the first `texts` are numbers, aligned to the right."""
    header = list(header)
    rule = ["---"] * texts + ["--:"] * (len(header) - texts)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *rows))


def goals(data: Data) -> str:
    counted, families = data.counted, data.families
    several = counted[counted["runs"] >= 3]
    null, cover = several[several["change"] == 0]["rejected"], several["coverage"]
    uncovered = several[(cover - 0.95).abs() > 0.01 + _chance(len(null))]
    biased = counted[counted["bias_percent"].abs() - 3 * counted["bias_error_percent"] > 0.2]
    wrong = {name: part["family_wise_error"] for name, part in families.groupby("correction")}
    weaker, compared = _weaker(data)
    rows = (
        (
            "at most 5 % false positives",
            f"{_range(null)} in {len(null)} cells",
            (null <= 0.05 + _chance(len(null))).all(),
        ),
        (
            "intervals hold the true change in 95 ± 1 %",
            f"{_range(cover)}; {len(uncovered)} of {len(several)} cells beyond",
            uncovered.empty,
        ),
        (
            "bias at most 0.2 %",
            f"{len(biased)} of {len(counted)} cells beyond",
            biased.empty,
        ),
        (
            "family-wise error at most 5 % with `holm`",
            f"{_range(wrong['holm'])}; with `none` up to {100 * wrong['none'].max():.0f} %",
            (wrong["holm"] <= 0.05 + _chance(len(wrong["holm"]))).all(),
        ),
        (
            "at equal error, power not below that of `bca`",
            f"{len(weaker)} of {compared} cells below{_where(weaker)}",
            weaker.empty,
        ),
    )
    verdicts = ((goal, outcome, "yes" if met else "no") for goal, outcome, met in rows)
    return markdown(("goal", "outcome", "met"), verdicts, texts=3)


def _chance(cells: int) -> float:
    """By how much the greatest of so many shares of 5 % may exceed it by chance (Bonferroni, 95 %)."""
    return -special.ndtri(0.025 / cells) * np.sqrt(0.05 * 0.95 / CAMPAIGNS)


def _weaker(data: Data) -> tuple[pd.DataFrame, int]:
    """Cells in which the default finds a change of 2 % less often than BCa by 3 standard errors, of all."""
    cells = data.cells.dropna(subset="power_at_equal_error")
    power = cells.pivot_table(index=["scenario", "runs"], columns="method", values="power_at_equal_error")
    return power[power[DEFAULT] < power["bca"] - 3 * np.sqrt(0.5 / CAMPAIGNS)].reset_index(), len(power)


def _where(cells: pd.DataFrame) -> str:
    runs = sorted({_runs(n) for n in cells["runs"]})
    return f", with {' or '.join(runs)}" if runs else ""


def false_positives(data: Data) -> str:
    null = data.cells[(data.cells["change"] == 0) & (data.cells["scenario"] != LEFT_IN)]
    return _by_runs(null, "method", "rejected")


def false_positives_by_type(data: Data) -> str:
    every = _types(data)
    return _by_runs(every[every["change"] == 0], "type", "rejected")


def coverage_by_type(data: Data) -> str:
    return _by_runs(_types(data), "type", "coverage")


def _types(data: Data) -> pd.DataFrame:
    """The cells of all types at the changes that were tried for all."""
    duet = data.counted[data.counted["change"].isin(data.types["change"])].assign(type="duet")
    other = data.types[data.types["scenario"] != LEFT_IN]
    return pd.concat([duet, other[other["type"] == "syncduet"], other])


def families(data: Data) -> str:
    table = data.families.pivot_table(
        index=["suite", "correction"], columns="runs", values="family_wise_error", sort=False
    )
    rows = (
        (suite, f"`{correction}`", *(f"{100 * cell:.1f}" for cell in row))
        for (suite, correction), row in zip(table.index, table.to_numpy(), strict=True)
    )
    return markdown(("suite", "correction", *map(_runs, table.columns)), rows, texts=2)


def widths(data: Data) -> str:
    cells = data.cells[data.cells["method"] == DEFAULT].assign(type="duet")
    every = pd.concat([cells, data.types])
    part = every[(every["runs"] == 10) & (every["change"] == 0)]
    table = part.pivot_table(index="scenario", columns="type", values="median_width_percent", sort=False)
    return _by_scenario(table[["duet", "syncduet", "seqn"]], 1)


def bias(data: Data) -> str:
    size = data.estimators.assign(bias=data.estimators["bias_percent"].abs())
    table = size.pivot_table(index="scenario", columns="estimator", values="bias", aggfunc="max", sort=False)
    return _by_scenario(table, 2)


def spread(data: Data) -> str:
    part = data.estimators[data.estimators["change"] == 0.02]
    return _by_scenario(
        part.pivot_table(index="scenario", columns="estimator", values="sd_percent", sort=False), 2
    )


def breaks_false_positives(data: Data) -> str:
    return _before_and_now(data, [0.0], "rejected", "max")


def breaks_coverage(data: Data) -> str:
    return _before_and_now(data, sorted(set(data.breaks["change"])), "coverage", "min")


def breaks_power(data: Data) -> str:
    return _before_and_now(data, [0.02], "rejected", "max")


def breaks_bias(data: Data) -> str:
    """In percent, the greatest over the changes."""
    return _before_and_now(data, sorted(set(data.breaks["change"])), "bias_percent", "max", 1, 2)


def _before_and_now(
    data: Data, changes: list[float], value: str, worst: str, scale: float = 100, digits: int = 1
) -> str:
    now = data.breaks[data.breaks["method"] == DEFAULT]
    both = []
    for cells in (data.breaks_before, now):
        part = cells[cells["change"].isin(changes)].assign(**{value: lambda c: c[value].abs()})
        both.append(
            part.pivot_table(index="scenario", columns="runs", values=value, aggfunc=worst, sort=False)
        )
    rows = (
        (name, *(f"{scale * a:.{digits}f} → {scale * b:.{digits}f}" for a, b in zip(*pair, strict=True)))
        for name, *pair in zip(both[0].index, both[0].to_numpy(), both[1].to_numpy(), strict=True)
    )
    return markdown(("noise model", *map(_runs, both[0].columns)), rows)


def cautions(data: Data) -> str:
    """Percentage of campaigns; the healthy noise models in one row."""
    table = data.cautions.drop(columns="runs")
    healthy = table["scenario"].isin(data.cells["scenario"]) & (table["scenario"] != LEFT_IN)
    names = [c for c in table if c not in ("scenario", "change")]
    mean = table[healthy].groupby("change")[names].mean().reset_index().assign(scenario="the others, mean")
    rows = (
        (r["scenario"], f"{100 * r['change']:.0f} %", *(f"{100 * r[name]:.0f}" for name in names))
        for r in pd.concat([table[~healthy], mean]).to_dict("records")
    )
    return markdown(("noise model", "change", *(f"`{name}`" for name in names)), rows, texts=2)


def disturbed(data: Data) -> str:
    """Each cell without -> with the rule."""
    rows = []
    for (what, n), part in data.disturbed.groupby(["disturbance", "runs"], sort=False):
        without, by_rule = (part[part["rule"] == on] for on in (False, True))
        cells = [f"{100 * (1 - by_rule['kept'].mean()):.0f}"]
        for change, name in ((0.0, "rejected"), (0.02, "rejected")):
            pair = (100 * frame.loc[frame["change"] == change, name].iloc[0] for frame in (without, by_rule))
            cells.append(" → ".join(f"{value:.1f}" for value in pair))
        for name, worst, digits, scale in (
            ("coverage", "min", 1, 100), ("width_percent", "mean", 2, 1), ("bias_percent", "max", 2, 1),
        ):  # fmt: skip
            pair = (scale * frame[name].abs().agg(worst) for frame in (without, by_rule))
            cells.append(" → ".join(f"{value:.{digits}f}" for value in pair))
        rows.append((str(what), str(n), *cells))
    head = ("disturbance", "runs", "left out", "false positives", "+2 % found", "coverage", "width", "bias")
    return markdown(head, rows)


def _by_scenario(table: pd.DataFrame, digits: int) -> str:
    rows = (
        (str(name), *(f"{cell:.{digits}f}" for cell in row))
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    )
    return markdown(("noise model", *map(str, table.columns)), rows)


def _by_runs(cells: pd.DataFrame, columns: str, value: str) -> str:
    """Least, mean and greatest percentage over the noise models, by number of runs."""
    names = list(dict.fromkeys(cells[columns]))
    rows = (
        (_runs(n), *(_three(part.loc[part[columns] == name, value]) for name in names))
        for n, part in cells.groupby("runs")
    )
    return markdown(("", *(f"`{name}`" for name in names)), rows)


def _runs(n: int) -> str:
    return f"{n} runs" if n > 1 else "1 run"


def _three(shares: pd.Series) -> str:
    few = (shares.min(), shares.mean(), shares.max()) if len(shares) else ()
    return ", ".join(f"{100 * share:.1f}" for share in few)


def _range(shares: pd.Series) -> str:
    return f"{100 * shares.min():.1f} to {100 * shares.max():.1f} %"


TABLES: dict[str, Callable[[Data], str]] = {
    "goals": goals,
    "false-positives": false_positives,
    "families": families,
    "false-positives-by-type": false_positives_by_type,
    "coverage-by-type": coverage_by_type,
    "widths": widths,
    "bias": bias,
    "spread": spread,
    "breaks-false-positives": breaks_false_positives,
    "breaks-power": breaks_power,
    "breaks-coverage": breaks_coverage,
    "breaks-bias": breaks_bias,
    "cautions": cautions,
    "disturbed": disturbed,
}


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")
