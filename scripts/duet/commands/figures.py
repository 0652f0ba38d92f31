"""Draw figures from a campaign's tables, each as OUT.svg, OUT.pdf and OUT.png.

`benchmarks` draws all figures of all benchmarks (OUT/<suite>.<benchmark>.<figure>.svg, …), `benchmark`
those of one (OUT.<figure>.svg, …), `forest` one of a suite, `methods` the comparison of the campaign's
types; a figure's own name draws just that.
"""

import argparse
import multiprocessing
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from duet import harnesses
from duet.commands import Log, UsageError
from duet.commands._inputs import analysis_plan, read_parquet
from duet.inference import warmup
from duet.inference.samples import from_table
from duet.model import DuetError, file_name, parse_run
from duet.records.files import read_lines
from duet.records.layout import FAILURE, RUN
from duet.records.plan import AnalysisPlan
from duet.records.run import FailureRecord
from duet.report.figures import BENCHMARK, style
from duet.report.figures.forest import forest
from duet.report.figures.iterations import iterations
from duet.report.figures.methods import methods
from duet.report.figures.ratios import ratios
from duet.report.figures.runs import runs
from duet.report.figures.sensitivity import sensitivity
from duet.report.figures.timeline import timeline
from duet.report.summary import read_verdicts

KEYS = ["suite", "benchmark", "type", "runid", "order", "pair", "iteration"]
TIMES = ["iteration_start_ns", "iteration_end_ns", "iteration_time_ns"]

CALLED_BY_RULES = True
EXAMPLE = (
    "./duetbench figures forest --suite compress --verdicts results/quickstart/verdicts.csv --out forest"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("figure", choices=["benchmarks", "benchmark", *BENCHMARK, "forest", "methods"])
    parser.add_argument("--table", type=Path, help="the unified table, of one benchmark or of all")
    parser.add_argument("--pairs", type=Path, help="pairs.parquet")
    parser.add_argument("--effects", type=Path, help="effects.parquet: one row per run")
    parser.add_argument("--verdicts", type=Path, help="verdicts.csv")
    parser.add_argument("--comparison", type=Path, help="comparison.csv: slowdowns found when injected")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: margin, confidence, warm-up")
    parser.add_argument("--runs", type=Path, help="directory of the runs, to report which failed and why")
    parser.add_argument(
        "--planned", type=Path, help="plan/runs.txt: benchmarks that are drawn even without results"
    )
    parser.add_argument(
        "--stem", nargs="*", default=[], help="draw these: <suite>.<benchmark> as in file names"
    )
    parser.add_argument("--suite")
    parser.add_argument("--benchmark")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--out", type=Path, required=True, help="base name of OUT.svg, OUT.pdf and OUT.png")


def execute(options: argparse.Namespace, log: Log) -> None:
    try:
        if options.figure == "benchmarks":
            draw_all(options)
        else:
            save(draw(options), options.out)
    except UsageError:
        raise
    except (DuetError, ValueError) as error:  # the latter: a table without what the figure takes
        raise DuetError(f"{options.figure}: {error}") from error


def save(figures: Mapping[str, Figure], out: Path) -> None:
    for suffix, figure in figures.items():
        style.save(figure, out.with_name(f"{out.name}{suffix}"))


def planned(args: argparse.Namespace) -> list[str] | None:
    """Names of the planned runs, where these are known."""
    return read_lines(args.planned) if args.planned else None


def draw(args: argparse.Namespace) -> dict[str, Figure]:
    """Suffix of the file name -> figure."""
    analysis = analysis_plan(args.analysis)
    margin, confidence = analysis.margin_percent, analysis.confidence
    if args.figure == "forest":
        if not (args.verdicts and args.suite):
            raise UsageError("forest needs --verdicts and --suite")
        verdicts = read_verdicts(args.verdicts)
        suite = _true_name(verdicts, args.suite)
        return {
            "": forest(verdicts, suite, margin, confidence, lost_runs(args.runs, planned(args), args.suite))
        }
    if args.figure == "methods":
        frames = read(args, [*KEYS, *TIMES])
        compared = comparison(args.comparison) if args.comparison else None
        return {"": methods(frames["table"], frames["effects"], frames["verdicts"], confidence, compared)}
    frames = read(args)
    (suite, name), mine = the_one(args, frames)
    figures = of_benchmark(analysis, partial(lost_runs, args.runs, planned(args)), suite, name, mine)
    if args.figure == "benchmark":
        return {f".{kind}": make() for kind, make in figures.items()}
    return {"": figures[args.figure]()}


def comparison(path: Path) -> pd.DataFrame | None:
    """comparison.csv; None where no run had anything to compare."""
    try:
        return pd.read_csv(path)
    except pd.errors.EmptyDataError:
        return None


Frames = Mapping[str, pd.DataFrame | None]
"""table, pairs, effects, verdicts; None: not given."""


def read(args: argparse.Namespace, columns: list[str] | None = None) -> dict[str, pd.DataFrame | None]:
    if args.table is None:
        raise UsageError("no --table", "name iterations.parquet")
    return {
        "table": read_parquet(args.table, columns),
        "pairs": read_parquet(args.pairs) if args.pairs else None,
        "effects": read_parquet(args.effects) if args.effects else None,
        "verdicts": read_verdicts(args.verdicts) if args.verdicts else None,
    }


def split(frame: pd.DataFrame | None) -> dict[tuple[str, str], pd.DataFrame]:
    """(suite, benchmark) -> its rows."""
    if frame is None:
        return {}
    parts = frame.groupby(["suite", "benchmark"], observed=True, sort=False)
    return {(str(suite), str(name)): part for (suite, name), part in parts}


def the_one(args: argparse.Namespace, frames: Frames) -> tuple[tuple[str, str], Frames]:
    """The benchmark that is asked for, and its rows."""
    parts = {what: split(frame) for what, frame in frames.items()}
    named = [
        (suite, name)
        for suite, name in parts["table"]
        if args.suite in (None, suite)
        and args.benchmark in (None, name)
        and (not args.stem or stem(suite, name) in args.stem)
    ]
    if len(named) != 1:
        raise DuetError(f"{args.table}: {len(named)} benchmarks", "select one with --suite and --benchmark")
    return named[0], rows_of(frames, parts, named[0])


def rows_of(frames: Frames, parts: Mapping[str, Mapping], key: tuple[str, str]) -> Frames:
    none = {what: None if frame is None else frame.iloc[:0] for what, frame in frames.items()}
    return {what: parts[what].get(key, none[what]) for what in frames}


def draw_all(args: argparse.Namespace) -> None:
    """One process a core draws benchmark after benchmark: importing takes as long as two figures."""
    analysis = analysis_plan(args.analysis)
    frames = read(args)
    parts = {what: split(frame) for what, frame in frames.items()}
    keys = {stem(*key): key for key in parts["table"]}
    names = planned(args)
    for run in filter(None, map(parse_run, names or ())):
        keys.setdefault(run.benchmark_stem, (run.suite, run.benchmark))
    for name in args.stem:
        keys.setdefault(name, tuple(name.split(".", 1)))
    global task
    lost = partial(lost_runs, args.runs, names)
    task = partial(draw_one, args.out, analysis, lost, frames, parts, keys)
    # Forked, so that the frames need not be sent.
    with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("fork")) as pool:
        for _ in pool.map(_task, keys):
            pass


