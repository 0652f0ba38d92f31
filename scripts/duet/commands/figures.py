"""Draw figures from a campaign's tables, each as OUT.svg, OUT.pdf and OUT.png.

`all` draws those of a campaign (OUT/<suite>.<benchmark>.<figure>.svg, OUT/<suite>.forest.svg,
OUT/methods.svg, …), `benchmark` those of one benchmark (OUT.<figure>.svg, …), `forest` one of a suite,
`methods` the comparison of the campaign's types, `phases` what the phases of its programs take, `questions`
the predecessor's research questions (OUT/rq1.svg, …); a figure's own name draws just that.
"""

import argparse
import functools
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from duet import harnesses
from duet.commands import Log, UsageError
from duet.commands._inputs import analysis_plan, read_parquet
from duet.inference.warmup import Warmup
from duet.measure.phase import Phase
from duet.model import SIDES, TIME, WITHIN, DuetError, Order, Run, Side, Type, file_name, parse_run
from duet.records.files import read_lines
from duet.records.layout import FAILURE, RUN
from duet.records.noise import NOISE, Stretch, read_noise
from duet.records.plan import AnalysisPlan
from duet.records.run import FailureRecord
from duet.report.figures import BENCHMARK, questions, style
from duet.report.figures.benchmark import Frames, drawers
from duet.report.figures.forest import draw_forest
from duet.report.figures.methods import draw_methods
from duet.report.figures.noise import NoiseOf
from duet.report.figures.phases import Labels, draw_phases
from duet.report.page.sides import sides_of
from duet.report.summary import read_verdicts

METHODS = [
    *("suite", "benchmark", "type", "runid", "order", "pair", "iteration"),
    *("iteration_start_ns", "iteration_end_ns", "iteration_time_ns"),
]
"""Columns of the table that `methods` is drawn from."""

CALLED_BY_RULES = True
EXAMPLE = (
    "./duetbench figures forest --suite compress --verdicts results/quickstart/verdicts.csv --out forest"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    kinds = ["all", "benchmark", *BENCHMARK, "forest", "methods", "phases", "questions"]
    parser.add_argument("figure", choices=kinds)
    parser.add_argument("--table", type=Path, help="the unified table, of one benchmark or of all")
    parser.add_argument("--pairs", type=Path, help="pairs.parquet")
    parser.add_argument("--effects", type=Path, help="effects.parquet: one row per run")
    parser.add_argument("--verdicts", type=Path, help="verdicts.csv")
    parser.add_argument("--comparison", type=Path, help="comparison.csv: slowdowns found when injected")
    parser.add_argument("--questions", type=Path, help="methods/: the tables of the predecessor's questions")
    parser.add_argument("--analysis", type=Path, help="plan/analysis.json: margin, confidence, warm-up")
    parser.add_argument("--runs", type=Path, help="directory of the runs, to report which failed and why")
    parser.add_argument(
        "--planned", type=Path, help="plan/runs.txt: benchmarks that are drawn even without results"
    )
    parser.add_argument(
        "--stem", nargs="*", default=[], help="draw these: <suite>.<benchmark> as in file names"
    )
    parser.add_argument("--phases", action="store_true", help="with all: of the programs' phases, too")
    parser.add_argument("--results", type=Path, help="results/<name>: what each planned side runs")
    parser.add_argument("--suite")
    parser.add_argument("--benchmark")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, help=f"number of processes ({cores}: a core each)")
    parser.add_argument("--out", type=Path, required=True, help="base name of OUT.svg, OUT.pdf and OUT.png")


def execute(options: argparse.Namespace, log: Log) -> None:
    try:
        if options.figure == "all":
            draw_all(options)
        elif options.figure == "questions":
            draw_questions(options)
        else:
            style.save_all(draw(options), options.out)
    except UsageError:
        raise
    except (DuetError, ValueError) as error:  # the latter: a table without what the figure takes
        raise DuetError(f"{options.figure}: {error}") from error


def draw_questions(options: argparse.Namespace) -> None:
    """OUT/rq1.svg, …, OUT/hosts.svg."""
    if not (options.table and options.questions):
        raise UsageError("questions needs --table and --questions")
    tables = {
        path.stem: pd.read_csv(path, keep_default_na=False, na_values=[""])
        for path in sorted(options.questions.glob("*.csv"))
    }
    for frame in tables.values():
        for name in ("environment", "suite", "benchmark"):
            if name in frame:
                frame[name] = frame[name].fillna("").astype(str)
    for name, make in questions.drawers(tables, read_parquet(options.table)).items():
        style.save_all({"": make()}, options.out / name)


