"""duetbench verify: the state of a whole campaign, and what the next call makes of it."""

import dataclasses
import subprocess
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.campaign.due import due_runs
from duet.model import Order, Run, Side, Type
from duet.records.files import write_lines_if_changed
from duet.records.layout import Layout
from duet.records.plan import SidePlan
from duet.records.run import QUICK_BYTES, FailureRecord, SpecRecord, file_record
from run_records import run_record, side_record

RUNS = [Run("s", "b", i, Type.DUET, Order.AB) for i in range(5)]
PLANS = {
    RUNS[0].plan_file(side): SidePlan(side=Side(side, None, "run it", None, ("out.csv",)), timeout_s=60)
    for side in "AB"
}


def measure(layout: Layout, run: Run, command: str = "run it", content: bytes = b"1,2\n") -> None:
    directory = layout.run(run.name)
    directory.mkdir(parents=True)
    sides = {}
    for side in "AB":
        result = directory / run.file(side, "out.csv")
        result.write_bytes(content)
        (directory / run.log(side)).touch()
        sides[side] = side_record(run, side, files=(file_record(result),))
    spec = {side: Side(side, None, command, None, ("out.csv",)) for side in "AB"}
    record = run_record(run, spec=SpecRecord(timeout_s=60, sides=spec))
    dataclasses.replace(record, sides=sides).write(layout.run_record(run.name))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Five planned runs, of which four are finished, one of these by another command; and one not planned."""
    made = Layout(tmp_path / "results")
    for name, plan in PLANS.items():
        plan.write(made.plan / name)
    write_lines_if_changed(made.planned_runs, [run.name for run in RUNS])
    for run in RUNS[:3]:
        measure(made, run)
    measure(made, RUNS[3], command="run another")
    measure(made, dataclasses.replace(RUNS[0], runid=9))
    made.run(RUNS[4].name).mkdir()
    failure = FailureRecord(name=RUNS[4].name, reason="side A ended with exit code 3", log=None, time_ns=1)
    failure.write(made.failure(RUNS[4].name))
    return made


def verify(layout: Layout) -> tuple[int, list[str]]:
    done = subprocess.run([*DUETBENCH, "verify", layout.results], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_state_of_a_campaign(layout: Layout):
    code, lines = verify(layout)
    assert code == 0
    assert lines == [
        f"{layout.results}: 5 runs planned",
        "  finished      4",
        "  intact        4: 3 of the present configuration, 1 of another",
        "  damaged       0",
        "  failed        1",
        "  not measured  0",
        "  not planned   1 finished runs that the plan does not have",
        "failed: s.b.4.duet.AB: side A ended with exit code 3",
        "another configuration: s.b.3.duet.AB: changed: run of side A; the next call of the workflow measures"
        " it again",
    ]


@pytest.mark.parametrize("damage", ["cut", "altered", "gone", "record"])
def test_damage_is_named_and_measured_again(layout: Layout, damage: str):
    directory = layout.run(RUNS[1].name)
    result = directory / RUNS[1].file("B", "out.csv")
    if damage == "record":
        (directory / "run.json").write_text((directory / "run.json").read_text()[:100])
    elif damage == "gone":
        result.unlink()
    else:
        result.write_text({"cut": "1,", "altered": "1,3\n"}[damage])
    code, lines = verify(layout)
    assert code == 1 and "  damaged       1" in lines
    (line,) = [line for line in lines if line.startswith("damaged: ")]
    assert RUNS[1].name in line and "measures it again" in line
    assert RUNS[1].name in due_runs(RUNS, PLANS, {}, layout)


def test_what_is_altered_in_a_large_result_is_measured_again_once_it_is_known(layout: Layout):
    run = dataclasses.replace(RUNS[4], runid=4)
    layout.failure(run.name).unlink()
    layout.run(run.name).rmdir()
    measure(layout, run, content=bytes(QUICK_BYTES + 1))
    (layout.run(run.name) / run.file("A", "out.csv")).write_bytes(b"1" + bytes(QUICK_BYTES))
    assert run.name not in due_runs(RUNS, PLANS, {}, layout), "only its beginning is looked at"
    code, lines = verify(layout)
    assert code == 1 and any(line.startswith(f"damaged: {run.name}: ") for line in lines)
    assert due_runs(RUNS, PLANS, {}, layout)[run.name].startswith("damaged: ")


def test_a_failure_beside_a_finished_run_is_said(layout: Layout):
    failed = layout.run(RUNS[0].name) / "failed"
    failed.mkdir()
    failure = FailureRecord(name=RUNS[0].name, reason="side A crashed", log=None, time_ns=1)
    failure.write(failed / "failure.json")
    code, lines = verify(layout)
    assert code == 0 and f"failed: {RUNS[0].name}: side A crashed; what was measured before is kept" in lines


def test_where_there_is_no_campaign(tmp_path: Path):
    done = subprocess.run([*DUETBENCH, "verify", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {tmp_path}/plan/runs.txt: No such file")
