"""The JVM suite that runs for real: sunflow in containers, its iterations synchronised by our probe."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from duet.campaign import load as config
from duet.campaign import order as plan
from duet.harnesses import get
from duet.model import Run, Type
from duet.records.layout import Layout
from duet.records.plan import plan_of

ROOT = Path(__file__).parents[2]
ITERATIONS = 6
"""In config/sunflow.test.yml."""

UNEVEN = """
duetbench:
  suite: sunflow
  image: sunflow
  engine: docker
  duet_repetitions: 0
  syncduet_repetitions: 1
  run_base: java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar sunflow.jar
  duets: [counts, late, dies]
counts:
  A: {run: 5 16}
  B: {run: 9 16}
late:
  timeout: 12
  A: {run: 3 16}
  B: {run: 100000 16}
dies:
  A: {run: 100000 16}
  B: {run_base: "", run: "java -jar sunflow.jar 100000 16 & sleep 3; kill -9 $!; wait $!"}
"""


def planned(file: Path, results: Path) -> dict[tuple[str, Type], Run]:
    """The campaign's plan files and image; its runs by benchmark and type."""
    campaign = config.load_campaign(file)
    runs = plan.runs(campaign)
    layout = Layout(results)
    plan_of(campaign, runs).write(layout)
    command("provide", "--plan", layout.image_plan("sunflow"), "--engine", "docker", check=True)
    return {(run.benchmark, run.type): run for run in runs}


def command(subcommand: str, *arguments: object, check: bool = False) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(ROOT / "scripts/duetbench.py"), subcommand, *map(str, arguments)]
    return subprocess.run(line, check=check, stderr=subprocess.PIPE, text=True)


def measured(results: Path, run: Run) -> tuple[dict, dict[str, pd.DataFrame]]:
    """The run's record and each side's iterations."""
    output = command("measure", "--results", results, "--run", run.name)
    assert output.returncode == 0, output.stderr
    folder = results / "runs" / run.name
    frames = {
        side: get("native").parse([folder / run.file(side, "results.csv")], "sunflow") for side in run.sides
    }
    return json.loads((folder / "run.json").read_text()), frames


@pytest.fixture(scope="module")
def campaign(
    docker_engine: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[tuple[str, Type], Run]]:
    results = tmp_path_factory.mktemp("sunflow")
    return results, planned(ROOT / "config" / "sunflow.test.yml", results)


@pytest.fixture(scope="module")
def uneven(
    docker_engine: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[tuple[str, Type], Run]]:
    results = tmp_path_factory.mktemp("uneven")
    (results / "uneven.yml").write_text(UNEVEN)
    return results, planned(results / "uneven.yml", results)


def test_a_duet_is_stamped_and_not_synchronised(campaign: tuple[Path, dict]) -> None:
    results, runs = campaign
    record, frames = measured(results, runs["compiler", Type.DUET])
    for side, frame in frames.items():
        assert len(frame) == ITERATIONS
        assert "synchronised" not in frame
        assert record["sides"][side]["go_ns"] < frame.iteration_start_ns.min()
        assert frame.iteration_end_ns.max() < record["sides"][side]["end_ns"]


def test_a_synchronised_duet_begins_iterations_together(campaign: tuple[Path, dict]) -> None:
    results, runs = campaign
    _, frames = measured(results, runs["compiler", Type.SYNCDUET])
    assert [list(f.synchronised) for f in frames.values()] == [[1] * ITERATIONS] * 2
    skews_ns = (frames["A"].iteration_start_ns - frames["B"].iteration_start_ns).abs()
    shorter_ns = min(f.iteration_time_ns.median() for f in frames.values())
    assert skews_ns.median() < shorter_ns / 5
    # Nobody begins an iteration before the other has ended the one before.
    for one, other in (("A", "B"), ("B", "A")):
        begins, ends = frames[one].iteration_start_ns[1:], frames[other].iteration_end_ns[:-1]
        assert (begins.to_numpy() >= ends.to_numpy()).all()


def test_one_side_alone(campaign: tuple[Path, dict]) -> None:
    results, runs = campaign
    record, frames = measured(results, runs["compiler", Type.SEQN])
    assert [len(f) for f in frames.values()] == [ITERATIONS]
    assert len(record["sides"]) == 1


def test_the_side_with_more_iterations_goes_on_unsynchronised(uneven: tuple[Path, dict]) -> None:
    results, runs = uneven
    _, frames = measured(results, runs["counts", Type.SYNCDUET])
    assert list(frames["A"].synchronised) == [1] * 5
    assert list(frames["B"].synchronised) == [1] * 5 + [0] * 4


def test_a_side_that_times_out_keeps_what_it_has(uneven: tuple[Path, dict]) -> None:
    results, runs = uneven
    record, frames = measured(results, runs["late", Type.SYNCDUET])
    assert record["timed_out"] is True
    assert list(frames["A"].synchronised) == [1] * 3
    marks = list(frames["B"].synchronised)
    assert marks[:3] == [1] * 3 and len(marks) > 4 and set(marks[3:]) == {0}


def test_a_side_that_dies_ends_the_run(uneven: tuple[Path, dict]) -> None:
    results, runs = uneven
    run = runs["dies", Type.SYNCDUET]
    begin = time.monotonic()
    output = command("measure", "--results", results, "--run", run.name)
    assert time.monotonic() - begin < 30
    assert output.returncode == 1
    assert "side B ended with exit code 137" in output.stderr
    left = ["docker", "ps", "--all", "--quiet", "--filter", f"label=duetbench.run={run.name}"]
    assert not subprocess.run(left, check=True, capture_output=True, text=True).stdout