def draw(options: argparse.Namespace) -> style.Figures:
    analysis = analysis_plan(options.analysis)
    if options.figure == "forest":
        if not (options.verdicts and options.suite):
            raise UsageError("forest needs --verdicts and --suite")
        verdicts = of_times(read_verdicts(options.verdicts))
        return {"": forest(verdicts, options.suite, options, analysis)}
    if options.figure == "methods":
        return {"": methods(read(options, METHODS), options, analysis)}
    if options.figure == "phases":
        return {"": phases(read(options).table, options)}
    (suite, name), mine = the_one(options, read(options).by_benchmark())
    note, noise = _note(options, suite, name), noise_of(options.runs, suite, name)
    figures = drawers(mine, style.name(suite, name), note, analysis, warmups(analysis), noise)
    if options.figure == "benchmark":
        return {f".{kind}": make() for kind, make in figures.items()}
    return {"": figures[options.figure]()}


def noise_of(runs: Path | None, suite: str, benchmark: str) -> NoiseOf:
    """What was sampled of the runs of a benchmark (true names), where their directory is there."""

    def find(type_: str, runid: int, order: str) -> list[Stretch]:
        run = Run(suite, benchmark.partition(WITHIN)[0], runid, Type(type_), Order(order))
        try:
            return read_noise(runs / run.name / NOISE) if runs else []
        except (OSError, ValueError):  # imported, from an older version, or damaged: the table warns of that
            return []

    return find


def phases(table: pd.DataFrame, options: argparse.Namespace) -> Figure:
    sides = sides_of(options.results, planned(options) or ()) if options.results else {}
    return draw_phases(table, labels(table, sides))


def labels(table: pd.DataFrame, sides: Mapping[str, tuple[Side, Side]]) -> Labels:
    """What each side of each benchmark ran: its image, and where both have the same, what else differs."""
    names: dict[tuple[str, str, str], str] = {}
    for suite, name in table[["suite", "benchmark"]].drop_duplicates().astype(str).to_numpy():
        a, b = both = sides.get(stem(suite, name), (None, None))
        for letter, side, other in zip(SIDES, both, both[::-1], strict=True):
            if a and b and side and other:
                image = side.image.name.rpartition("/")[2] if side.image else ""
                own = [word for word in side.run.split() if word not in other.run.split()]
                names[suite, name, letter] = " ".join([image, *(own if a.image == b.image else [])]).strip()
    return names


def forest(verdicts: pd.DataFrame, suite: str, options: argparse.Namespace, analysis: AnalysisPlan) -> Figure:
    """Of a suite, its name as in file names or as it is."""
    margin, confidence = analysis.margin_percent, analysis.confidence
    return draw_forest(verdicts, _true_name(verdicts, suite), margin, confidence, _note(options, suite))


def methods(frames: Frames, options: argparse.Namespace, analysis: AnalysisPlan) -> Figure:
    compared = comparison(options.comparison) if options.comparison else None
    return draw_methods(frames.table, frames.effects, frames.verdicts, analysis.confidence, compared)


def warmups(analysis: AnalysisPlan) -> dict[str, Warmup]:
    """The harnesses' rules, and before them those of the campaign."""
    return {**harnesses.warmups(), **analysis.warmup}


def comparison(path: Path) -> pd.DataFrame | None:
    """comparison.csv; None where no run had anything to compare."""
    try:
        return pd.read_csv(path)
    except pd.errors.EmptyDataError:
        return None


def read(options: argparse.Namespace, columns: list[str] | None = None) -> Frames:
    if options.table is None:
        raise UsageError("no --table", "name iterations.parquet")
    return Frames(
        read_parquet(options.table, columns),
        read_parquet(options.pairs) if options.pairs else None,
        of_times(read_parquet(options.effects)) if options.effects else None,
        of_times(read_verdicts(options.verdicts)) if options.verdicts else None,
    )


def of_times(frame: pd.DataFrame) -> pd.DataFrame:
    """What figures show: they are of iteration times."""
    return frame[frame["metric"].astype(str) == TIME] if "metric" in frame else frame


def the_one(
    options: argparse.Namespace, benchmarks: Mapping[tuple[str, str], Frames]
) -> tuple[tuple[str, str], Frames]:
    """The benchmark that is asked for, and its rows."""
    named = [
        (suite, name)
        for suite, name in benchmarks
        if options.suite in (None, suite)
        and options.benchmark in (None, name)
        and (not options.stem or stem(suite, name) in options.stem)
    ]
    if len(named) != 1:
        raise DuetError(
            f"{options.table}: {len(named)} benchmarks", "select one with --suite and --benchmark"
        )
    return named[0], benchmarks[named[0]]


def stem(suite: str, name: str) -> str:
    return f"{file_name(suite)}.{file_name(name)}"


