"""SoK's CSV files: phases in milliseconds, operations in microseconds, and one line for any other file."""

import random
from pathlib import Path

import pytest
from duet import harnesses
from duet.harnesses import FormatError, fhe

PHASES = "t_keygen,t_input_encryption,t_computation,t_decryption\n183,41,2900,3\n181,40,2895.5,3\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_phases_become_columns_and_their_sum_the_time(tmp_path: Path) -> None:
    file = write(tmp_path / "seal_bfv_cardio.csv", PHASES)
    frame = harnesses.get("fhe").parse([file], "cardio")
    assert frame["iteration_time_ns"].tolist() == [3_127_000_000, 3_119_500_000]
    assert frame["t_computation_ns"].tolist() == [2_900_000_000, 2_895_500_000]
    assert list(frame)[4:] == [f"{name}_ns" for name in fhe.PHASES]
    assert frame["iteration_start_ns"].isna().all() and not frame.attrs["warnings"]


def test_our_own_programs_have_absolute_times(tmp_path: Path) -> None:
    text = "iteration,start_ns,end_ns,t_keygen_ns,t_computation_ns\n0,5000,9000,1000,3000\n"
    frame = harnesses.get("fhe").parse([write(tmp_path / "r.A.results.csv", text)], "cardio")
    assert frame["iteration_start_ns"].tolist() == [5000] and frame["iteration_time_ns"].tolist() == [4000]
    assert frame["t_keygen_ns"].tolist() == [1000]


def test_micro_benchmarks_have_no_header(tmp_path: Path) -> None:
    file = write(
        tmp_path / "seal_bfv_microbenchmark.csv", "17352,17335,2520,2517,61,41,30,22,3904,6250,1800,5290\n"
    )
    frame = harnesses.get("fhe").parse([file], "micro")
    assert frame["t_mul_ct_ct_ns"].tolist() == [17_352_000] and frame["t_rot_ns"].tolist() == [5_290_000]
    assert "no header" in frame.attrs["warnings"][0]
    named = write(tmp_path / "x.csv", "t_mul_ct_ct,t_rot\n1,2\n")
    assert fhe.read_sok(named)["iteration_time_ns"].tolist() == [3_000]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("t_keygen,t_total\n1,2\n", "line 1: columns t_keygen, t_total: neither SoK's phases"),
        (PHASES + "1,2,3\n", "line 4: 3 columns, the header has 4"),
        (PHASES + "1,2,nan,3\n", "line 4: t_computation is 'nan', not a time"),
        (PHASES + "1,-2,3,3\n", "line 4: t_input_encryption is '-2', not a time"),
        (PHASES + "1,2,1e300,3\n", "line 4: t_computation is '1e300', not a time"),
        (PHASES.splitlines()[0] + "\n", "no repetitions"),
        ("a,b\n1,2\n", "line 1: columns a, b"),
        ("", "empty"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(FormatError) as error:
        fhe.read_sok(write(tmp_path / "r.csv", text))
    assert fault in str(error.value) and "\n" not in str(error.value)


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    frame = fhe.read_sok(write(tmp_path / "r.csv", PHASES.rstrip("\n")))
    assert len(frame) == 1 and frame.attrs["truncated"]


def test_whatever_a_file_holds_it_is_a_frame_or_one_fault(tmp_path: Path) -> None:
    source = random.Random(14)
    pieces = [*"0123456789,.-\n\r\"' e\x00", "nan", "t_keygen", "\udcff".encode(errors="replace").decode()]
    for i in range(400):
        text = list(PHASES)
        for _ in range(source.randint(1, 6)):
            text[source.randrange(len(text))] = source.choice(pieces)
        try:
            frame = fhe.read_sok(write(tmp_path / f"{i}.csv", "".join(text)))
            assert (frame["iteration_time_ns"] > 0).all()
        except FormatError as error:
            assert "\n" not in str(error)
