"""Odd values in any field of any CSV: the typed error, or a value that is null or 0 with a warning."""

import json

import pytest
from duet import harnesses
from duet.harnesses import FormatError, dacapo, native, renaissance, speccpu

ODD = [
    *("\x00", "\ud800", "a\u2028b", "9223372036854775808", "-9223372036854775809", "0x10", "0X1F", "inf"),
    *("-Infinity", "nan", "1e999", "٣", "", "x", "1_0", "\x1b[31m", '"1"', "1;2", "1\r2", "\u202e1"),
]
HEAD = "iteration,start_ns,end_ns,synchronised,load\n"
ROWS = ["0,1,2,1,0.5", "1,3,4,1,3", "2,5,6,1,1"]


@pytest.fixture
def write(tmp_path):
    def write(text, name="r.A.results.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return path

    return write


def damaged(row: str, field: int, value: str) -> str:
    cells = row.split(",")
    cells[field] = value
    return ",".join(cells)


def printable(error: FormatError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 500


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", range(5))
def test_native(write, field, value):
    path = write(HEAD + "\n".join([ROWS[0], damaged(ROWS[1], field, value), ROWS[2], ""]))
    try:
        frame = native.parse([path], "b")
    except FormatError as error:
        assert field < 3 or "\r" in value
        printable(error)
        return
    assert field >= 3
    name = ("synchronised", "load")[field - 3]
    assert frame[name].isna().tolist() == [False, field == 4, False]
    assert frame[name].tolist()[::2] == ([1, 1] if field == 3 else [0.5, 1])
    warnings = frame.attrs["warnings"]
    assert all(map(str.isprintable, warnings))
    if field == 3:
        assert frame[name].tolist() == [1, 0, 1]
        assert len(warnings) == 1
        assert "line 3: synchronised is " in warnings[0]
        assert "neither 1 nor 0: counts as 0" in warnings[0]
    elif value == "":
        assert warnings == []  # a missing value is no odd one
    else:
        assert len(warnings) == 1 and "line 3: load is " in warnings[0]


@pytest.mark.parametrize(
    ("cells", "expected", "message"),
    [
        (["1", "0", "1"], [1, 0, 1], None),
        (["1.0", "0.0", "1"], [1, 0, 1], None),
        (["", "", ""], [0, 0, 0], "line 2: synchronised is '', neither 1 nor 0: counts as 0 (and 2 more)"),
        (
            ["x", "y", "z"],
            [0, 0, 0],
            "line 2: synchronised is 'x', neither 1 nor 0: counts as 0 (and 2 more)",
        ),
        (["true", "true", "true"], [0, 0, 0], "line 2: synchronised is 'true'"),
        (
            ["2", "1", "-1"],
            [0, 1, 0],
            "line 2: synchronised is '2', neither 1 nor 0: counts as 0 (and 1 more)",
        ),
        (["1", "0.5", "1"], [1, 0, 1], "line 3: synchronised is '0.5'"),
    ],
)
def test_the_mark_of_synchronised_iterations_is_never_lost(write, cells, expected, message):
    rows = [damaged(row, 3, cell) for row, cell in zip(ROWS, cells, strict=True)]
    frame = native.parse([write(HEAD + "\n".join([*rows, ""]))], "b")
    assert frame["synchronised"].tolist() == expected
    assert str(frame["synchronised"].dtype) == "Int64"
    assert [message in w for w in frame.attrs["warnings"]] == ([True] if message else [])


def test_a_column_of_text_is_left_out_as_documented(write):
    rows = [damaged(row, 4, cell) for row, cell in zip(ROWS, ("cold", "warm", ""), strict=True)]
    frame = native.parse([write(HEAD + "\n".join([*rows, ""]))], "b")
    assert "load" not in frame and frame.attrs["warnings"] == []


def test_large_integers_beside_a_bad_cell_stay_exact(write):
    big = 2**63 - 1
    rows = [damaged(row, 4, cell) for row, cell in zip(ROWS, (str(big), "x", str(-(2**63))), strict=True)]
    frame = native.parse([write(HEAD + "\n".join([*rows, ""]))], "b")
    assert str(frame["load"].dtype) == "Int64"
    assert [frame["load"][0], frame["load"][2]] == [big, -(2**63)]


def test_large_floats_are_numbers(write):
    rows = [damaged(row, 4, cell) for row, cell in zip(ROWS, ("1e20", "+1.5E3", ".5"), strict=True)]
    frame = native.parse([write(HEAD + "\n".join([*rows, ""]))], "b")
    assert frame["load"].tolist() == [1e20, 1500, 0.5]
    assert frame.attrs["warnings"] == []


def test_a_count_of_iterations_that_none_can_reach(write):
    with pytest.raises(FormatError, match=r"line 2: iteration 2147483648: implausibly many"):
        native.parse([write(f"iteration,start_ns,end_ns\n{2**31},1,2\n")], "b")
    assert len(native.parse([write(f"iteration,start_ns,end_ns\n{2**31 - 1},1,2\n")], "b")) == 1


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", range(5))
def test_renaissance_csv(write, field, value):
    head = "benchmark,duration_ns,uptime_ns,vm_start_unix_ms,gc\n"
    rows = ["b,5,10,1000,1", damaged("b,5,20,1000,1", field, value)]
    try:
        frame = renaissance.parse([write(head + "\n".join([*rows, ""]))], "b")
    except FormatError as error:
        assert field < 4 or "\r" in value
        printable(error)
        return
    assert field == 4
    assert frame["gc"].isna().tolist() == [False, True]
    assert bool(frame.attrs["warnings"]) == (value != "")


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", range(4))
def test_the_predecessors_csv(write, field, value):
    head = "benchmark,iteration_time_ns,start_unix,gc\n"
    rows = ["b,5000000,1000,1", damaged("b,5000000,1010,1", field, value)]
    try:
        frame = dacapo.parse([write(head + "\n".join([*rows, ""]))], "b")
    except FormatError as error:
        assert field < 3 or "\r" in value
        printable(error)
        return
    assert field == 3
    assert frame["gc"].isna().tolist() == [False, True]


ODD_JSON = [
    *(2**63, -(2**63) - 1, 10**400, 0.5, float("inf"), float("nan")),
    *("0x10", "\x00", "\ud800", "a\nb", None, True, [], {}),
]


@pytest.mark.parametrize("value", ODD_JSON, ids=repr)
@pytest.mark.parametrize("key", ["duration_ns", "uptime_ns", "gc", "start_unix_ms", "termination", "name"])
def test_renaissance_json(write, key, value):
    row = {"duration_ns": 5, "uptime_ns": 10, "gc": 1}
    entry = {"results": [row, row | {"uptime_ns": 20}], "termination": "normal"}
    vm = {"start_unix_ms": 1000}
    for holder in (entry["results"][1], vm, entry):
        if key in holder:
            holder[key] = value
    name = str(value) if key == "name" else "b"
    content = {"format_version": 6, "data": {name: entry}, "environment": {"vm": vm}}
    path = write(json.dumps(content), "r.A.results.json")
    try:
        frame = renaissance.parse([path], "b")
    except FormatError as error:
        printable(error)
        return
    assert key == "termination"
    assert frame["iteration_time_ns"].tolist() == [5, 5]


@pytest.mark.parametrize("name", ["a\nb", "\x00", "\ud800", "a,b", "", "\x1b[31m", "a b", "=1+1"])
def test_names_of_metrics_that_no_column_can_have(write, name):
    row = {"duration_ns": 5, "uptime_ns": 10, name: 1, "gc": 2}
    content = {
        "format_version": 6,
        "data": {"b": {"results": [row]}},
        "environment": {"vm": {"start_unix_ms": 1000}},
    }
    frame = renaissance.parse([write(json.dumps(content), "r.A.results.json")], "b")
    assert list(frame)[5:] == ["uptime_ns", "gc"]


@pytest.mark.parametrize("value", ODD)
def test_speccpu(write, tmp_path, value):
    log = f" Rate Start:   2022-06-01 ({value})\n Rate End:   2022-06-01 (5)\n"
    (tmp_path / "result").mkdir()
    write(log, "result/CPU2017.002.log")
    with pytest.raises(FormatError) as error:
        speccpu.parse([tmp_path / "result"], "b")
    printable(error.value)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("place", ["{} PASSED in 5", "b PASSED in {}", "b completed warmup {} in 5"])
def test_dacapo_output(write, place, value):
    with pytest.raises(FormatError) as error:
        dacapo.parse([write(f"===== DaCapo 9 {place.format(value)} msec =====\n", "r.A.log")], "b")
    printable(error.value)


def test_every_harness_answers_a_file_of_noise_with_the_typed_error(write):
    for harness in harnesses.known():
        with pytest.raises(FormatError) as error:
            harness.parse([write("\x00\x1b[31m\n" * 3, "r.A.a\x07b")], "b")
        printable(error.value)