def draw_all(options: argparse.Namespace) -> None:
    """One process a core draws figure after figure: importing takes as long as several of them."""
    if options.verdicts is None:
        raise UsageError("all needs --verdicts")
    frames = read(options)
    benchmarks = {stem(*key): (key, mine) for key, mine in frames.by_benchmark().items()}
    unmeasured = [(r.suite, r.benchmark) for r in map(parse_run, planned(options) or ()) if r]
    for key in (*unmeasured, *(_names(name) for name in options.stem)):
        benchmarks.setdefault(stem(*key), (key, frames.empty()))
    analysis, names = analysis_plan(options.analysis), [key for key, _ in benchmarks.values()]

    note = functools.cache(functools.partial(_note, options))  # it looks through all runs

    def draw_benchmark(name: str, kind: str) -> style.Figures:
        (suite, benchmark), mine = benchmarks[name]
        title = style.name(suite, benchmark)
        subtitle = _shared(benchmark, [n for s, n in names if s == suite]) + note(suite, benchmark)
        noise = noise_of(options.runs, suite, benchmark)
        figures = drawers(mine, title, subtitle, analysis, warmups(analysis), noise)
        return {f"{name}.{kind}": figures[kind]()}

    def draw_suite(suite: str) -> style.Figures:
        assert frames.verdicts is not None
        return {f"{suite}.forest": forest(frames.verdicts, suite, options, analysis)}

    suites = sorted({name.partition(".")[0] for name in benchmarks})
    global _steps
    _steps = {
        **{
            f"{n}.{kind}": functools.partial(draw_benchmark, n, kind)
            for n in benchmarks
            for kind in BENCHMARK
        },
        **{f"forest of {suite}": functools.partial(draw_suite, suite) for suite in suites},
        "methods": lambda: {"methods": methods(frames, options, analysis)},
    }
    if options.phases:
        _steps["phases"] = lambda: {"phases": phases(frames.table, options)}
    # Forked, so that neither the frames nor the functions need be sent; before the phase has its thread.
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork")) as pool:
        drawn = [pool.submit(_draw_in_child, name, options.out) for name in _steps]
        what = f"drawing the figures of {style.count(len(benchmarks), 'benchmark')}"
        with Phase(what, len(drawn)) as phase:
            for each in drawn:
                each.result()
                phase.advance()


_steps: dict[str, Callable[[], style.Figures]]


def _draw_in_child(step: str, out: Path) -> None:
    try:
        for name, figure in _steps[step]().items():
            style.save(figure, out / name)
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise DuetError(f"{step}: {type(error).__name__}: {error}") from error


def _shared(benchmark: str, names: Sequence[str]) -> str:
    """What the figure of a process says that ran several benchmarks: theirs have the iterations."""
    inner = [name for name in names if name.startswith(f"{benchmark}{WITHIN}")]
    if not inner:
        return ""
    shown = ", ".join(style.shorten(name, 40) for name in inner[:8]) + (", …" if len(inner) > 8 else "")
    return f"One process ran {len(inner)} benchmarks, each has its own figures: {shown}. "


def _names(stem: str) -> tuple[str, str]:
    suite, _, benchmark = stem.partition(".")
    return suite, benchmark


def planned(options: argparse.Namespace) -> list[str] | None:
    """Names of the planned runs, where these are known."""
    return read_lines(options.planned) if options.planned else None


def _note(options: argparse.Namespace, suite: str, benchmark: str | None = None) -> str:
    """What a figure says of failed runs."""
    name = None if benchmark is None else file_name(benchmark)
    return lost_runs(options.runs, planned(options), file_name(suite), name)


def lost_runs(runs: Path | None, planned: list[str] | None, suite: str, benchmark: str | None = None) -> str:
    """Which planned runs of this suite or benchmark (as in file names) are not in the figure, and why."""
    if runs is None:
        return ""
    reasons: Counter[str] = Counter()
    for path in sorted(runs.glob(f"{suite}.{benchmark or '*'}.*/{FAILURE}")):
        run = parse_run(path.parent.name)
        if run is None or run.suite != suite or benchmark not in (None, run.benchmark):
            continue
        if (planned is None or run.name in planned) and not (path.parent / RUN).exists():
            failure = FailureRecord.read_sound(path)
            reasons[failure.reason if failure else "unknown"] += 1
    if not reasons:
        return ""
    text = "; ".join(f"{n} × {style.shorten(why, 120)}" for why, n in reasons.most_common(3))
    return f"Not shown because they failed: {sum(reasons.values())} runs ({text})"


def _true_name(verdicts: pd.DataFrame, suite: str) -> str:
    """The suite's name as the table has it, where it was given as in file names."""
    named = {file_name(s): s for s in verdicts["suite"].astype(str)}
    return named.get(suite, suite)
