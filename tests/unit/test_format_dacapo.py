"""DaCapo and ScalaBench: the probe's file, stock output, the predecessor's CSV.

The stock lines are written after the harness's documented output; no real jar can run here.
"""

import pandas as pd
import pytest
from duet import harnesses
from duet.harnesses import FormatError, dacapo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STOCK = """\
Using scaled threading model. 2 processors detected, 2 threads used to drive the workload
===== DaCapo 9.12-MR1 sunflow starting warmup 1 =====
===== DaCapo 9.12-MR1 sunflow completed warmup 1 in 3045 msec =====
noise ===== and more of it
===== DaCapo 9.12-MR1 sunflow starting warmup 2 =====
===== DaCapo 9.12-MR1 sunflow completed warmup 2 in 2101 msec =====
===== DaCapo 9.12-MR1 sunflow starting =====
===== DaCapo 9.12-MR1 sunflow PASSED in 1999 msec =====
"""
PROBE = "iteration,start_ns,end_ns,synchronised\n0,1700000000000000001,1700000000300000002,1\n"
DATE = "Tue Mar 22 10:11:12 UTC 2022\n"
DATE_NS = 1647943872 * 10**9


@pytest.fixture
def write(tmp_path):
    def write(content, name="r.A.results.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="replace"))
        return path

    return write


def test_the_harness_of_both_suites_is_one():
    assert harnesses.get("dacapo") is harnesses.get("scalabench")


def test_stock_output_from_the_log(write):
    frame = dacapo.parse([write(STOCK, "r.A.log")], "sunflow")
    assert frame["iteration_time_ns"].tolist() == [3045_000_000, 2101_000_000, 1999_000_000]
    assert frame["iteration"].tolist() == [0, 1, 2]
    assert frame["iteration_start_ns"].isna().all()
    assert frame.attrs == {"warnings": [], "truncated": False, "benchmark": "sunflow"}


@pytest.mark.parametrize("version", ["23.11-MR2-chopin", "0.1.0-SNAPSHOT build 3", ""])
def test_versions_of_any_form(write, version):
    line = f"===== DaCapo {version} sunflow PASSED in 7 msec =====\n".replace("  ", " ")
    assert dacapo.parse([write(line, "r.A.log")], "sunflow")["iteration_time_ns"].tolist() == [7_000_000]


def test_the_probes_file_is_preferred_to_the_output(write):
    frame = dacapo.parse([write(PROBE), write(STOCK, "r.A.log")], "sunflow")
    assert frame["iteration_start_ns"].tolist() == [1700000000000000001]
    assert frame["synchronised"].tolist() == [1]


def test_output_that_ends_early_is_marked(write):
    frame = dacapo.parse([write(STOCK[: STOCK.index("sunflow starting =")], "r.A.log")], "sunflow")
    assert len(frame) == 2
    assert frame.attrs["truncated"]
    assert "ends before the harness's last iteration" in frame.attrs["warnings"][0]


def test_failed_validation_is_said_and_leaves_a_gap(write):
    text = STOCK.replace("completed warmup 2 in 2101 msec", "FAILED warmup")
    frame = dacapo.parse([write(text, "r.A.log")], "sunflow")
    assert frame["iteration"].tolist() == [0, 2]
    assert "line 6: iteration 1 failed its validation" in frame.attrs["warnings"][0]
    last = STOCK.replace("PASSED in 1999 msec", "FAILED ")
    assert not dacapo.parse([write(last, "r.A.log")], "sunflow").attrs["truncated"]


def test_the_predecessors_csv(write):
    path = write("start_unix,iteration_time_ns\n1647943872123,300000001\n1647943872423,299000002\n")
    frame = dacapo.parse([path], "sunflow")
    assert frame["iteration_start_ns"].tolist() == [1647943872123_000000, 1647943872423_000000]
    assert frame["iteration_end_ns"].tolist() == [1647943872423_000001, 1647943872722_000002]
    assert frame["iteration_time_ns"].tolist() == [300000001, 299000002]
    assert frame["start_unix"].tolist() == [1647943872123, 1647943872423]


def test_the_predecessors_older_csv_takes_the_date_artifact(write):
    path = write("iteration_time_ns,total_ms,extra\n300000001,5,1\n299000002,400,2\n")
    frame = dacapo.parse([path], "sunflow", {"date": DATE})
    assert frame["iteration_start_ns"].tolist() == [DATE_NS + 5_000_000, DATE_NS + 400_000_000]
    assert "as if both had started then" in frame.attrs["warnings"][0]
    assert frame["total_ms"].tolist() == [5, 400]
    assert frame["extra"].tolist() == [1, 2]


def test_older_csv_without_what_it_takes_has_no_absolute_times(write):
    path = write("iteration_time_ns,total_ms\n300000001,5\n299000002,400\n")
    for artifacts in (None, {"date": "yesterday"}):
        frame = dacapo.parse([path], "sunflow", artifacts)
        assert frame["iteration_start_ns"].isna().all()
        assert "without a date artifact" in frame.attrs["warnings"][0]
    ends = write("iteration_time_ns,total_ms\n300000001,300\n1000000,301\n")
    frame = dacapo.parse([ends], "sunflow", {"date": DATE})
    assert frame["iteration_start_ns"].isna().all()
    assert "would overlap" in frame.attrs["warnings"][0]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (DATE, DATE_NS),
        ("Tue 22 Mar 2022 10:11:12 AM UTC", DATE_NS),
        ("Tue Mar 22 11:11:12 CET 2022", DATE_NS),
        ("Tue 22 Mar 2022 10:11:12 PM UTC", DATE_NS + 12 * 3600 * 10**9),
        ("2022-03-22T11:11:12+01:00", DATE_NS),
        ("Tue, 22 Mar 2022 06:41:12 -0330", DATE_NS),
        ("Tue Mar 22 10:11:12 XYZ 2022", None),
        ("Tue Mar 32 10:11:12 UTC 2022", None),
        ("Tue Mar 22 10:11:12 UTC 9999", None),
        ("2022-03-22T11:11:12", None),
        ("", None),
    ],
)
def test_dates(date, expected):
    assert dacapo.epoch_ns(date) == expected


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        ("", "", "empty"),
        ("hello\n", "", "neither the probe's CSV, the predecessor's, nor DaCapo's output"),
        ("iteration,start_ns,end_ns\n", "", "no iterations"),
        ("iteration_time_ns,start_unix\n", "", "no iterations"),
        ("iteration_time_ns,start_unix\n5,x\n", "line 2", "start_unix is 'x'"),
        ("iteration_time_ns,start_unix\nNaN,5\n", "line 2", "iteration_time_ns is 'NaN'"),
        ("iteration_time_ns,start_unix\n-7,5\n", "line 2", "-7 ns: must be positive"),
        ("iteration_time_ns,start_unix\n5,-5\n", "line 2", "start_unix -5 is not a time in ms"),
        ("iteration_time_ns,start_unix\n5000000000,5\n1,6\n", "line 3", "before the previous iteration"),
        ("benchmark,iteration_time_ns,start_unix\nfop,5,5\n", "", "results of 'fop', not only of 'sunflow'"),
        ("===== DaCapo 9.12 fop PASSED in 5 msec =====\n", "line 1", "results of 'fop', not of 'sunflow'"),
        ("===== DaCapo 9.12 sunflow PASSED in 0 msec =====\n", "line 1", "a duration of 0 ns"),
        (f"===== DaCapo 9 sunflow PASSED in {'9' * 40} msec =====\n", "line 1", "implausibly long"),
        ("===== DaCapo 9.12 sunflow FAILED =====\n", "", "no iterations"),
    ],
)
def test_a_fault_is_one_line_with_file_position_and_reason(write, content, position, reason):
    path = write(content)
    with pytest.raises(FormatError) as error:
        dacapo.parse([path], "sunflow")
    assert (error.value.path, error.value.position) == (path, position)
    assert reason in error.value.reason
    assert "\n" not in str(error.value)


