"""Renaissance's JSON 5 and 6 and its CSV, whole, cut short and wrong."""

import json

import pandas as pd
import pytest
from duet import harnesses
from duet.harnesses import FormatError, renaissance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

START_MS = 1647774987700
ROWS = [
    {"duration_ns": 9052543216, "uptime_ns": 15465435372},
    {"duration_ns": 1960601313, "uptime_ns": 25057081811},
    {"duration_ns": 2594764894, "uptime_ns": 27074473736},
]


def content(version=5, rows=ROWS, name="chi-square", vm=None, termination="normal"):
    """Shaped and ordered like what the harness writes."""
    return {
        "benchmarks": [name],
        "format_version": version,
        "data": {name: {"results": rows, "termination": termination}},
        "environment": {
            "os": {"name": "Linux"},
            "vm": {"termination": "normal", "start_unix_ms": START_MS} | (vm or {}),
        },
        "suite": {"version": "0.16.1"},
    }


@pytest.fixture
def write(tmp_path):
    def write(value, name="r.A.results.json"):
        path = tmp_path / name
        text = value if isinstance(value, (str, bytes)) else json.dumps(value, indent=2)
        path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="replace"))
        return path

    return write


def parse(path, benchmark="chi-square"):
    return harnesses.get("renaissance").parse([path, path.with_name("r.A.log")], benchmark)


def starts(frame):
    return frame["iteration_start_ns"].tolist()


def test_version_5(write):
    frame = parse(write(content()))
    assert list(frame) == [
        *("iteration", "iteration_start_ns", "iteration_end_ns", "iteration_time_ns"),
        *("epoch_start_ms", "uptime_ns"),
    ]
    assert starts(frame)[1] == 1647774987700_000000 + 25057081811
    assert frame["iteration_end_ns"].tolist()[1] == 1647774987700_000000 + 25057081811 + 1960601313
    assert frame["iteration_time_ns"].tolist() == [9052543216, 1960601313, 2594764894]
    assert frame["epoch_start_ms"].tolist() == [START_MS] * 3
    assert str(frame["iteration_start_ns"].dtype) == "Int64"


def test_version_6_has_the_start_in_ns(write):
    frame = parse(write(content(6, vm={"start_ns": START_MS * 10**6 + 123456})))
    assert starts(frame)[0] == START_MS * 10**6 + 123456 + 15465435372


def test_a_start_in_ns_on_another_clock_is_not_taken_for_the_epoch(write):
    frame = parse(write(content(6, vm={"start_ns": 86400_000000000})))
    assert starts(frame)[0] == START_MS * 10**6 + 15465435372


def test_metrics_of_plugins_are_kept(write):
    rows = [row | {"cycles": i, "status": 1} for i, row in enumerate(ROWS)]
    frame = parse(write(content(rows=rows)))
    assert frame["cycles"].tolist() == [0, 1, 2]
    assert "status" not in frame


def test_a_failed_benchmark_is_said(write):
    (warning,) = parse(write(content(termination="failure"))).attrs["warnings"]
    assert "chi-square failed after 3 iterations" in warning


def csv(rows, columns="benchmark,duration_ns,uptime_ns,vm_start_unix_ms"):
    return columns + "\n" + "".join(f"{row}\n" for row in rows)


def test_csv(write):
    path = write(csv([f"chi-square,100,1000,{START_MS}", f"chi-square,200,2000,{START_MS}"]), "r.csv")
    frame = parse(path)
    assert starts(frame) == [START_MS * 10**6 + 1000, START_MS * 10**6 + 2000]
    assert frame["iteration_time_ns"].tolist() == [100, 200]


def test_csv_with_start_in_ns_and_metrics(write):
    columns = "benchmark,cycles,duration_ns,uptime_ns,vm_start_ns,vm_start_unix_ms"
    frame = parse(write(csv([f"chi-square,NA,100,1000,{START_MS * 10**6 + 7},{START_MS}"], columns), "r.csv"))
    assert starts(frame) == [START_MS * 10**6 + 1007]


