#!/usr/bin/env python3
"""Figures from the frames of a campaign, each as OUT.svg, OUT.pdf and OUT.png.

`benchmark` draws all figures of one benchmark in one process (OUT.<figure>.svg, …), `forest` one of
a suite, `methods` the comparison of the campaign's types; a figure's own name draws just that.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from duet.figures import BENCHMARK, style
from duet.figures.forest import forest
from duet.figures.iterations import iterations
from duet.figures.methods import methods
from duet.figures.ratios import ratios
from duet.figures.runs import runs
from duet.figures.sensitivity import sensitivity
from duet.figures.timeline import timeline
from duet.inference import warmup
from duet.model import DuetError, file_name, parse_run
from duet.samples import from_table
from duet.summary import read_verdicts
from matplotlib.figure import Figure

KEYS = ["suite", "benchmark", "type", "runid", "order", "pair", "iteration"]
TIMES = ["iteration_start_ns", "iteration_end_ns", "iteration_time_ns"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", choices=["benchmark", *BENCHMARK, "forest", "methods"])
    parser.add_argument("--table", type=Path, help="the unified table, of the benchmark or of all")
    parser.add_argument("--pairs", type=Path, help="pairs.parquet")
    parser.add_argument("--effects", type=Path, help="effects.parquet: one row per run")
    parser.add_argument("--verdicts", type=Path, help="verdicts.csv")
    parser.add_argument("--plan", type=Path, help="plan/<suite>.<benchmark>.json: whose figures these are")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: margin, confidence, warm-up")
    parser.add_argument("--runs", type=Path, help="folder of the runs, to tell which failed and why")
    parser.add_argument("--stem", help="<suite>.<benchmark> as in file names, where the table has several")
    parser.add_argument("--suite")
    parser.add_argument("--benchmark")
    parser.add_argument("--out", type=Path, required=True, help="files are called OUT.svg, …")
    args = parser.parse_args()
    try:
        for name, figure in draw(args).items():
            style.save(figure, args.out.with_name(f"{args.out.name}{name}"))
    except (DuetError, OSError, ValueError) as error:
        print(f"error: {args.figure}: {error}", file=sys.stderr)
        return 1
    return 0


def draw(args: argparse.Namespace) -> dict[str, Figure]:
    """Suffix of the file name -> figure."""
    settings = json.loads(args.analysis.read_text()) if args.analysis else {}
    margin, confidence = settings.get("margin_percent", 2.0), settings.get("confidence", 0.95)
    verdicts = read_verdicts(args.verdicts) if args.verdicts else None
    if args.figure == "forest":
        if verdicts is None or not args.suite:
            raise DuetError("forest needs --verdicts and --suite")
        suite = _true_name(verdicts, args.suite)
        return {"": forest(verdicts, suite, margin, confidence, lost_runs(args.runs, args.suite))}
    if args.table is None:
        raise DuetError("no --table", "give the benchmark's iterations/<suite>.<benchmark>.parquet")
    effects = pd.read_parquet(args.effects) if args.effects else None
    if args.figure == "methods":
        table = pd.read_parquet(args.table, columns=[*KEYS, *TIMES])
        return {"": methods(table, effects, verdicts)}
    return benchmark(args, settings, margin, confidence, effects, verdicts)


def benchmark(args, settings, margin, confidence, effects, verdicts) -> dict[str, Figure]:
    plan = json.loads(args.plan.read_text()) if args.plan else {}
    table = pd.read_parquet(args.table)
    suite, name = args.suite or plan.get("suite"), args.benchmark or plan.get("benchmark")
    if suite is None or name is None:
        named = table[["suite", "benchmark"]].astype(str).drop_duplicates()
        if args.stem:
            named = named[[f"{file_name(s)}.{file_name(b)}" == args.stem for s, b in named.to_numpy()]]
        if len(named) != 1:
            raise DuetError(f"{args.table}: {len(named)} benchmarks", "say which by --suite and --benchmark")
        suite, name = named.iloc[0]

    def mine(frame: pd.DataFrame | None) -> pd.DataFrame | None:
        if frame is None:
            return None
        here = (frame["suite"].astype(str) == suite) & (frame["benchmark"].astype(str) == name)
        return frame if here.all() else frame[here]

    table = mine(table)
    pairs = None
    if args.pairs:
        pairs = mine(pd.read_parquet(args.pairs, filters=[("benchmark", "==", name)]))
    effects, verdicts = mine(effects), mine(verdicts)
    title = style.name(suite, name)
    note = lost_runs(args.runs, file_name(suite), file_name(name))
    figures = {
        "timeline": lambda: timeline(table, pairs, title, note),
        "iterations": lambda: iterations(table, cuts(table, settings.get("warmup") or {}), title, note),
        "ratios": lambda: ratios(pairs, effects, verdicts, title, note, margin, confidence),
        "sensitivity": lambda: sensitivity(
            effects, title, note, margin, confidence, settings.get("min_overlap", 0.5)
        ),
        "runs": lambda: runs(effects, verdicts, title, note, margin, confidence),
    }
    wanted = BENCHMARK if args.figure == "benchmark" else (args.figure,)
    return {(f".{kind}" if args.figure == "benchmark" else ""): figures[kind]() for kind in wanted}


def cuts(table: pd.DataFrame, rules: Mapping[str, warmup.Warmup]) -> pd.DataFrame:
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


def lost_runs(runs: Path | None, suite: str, benchmark: str | None = None) -> str:
    """What of this suite or benchmark (as in file names) is not in the figure, and why."""
    if runs is None:
        return ""
    reasons: Counter[str] = Counter()
    for path in sorted(runs.glob(f"{suite}.*/failure.json")):
        run = parse_run(path.parent.name)
        mine = run and run.suite == suite and benchmark in (None, run.benchmark)
        if mine and not (path.parent / "run.json").exists():
            reasons[str(json.loads(path.read_text()).get("reason", "unknown"))] += 1
    if not reasons:
        return ""
    told = "; ".join(f"{n} × {style.shorten(why, 120)}" for why, n in reasons.most_common(3))
    return f"Not shown, since they failed: {sum(reasons.values())} runs ({told})"


def _true_name(verdicts: pd.DataFrame, suite: str) -> str:
    """The suite's name as the table has it, where it was given as in file names."""
    named = {file_name(s): s for s in verdicts["suite"].astype(str)}
    return named.get(suite, suite)


if __name__ == "__main__":
    sys.exit(main())
