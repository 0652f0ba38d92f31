"""A real JVM suite as a campaign: config/sunflow.test.yml in containers, from the image to the report."""

import shutil

import pandas as pd
from campaigns import PROJECT

ITERATIONS = 6
"""In config/sunflow.test.yml."""


def test_sunflow_in_short(project, docker):
    shutil.copy(PROJECT / "config/sunflow.test.yml", project.path / "config")
    done = project.snakemake("sunflow.test", "--config", "engine=docker")
    assert done.returncode == 0, done.stdout
    results = project.results("sunflow.test")

    table = pd.read_csv(results / "iterations.csv")
    sides = table.groupby(["type", "pair"])
    assert dict(sides.size()) == {(t, s): ITERATIONS for t in ("duet", "syncduet", "seqn") for s in "AB"}
    assert set(table.engine) == {"docker"} and set(table.status) == {"ok"}
    synchronised = table.type == "syncduet"
    assert (table.synchronised[synchronised] == 1).all() and table.synchronised[~synchronised].isna().all()
    together = table[synchronised].pivot(index="iteration", columns="pair")
    ends = together.iteration_end_ns.max(axis=1)
    assert (together.iteration_start_ns.min(axis=1)[1:].to_numpy() >= ends[:-1].to_numpy()).all()

    verdicts = pd.read_csv(results / "verdicts.csv")
    assert set(verdicts.type) == {"duet", "syncduet", "seqn"} and (verdicts.runs == 1).all()
    assert verdicts.change_percent.notna().all()
    for kind in ("timeline", "iterations", "ratios", "sensitivity", "runs"):
        for suffix in ("svg", "pdf", "png"):
            assert (results / f"figures/sunflow.compiler.{kind}.{suffix}").stat().st_size > 1000

    report = project.snakemake("sunflow.test", "--report", "report.html")
    assert report.returncode == 0, report.stdout
    html = (project.path / "report.html").read_text()
    assert "sunflow.compiler.timeline.svg" in html and "sunflow.forest.svg" in html