def test_a_long_log_is_streamed(tmp_path):
    """Half a gigabyte of zeros without a line end, then the lines: read in pieces."""
    path = tmp_path / "r.A.log"
    with open(path, "wb") as f:
        f.truncate(2**29)
        f.seek(2**29)
        f.write(b"\n" + STOCK.encode())
    assert len(dacapo.parse([path], "sunflow")) == 3


WORDS = [
    "===== DaCapo",
    "9.12",
    "sunflow",
    "fop",
    "completed warmup 1",
    "in 5 msec",
    "PASSED",
    "FAILED",
    "=====",
]
LINES = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=7).map(" ".join)
CELLS = st.one_of(st.integers(-2, 9).map(str), st.integers().map(str), st.text(max_size=4))
TABLES = st.builds(
    lambda head, rows: "\n".join([head, *map(",".join, rows), ""]),
    st.sampled_from(
        ["iteration_time_ns,start_unix", "total_ms,iteration_time_ns", "iteration_time_ns,benchmark"]
    ),
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(st.lists(LINES, max_size=6).map("\n".join), TABLES, st.binary(max_size=100)),
    st.one_of(st.just(DATE), st.from_regex(dacapo._DATE), st.text(max_size=30)),
)
def test_no_input_makes_anything_else_than_a_frame_or_an_error(write, content, date):
    try:
        frame = dacapo.parse([write(content)], "sunflow", {"date": date})
    except FormatError as e:
        assert "\n" not in str(e)
        return
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    assert (frame["iteration_time_ns"] > 0).all()


