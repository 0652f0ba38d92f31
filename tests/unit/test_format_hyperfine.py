"""hyperfine: real output of two commands, and of one that fails now and then (hyperfine 1.15)."""

import json
from pathlib import Path

import pytest
from damage import sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "hyperfine"
JSON, FAILING = SAMPLES / "results.json", SAMPLES / "fail.json"
parse = harnesses.get("hyperfine").parse


def test_each_command_is_a_benchmark() -> None:
    frame = parse([JSON], "run", None)
    sound(frame)
    results = json.loads(JSON.read_text())["results"]
    assert (
        list(dict.fromkeys(frame["benchmark"])) == [r["command"] for r in results] == ["true", "sleep 0.01"]
    )
    for result in results:
        rows = frame[frame["benchmark"] == result["command"]]
        assert rows["iteration_time_ns"].tolist() == [round(t * 1e9) for t in result["times"]]
    assert frame["iteration_start_ns"].isna().all() and frame.attrs["warnings"] == []


def test_failed_executions_are_left_out_and_said() -> None:
    frame = parse([FAILING], "run", None)
    sound(frame)
    (result,) = json.loads(FAILING.read_text())["results"]
    good = [t for t, code in zip(result["times"], result["exit_codes"], strict=True) if code == 0]
    assert 0 < len(good) < len(result["times"])
    assert frame["iteration_time_ns"].tolist() == [round(t * 1e9) for t in good]
    (warning,) = frame.attrs["warnings"]
    assert warning.endswith("1 of 3 executions failed and are left out")


def test_memory_of_newer_ones_is_a_column(tmp_path: Path) -> None:
    content = json.loads(JSON.read_text())
    for result in content["results"]:
        result["memory_usage_byte"] = [4096 * (i + 1) for i in range(len(result["times"]))]
    (tmp_path / "results.json").write_text(json.dumps(content))
    frame = parse([tmp_path / "results.json"], "run", None)
    assert frame["memory_usage_byte"].tolist()[:2] == [4096, 8192]


def test_a_torn_file_keeps_whole_commands(tmp_path: Path) -> None:
    text = JSON.read_text()
    path = tmp_path / "results.json"
    path.write_text(text[: text.rindex("times") + 30])
    frame = parse([path], "run", None)
    assert frame.attrs["truncated"] and frame.attrs["benchmark"] == "true" and len(frame) == 5


@pytest.mark.parametrize(
    ("change", "position", "reason"),
    [
        (lambda c: c.update(results={}), "$.results", "{}, not a list"),
        (lambda c: c["results"][0].pop("command"), "$.results[0].command", "missing, not a text"),
        (
            lambda c: c["results"][1].update(times=[0.1, None]),
            "$.results[1].times[1]",
            "missing, not a number",
        ),
        (lambda c: c["results"][1].update(times=[0.1]), "$.results[1].exit_codes", "5 of them, but 1 times"),
        (lambda c: c["results"][0].update(exit_codes=[1] * 5, command="sleep 0.01"), "", ""),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, change, position: str, reason: str) -> None:
    content = json.loads(JSON.read_text())
    change(content)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    if not reason:
        assert len(parse([path], "run", None)) == 5  # all of the other command's failed
        return
    with pytest.raises(FormatError) as error:
        parse([path], "run", None)
    assert error.value.position == position and reason in error.value.reason


def test_it_cannot_be_synchronised() -> None:
    assert harnesses.get("hyperfine").no_barrier


def test_damaged_results(tmp_path: Path) -> None:
    survives("hyperfine", [JSON], tmp_path)