PROBE = "iteration,start_ns,end_ns,synchronised\n" + "".join(
    f"{i},{at + 77},{at + row['duration_ns']},1\n"
    for i, row in enumerate(ROWS)
    for at in [START_MS * 10**6 + row["uptime_ns"]]
)


def both(write, harness, probe):
    files = [write(harness), write(probe, "r.A.results.csv"), write("a log", "r.A.log")]
    return renaissance.parse(files, "chi-square")


def test_the_probes_stamps_count_and_the_harness_adds_the_rest(write):
    frame = both(write, content(), PROBE)
    assert list(frame) == [
        *("iteration", "iteration_start_ns", "iteration_end_ns", "iteration_time_ns"),
        *("epoch_start_ms", "uptime_ns", "duration_ns", "synchronised"),
    ]
    assert frame["duration_ns"].tolist() == [row["duration_ns"] for row in ROWS]
    assert starts(frame)[1] == START_MS * 10**6 + 25057081811 + 77
    assert frame["iteration_time_ns"].tolist()[1] == 1960601313 - 77
    assert frame["uptime_ns"].tolist() == [row["uptime_ns"] for row in ROWS]
    assert frame["synchronised"].tolist() == [1, 1, 1]
    assert frame.attrs == {"warnings": [], "truncated": False, "benchmark": "chi-square"}


def test_the_probes_file_alone_is_enough(write):
    assert starts(renaissance.parse([write(PROBE)], "chi-square"))[0] == START_MS * 10**6 + 15465435372 + 77


def test_a_harness_that_was_killed_costs_nothing_the_probe_knows(write):
    frame = both(write, content(rows=ROWS[:2]), PROBE)
    assert len(frame) == 3
    assert frame["uptime_ns"].isna().tolist() == [False, False, True]
    assert str(frame["uptime_ns"].dtype) == "Int64"
    assert "2 iterations, but 3 in the probe's file" in frame.attrs["warnings"][0]
    frame = both(write, "{", PROBE)
    assert len(frame) == 3
    assert "only the probe's file is used" in frame.attrs["warnings"][0]


def test_the_probe_does_not_hide_results_of_another_benchmark(write):
    with pytest.raises(FormatError, match="results of 'als'"):
        both(write, content(name="als"), PROBE)


def test_names_as_in_file_names_are_the_benchmarks(write):
    frame = parse(write(content(name="a.b")), "a_b")
    assert frame.attrs["benchmark"] == "a.b"


