"""JVM suites as campaigns in containers.

Sunflow from the image to the report; and the short campaigns of the suites that cannot be
downloaded, with stand-ins (tests/probes/) for their jars. CI has one suite of each kind of layout; the others
are `long` for their time only (half a minute each): ./test --long runs them.
"""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from campaigns import PROJECT
from tools import need

ITERATIONS = 6
"""In config/sunflow.test.yml."""


@pytest.mark.long
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


def stand_in(folder: Path, trees: dict[str, str], main: str, opens: str = "") -> Path:
    """A jar of harnesses of our own in a suite's place: trees of tests/probes, and the folder of the jar in
    which each lies. Its dates are fixed, so that images are made once."""
    need("javac")
    classes, jar, manifest = folder / "classes", folder / "suite.jar", folder / "manifest"
    for inside in dict.fromkeys(trees.values()):
        places = [PROJECT / "tests/probes" / tree for tree, where in trees.items() if where == inside]
        sources = [str(f) for place in places for f in place.rglob("*.java")]
        # The images have Java 17; the JDK here may be a newer one.
        subprocess.run(["javac", "--release", "17", "-d", str(classes / inside), *sources], check=True)
    manifest.write_text(f"Main-Class: {main}\n" + (f"Add-Opens: {opens}\n" if opens else ""))
    made = ["jar", "--create", "--file", str(jar), "--manifest", str(manifest)]
    dated = ["--date", "2020-01-01T00:00:00Z"]
    subprocess.run([*made, *dated, "-C", str(classes), "."], check=True)
    return jar


def zipped(jar: Path) -> Path:
    """As DaCapo 23.11 comes: the jar, and its data beside it in a folder of its name."""
    with zipfile.ZipFile(jar.with_name("dacapo.zip"), "w") as archive:
        archive.writestr(zipfile.ZipInfo("dacapo-23.11-MR9-chopin.jar"), jar.read_bytes())
        archive.writestr(zipfile.ZipInfo("dacapo-23.11-MR9-chopin/data"), "x")
    return jar.with_name("dacapo.zip")


OWN = {"dacapo": "", "dacapo-9.12": "", "dacapo-own-main": ""}
LAYOUTS = {
    "dacapo-9.12": OWN,
    "scalabench": OWN,
    "dacapo-9.12-MR1": {"dacapo-bootstrap": "", "dacapo": "harness", "dacapo-23.11": "harness"},
    "dacapo-23.11": {"dacapo-bootstrap": "", "dacapo": "", "dacapo-23.11": ""},
}
"""How each suite's jar is published."""


LONG = ("dacapo-9.12", "scalabench")
"""For time only: theirs is the plainest layout, in which tests/unit/test_probes.py runs the probe."""


@pytest.mark.parametrize(
    "suite", [pytest.param(s, marks=[pytest.mark.long] * (s in LONG)) for s in ("renaissance", *LAYOUTS)]
)
def test_a_suite_in_short_with_a_stand_in_for_its_jar(project, docker, tmp_path, suite):
    if suite == "renaissance":
        jar = stand_in(tmp_path, {"renaissance": ""}, main="RenaissanceSuite")
        benchmark, count = "scrabble", 4
    else:
        opens = "java.base/java.lang" if suite == "dacapo-23.11" else ""
        jar, benchmark, count = stand_in(tmp_path, LAYOUTS[suite], "Harness", opens), "fop", 3
    jar = zipped(jar) if suite == "dacapo-23.11" else jar
    name = f"{suite}.test"
    shutil.copy(PROJECT / f"config/{name}.yml", project.path / "config")
    values = ("engine=docker", f"jar={jar}", f"duets=[{benchmark}]")
    done = project.snakemake(name, f"results/{name}/iterations.csv", "--config", *values)
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(project.results(name) / "iterations.csv")
    assert dict(table.groupby(["type", "pair"]).size()) == {
        (t, s): count for t in ("duet", "syncduet") for s in "AB"
    }
    assert table.iteration_time_ns.between(20e6, 5e9).all()
    assert (table.synchronised[table.type == "syncduet"] == 1).all()
    if suite == "renaissance":
        assert table.uptime_ns.notna().all()
        assert (table.iteration_time_ns >= table.duration_ns).all()
