#!/usr/bin/env python3
"""What exchanging the sides' cores is worth: the same campaigns by mode of `cpus`, interleaved run by run.

    python benchmarks/isolation.py                         # everything: about nine hours
    python benchmarks/isolation.py aa --engines process --programs 8 --runs 4
    python benchmarks/isolation.py lengths --engines docker --modes split 'exchange 10ms' 'exchange 50ms'

Experiments: `aa`: programs against themselves; `plus2`, `plus1`: B does 51 for A's 50, 101 for 100 units of
the same work; `neighbours`: `aa` with 1 and 4 busy processes beside; `lengths`: `aa` with iterations of 1
ms, 10 ms, 1 s; `sunflow`: a JVM against itself; `sequential`: one side after the other in the same machine
time; `stopping`: `plus2`, at most 20 runs, of which each program gets as many as its verdict takes.

Writes docs/isolation.csv (a row per engine, experiment, mode and program; those of other experiments and
engines stay) and prints a line per engine, experiment and mode. What was measured before is taken from
--work.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))

from duet.inference import judge, run_effects  # noqa: E402
from duet.model import Analysis, Precision  # noqa: E402
from duet.records.layout import RUN  # noqa: E402
from duet.records.run import ExchangeRecord, RunRecord, finished  # noqa: E402

WORK = (PROJECT / "benchmarks/isolation_work.py").read_text()
PROCESSES = (
    *("gzip -1", "gzip -3", "gzip -6", "gzip -9", "bzip2 -1", "bzip2 -9", "xz -0", "xz -1"),
    *("zstd -1", "zstd -6", "zstd -12", "lz4 -1", "lz4 -9"),
    *("md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum", "cksum"),
    *("sort", "wc", "tr a-z A-Z", "cut -c1-20", "base64", "od", "fold", "sed s/self/other/g"),
)
SNIPPETS = (
    *("zlib1", "zlib6", "sha256", "blake2b", "loop", "floats", "dictionary"),
    *("sorting", "strings", "recursion", "objects", "sieve", "memory"),
)
PROGRAMS = (*PROCESSES, *(f"py:{name}" for name in SNIPPETS))
CHANGED = PROGRAMS[::3][:12]
"""Those in which a change is planted."""
LENGTHS = {"py:loop": (1, 10, 1000), "py:zlib6": (1, 5, 500)}
"""Units for iterations of about 1 ms, 10 ms and 1 s; the same for both sides, however fast either is."""
MODES = ("split", "exchange")
ENGINES = ("docker", "process", "podman")


@dataclass(frozen=True)
class Experiment:
    programs: tuple[str, ...]
    runs: int
    a: int = 20
    """Units of work in an iteration of A, and of B."""
    b: int = 20
    busy: tuple[int, ...] = (0,)
    sequential: bool = False
    stops: bool = False
    """Measured until there is a verdict, `runs` at most."""

    @property
    def precision(self) -> Precision | None:
        return Precision(self.runs, verdict=True) if self.stops else None

    @property
    def change(self) -> float:
        return self.b / self.a - 1


EXPERIMENTS = {
    "aa": Experiment(PROGRAMS, 6),
    "plus2": Experiment(CHANGED, 10, 50, 51),
    "plus1": Experiment(CHANGED, 10, 100, 101),
    "neighbours": Experiment(PROGRAMS[::4], 6, busy=(1, 4)),
    "lengths": Experiment(tuple(f"{p} {n}" for p, counts in LENGTHS.items() for n in counts), 12),
    "sunflow": Experiment(("sunflow",), 9),
    "sequential": Experiment(PROGRAMS[::4], 3, sequential=True),
    "stopping": Experiment(CHANGED, 20, 50, 51, stops=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--modes", nargs="+", default=MODES, help="values of `cpus`")
    parser.add_argument("--programs", type=int, help="only so many, spread over the list")
    parser.add_argument("--runs", type=int, help="instead of the experiment's own number")
    parser.add_argument("--seconds", type=float, default=2.5, help="that a run takes")
    parser.add_argument("--work", type=Path, default=Path("results/isolation"), help="where runs are kept")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs/isolation.csv")
    options = parser.parse_args()
    unknown = set(options.experiments) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    for name in options.experiments or EXPERIMENTS:
        for engine in options.engines:
            if name == "sunflow" and engine == "process":
                continue  # its jar is made in the image
            experiment = replace(EXPERIMENTS[name], runs=options.runs or EXPERIMENTS[name].runs)
            for busy in experiment.busy:
                folder = measured(name, experiment, engine, busy, options)
                rows = compared(name, experiment, engine, busy, folder)
                keep(rows, options.out)
                print(summary(rows).to_string(index=False), flush=True)


def measured(name: str, experiment: Experiment, engine: str, busy: int, options: argparse.Namespace) -> Path:
    """Measure the campaign, all modes interleaved; its results directory."""
    programs = experiment.programs
    if options.programs:
        programs = programs[:: max(1, len(programs) // options.programs)][: options.programs]
    work = options.work.resolve()
    label = f"{name}-{engine}-{busy}"
    work.mkdir(parents=True, exist_ok=True)
    file = work / f"{label}.yml"
    file.write_text(yaml.safe_dump(campaign(label, engine, experiment, programs, options)))
    goal = f"results/{label}/iterations.parquet"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "workflow/Snakefile")]
    command += ["--workflow-profile", str(PROJECT / "workflow/profiles/default"), "--cores", "1", goal]
    command += ["--directory", str(work), "--configfile", str(file)]
    with neighbours(busy):
        subprocess.run(command, check=True)
    return work / f"results/{label}"


def campaign(
    label: str,
    engine: str,
    experiment: Experiment,
    programs: tuple[str, ...],
    options: argparse.Namespace,
) -> dict:
    """The campaign file: a benchmark for each program and mode."""
    runs = experiment.runs
    if experiment.stops:
        counts = {"precision": {"or": "verdict", "max_repetitions": runs}}
    elif experiment.sequential:
        counts = {"duet_repetitions": 0, "sequential_repetitions": runs}
    elif experiment.a == experiment.b:
        counts = {"duet_repetitions": 0, "aa_repetitions": runs}
    else:
        counts = {"duet_repetitions": runs}
    shared = {"name": label, "suite": "isolation", "engine": engine, "format": "native", "seed": 1, **counts}
    shared |= {"schedule": "randomized_interleaving_trials", "warmup": 1, "timeout": 120}
    shared |= {"image": "sunflow", "warmup": 12} if "sunflow" in programs else {"env": {"WORK": WORK}}
    if engine != "process":
        shared.setdefault("image", "compress")
    benchmarks = {}
    for program in programs:
        for mode in options.modes:
            a, b = (command(program, n, options.seconds) for n in (experiment.a, experiment.b))
            benchmarks[f"{clean(program)}--{clean(mode)}"] = {"cpus": mode, "A": {"run": a}, "B": {"run": b}}
    return {"duetbench": shared | {"duets": list(benchmarks)}} | benchmarks


def command(program: str, count: int, seconds: float) -> str:
    if program == "sunflow":
        return "java -Xms256M -Xmx256M -XX:+UseSerialGC -jar sunflow.jar 25 40"
    name, _, given = program.partition(" ")
    if name in LENGTHS and given:
        return f'python3 -c "$WORK" {max(seconds, 0.012 * int(given))} {name} {given}'
    return f'python3 -c "$WORK" {seconds} "{program}" {count}'


def clean(name: str) -> str:
    return "".join(c if c.isalnum() or c in "+-" else "_" for c in name)


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Busy processes beside the campaign."""
    spin = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(spin) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def compared(name: str, experiment: Experiment, engine: str, busy: int, folder: Path) -> pd.DataFrame:
    """A row per program and mode: spread of the runs' log ratios, interval, verdict, work done."""
    table = pd.read_parquet(folder / "iterations.parquet")
    names = table["benchmark"].astype(str).str.split("--", n=1, expand=True)
    table = table.assign(benchmark=names[0], suite=names[1])
    analysis = Analysis(correction="none", precision=experiment.precision)
    rules = {f"{m}/{p}": 12 if p == "sunflow" else 1 for p, m in set(zip(names[0], names[1], strict=True))}
    effects = run_effects(table, analysis, rules)
    rows = judge(effects, analysis)
    work = table.groupby(["suite", "benchmark"], observed=True).size()
    runs = effects.groupby(["suite", "benchmark"], observed=True)["log_ratio"]
    facts = moves(folder / "runs")
    out = []
    for row in rows.itertuples():
        key = row.suite, row.benchmark
        x = runs.get_group(key).dropna().to_numpy()
        out.append(
            {
                **{
                    "engine": engine,
                    "experiment": name,
                    "busy": busy,
                    "mode": row.suite,
                    "program": row.benchmark,
                },
                **{"runs": len(x), "true_percent": round(100 * experiment.change, 3)},
                "sd_percent": round(100 * float(np.std(x, ddof=1)), 3) if len(x) > 1 else None,
                "change_percent": round(row.change_percent, 3),
                "interval_points": round(row.ci_high_percent - row.ci_low_percent, 3),
                "detectable_percent": round(row.detectable_percent, 3),
                "p_value": row.p_value,
                "verdict": row.verdict,
                "iterations": int(work[key]),
                **facts.get(f"{row.benchmark}--{row.suite}", {}),
            }
        )
    return pd.DataFrame(out)