@pytest.mark.parametrize("cut", ["2594764894", '"uptime_ns": 27074473736', "27074473736\n"])
def test_cut_within_the_results(write, cut):
    text = json.dumps(content(), indent=2)
    frame = parse(write(text[: text.index(cut) + len(cut) // 2]))
    assert frame["iteration_time_ns"].tolist() == [9052543216, 1960601313]
    assert frame["iteration_start_ns"].isna().all()
    assert frame["uptime_ns"].tolist() == [15465435372, 25057081811]
    assert frame.attrs["truncated"]
    assert "cut off after 2 iterations" in frame.attrs["warnings"][0]


def test_cut_behind_the_start_of_the_jvm_loses_nothing(write):
    text = json.dumps(content(), indent=2)
    frame = parse(write(text[: text.index('"suite"')]))
    assert starts(frame) == starts(parse(write(content(), "whole.json")))
    assert frame.attrs["truncated"]


@pytest.mark.parametrize(
    ("value", "position", "reason"),
    [
        ("", "", "empty"),
        ("hello", "", "neither Renaissance's JSON nor its CSV"),
        ("{", "", "not JSON"),
        ("{}", "$.format_version", "None"),
        ('{"a": 1}}', "", "not JSON"),
        ("{" + '"a":[' * 100_000, "", "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "", "not JSON"),
        (content(4), "$.format_version", "4; 5 and 6 are known"),
        (content("5"), "$.format_version", "'5'"),
        ({"format_version": 5}, "$.data", "missing"),
        ({"format_version": 5, "data": {}}, "$.data", "no iterations"),
        (content(rows=[]), "$.data.chi-square.results", "no iterations"),
        (content(rows=[1]), "$.data.chi-square.results", "not a list of objects"),
        (content(name="dotty"), "$.data", "results of 'dotty', not only of 'chi-square'"),
        (content() | {"data": content()["data"] | {"als": {"results": ROWS}}}, "$.data", "'als'"),
        (content(rows=[*ROWS, {"duration_ns": 1}]), "$.data.chi-square.results[3].uptime_ns", "None"),
        (content(rows=[ROWS[0] | {"duration_ns": 1.5}]), "$.data.chi-square.results[0].duration_ns", "1.5"),
        (content(rows=[ROWS[0] | {"duration_ns": 2**63}]), "$.data.chi-square.results[0].duration_ns", "not"),
        (content(rows=[ROWS[0] | {"duration_ns": float("nan")}]), "", "not JSON: NaN"),
        (content(rows=[ROWS[0] | {"duration_ns": -5}]), "$.data.chi-square.results[0]", "-5 ns"),
        (content(rows=[ROWS[0] | {"uptime_ns": -5}]), "$.data.chi-square.results[0]", "uptime_ns -5"),
        (content(rows=[ROWS[0], ROWS[0]]), "$.data.chi-square.results[1]", "before the previous iteration"),
        (content(vm={"start_unix_ms": "x"}), "$.environment.vm.start_unix_ms", "'x' is not a time"),
        (content(vm={"start_unix_ms": None}), "$.environment.vm.start_unix_ms", "missing"),
        (csv([]), "", "no iterations"),
        (csv([f"als,1,1,{START_MS}"]), "", "results of 'als'"),
        (csv([f"chi-square,1,NA,{START_MS}"]), "line 2", "uptime_ns is 'NA'"),
        (csv(["chi-square,1,1,5", "chi-square,1,5,6"]), "", "two JVMs"),
        (csv(["chi-square,1,1,-5"]), "line 2", "vm_start_unix_ms -5"),
        ("benchmark,duration_ns\nchi-square,1\n", "line 1", "no column 'uptime_ns'"),
    ],
)
def test_a_fault_is_one_line_with_file_position_and_reason(write, value, position, reason):
    path = write(value)
    with pytest.raises(FormatError) as error:
        parse(path)
    assert error.value.path == path
    assert position in error.value.position
    assert reason in error.value.reason
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NUMBERS = st.one_of(st.integers(-2, 10**10), VALUES)
RESULTS = st.lists(
    st.fixed_dictionaries({"duration_ns": NUMBERS}, optional={"uptime_ns": NUMBERS, "x": VALUES}), max_size=4
)


@st.composite
def files(draw):
    """Almost right ones: odd values in the right places, then perhaps cut or damaged."""
    value = content(draw(st.sampled_from([5, 6, 7, None])), draw(st.one_of(RESULTS, VALUES)))
    value["environment"] = draw(st.one_of(st.just(value["environment"]), VALUES))
    vm = {"start_unix_ms": draw(NUMBERS), "start_ns": draw(NUMBERS)}
    value["environment"] = draw(st.sampled_from([value["environment"], {"vm": vm}]))
    text = json.dumps(value).encode()
    at = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text, text[:at], text[:at] + draw(st.binary(max_size=3)) + text[at:]]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(files(), st.binary(max_size=60), st.builds(csv, st.lists(st.text(max_size=30), max_size=4))),
    st.booleans(),
)
def test_no_input_makes_anything_else_than_a_frame_or_an_error(write, value, probe):
    try:
        files = [write(value), *([write(PROBE, "probe.csv")] if probe else [])]
        frame = renaissance.parse(files, "chi-square")
    except FormatError as e:
        assert "\n" not in str(e)
        return
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    assert (frame["iteration_time_ns"] > 0).all()