def _task(name: str) -> None:
    task(name)


def draw_one(
    out: Path,
    analysis: AnalysisPlan,
    lost: Callable,
    frames: Frames,
    parts: Mapping,
    keys: Mapping,
    name: str,
) -> None:
    try:
        mine = rows_of(frames, parts, keys[name])
        figures = of_benchmark(analysis, lost, *keys[name], mine)
        save({f".{kind}": make() for kind, make in figures.items()}, out / name)
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise DuetError(f"{name}: {type(error).__name__}: {error}") from error


def stem(suite: str, name: str) -> str:
    return f"{file_name(suite)}.{file_name(name)}"


def of_benchmark(
    analysis: AnalysisPlan, lost: Callable[[str, str], str], suite: str, name: str, frames: Frames
) -> dict[str, Callable[[], Figure]]:
    """Figure -> what draws it, of one benchmark whose rows the frames are."""
    margin, confidence = analysis.margin_percent, analysis.confidence
    table, pairs, effects, verdicts = (frames[w] for w in ("table", "pairs", "effects", "verdicts"))
    title, note = style.name(suite, name), lost(file_name(suite), file_name(name))
    rules = {**harnesses.warmups(), **analysis.warmup}
    return {
        "timeline": lambda: timeline(table, pairs, title, note),
        "iterations": lambda: iterations(table, cuts(table, rules), title, note),
        "ratios": lambda: ratios(pairs, effects, verdicts, title, note, margin, confidence),
        "sensitivity": lambda: sensitivity(effects, title, note, margin, confidence, analysis.min_overlap),
        "runs": lambda: runs(effects, verdicts, title, note, margin, confidence),
    }


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


def lost_runs(runs: Path | None, planned: list[str] | None, suite: str, benchmark: str | None = None) -> str:
    """Which planned runs of this suite or benchmark (as in file names) are not in the figure, and why."""
    if runs is None:
        return ""
    reasons: Counter[str] = Counter()
    for path in sorted(runs.glob(f"{suite}.{benchmark or '*'}.*/{FAILURE}")):
        run = parse_run(path.parent.name)
        mine = run and run.suite == suite and benchmark in (None, run.benchmark)
        mine = mine and (planned is None or run.name in planned)
        if mine and not (path.parent / RUN).exists():
            failure = FailureRecord.read_sound(path)
            reasons[failure.reason if failure else "unknown"] += 1
    if not reasons:
        return ""
    told = "; ".join(f"{n} × {style.shorten(why, 120)}" for why, n in reasons.most_common(3))
    return f"Not shown because they failed: {sum(reasons.values())} runs ({told})"


def _true_name(verdicts: pd.DataFrame, suite: str) -> str:
    """The suite's name as the table has it, where it was given as in file names."""
    named = {file_name(s): s for s in verdicts["suite"].astype(str)}
    return named.get(suite, suite)
