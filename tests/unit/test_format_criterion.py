"""criterion: real output of four benchmarks, one of which panics, each in its process, with the probe."""

import json
import shutil
from pathlib import Path

import pytest
from damage import sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "criterion"
FOLDER, PROBE, LOG = SAMPLES / "criterion", SAMPLES / "results.csv", SAMPLES / "r.A.log"
parse = harnesses.get("criterion").parse
NAMES = {"sort/stable/16", "sort/stable/1024", "sum"}


def test_samples_are_iterations() -> None:
    frame = parse([FOLDER, LOG], "sorts", None)
    sound(frame)
    assert set(frame["benchmark"]) == NAMES and set(frame.groupby("benchmark").size()) == {10}
    sample = json.loads((FOLDER / "sum/new/sample.json").read_text())
    rows = frame[frame["benchmark"] == "sum"]
    assert rows["operations"].tolist() == sample["iters"]
    assert rows["iteration_time_ns"].tolist() == [round(t) for t in sample["times"]]
    (warning,) = frame.attrs["warnings"]
    assert warning.startswith("criterion: broken failed: ") and "panicked at" in warning


def test_the_probes_passes_are_found_by_their_durations() -> None:
    frame = parse([FOLDER, PROBE, LOG], "sorts", None)
    sound(frame)
    spans_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"]
    assert (spans_ns == frame["iteration_time_ns"]).all()
    assert len(frame.attrs["warnings"]) == 1


def test_passes_of_another_run_are_not_believed(tmp_path: Path) -> None:
    lines = PROBE.read_text().splitlines(keepends=True)
    (tmp_path / "results.csv").write_text("".join(lines[: len(lines) // 3]))
    frame = parse([FOLDER, tmp_path / "results.csv"], "sorts", None)
    missing = frame[frame["iteration_start_ns"].isna()]["benchmark"].unique()
    assert len(missing) >= 1
    assert [w for w in frame.attrs["warnings"] if "no passes like those of" in w]


def test_without_names_the_directory_tells(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "criterion")
    for about in folder.rglob("benchmark.json"):
        about.unlink()
    assert len(set(parse([folder], "sorts", None)["benchmark"])) == 3


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        ({"iters": [1.0], "times": [1.0, 2.0]}, "$.iters", "1 of them, but 2 times"),
        ({"iters": [0.5], "times": [1.0]}, "$.iters[0]", "0.5, not a count"),
        ({"iters": [1.0]}, "$.times", "missing, not a list"),
        ([], "$", "[], not an object"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, content: object, position: str, reason: str) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "criterion")
    (folder / "sum/new/sample.json").write_text(json.dumps(content))
    with pytest.raises(FormatError) as error:
        parse([folder], "sorts", None)
    assert error.value.path == folder / "sum/new/sample.json"
    assert error.value.position == position and reason in error.value.reason


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "criterion").mkdir()
    with pytest.raises(FormatError, match="no iterations; broken failed"):
        parse([tmp_path / "criterion", LOG], "sorts", None)
    with pytest.raises(FormatError, match="not a directory of criterion"):
        parse([PROBE], "sorts", None)


def test_damaged_results(tmp_path: Path) -> None:
    survives("criterion", [FOLDER, PROBE, LOG], tmp_path)
