"""JMH: real output of benchmarks of every mode, one of which throws (JMH 1.37, two forks), with the probe."""

import json
from pathlib import Path

import pytest
from damage import refused, sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "jmh"
JSON, PROBE, LOG = SAMPLES / "results.json", SAMPLES / "results.csv", SAMPLES / "r.A.log"
parse = harnesses.get("jmh").parse
METHODS = ("copy", "broken", "sort", "sampled")
FAILURE = "results.json: sample.Sample.broken (n = 16) failed: java.lang.IllegalStateException: out of luck"


def names() -> set[str]:
    found = {f"Sample.{method}:n={n}" for method in METHODS for n in (16, 1024)}
    return found - {"Sample.broken:n=16"}


def test_measured_iterations_of_all_forks() -> None:
    frame = parse([JSON, LOG], "sample", None)
    sound(frame)
    assert set(frame["benchmark"]) == names()
    assert set(frame.groupby("benchmark").size()) == {4}  # two forks of two iterations
    assert frame.attrs["warnings"] == [FAILURE]
    assert frame["iteration_start_ns"].isna().all()


@pytest.mark.parametrize("files", [[JSON], [JSON, PROBE]], ids=["planned time", "stamped time"])
def test_scores_are_times_of_an_operation(files: list[Path]) -> None:
    frame = parse(files, "sample", None)
    per_operation_us = frame["iteration_time_ns"] / frame["operations"] / 1000
    for entry in json.loads(JSON.read_text()):
        name = f"Sample.{entry['benchmark'].split('.')[-1]}:n={entry['params']['n']}"
        rows, metric = per_operation_us[frame["benchmark"] == name], entry["primaryMetric"]
        if entry["mode"] == "thrpt":
            assert metric["scoreUnit"] == "ops/us"
            expected = [1 / score for fork in metric["rawData"] for score in fork]
        elif entry["mode"] == "sample":
            assert rows.mean() == pytest.approx(metric["score"], rel=0.7)  # weighted otherwise
            continue
        else:
            expected = [score for fork in metric["rawData"] for score in fork]
        assert rows.tolist() == pytest.approx(expected, rel=1e-4)


def test_profilers_metrics_are_columns() -> None:
    rows = parse([JSON], "sample", None).query("benchmark == 'Sample.sort:n=16'")
    assert rows["gc.alloc.rate.norm B/op"].between(79, 90).all()


def test_the_probe_stamps_measured_iterations() -> None:
    frame = parse([JSON, PROBE, LOG], "sample", None)
    sound(frame)
    assert frame.attrs["warnings"] == [FAILURE]
    spans_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"]
    assert (spans_ns >= 50e6).all()  # -r 50ms
    apart = spans_ns / frame["iteration_time_ns"]
    assert apart.median() == pytest.approx(1, abs=0.05)


def test_a_stopped_run_has_the_probes_file_alone() -> None:
    frame = parse([PROBE], "sample", None)
    sound(frame)
    assert "sample.Sample.copy:n=16" in set(frame["benchmark"])


def test_nothing_but_failures_is_said_with_them(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("[]")
    with pytest.raises(FormatError, match=r"no iterations; sample\.Sample\.broken \(n = 16\) failed: java"):
        parse([path, LOG], "sample", None)


@pytest.mark.parametrize(
    ("change", "position", "reason"),
    [
        (lambda c: c[0].pop("benchmark"), "$[0].benchmark", "missing, not a text"),
        (lambda c: c[1].update(mode="all"), "$[1].mode", "'all', not one of thrpt, avgt, sample, ss"),
        (
            lambda c: c[0]["primaryMetric"].update(scoreUnit="B/op"),
            "$[0].primaryMetric.scoreUnit",
            "'B/op', not a",
        ),
        (
            lambda c: c[0]["primaryMetric"].update(rawData=[["NaN"]]),
            "$[0].primaryMetric.rawData[0][0]",
            "'NaN'",
        ),
        (lambda c: c[0]["primaryMetric"].update(rawData=[[0.0]]), "$[0].primaryMetric", "must be positive"),
        (lambda c: c[0].update(params=[]), "$[0].params", "[], not an object"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, change, position: str, reason: str) -> None:
    refused("jmh", JSON, change, tmp_path, position, reason)


def test_damaged_results(tmp_path: Path) -> None:
    survives("jmh", [JSON, PROBE, LOG], tmp_path)
