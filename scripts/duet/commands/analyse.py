"""From the unified table to pairs, effects of runs, and verdicts."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from duet.inference import overlap, run_effects, verdicts
from duet.inference.predecessor import comparison
from duet.model import DuetError
from duet.records.plan import AnalysisPlan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True, help="the unified table, Parquet")
    parser.add_argument("--analysis", type=Path, help="analysis.json: estimator, method, …, warmup")
    parser.add_argument("--pairs", type=Path, help="write the overlapping pairs, Parquet")
    parser.add_argument("--effects", type=Path, help="write one row per run, Parquet")
    parser.add_argument("--verdicts", type=Path, help="write the verdicts, CSV")
    parser.add_argument("--comparison", type=Path, help="write the predecessor's analysis beside ours, CSV")
    args = parser.parse_args()
    try:
        analyse(args)
    except (DuetError, OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def analyse(args: argparse.Namespace) -> None:
    analysis = AnalysisPlan.read(args.analysis) if args.analysis else AnalysisPlan()
    table = pd.read_parquet(args.table)
    if args.pairs:
        overlap.pairs(table, analysis.min_overlap).to_parquet(args.pairs, index=False)
    if args.effects or args.verdicts:
        effects = run_effects(table, analysis, analysis.warmup)
        if args.effects:
            effects.to_parquet(args.effects, index=False)
        if args.verdicts:
            verdicts(effects, analysis).to_csv(args.verdicts, index=False)
    if args.comparison:
        comparison(table, analysis, analysis.warmup).to_csv(args.comparison, index=False)
