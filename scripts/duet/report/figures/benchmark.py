"""The figures of one benchmark, from its rows of a campaign's frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from duet.inference import warmup
from duet.inference.samples import from_table
from duet.inference.warmup import Warmup
from duet.records.plan import AnalysisPlan
from duet.report.figures.iterations import draw_iterations
from duet.report.figures.noise import NoiseOf
from duet.report.figures.ratios import draw_ratios
from duet.report.figures.runs import draw_runs
from duet.report.figures.sensitivity import draw_sensitivity
from duet.report.figures.timeline import draw_timeline


@dataclass(frozen=True)
class Frames:
    """What is drawn; None: not given."""

    table: pd.DataFrame
    pairs: pd.DataFrame | None = None
    effects: pd.DataFrame | None = None
    verdicts: pd.DataFrame | None = None

    def empty(self) -> "Frames":
        """The same columns without rows."""
        others = (None if f is None else f.iloc[:0] for f in (self.pairs, self.effects, self.verdicts))
        return Frames(self.table.iloc[:0], *others)

    def by_benchmark(self) -> dict[tuple[str, str], "Frames"]:
        """(suite, benchmark) of the table -> its rows."""
        empty = self.empty()
        parts = {f.name: _split(getattr(self, f.name)) for f in fields(self)}
        return {
            key: Frames(**{name: part.get(key, getattr(empty, name)) for name, part in parts.items()})
            for key in parts["table"]
        }


def _split(frame: pd.DataFrame | None) -> dict[tuple[str, str], pd.DataFrame]:
    if frame is None:
        return {}
    parts = frame.groupby(["suite", "benchmark"], observed=True, sort=False)
    return {(str(suite), str(name)): part for (suite, name), part in parts}


def drawers(
    frames: Frames,
    title: str,
    note: str,
    analysis: AnalysisPlan,
    rules: Mapping[str, Warmup],
    noise: NoiseOf | None = None,
) -> dict[str, Callable[[], Figure]]:
    """Figure -> what draws it. `frames`: rows of one benchmark; `rules`: see `warmup.drop`;
    `noise`: what was sampled of its runs."""
    table, pairs, effects, verdicts = frames.table, frames.pairs, frames.effects, frames.verdicts
    margin, confidence, overlap = analysis.margin_percent, analysis.confidence, analysis.min_overlap
    return {
        "timeline": lambda: draw_timeline(table, pairs, title, note, noise),
        "iterations": lambda: draw_iterations(table, cuts(table, rules), title, note),
        "ratios": lambda: draw_ratios(pairs, effects, verdicts, title, note, margin, confidence),
        "sensitivity": lambda: draw_sensitivity(effects, title, note, margin, confidence, overlap),
        "runs": lambda: draw_runs(effects, verdicts, title, note, margin, confidence),
    }


def cuts(table: pd.DataFrame, rules: Mapping[str, Warmup]) -> pd.DataFrame:
    """First iteration after the warm-up by (type, runid, pair); the last plus one where all is warm-up."""
    samples = from_table(table)
    kept = warmup.drop(samples, rules)
    slots = np.unique(samples.slot)
    end = np.zeros(2 * len(samples.runs), np.int64)
    np.maximum.at(end, samples.slot, samples.iteration + 1)
    first = end.copy()
    np.minimum.at(first, kept.slot, kept.iteration)
    runs = samples.runs.iloc[slots // 2]
    return pd.DataFrame(
        {
            "type": runs["type"].to_numpy(),
            "runid": runs["runid"].to_numpy(),
            "pair": np.where(slots % 2, "B", "A"),
            "first": first[slots],
        }
    )
