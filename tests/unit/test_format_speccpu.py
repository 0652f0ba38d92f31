"""SPEC CPU 2017's result directory, written after the documented form of its logs."""

import pandas as pd
import pytest
from duet.harnesses import FormatError, speccpu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BUILD = "runcpu v6612\nBuilding 500.perlbench_r peak duet: (build_peak_duet.0000)\nBuild successes: 1\n"
ITERATION = """\
  Running 500.perlbench_r refrate (ref) peak duet (1 copy) [2022-06-01 14:04:52]
Benchmark Times:
 Run Start:    2022-06-01 14:04:52 (1654092292)
 Rate Start:   2022-06-01 14:04:52 ({start})
 Rate End:     2022-06-01 14:12:37 ({end})
 Run Stop:     2022-06-01 14:12:37 (1654092757)
 Run Elapsed:  00:07:45 (465)
"""
FIRST = ITERATION.format(start="1654092292.28303", end="1654092757.17651")
SECOND = ITERATION.format(start="1654092757.9", end="1654093000")


@pytest.fixture
def result(tmp_path):
    count = iter(range(10**9))

    def result(**logs):
        directory = tmp_path / f"{next(count)}.A.result"
        directory.mkdir()
        for name, text in logs.items():
            content = text if isinstance(text, bytes) else text.encode(errors="replace")
            (directory / f"CPU2017.{name.removeprefix('n')}.log").write_bytes(content)
        return directory

    return result


def parse(path, benchmark="500_perlbench_r"):
    return speccpu.parse([path], benchmark)


def test_stamps_are_exact_decimals(result):
    frame = parse(result(n001=BUILD, n002=FIRST))
    assert frame["iteration_start_ns"].tolist() == [1654092292283030000]
    assert frame["iteration_end_ns"].tolist() == [1654092757176510000]
    assert frame["iteration_time_ns"].tolist() == [464893480000]
    assert frame.attrs["benchmark"] == "500.perlbench_r"


def test_all_iterations_of_all_logs_in_order_of_their_numbers(result):
    third = ITERATION.format(start="1654093001.000000001", end="1654093002.5")
    frame = parse(result(n010=third, n002=FIRST + SECOND))
    assert frame["iteration"].tolist() == [0, 1, 2]
    assert frame["iteration_start_ns"].tolist()[1:] == [1654092757900000000, 1654093001000000001]


def test_a_log_alone_is_enough(result):
    log = result(n002=FIRST) / "CPU2017.002.log"
    assert len(parse(log, "500.perlbench_r")) == 1


def test_an_iteration_without_end_is_left_out_and_marked(result):
    frame = parse(result(n002=FIRST + SECOND[: SECOND.index(" Rate End")]))
    assert len(frame) == 1
    assert frame.attrs["truncated"]
    assert "CPU2017.002.log: line 11: the iteration has no end" in frame.attrs["warnings"][0]


def test_a_miscompare_is_said(result):
    (warning,) = parse(result(n002=FIRST + "*** Miscompare of foo.out\n")).attrs["warnings"]
    assert "line 8: *** Miscompare of foo.out" in warning


@pytest.mark.parametrize(
    ("logs", "position", "reason"),
    [
        ({}, "", "no CPU2017.NNN.log in it"),
        ({"n001": ""}, "", "no iterations"),
        ({"n001": BUILD}, "", "no iterations"),
        ({"n001": FIRST[: FIRST.index(" Rate End")]}, "", "no iterations that ended"),
        ({"n001": FIRST.replace("500.perl", "505.mcf")}, "line 1", "results of '505.mcfbench_r'"),
        ({"n001": FIRST.replace("1654092292.28303", "nan")}, "line 4", "'nan' is not a time in seconds"),
        ({"n001": FIRST.replace("1654092292.28303", "-1.5")}, "line 4", "'-1.5' is not a time"),
        ({"n001": FIRST.replace("(1654092292.28303)", "(soon)")}, "line 4", "'soon' is not a time"),
        ({"n001": FIRST.replace(" Rate Start", " Late Start")}, "line 5", "Rate End without Rate Start"),
        ({"n001": FIRST.replace("1654092757.17651", "1654092291")}, "line 4", "must be positive"),
        ({"n001": FIRST, "n002": FIRST}, "line 4 of CPU2017.002.log", "before the previous iteration"),
        (
            {"n001": FIRST.replace("1654092292.28303", "9999999999")},
            "line 4",
            "not a plausible time of a run",
        ),
    ],
)
def test_a_fault_is_one_line_with_file_position_and_reason(result, logs, position, reason):
    directory = result(**logs)
    with pytest.raises(FormatError) as error:
        parse(directory)
    assert str(error.value.path).startswith(str(directory))
    assert error.value.position == position
    assert reason in error.value.reason
    assert "\n" not in str(error.value)


def test_no_directory(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        parse(tmp_path / "gone")


LINES = st.one_of(
    st.sampled_from([FIRST, SECOND, " Rate Start: x (1.5)\n", " Rate End: x (2.25)\n", " Rate End: (\n"]),
    st.builds(" Rate {}: 2022 ({})\n".format, st.sampled_from(["Start", "End"]), st.integers() | st.floats()),
    st.text(max_size=20),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(LINES, max_size=6).map("".join), st.one_of(st.just(FIRST), st.binary(max_size=50)))
def test_no_input_makes_anything_else_than_a_frame_or_an_error(result, one, two):
    try:
        frame = parse(result(n001=one, n002=two))
    except FormatError as e:
        assert "\n" not in str(e)
        return
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    assert (frame["iteration_time_ns"] > 0).all()


BEGUN = 'runcpu v6612 started at 2022-06-01 14:04:40 on "host"\n'
FINISHED = """\
The log for this run is in /duet/speccpu/result/CPU2017.002.log

runcpu finished at 2022-06-01 14:20:00; 920 total seconds elapsed
"""


def test_a_log_cut_between_iterations_is_marked(result):
    whole = parse(result(n001=BEGUN + BUILD + FINISHED, n002=BEGUN + FIRST + SECOND + FINISHED))
    assert len(whole) == 2
    assert whole.attrs["warnings"] == [] and not whole.attrs["truncated"]
    cut = parse(result(n002=BEGUN + FIRST))
    assert len(cut) == 1
    assert cut.attrs["truncated"]
    assert cut.attrs["warnings"] == [
        "CPU2017.002.log: ends before runcpu has finished: iterations may be missing"
    ]


def test_a_log_cut_within_an_iteration_says_so_once(result):
    cut = parse(result(n002=BEGUN + FIRST + SECOND[: SECOND.index(" Rate End")]))
    (warning,) = cut.attrs["warnings"]
    assert "line 12: the iteration has no end" in warning


def test_control_characters_of_a_log_stay_out_of_what_is_said(result):
    noise = "*** Miscompare of \x1b]0;owned\x07 \x00foo\n"
    (warning,) = parse(result(n002=FIRST + noise)).attrs["warnings"]
    assert warning.isprintable() and r"\x1b]0;owned" in warning
