"""The native format: what is kept, what is refused and how it is said, and that nothing else happens."""

import os
from pathlib import Path

import pandas as pd
import pytest
from duet import harnesses
from duet.harnesses import FormatError, _files, native
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOOD = (
    "iteration,start_ns,end_ns,synchronised,load\n"
    "0,1700000000000000001,1700000000300000002,1,0.5\n"
    "1,1700000000300000003,1700000000600000004,1,0.75\n"
    "2,1700000000600000005,1700000000900000007,0,\n"
)


@pytest.fixture
def write(tmp_path):
    def write(content, name="r.A.results.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_times_are_exact_and_further_columns_kept(write):
    frame = harnesses.get("native").parse([write(GOOD)], "gzip")
    assert list(frame) == [
        *("iteration", "iteration_start_ns", "iteration_end_ns", "iteration_time_ns"),
        *("synchronised", "load"),
    ]
    assert frame["iteration_start_ns"].tolist() == [
        *(1700000000000000001, 1700000000300000003, 1700000000600000005),
    ]
    assert frame["iteration_time_ns"].tolist() == [300000001, 300000001, 300000002]
    assert frame["synchronised"].tolist() == [1, 1, 0]
    assert frame["load"].isna().tolist() == [False, False, True]
    assert {c: str(t) for c, t in frame.dtypes.items()} == {
        "iteration": "int64",
        "iteration_start_ns": "Int64",
        "iteration_end_ns": "Int64",
        "iteration_time_ns": "int64",
        "synchronised": "Int64",
        "load": "Float64",
    }
    assert frame.attrs["warnings"] == []


def test_sorted_by_iteration_and_gaps_said(write):
    frame = native.read(write("iteration,start_ns,end_ns\n3,20,30\n0,5,10\n"))
    assert frame["iteration"].tolist() == [0, 3]
    assert frame["iteration_start_ns"].tolist() == [5, 20]
    assert frame.attrs["warnings"] == ["r.A.results.csv: 2 iterations of 0 to 3 are missing"]


def test_a_cut_off_last_line_is_left_out_and_marked(write):
    frame = native.read(write(GOOD[: GOOD.rindex("\n") - 8]))
    assert frame["iteration"].tolist() == [0, 1]
    assert frame.attrs["truncated"]
    assert "line 4" in frame.attrs["warnings"][0]


def test_windows_line_ends_byte_order_mark_and_quotes_in_the_header(write):
    text = '\ufeff"iteration","start_ns","end_ns"\r\n0,1,2\r\n'
    assert native.read(write(text))["iteration_time_ns"].tolist() == [1]


def test_the_result_file_is_found_among_others(write):
    log, other, good = write("x", "r.A.log"), write("a,b\n1,2\n", "o.csv"), write(GOOD)
    assert len(native.parse([other, good, log], "gzip")) == 3


def test_columns_of_the_table_and_texts_are_not_taken_from_the_file(write):
    frame = native.read(write("iteration,start_ns,end_ns,runid,note\n0,1,2,7,x\n"))
    assert list(frame)[4:] == []


HEAD = "iteration,start_ns,end_ns\n"


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        ("", "", "empty"),
        (" \n", "", "empty"),
        (HEAD, "", "no iterations"),
        (HEAD.strip(), "", "no iterations"),
        (HEAD + "0,1,2", "", "no iterations"),
        ("{}", "line 1", "no column 'iteration'"),
        ("benchmark,duration_ns\nx,1\n", "line 1", "no column 'iteration'"),
        ("iteration,start_ns,start_ns,end_ns\n0,1,1,2\n", "line 1", "'start_ns' occurs twice"),
        (HEAD + "0,1,2\n1,3\n", "line 3", "2 columns, the header has 3"),
        (HEAD + "0,1,2\n1,3,NaN\n", "line 3", "end_ns is 'NaN', not an integer"),
        (HEAD + "0,1,2\n1,3,\n", "line 3", "end_ns is '', not an integer"),
        (HEAD + "0,1,2.5\n", "line 2", "end_ns is '2.5'"),
        (HEAD + "0,1,99999999999999999999\n", "line 2", "end_ns is '99999999999999999999'"),
        (HEAD + "0,1,9223372036854775807\n", "line 2", "not a plausible time of a run"),
        (HEAD + "0,-9223372036854775807,9223372036854775807\n", "line 2", "not a plausible time of a run"),
        (HEAD + "0,5,5\n", "line 2", "a duration of 0 ns: must be positive"),
        (HEAD + "0,5,4\n", "line 2", "a duration of -1 ns: must be positive"),
        (HEAD + "-1,1,2\n", "line 2", "iteration -1: must be counted from 0"),
        (HEAD + "0,1,2\n0,3,4\n", "line 3", "iteration 0 twice"),
        (HEAD + "0,1,5\n1,4,6\n", "line 3", "before the previous iteration has ended"),
        (b"\xff\xfe\x00\x00" * 20, "line 1", "no column"),
    ],
)
def test_a_fault_is_one_line_with_file_position_and_reason(write, content, position, reason):
    path = write(content)
    with pytest.raises(FormatError) as error:
        native.parse([path], "gzip")
    assert (error.value.path, error.value.position) == (path, position)
    assert reason in error.value.reason
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


def test_gigabytes_are_refused_unread(tmp_path):
    path = tmp_path / "big.csv"
    with open(path, "wb") as f:
        f.write(HEAD.encode())
        f.truncate(5 * 2**30)
    with pytest.raises(FormatError, match=r"5\.0 GiB, more than the limit of 256 MiB"):
        native.parse([path], "gzip")


def test_what_never_ends_or_is_larger_than_it_says_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(_files, "MAX_BYTES", 1000)
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        with pytest.raises(FormatError, match="is no file"):
            _files.read_bytes(path)
    with pytest.raises(FormatError, match="more than"):
        _files.read_bytes(Path("/proc/cpuinfo"))


def test_missing_files_and_directories(tmp_path):
    for files in ([tmp_path / "none.csv"], [tmp_path], [tmp_path / "x.log"], []):
        with pytest.raises(FormatError):
            native.parse(files, "gzip")


CELLS = st.one_of(
    st.integers(-3, 9).map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.sampled_from(["", "NaN", "inf", "NA", "1e3", "0x10", '"', "\x00", "é", "true", "2020-01-01"]),
    st.text(max_size=6),
)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=5).map(",".join), max_size=6)
SHAPED = st.builds(
    lambda head, rows, end: (head + "\n" + "\n".join(rows) + end).encode(errors="replace"),
    st.sampled_from(
        [HEAD.strip(), "iteration,start_ns,end_ns,extra,more", "end_ns,start_ns,iteration,status"]
    ),
    ROWS,
    st.sampled_from(["", "\n", "\r\n"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=200), SHAPED))
def test_no_input_makes_anything_else_than_a_frame_or_an_error(write, content):
    try:
        frame = native.parse([write(content)], "gzip")
    except FormatError as e:
        assert "\n" not in str(e)
        return
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    assert frame["iteration"].is_monotonic_increasing
    assert (frame["iteration_time_ns"] > 0).all()
    assert (frame["iteration_end_ns"] - frame["iteration_start_ns"] == frame["iteration_time_ns"]).all()