def moves(runs: Path) -> dict[str, dict[str, float]]:
    """What the records say of the exchange, by benchmark: medians over runs, and the worst move."""
    records: dict[str, list[ExchangeRecord]] = {}
    for run, directory in finished(runs):
        records.setdefault(run.benchmark, []).append(RunRecord.read(directory / RUN).exchange)
    out = {}
    for name, each in records.items():
        made = [record for record in each if record.moves]
        if made:
            out[name] = {
                "period_ms": round(float(np.median([r.period_ns for r in made])) / 1e6, 2),
                "move_us": round(float(np.median([r.mean_ns for r in made])) / 1e3, 1),
                "worst_move_us": round(max(r.worst_ns for r in made) / 1e3, 1),
                "cpu_percent": round(100 * float(np.median([r.cpu_share for r in made])), 3),
            }
    return out


def keep(rows: pd.DataFrame, file: Path) -> None:
    """Replace what the file has of these engines, experiments and modes."""
    key = ["engine", "experiment", "busy", "mode"]
    if file.exists():
        old = pd.read_csv(file)
        new = set(map(tuple, rows[key].astype(str).to_numpy()))
        stays = [tuple(row) not in new for row in old[key].astype(str).to_numpy()]
        rows = pd.concat([old[stays], rows], ignore_index=True)
    rows.to_csv(file, index=False)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per mode."""
    lines = []
    for mode, part in rows.groupby("mode", sort=False):
        first = part.iloc[0]
        line = {
            "engine": first["engine"],
            "experiment": first["experiment"],
            "busy": first["busy"],
            "mode": mode,
        }
        line |= {"programs": len(part), "median sd %": part["sd_percent"].median()}
        line |= {"median interval": part["interval_points"].median(), "widest": part["interval_points"].max()}
        counts = part["verdict"].value_counts()
        line |= {v: int(counts.get(v, 0)) for v in ("slower", "faster", "equivalent", "inconclusive")}
        line |= {
            "p <= 0.05": int((part["p_value"] <= 0.05).sum()),
            "runs": int(part["runs"].sum()),
            "iterations": int(part["iterations"].sum()),
            "detectable": part["detectable_percent"].median(),
        }
        if "period_ms" in part:
            line |= {"period ms": part["period_ms"].median(), "move us": part["move_us"].median()}
        lines.append(line)
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
