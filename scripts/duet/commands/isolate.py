"""Try here which way of giving cores to the sides makes runs agree best.

Measures A of a campaign's benchmarks against itself, some runs for each mode of `cpus`, the modes
interleaved, and says for each: how far runs scatter (the less, the smaller the changes that can be found),
how wide an interval from 6 runs would be, how much work was done, and whether a side was favoured. Prints a
table, whether one half of the cores is faster than the other, and the line of YAML to take. Writes
results/isolate-<campaign>/isolation.csv and isolation.svg, .pdf, .png beside it. Typed again it goes on
where it was; what is there is not measured again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from duet.campaign import load
from duet.commands import Log, UsageError, _workflow
from duet.commands._inputs import read_parquet
from duet.inference.isolation import RUNS, compare_modes, mode_rows, recommend
from duet.inference.sets import SetEffect, set_effect
from duet.measure.cores import parse_mode
from duet.model import Benchmark, Campaign, DuetError, Type, file_name
from duet.records.exchange import read_moves
from duet.records.layout import RUN
from duet.records.run import RunRecord, finished
from duet.report.figures import style
from duet.report.figures.isolation import draw_isolation

MODES = ("split", "exchange", "exchange 100ms", "shared")
EXAMPLE = "./duetbench isolate --configfile config/quickstart.yml --benchmark gzip --runs 8"
BETWEEN = "--"
"""Stands between benchmark and mode in the names of the campaign that is measured."""


def arguments(parser: argparse.ArgumentParser) -> None:
    default = _workflow.PROJECT / "config/quickstart.yml"
    parser.add_argument(
        "--configfile", type=Path, default=default, help="whose A is measured (the quickstart's)"
    )
    parser.add_argument("--benchmark", nargs="+", metavar="NAME", help="only these (all)")
    parser.add_argument("--modes", nargs="+", default=MODES, metavar="CPUS", help=", ".join(MODES))
    parser.add_argument("--runs", type=int, default=8, help="of each benchmark and mode (8)")
    parser.add_argument("--engine", help="instead of the campaign's")


def execute(options: argparse.Namespace, log: Log) -> None:
    campaign = load.load_campaign(options.configfile)
    names = [b.name for b in campaign.benchmarks]
    unknown = sorted(set(options.benchmark or ()) - set(names))
    if unknown:
        raise UsageError(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}")
    if wrong := [mode for mode in options.modes if _no_mode(mode)]:
        raise UsageError(
            f"{', '.join(wrong)} cannot be tried; accepted: exchange, exchange 30ms, split, shared"
        )
    if options.runs < 2:
        raise UsageError("--runs: two runs are needed to see how they differ")
    chosen = [b for b in campaign.benchmarks if b.name in (options.benchmark or names)]
    name = f"isolate-{campaign.name}"
    results = Path("results") / name
    results.mkdir(parents=True, exist_ok=True)
    file = results / "isolate.yml"
    campaign_file = trial(campaign, chosen, options.modes, options.runs, name, options.engine)
    file.write_text(yaml.safe_dump(campaign_file, sort_keys=False))
    if _workflow.run(file, results / "effects.parquet"):
        raise DuetError("not every run could be measured", "see above; the same command goes on where it was")
    effects = by_mode(read_parquet(results / "effects.parquet"), options.modes)
    rows = compare_modes(effects)
    if rows.empty:
        raise DuetError("no run can be used", f"see the logs in {results}/runs")
    rows.round(4).to_csv(results / "isolation.csv", index=False)
    title = f"{campaign.name}: A against A by the way of giving cores"
    unusable = int(effects["log_ratio"].isna().sum())
    note = f"{style.count(unusable, 'run')} could not be used." if unusable else ""
    style.save(draw_isolation(effects, rows, title, note), results / "isolation")
    print(as_text(rows))
    for line in sets(results):
        print(line)
    if best := recommend(rows):
        print(f"\ncpus: {best}")


def _no_mode(mode: str) -> bool:
    return parse_mode(mode)[0] == "set"


def trial(
    campaign: Campaign,
    benchmarks: Sequence[Benchmark],
    modes: Sequence[str],
    runs: int,
    name: str,
    engine: str | None = None,
) -> dict[str, Any]:
    """The campaign file that measures A against itself in every mode."""
    mappings = {
        f"{_as_key(b.name)}{BETWEEN}{mode.replace(' ', '_')}": _benchmark(b, mode, engine)
        for b in benchmarks
        for mode in modes
    }
    shared = {
        **{"name": name, "duets": list(mappings), "schedule": "randomized_interleaving_trials"},
        **{"seed": campaign.seed, "base_image": campaign.base_image},
        **{"duet_repetitions": 0, "aa_repetitions": runs, "artifacts": dict(campaign.artifacts)},
    }
    return {"duetbench": shared} | mappings


def _as_key(name: str) -> str:
    """Of a benchmark with parameters: `b[size=1]` is no name that a file may have."""
    return file_name(name) if "[" in name else name


def _benchmark(benchmark: Benchmark, mode: str, engine: str | None) -> dict[str, Any]:
    """All that A is, resolved: nothing is left to the places where the campaign had it."""
    side = benchmark.a
    mapping: dict[str, Any] = {
        **{"suite": benchmark.suite, "cpus": mode, "run": side.run, "results": list(side.results)},
        **{"env": dict(side.env), "engine": engine or side.engine, "network": side.network},
        **{"memory": side.memory_bytes, "timeout": benchmark.timeout_s, "warmup": benchmark.warmup},
        **{"format": benchmark.format, "setup": side.setup},
    }
    if side.image is not None:
        mapping |= {"image": side.image.name or None, "image_args": dict(side.image.args)}
        if checkout := side.image.checkout:
            same = checkout.commit if checkout.content == checkout.commit else checkout.revision
            mapping["git"] = {"revision": same, "build": checkout.build}
            mapping["git"]["repository"] = str(checkout.repository)
        if source := side.image.source:
            mapping["source"] = {
                "file": source.file,
                "url": source.url,
                "sha256": source.sha256,
                "sha1": source.sha1,
            }
            mapping["source"] = {k: v for k, v in mapping["source"].items() if v is not None}
            mapping["jar"] = str(source.own.resolve()) if source.own else None
    return {key: value for key, value in mapping.items() if value is not None}


def by_mode(effects: pd.DataFrame, modes: Sequence[str]) -> pd.DataFrame:
    """With `mode` and the true `benchmark`, in the order of the modes."""
    names = effects["benchmark"].astype(str).str.rsplit(BETWEEN, n=1, expand=True)
    labelled = effects.assign(benchmark=names[0], mode=names[1].str.replace("_", " "))
    rank = {mode: place for place, mode in enumerate(modes)}
    known = labelled[labelled["mode"].isin(rank)]
    by_rank = known.sort_values("mode", key=lambda column: column.map(rank), kind="stable")
    return by_rank.reset_index(drop=True)


def as_text(rows: pd.DataFrame) -> str:
    head = ("cpus", "runs", "spread (95 % of it)", f"interval of {RUNS} runs", "work", "skew")
    cells = [
        (
            row.mode,
            str(row.runs),
            f"{row.spread_percent:.2f} % ({row.low_percent:.2f} to {row.high_percent:.2f})",
            f"{row.interval_points:.2f} points",
            f"{row.work_percent:.0f} %",
            f"{row.skew_percent:+.2f} %" + (" !" if row.skew_p_value < 0.01 else ""),
        )
        for row in mode_rows(rows)
    ]
    wide = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, wide, strict=True)).rstrip()
        for line in (head, *cells)
    ]
    return "\n".join(lines)


def sets(results: Path) -> list[str]:
    """Whether one half of the cores is faster, over all runs that were exchanged."""
    table = read_parquet(
        results / "iterations.parquet",
        ["suite", "benchmark", "type", "runid", "order", "pair", "iteration_start_ns", "iteration_end_ns"],
    )
    effects: list[SetEffect] = []
    shown: tuple[str, str] | None = None
    groups = dict(list(table.groupby(["benchmark", "runid", "pair"], observed=True)))
    for run, directory in finished(results / "runs"):
        exchange = RunRecord.read(directory / RUN).exchange
        if run.type != Type.AADUET or exchange.file is None or exchange.sets is None:
            continue
        moves = read_moves(directory / exchange.file.name)
        shown = exchange.sets
        for side in "AB":
            places = [move.a if side == "A" else move.b for move in moves]
            rows = groups.get((run.benchmark, run.runid, side))
            if rows is not None and "" not in places[:-1]:
                start_ns = rows["iteration_start_ns"].dropna().to_numpy(np.int64)
                end_ns = rows["iteration_end_ns"].dropna().to_numpy(np.int64)
                moved_ns, on_second = [m.end_ns for m in moves], [p == exchange.sets[1] for p in places]
                effect = set_effect(start_ns, end_ns, moved_ns, on_second)
                effects += [effect] if effect else []
    if not effects or shown is None:
        return []
    weights = np.array([1 / max(e.error_percent, 1e-6) ** 2 for e in effects])
    mean = float(np.average([e.percent for e in effects], weights=weights))
    line = (
        f"cores {shown[1]} were {abs(mean):.1f} % {'faster' if mean > 0 else 'slower'} than cores {shown[0]}"
    )
    most = max(effects, key=lambda e: abs(e.percent) if e.certain else 0)
    if most.certain:
        line += f", in one run {most.percent:+.1f} % ± {most.error_percent:.1f}"
    return ["", f"{line}: exchange makes that no difference between the sides"]
