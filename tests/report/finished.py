"""Finished campaigns on disk without measuring: synthetic iterations in the files of real runs.

From there the real workflow makes tables, verdicts, figures and the report.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from duet.campaign import load, order
from duet.model import Run, Type
from duet.records.layout import FAILURE, RUN
from duet.records.plan import Plan, plan_of
from duet.records.run import FailureRecord, HostRecord, SpecRecord
from run_records import run_record
from synthetic import campaign as made_up

PROJECT = Path(__file__).parents[2]
KEY = {"duet": "duet", "syncduet": "syncduet", "seqn": "sequential", "aaduet": "aa"}


def checkout(folder: Path) -> Path:
    """A copy of what the workflow needs, so that results land there."""
    for name in ("workflow", "scripts", "images"):
        skip = shutil.ignore_patterns("__pycache__", ".snakemake")
        shutil.copytree(PROJECT / name, folder / name, ignore=skip, symlinks=True)
    (folder / "config").mkdir()
    return folder


def snakemake(project: Path, name: str, *args: str, check: bool = True) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", "--configfile", f"config/{name}.yml", *args]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=900)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def duetbench(project: Path, *words: object) -> None:
    command = [sys.executable, project / "scripts/duetbench.py", *words]
    subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)


def write(
    project: Path,
    name: str,
    benchmarks: Sequence[str],
    runs: int,
    iterations: int = 30,
    types: Sequence[str] = ("duet",),
    change: float | Mapping[str, float] = 0.0,
    failed: Mapping[str, str] | None = None,
    only_side: Mapping[str, str] | None = None,
    seed: int = 0,
    **noise: float,
) -> Path:
    """Config and finished runs of a campaign; its results folder.

    `failed`: run name -> reason, left as a failed run. `only_side`: benchmark -> the side whose
    runs are there although it was a duet (an import may be so).
    """
    settings = {"suite": "made-up", "format": "native", "engine": "process", "run": "true"}
    settings |= {"results": "results.csv", "duets": list(benchmarks)}
    settings |= {f"{KEY[t]}_repetitions": runs if t in types else 0 for t in KEY}
    sides = {"A": {"run": "true"}, "B": {"run": "true;"}}
    sides = (
        {s: {**v, "syncduet_run_base": "true"} for s, v in sides.items()} if "syncduet" in types else sides
    )
    file = project / "config" / f"{name}.yml"
    file.write_text(
        yaml.safe_dump({"duetbench": settings, **{b: sides for b in benchmarks}}, sort_keys=False)
    )
    campaign = load.load_campaign(file)
    runs_planned = order.runs(campaign)
    plan = plan_of(campaign, runs_planned)
    results = project / "results" / name
    table = made_up(list(benchmarks), runs, iterations, types, change, seed, suite="made-up", **noise)
    groups = dict(list(table.groupby(["benchmark", "type", "runid"], observed=True)))
    for run in runs_planned:
        folder = results / "runs" / run.name
        folder.mkdir(parents=True, exist_ok=True)
        if failed and run.name in failed:
            log = f"{folder}/{run.log('B')}"
            FailureRecord(name=run.name, reason=failed[run.name], log=log, time_ns=0).write(folder / FAILURE)
            continue
        here = groups[run.benchmark, str(run.type), run.runid]
        _write_run(folder, run, plan, here, name, (only_side or {}).get(run.benchmark))
    return results


def _write_run(folder: Path, run: Run, plan: Plan, table, campaign: str, only: str | None) -> None:
    sides = {}
    for side in run.sides:
        rows = table[(table["pair"] == side)] if only in (None, side) else table.iloc[:0]
        names = {"iteration_start_ns": "start_ns", "iteration_end_ns": "end_ns"}
        columns = ["iteration", *names] + (["synchronised"] if run.type == Type.SYNCDUET else [])
        rows[columns].rename(columns=names).to_csv(folder / run.file(side, "results.csv"), index=False)
        (folder / run.log(side)).write_text("")
        span = (rows["iteration_start_ns"].min(), rows["iteration_end_ns"].max()) if len(rows) else (0, 0)
        sides[side] = {"go_ns": int(span[0]), "end_ns": int(span[1])}
    mine = table[table["pair"].isin(run.sides)]
    record = run_record(
        run,
        sides,
        campaign=campaign,
        spec=SpecRecord(
            timeout_s=plan.sides[run.plan_file(run.sides[0])].timeout_s,
            sides={side: plan.sides[run.plan_file(side)].side for side in run.sides},
        ),
        start_ns=int(mine["iteration_start_ns"].min()),
        end_ns=int(mine["iteration_end_ns"].max()),
        host=HostRecord(hostname="made-up", kernel="Linux", cores="0-1"),
        artifacts={"hostname": "made-up", "lscpu": "Model name: Made-up CPU"},
    )
    record.write(folder / RUN)
