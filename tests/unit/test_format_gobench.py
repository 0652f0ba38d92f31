"""go test -bench: real output as text and as events, one benchmark failing (Go 1.26), with the probe."""

import json
from pathlib import Path

import pytest
from damage import sound, survives
from duet import harnesses
from duet.harnesses import FormatError

SAMPLES = Path(__file__).parents[1] / "data" / "gobench"
TEXT, EVENTS = SAMPLES / "results.txt", SAMPLES / "events.json"
PROBE, PROBE_OF_EVENTS = SAMPLES / "results.csv", SAMPLES / "events.csv"
parse = harnesses.get("gobench").parse
NAMES = ["BenchmarkSort/small", "BenchmarkSort/large", "BenchmarkAdd"]


@pytest.mark.parametrize("path", [TEXT, EVENTS], ids=["text", "events"])
def test_lines_are_iterations(path: Path) -> None:
    frame = parse([path], "sample", None)
    sound(frame)
    assert frame["benchmark"].value_counts(sort=False).to_dict() == dict.fromkeys(NAMES, 3)
    assert frame["iteration"].tolist() == [0, 1, 2] * 3
    assert (frame["B/op"].dropna().iloc[:3] == 80).all() and "widgets/op" in frame
    assert frame.attrs["warnings"] == [f"{path.name}: BenchmarkBroken failed: sample_test.go:28: out of luck"]
    assert not frame.attrs["truncated"]


def test_text_that_was_made_events_afterwards_has_its_reasons_below(tmp_path: Path) -> None:
    """As `go tool test2json ./bench.test` does: no package, and the order of the text."""
    path, events = tmp_path / "results.txt", []
    for line in TEXT.read_text().splitlines(keepends=True):
        name, tab, rest = line.partition("\t")
        for part in (name + tab, rest) if line.startswith("Benchmark") else (line,):
            events.append({"Time": "2026-11-27T13:03:28.893095536Z", "Action": "output", "Output": part})
    path.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))
    frame, text = parse([path], "sample", None), parse([TEXT], "sample", None)
    assert frame.attrs["warnings"] == ["results.txt: BenchmarkBroken failed: sample_test.go:28: out of luck"]
    assert frame["iteration_time_ns"].tolist() == text["iteration_time_ns"].tolist()


def test_an_iteration_is_all_its_operations() -> None:
    first = parse([TEXT], "sample", None).iloc[0]
    line = TEXT.read_text().splitlines()[4].split()
    assert first["operations"] == int(line[1])
    assert first["iteration_time_ns"] == round(int(line[1]) * float(line[2]))


def test_a_time_below_a_nanosecond_is_kept() -> None:
    rows = parse([TEXT], "sample", None).query("benchmark == 'BenchmarkAdd'")
    assert (rows["iteration_time_ns"] / rows["operations"]).between(0.1, 1).all()


def test_text_has_no_absolute_times_and_events_have() -> None:
    assert parse([TEXT], "sample", None)["iteration_start_ns"].isna().all()
    frame, exact = (parse(files, "sample", None) for files in ([EVENTS], [EVENTS, PROBE_OF_EVENTS]))
    late_ns = frame["iteration_end_ns"] - exact["iteration_end_ns"]
    assert (late_ns > 0).all() and late_ns.max() < 20e6  # when a line was written


@pytest.mark.parametrize("files", [[TEXT, PROBE], [EVENTS, PROBE_OF_EVENTS]], ids=["text", "events"])
def test_the_probe_stamps_what_is_reported(files: list[Path]) -> None:
    frame = parse(files, "sample", None)
    sound(frame)
    spans_ns = frame["iteration_end_ns"] - frame["iteration_start_ns"]
    assert (spans_ns / frame["iteration_time_ns"]).between(0.98, 1.02).all()
    assert len(frame.attrs["warnings"]) == 1


def test_a_stopped_run_has_the_probes_file_alone() -> None:
    frame = parse([PROBE], "sample", None)
    sound(frame)
    assert frame["benchmark"].value_counts().to_dict() == dict.fromkeys(NAMES, 3) | {"BenchmarkBroken": 1}


def test_the_log_is_enough(tmp_path: Path) -> None:
    log = tmp_path / "r.A.log"
    log.write_text("duet says hello\n" + TEXT.read_text())
    assert len(parse([log], "sample", None)) == 9


def test_packages_tell_equal_names_apart(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    text = TEXT.read_text()
    path.write_text(text + text.replace("pkg: sample", "pkg: other"))
    names = set(parse([path], "sample", None)["benchmark"])
    assert names == {f"{package}.{name}" for package in ("sample", "other") for name in NAMES}


def test_processors_stay_in_names_where_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text("BenchmarkX \t10\t5 ns/op\nBenchmarkX-2 \t10\t5 ns/op\nPASS\n")
    assert set(parse([path], "sample", None)["benchmark"]) == {"BenchmarkX", "BenchmarkX-2"}


def test_a_line_that_the_benchmark_broke_by_printing(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text("BenchmarkX-2 \thello\n      10\t  5.5 ns/op\nPASS\n")
    frame = parse([path], "sample", None)
    assert frame.attrs["benchmark"] == "BenchmarkX" and frame["iteration_time_ns"].tolist() == [55]


def test_a_panic_is_said_and_what_came_before_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text("BenchmarkX-2 \t10\t5 ns/op\nBenchmarkY-2 \tpanic: oh no\n\ngoroutine 7 [running]:\n")
    frame = parse([path], "sample", None)
    assert len(frame) == 1 and frame.attrs["truncated"]
    assert "ends before go test's last line" in frame.attrs["warnings"][0]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("PASS\nok \tsample\t0.4s\n", "", "no line of a benchmark"),
        ("BenchmarkX \t10\t7 B/op\nPASS\n", "line 1", "no ns/op"),
        ("BenchmarkX \t0\t7 ns/op\nPASS\n", "line 1", "not a plausible iteration"),
        ("BenchmarkX \t10\t7.7.7 ns/op\nPASS\n", "line 1", "'7.7.7' ns/op, not a number"),
        (
            "--- FAIL: BenchmarkX\n    x_test.go:1: no\nFAIL\n",
            "",
            "no iterations; BenchmarkX failed: x_test.go:1: no",
        ),
        ('{"Action":"output"}\n{"Action\nBenchmarkX\n', "line 2", "not an event of go test -json"),
        ("", "", "empty"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, text: str, position: str, reason: str) -> None:
    path = tmp_path / "results.txt"
    path.write_text(text)
    with pytest.raises(FormatError) as error:
        parse([path], "sample", None)
    assert (error.value.path, error.value.position) == (path, position) and reason in error.value.reason


@pytest.mark.parametrize("files", [[TEXT, PROBE], [EVENTS, PROBE_OF_EVENTS]], ids=["text", "events"])
def test_damaged_results(tmp_path: Path, files: list[Path]) -> None:
    survives("gobench", files, tmp_path)
