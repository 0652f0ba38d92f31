"""pytest-benchmark: real output of a file of tests, one of which fails (5.3), with the probe."""

import json
from pathlib import Path

import pytest
from damage import refused, sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "pytest_benchmark"
JSON, PROBE, LOG = SAMPLES / "results.json", SAMPLES / "results.csv", SAMPLES / "r.A.log"
parse = harnesses.get("pytest-benchmark").parse
FAILURE = "results.json: test_bench.py::test_broken failed: ZeroDivisionError: division by zero"


def test_every_round_of_every_test_but_of_the_failed_one() -> None:
    frame = parse([JSON, LOG], "tests", None)
    sound(frame)
    entries = json.loads(JSON.read_text())["benchmarks"]
    assert list(dict.fromkeys(frame["benchmark"])) == ["test_sort[10]", "test_sort[1000]", "test_sleep"]
    for entry in entries:
        rows, stats = frame[frame["benchmark"] == entry["name"]], entry["stats"]
        assert (rows["operations"] == stats["iterations"]).all() and len(rows) == stats["rounds"]
        times_ns = [1e9 * seconds * stats["iterations"] for seconds in stats["data"]]
        assert rows["iteration_time_ns"].tolist() == pytest.approx(times_ns, abs=1)
    assert frame["n"].dropna().unique().tolist() == [10, 1000]
    assert frame.attrs["warnings"] == [FAILURE]


def test_the_probe_stamps_rounds_only() -> None:
    frame = parse([JSON, PROBE, LOG], "tests", None)
    sound(frame)
    more_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"] - frame["iteration_time_ns"]
    assert (more_ns >= -1).all() and more_ns.median() < 100_000
    assert frame["iteration_start_ns"].is_monotonic_increasing
    assert frame.attrs["warnings"] == [FAILURE]


def test_a_stopped_run_has_the_probes_file_alone() -> None:
    frame = parse([PROBE], "tests", None)
    sound(frame)
    assert frame["benchmark"].iloc[0] == "test_bench.py::test_sort[10]" and frame.attrs["truncated"]


def test_equal_names_in_two_files_are_told_apart(tmp_path: Path) -> None:
    content = json.loads(JSON.read_text())
    content["benchmarks"][1] |= {"name": "test_sort[10]", "fullname": "b.py::test_sort[10]"}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    names = list(dict.fromkeys(parse([path], "tests", None)["benchmark"]))
    assert names == ["test_bench.py::test_sort[10]", "b.py::test_sort[10]", "test_sleep"]


def test_nothing_but_failures_is_said_with_them(tmp_path: Path) -> None:
    content = json.loads(JSON.read_text()) | {"benchmarks": []}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"no iterations; test_bench\.py::test_broken failed: Zero"):
        parse([path, LOG], "tests", None)


@pytest.mark.parametrize(
    ("change", "position", "reason"),
    [
        (lambda b: b[0]["stats"].pop("data"), "$.benchmarks[0].stats.data", "missing"),
        (lambda b: b[1].update(stats=[]), "$.benchmarks[1].stats", "[], not an object"),
        (
            lambda b: b[0]["stats"].update(iterations=True),
            "$.benchmarks[0].stats.iterations",
            "True, not a count",
        ),
        (lambda b: b[0].update(name=7), "$.benchmarks[0].name", "7, not a text"),
        (lambda b: b[0]["stats"].update(data=[-1.0]), "test_sort[10], iteration 0", "not plausible"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, change, position: str, reason: str) -> None:
    def inside(content: dict) -> None:
        change(content["benchmarks"])

    refused("pytest_benchmark", JSON, inside, tmp_path, position, reason)


def test_damaged_results(tmp_path: Path) -> None:
    survives("pytest_benchmark", [JSON, PROBE, LOG], tmp_path)