def test_a_garbled_line_is_a_gap_and_the_others_keep_their_numbers(write):
    for old, new in [
        ("completed warmup 2 in 2101", "completed warmup 2 in 2noise101"),
        ("completed warmup 2 in 2101 msec", "completed war===== noise"),
    ]:
        frame = dacapo.parse([write(STOCK.replace(old, new), "r.A.log")], "sunflow")
        assert frame["iteration"].tolist() == [0, 2]
        assert frame["iteration_time_ns"].tolist() == [3045_000_000, 1999_000_000]
        assert frame.attrs["truncated"]
        assert frame.attrs["warnings"] == ["r.A.log: 1 iterations of 0 to 2 are missing"]


def test_a_garbled_line_is_a_gap_where_the_start_of_its_iteration_is_lost_too(write):
    lines = STOCK.splitlines(keepends=True)
    frame = dacapo.parse([write("".join(lines[:1] + lines[5:]), "r.A.log")], "sunflow")
    assert frame["iteration"].tolist() == [1, 2]
    assert frame.attrs["truncated"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (STOCK + STOCK, 10, "warmup 1 after the last one: results of two runs"),
        (
            STOCK + STOCK.splitlines()[-1] + "\n",
            9,
            "a last iteration after the last one: results of two runs",
        ),
        (
            STOCK[: STOCK.index("sunflow starting =")] + "\n" + STOCK,
            9,
            "warmup 1 after warmup 2: results of two",
        ),
        (
            STOCK.replace("completed warmup 2", "completed warmup 1"),
            6,
            "warmup 1 after warmup 2: results of two",
        ),
        (STOCK.replace("completed warmup 2", "completed warmup 0"), 6, "warmup 0: must be counted from 1"),
        (STOCK.replace("completed warmup 2", f"completed warmup {2**63}"), 6, "implausibly many"),
        (STOCK.replace("completed warmup 2", f"completed warmup {'9' * 20}"), 6, "implausibly many"),
    ],
)
def test_numbers_of_iterations_that_cannot_be_of_one_run(write, text, line, reason):
    with pytest.raises(FormatError) as error:
        dacapo.parse([write(text, "r.A.log")], "sunflow")
    assert error.value.position == f"line {line}"
    assert reason in error.value.reason
