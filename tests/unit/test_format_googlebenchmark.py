"""Google Benchmark: real output of a program of four benchmarks, one of which fails (1.7), with the probe."""

import json
from pathlib import Path

import pytest
from damage import refused, sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "googlebenchmark"
JSON, PROBE = SAMPLES / "results.json", SAMPLES / "results.csv"
parse = harnesses.get("googlebenchmark").parse
NAMES = ["sort_ints/16", "sort_ints/1024", "pairs<int, long>"]
FAILURE = "results.json: broken failed: out of luck"


def test_repetitions_are_iterations_and_aggregates_are_not() -> None:
    frame = parse([JSON], "sample", None)
    sound(frame)
    assert frame["benchmark"].value_counts(sort=False).to_dict() == dict.fromkeys(NAMES, 3)
    entries = [e for e in json.loads(JSON.read_text())["benchmarks"] if e["run_type"] == "iteration"]
    first = entries[0]
    assert frame["operations"].iloc[0] == first["iterations"]
    assert frame["iteration_time_ns"].iloc[0] == round(first["real_time"] * first["iterations"])
    assert frame["operation_cpu_time_ns"].iloc[0] == first["cpu_time"]
    assert frame["items_per_second"].iloc[0] == first["items_per_second"] and frame["n"].iloc[3] == 1024
    assert frame.attrs["warnings"] == [FAILURE]


def test_times_below_a_nanosecond_and_other_units() -> None:
    rows = parse([JSON], "sample", None).query("benchmark == 'pairs<int, long>'")
    per_operation_ns = rows["iteration_time_ns"] / rows["operations"]
    assert per_operation_ns.between(0.05, 5).all()  # written in microseconds


def test_the_probe_places_repetitions_in_time() -> None:
    frame = parse([PROBE, JSON], "sample", None)
    sound(frame)
    more_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"] - frame["iteration_time_ns"]
    assert (more_ns >= -1).all() and more_ns.median() < 1e6
    assert frame["iteration_start_ns"].is_monotonic_increasing and frame.attrs["warnings"] == [FAILURE]


def test_a_probe_without_iterations_costs_the_times_only(tmp_path: Path) -> None:
    empty = tmp_path / "results.csv"
    empty.write_text("benchmark,iteration,start_ns,end_ns,operations\n")
    frame = parse([JSON, empty], "sample", None)
    sound(frame)
    assert frame["iteration_start_ns"].isna().all() and len(frame) == 9
    assert frame.attrs["warnings"][0] == f"{empty}: no iterations: no absolute times"
    with pytest.raises(FormatError, match="no iterations"):
        parse([empty], "sample", None)


def test_a_torn_file_keeps_whole_repetitions(tmp_path: Path) -> None:
    text = JSON.read_text()
    path = tmp_path / "results.json"
    path.write_text(text[: text.index("real_time", text.index('"sort_ints/1024"'))])
    frame = parse([path], "sample", None)
    assert frame.attrs["benchmark"] == "sort_ints/16" and len(frame) == 3 and frame.attrs["truncated"]


def test_a_stopped_run_has_the_probes_file_alone() -> None:
    frame = parse([PROBE], "sample", None)
    sound(frame)
    assert list(dict.fromkeys(frame["benchmark"])) == ["sort_ints/16", "sort_ints/1024", "pairs<int_ long>"]


@pytest.mark.parametrize(
    ("change", "position", "reason"),
    [
        (lambda b: b[0].update(time_unit="h"), "$.benchmarks[0].time_unit", "'h', not one of ns, us, ms, s"),
        (lambda b: b[1].update(iterations=0), "$.benchmarks[1].iterations", "0, not a count"),
        (lambda b: b[2].update(real_time="1"), "$.benchmarks[2].real_time", "'1', not a number"),
        (lambda b: b[0].update(run_name=None), "$.benchmarks[0].run_name", "missing, not a text"),
        (lambda b: b.clear(), "", "no iterations"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, change, position: str, reason: str) -> None:
    def inside(content: dict) -> None:
        change(content["benchmarks"])

    refused("googlebenchmark", JSON, inside, tmp_path, position, reason)


def test_damaged_results(tmp_path: Path) -> None:
    survives("googlebenchmark", [JSON, PROBE], tmp_path)
