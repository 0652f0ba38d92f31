"""pyperf: real output of a script with two benchmarks (2.11, three values a process), with the probe."""

import json
from pathlib import Path

import pytest
from damage import refused, sound, survives
from duet import harnesses

SAMPLES = Path(__file__).parents[1] / "data" / "pyperf"
JSON, PROBE = SAMPLES / "results.json", SAMPLES / "results.csv"
parse = harnesses.get("pyperf").parse


def values() -> dict[str, list[float]]:
    """Seconds of all operations of each value, as pyperf tells them."""
    content = json.loads(JSON.read_text())
    found = {}
    for benchmark in content["benchmarks"]:
        facts = content.get("metadata", {}) | benchmark["metadata"]
        loops = facts["loops"] * facts.get("inner_loops", 1)
        seconds = [value * loops for run in benchmark["runs"] for value in run.get("values", ())]
        found[facts["name"]] = seconds
    return found


def test_values_of_both_benchmarks_without_warmup_and_calibration() -> None:
    frame = parse([JSON], "script", None)
    sound(frame)
    assert frame["iteration_start_ns"].isna().all()
    for name, seconds in values().items():
        rows = frame[frame["benchmark"] == name]
        assert rows["iteration"].tolist() == list(range(6))
        assert rows["iteration_time_ns"].tolist() == pytest.approx([s * 1e9 for s in seconds], abs=1)
    assert (frame["operations"] > 1).all() and (frame["mem_max_rss"] > 1e6).all()
    assert frame.attrs == {"warnings": [], "truncated": False, "benchmark": None}


def test_the_probe_places_every_value_in_time() -> None:
    frame = parse([PROBE, JSON], "script", None)
    sound(frame)
    spans_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"]
    # The hook's stamps enclose pyperf's own time, closely.
    more_ns = spans_ns - frame["iteration_time_ns"]
    assert (more_ns >= 0).all() and more_ns.median() < 1e6
    assert frame["iteration_start_ns"].is_monotonic_increasing
    assert frame.attrs["warnings"] == []


def test_a_stopped_run_has_the_probes_file_alone() -> None:
    frame = parse([PROBE], "script", None)
    sound(frame)
    assert frame["benchmark"].value_counts().to_dict() == {"task 0": 6, "task 1": 6}
    assert frame.attrs["truncated"] and "no JSON of pyperf" in frame.attrs["warnings"][0]


def test_synchronised_passes_keep_their_number(tmp_path: Path) -> None:
    head, *lines = PROBE.read_text().splitlines()
    (tmp_path / "results.csv").write_text(
        "\n".join([head + ",synchronised", *(line + ",1" for line in lines), ""])
    )
    frame = parse([JSON, tmp_path / "results.csv"], "script", None)
    sound(frame)
    measured = [int(line.split(",")[0]) for line in lines if line.endswith(",1")]
    assert frame["iteration"].tolist() == measured and (frame["synchronised"] == 1).all()


def test_a_probe_that_saw_other_values_is_not_believed(tmp_path: Path) -> None:
    lines = PROBE.read_text().splitlines(keepends=True)
    (tmp_path / "results.csv").write_text("".join(lines[:-1]))
    frame = parse([JSON, tmp_path / "results.csv"], "script", None)
    assert frame["iteration_start_ns"].isna().all()
    assert frame.attrs["warnings"] == [
        "results.csv: 12 values, but 11 in the probe's file: no absolute times"
    ]


@pytest.mark.parametrize(
    ("change", "position", "reason"),
    [
        (lambda c: c.pop("benchmarks"), "$.benchmarks", "missing, not a list"),
        (lambda c: c["benchmarks"][1]["runs"][1].update(values=[1.0, "2"]),
         "$.benchmarks[1].runs[1].values[1]", "'2', not a number"),
        (lambda c: c["benchmarks"][0]["metadata"].update(unit="byte"),
         "$.benchmarks[0].runs[1].metadata.unit", "'byte', not seconds"),
        (lambda c: c["benchmarks"][0]["metadata"].update(loops=0),
         "$.benchmarks[0].runs[1].metadata.loops", "0, not a count"),
        (lambda c: c["benchmarks"][0]["runs"][1].update(values=[0.0]), "squares, iteration 0", "of 0 ns"),
        (lambda c: c.update(benchmarks=[]), "", "no iterations"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line(tmp_path: Path, change, position: str, reason: str) -> None:
    refused("pyperf", JSON, change, tmp_path, position, reason)


def test_damaged_results(tmp_path: Path) -> None:
    survives("pyperf", [JSON, PROBE], tmp_path)


def test_one_benchmark_needs_no_column(tmp_path: Path) -> None:
    content = json.loads(JSON.read_text())
    del content["benchmarks"][1]
    (tmp_path / "results.json").write_text(json.dumps(content))
    frame = parse([tmp_path / "results.json"], "squares", None)
    assert "benchmark" not in frame and frame.attrs["benchmark"] == "squares"
