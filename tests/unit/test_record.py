"""Records are written whole, change only when their meaning does, and damaged ones are refused in a line."""

import copy
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from duet.model import Analysis, Benchmark, Campaign, ImageRef, Order, Run, Side, Source, Type, parse_run
from duet.records import files
from duet.records.codec import canonical, decode, encode
from duet.records.files import Record, RecordError
from duet.records.layout import Layout
from duet.records.plan import AnalysisPlan, BenchmarkPlan, ImagePlan, SidePlan, plan_of
from duet.records.provision import ImageRecord, SourceRecord
from duet.records.run import FailureRecord, FileRecord, RunRecord, file_record, finished, intact, stems
from run_records import run_record

RUN = Run("s", "b.x", 0, Type.DUET, Order.BA)
REF = ImageRef("app", (("V", "2"),), Source("s.jar", "https://x/s.jar", "0" * 64, Path("own.jar")))
SIDE = Side("A", REF, "run it", None, ("out.csv",), (("X", "1"),), memory_bytes=1 << 20)
RECORDS = {
    "run.json": run_record(RUN, artifacts={"date": "today"}, warnings=("w",)),
    "failure.json": FailureRecord(name=RUN.name, reason="crashed", log="a.log", time_ns=1),
    "side.json": SidePlan(side=SIDE, timeout_s=1.5),
    "benchmark.json": BenchmarkPlan(
        campaign="c", suite="s", benchmark="b.x", format="native", remove_containers=True,
        artifacts={"date": "date"}, seed=1, timeout_s=60,
    ),
    "image-plan.json": ImagePlan(image=REF, base_image="base"),
    "analysis.json": AnalysisPlan(confidence=0.9, warmup={"s/b": "auto", "s/c": 3, "s/d": 0.5}),
    "image.json": ImageRecord(
        name="app", key="app", engine="docker", id="i", tag="t", hash="h", base={"b": "c"}, files=(Path("x"),)
    ),
    "source.json": SourceRecord(path=Path("s.jar"), sha256="0", size_bytes=1, mtime_ns=2, origin="https://x"),
}  # fmt: skip


def old(path: Path) -> None:
    """Give the file a modification time one can recognise."""
    os.utime(path, ns=(10**18, 10**18))


def is_old(path: Path) -> bool:
    return path.stat().st_mtime_ns == 10**18


@dataclasses.dataclass(frozen=True)
class Inner:
    name: str
    count: int = 0


@dataclasses.dataclass(frozen=True)
class Sample(Record):
    command: str
    image_hash: str | None = None
    inner: tuple[Inner, ...] = ()


def test_written_once_and_only_when_changed(tmp_path):
    path = tmp_path / "deep" / "x.json"
    assert Sample("x", inner=(Inner("a"),)).write_if_changed(path)
    old(path)
    assert not Sample("x", inner=(Inner("a"),)).write_if_changed(path)
    assert is_old(path)
    assert Sample("x", inner=(Inner("a", 1),)).write_if_changed(path)
    assert not is_old(path)
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_a_file_of_another_version_that_says_the_same_is_no_change(tmp_path):
    """A newer tool has more keys: no run is measured again for that."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"command": "x", "of another version": 1, "inner": [{"name": "a"}]}))
    old(path)
    assert not Sample("x", inner=(Inner("a"),)).write_if_changed(path)
    assert is_old(path)


def test_a_torn_file_is_written_anew(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"command":')
    assert Sample("x").write_if_changed(path)
    assert Sample.read(path) == Sample("x")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    Sample("x").write(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"x\.json: cannot be written \(No space left on device\)"):
        Sample("y").write(path)
    assert Sample.read(path) == Sample("x") and [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_content_is_on_the_disk_before_its_name(tmp_path, monkeypatch):
    events = []
    rename, sync = Path.replace, os.fsync
    monkeypatch.setattr(Path, "replace", lambda self, to: events.append("rename") or rename(self, to))
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("sync") or sync(descriptor))
    Sample("x").write(tmp_path / "x.json")
    assert events == ["sync", "rename", "sync"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back(tmp_path, name):
    path = tmp_path / name
    RECORDS[name].write(path)
    assert type(RECORDS[name]).read(path) == RECORDS[name]
    assert json.loads(path.read_text())["schema"] == 1 and path.read_text().endswith("}\n")


def places(value: Any, key: str = "") -> Iterator[tuple[str, list]]:
    """Every value below a document: its key as messages have it, and the way there."""
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        here = f"{key}[{name}]" if isinstance(value, list) else f"{key}.{name}".lstrip(".")
        yield here, [name]
        if isinstance(item, (dict, list)):
            yield from ((inner, [name, *way]) for inner, way in places(item, here))


def mutants(fault: str) -> list[Any]:
    """(file, key, document): every value of every record of a wrong type once, or not there once."""
    found = []
    for name, record in RECORDS.items():
        document = {"schema": 1, **encode(record)}
        for key, way in places(document):
            mutant = copy.deepcopy(document)
            inside = mutant
            for step in way[:-1]:
                inside = inside[step]
            if fault == "wrong":
                inside[way[-1]] = [None] if isinstance(inside[way[-1]], dict) else {"not": "that"}
            elif isinstance(inside, dict):
                del inside[way[-1]]
            else:
                continue
            found.append(pytest.param(name, key, mutant, id=f"{name} {key}"))
    return found


def refused(tmp_path: Path, name: str, text: str) -> str:
    """The line that refuses a file with this text, without the file's name and the remedy."""
    path = tmp_path / name
    path.write_bytes(text.encode("latin1"))
    with pytest.raises(RecordError) as error:
        type(RECORDS[name]).read(path)
    line = str(error.value)
    assert line.startswith(f"{path}: ") and line.endswith("; delete it and start again")
    assert "\n" not in line and len(line) < 300
    return line.removeprefix(f"{path}: ").removesuffix("; delete it and start again")


@pytest.mark.parametrize("name, key, document", mutants("wrong"))
def test_a_value_of_a_wrong_type_is_a_line_that_names_its_key(tmp_path, name, key, document):
    if key.endswith(".key"):  # written for people, and not read
        (tmp_path / name).write_text(json.dumps(document))
        assert type(RECORDS[name]).read(tmp_path / name) == RECORDS[name]
        return
    line = refused(tmp_path, name, json.dumps(document))
    named, _, fault = line.partition(": ")
    # What stands in a mapping is named below it, what stands in a pair by the pair.
    assert named.startswith(key) or key.startswith(named)
    assert "expected" in fault or fault == "is missing"


OPTIONAL = {
    "run.json": r"schema|host(\..*)?|exchange(\..*)?|noise(\..*)?|artifacts\.date"
    r"|run\.side|gate\.resolution_ns"
    r"|clock_step_ns|attempts"
    r"|.*files\[0\]\.(size_bytes|sha256)|sides\..\.(user_time_ns|system_time_ns|padding_bytes)"
    r"|spec\.sides\..\.(env|engine|memory_bytes|network|cpus|disk_bytes|privileges|setup|shares_memory)",
    "failure.json": "schema|attempts",
    "side.json": r"schema"
    r"|side\.(env|engine|memory_bytes|network|cpus|disk_bytes|privileges|setup|shares_memory)"
    r"|side\.image\.(key|args|source|checkout)|.*source\.(url|sha256|sha1|own)",
    "benchmark.json": r"schema|verbose|timeout_s|grace_s|retries|artifacts\.date|members|environment",
    "image-plan.json": r"schema|registry|image\.(key|args|source|checkout)|.*source\.(url|sha256|sha1|own)",
    "analysis.json": r"(?!metrics\[0\]\.name).*",
    "image.json": r"schema|base(\.b)?|files",
    "source.json": "schema",
}
"""Keys that may be absent: an older version did not write them, or a mapping has what it has."""


@pytest.mark.parametrize("name, key, document", mutants("missing"))
def test_an_absent_key_is_a_line_that_names_it(tmp_path, name, key, document):
    if re.fullmatch(OPTIONAL[name], key):
        (tmp_path / name).write_text(json.dumps(document))
        type(RECORDS[name]).read(tmp_path / name)
        return
    line = refused(tmp_path, name, json.dumps(document))
    whole = {"run.order": "run: no run of type", "sides": "sides: has", "spec.sides": "spec.sides: has"}
    expected = whole.get(key) or whole.get(key.removesuffix(".A").removesuffix(".B")) or f"{key}: is missing"
    assert line.startswith(f"{key}: is missing" if key in ("sides", "spec.sides") else expected)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "not JSON"),
        ("cut", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("\x00\xff", "not JSON"),
        ("[1]", "is a list, expected a mapping"),
        ("3", "is 3, expected a mapping"),
        ("null", "is null, expected a mapping"),
        ('{"schema": 99}', "schema: is 99, expected 1"),
    ],
)
def test_a_file_that_is_no_record(tmp_path, name, text, fault):
    text = canonical({"schema": 1, **encode(RECORDS[name])})[:-30] if text == "cut" else text
    assert refused(tmp_path, name, text).startswith(fault)


@pytest.mark.parametrize(
    "key, value, line",
    [
        (("sides", "A", "go_ns"), "x", 'sides.A.go_ns: is "x", expected an integer'),
        (("sides", "A", "go_ns"), 1.0, "sides.A.go_ns: is 1.0, expected an integer"),
        (("sides", "A", "go_ns"), True, "sides.A.go_ns: is true, expected an integer"),
        (("sides", "A", "go_ns"), 1 << 63, f"sides.A.go_ns: is {1 << 63}, expected an integer"),
        (("start_ns",), 10**4000, "start_ns: is a number of more than 64 bits, expected an integer"),
        (("spec", "timeout_s"), float("inf"), "spec.timeout_s: is Infinity, expected a number"),
        (("timed_out",), 0, "timed_out: is 0, expected true or false"),
        (
            ("run", "type"),
            "trio",
            'run.type: is "trio", expected duet or syncduet or seqn or aaduet or bbduet',
        ),
        (("run", "side"), "A", "run: no run of type duet has this order and side"),
        (("sides", "C"), {}, "sides.C.engine: is missing"),
        (("artifacts", "a\nb"), 1, 'artifacts."a\\nb": is 1, expected text'),
        (("warnings",), [1], "warnings[0]: is 1, expected text"),
        (("status",), ["x" * 99], "status: is a list, expected text"),
        (("timed_out",), "x" * 99, f'timed_out: is "{"x" * 38}…, expected true or false'),
        (
            ("sides", "A", "files", 0, "name"),
            "../../x",
            "sides.A.files[0].name: is '../../x', expected the name of a file in the run's directory",
        ),
        (
            ("sides", "A", "log"),
            "/x",
            "sides.A.log: is '/x', expected the name of a file in the run's directory",
        ),
    ],
)
def test_the_line_says_what_is_there_and_what_was_expected(tmp_path, key, value, line):
    document = inside = {"schema": 1, **encode(RECORDS["run.json"])}
    for step in key[:-1]:
        inside = inside[step]
    inside[key[-1]] = value
    assert refused(tmp_path, "run.json", json.dumps(document)) == line


def test_sides_of_another_run(tmp_path):
    document = {"schema": 1, **encode(RECORDS["run.json"])}
    document["sides"]["C"] = document["sides"].pop("A")
    line = refused(tmp_path, "run.json", json.dumps(document))
    assert line == "sides: has 'B', 'C', expected 'B', 'A'"


def test_an_absent_record(tmp_path):
    with pytest.raises(RecordError, match="no such file"):
        RunRecord.read(tmp_path / "run.json")
    assert RunRecord.read_sound(tmp_path / "run.json") is None
    with pytest.raises(RecordError, match="Is a directory"):
        RunRecord.read(tmp_path)


def test_a_run_record_of_an_older_version_still_reads(tmp_path):
    """Results were names only, the host's facts were not asked for, and a side's plan had fewer keys."""
    document = {"schema": 1, **encode(RECORDS["run.json"])}
    del document["host"]
    for side in document["sides"].values():
        side["files"] = [file["name"] for file in side["files"]]
    (tmp_path / "run.json").write_text(json.dumps(document))
    record = RunRecord.read(tmp_path / "run.json")
    assert record.sides["A"].files == (FileRecord(RUN.file("A", "results.csv")),)
    assert record.host.hostname == ""


def test_the_layout_of_run_json_is_the_known_one():
    document = encode(RECORDS["run.json"])
    assert sorted(document) == [
        "artifacts", "attempts", "campaign", "clock_step_ns", "end_ns", "engine", "engine_version",
        "exchange", "gate", "host", "name", "noise", "run", "sides", "spec", "start_ns", "status",
        "timed_out", "warnings",
    ]  # fmt: skip
    assert document["run"] == {
        "suite": "s", "benchmark": "b.x", "runid": 0, "type": "duet", "order": "BA", "side": None
    }  # fmt: skip
    assert sorted(document["sides"]["A"]) == [
        "cpu_time_ns", "cpus", "end_ns", "engine", "exit_code", "files", "go_ns", "image", "image_hash",
        "image_id", "log", "oom_killed", "padding_bytes", "peak_memory_bytes",
        "system_time_ns", "user_time_ns",
    ]  # fmt: skip
    side = encode(RECORDS["side.json"])["side"]
    assert side["image"]["key"] == REF.key and side["env"] == [["X", "1"]]


def test_finished_runs_are_those_with_a_record(tmp_path):
    for name in ("s.b.1.duet.AB", "s.b.0.seqn.None.A", "s.b.2.duet.AB", ".s.b.3.duet.AB.part", "other"):
        (tmp_path / name).mkdir()
    for name in ("s.b.1.duet.AB", "s.b.0.seqn.None.A", ".s.b.3.duet.AB.part", "other"):
        (tmp_path / name / "run.json").write_text("{}")
    assert [run for run, _ in finished(tmp_path)] == [
        Run("s", "b", 0, Type.SEQN, side="A"),
        Run("s", "b", 1, Type.DUET, Order.AB),
    ]
    assert list(finished(tmp_path / "absent")) == []
    (tmp_path / "s.other.0.duet.AB.A.results.csv").touch()
    assert stems(tmp_path) == {"s.b", "s.other"} and stems(tmp_path / "absent") == set()


@pytest.fixture
def run_directory(tmp_path) -> Path:
    """A finished run: side A left a file, B a directory."""
    directory = Layout(tmp_path).run(RUN.name)
    tree = directory / RUN.file("B", "tree")
    (tree / "deep").mkdir(parents=True)
    (tree / "deep/x").write_text("12")
    (tree / "y").write_text("345")
    (directory / RUN.file("A", "out.csv")).write_text("result")
    for side in "AB":
        (directory / RUN.log(side)).touch()
    sides = {
        "A": {"files": (file_record(directory / RUN.file("A", "out.csv")),)},
        "B": {"files": (file_record(tree),)},
    }
    run_record(RUN, sides).write(directory / "run.json")
    return directory


def test_an_intact_run(run_directory):
    record = RunRecord.read(run_directory / "run.json")
    (file,), (tree,) = record.sides["A"].files, record.sides["B"].files
    assert file == FileRecord(RUN.file("A", "out.csv"), 6, hashlib.sha256(b"result").hexdigest())
    assert tree.size_bytes == 5 and len(tree.sha256) == 64
    assert intact(run_directory) == intact(run_directory, digests=True) == []


@pytest.mark.parametrize(
    "file, text, fault",
    [
        ("A.out.csv", "resul", "has 5 bytes, 6 are recorded"),
        ("A.out.csv", None, "is missing"),
        ("A.log", None, "is missing"),
        ("B.tree/deep/z", "6", "has 6 bytes, 5 are recorded"),
        ("B.tree/y", None, "has 2 bytes, 5 are recorded"),
        ("run.json", "{", "not JSON"),
    ],
)
def test_what_is_gone_or_of_another_size_is_found_at_once(run_directory, file, text, fault):
    path = run_directory / (file if file == "run.json" else f"{RUN.stem}.{file}")
    path.unlink() if text is None else path.write_text(text)
    for digests in (False, True):
        (line,) = intact(run_directory, digests)
        assert fault in line and str(run_directory / path.relative_to(run_directory).parts[0]) in line


@pytest.mark.parametrize("file, text", [("A.out.csv", "Result"), ("B.tree/y", "346")])
def test_what_was_altered_is_found_by_its_digest(run_directory, file, text):
    (run_directory / f"{RUN.stem}.{file}").write_text(text)
    for digests in (False, True):
        (line,) = intact(run_directory, digests)
        assert "its SHA-256 is" in line


def test_all_of_what_is_large_is_read_only_where_that_is_asked_for(run_directory, monkeypatch):
    (run_directory / RUN.file("A", "out.csv")).write_text("Result")
    monkeypatch.setattr("duet.records.run.QUICK_BYTES", 5)
    assert intact(run_directory) == []
    (line,) = intact(run_directory, digests=True)
    assert "its SHA-256 is" in line


def test_a_pipe_in_place_of_a_result_is_not_waited_for(run_directory):
    path = run_directory / RUN.file("A", "out.csv")
    path.unlink()
    os.mkfifo(path)
    assert intact(run_directory, digests=True) == [f"{path}: is neither a file nor a directory"]


@pytest.mark.timeout(30)
def test_a_pipe_in_place_of_a_record_is_not_waited_for(run_directory):
    path = run_directory / "run.json"
    path.unlink()
    os.mkfifo(path)
    assert intact(run_directory) == [f"{path}: is no file"]
    assert list(finished(run_directory.parent)) == [(parse_run(run_directory.name), run_directory)]
    assert RunRecord.read_sound(path) is None


def test_names_below_a_directory_are_part_of_its_digest(run_directory):
    tree = run_directory / RUN.file("B", "tree")
    (tree / "y").rename(tree / "z")
    assert len(intact(run_directory)) == len(intact(run_directory, digests=True)) == 1


def test_a_run_that_was_moved_is_not_intact(run_directory):
    moved = run_directory.rename(run_directory.with_name("s.b_x.1.duet.BA"))
    assert intact(moved) == [f"{moved}/run.json: name: is {RUN.name}, expected s.b_x.1.duet.BA"]


def test_results_of_which_only_the_name_is_known_are_intact_when_there(run_directory):
    document = json.loads((run_directory / "run.json").read_text())
    for side in document["sides"].values():
        side["files"] = [file["name"] for file in side["files"]]
    (run_directory / "run.json").write_text(json.dumps(document))
    assert intact(run_directory, digests=True) == []
    (run_directory / RUN.file("A", "out.csv")).unlink()
    assert len(intact(run_directory)) == 1


def planned(**changes: Any) -> Campaign:
    sides = (dataclasses.replace(SIDE, name=name, syncduet_run="sync it") for name in "AB")
    repetitions = {Type.DUET: 1, Type.SYNCDUET: 1}
    benchmark = Benchmark("s", "b.x", *sides, "native", repetitions, 5, warmup="10s")
    return dataclasses.replace(
        Campaign("c", Path("c.yml"), (benchmark,), artifacts=(("d", "date"),)), **changes
    )


def test_the_plan_files_of_a_campaign(tmp_path):
    layout, runs = Layout(tmp_path), (RUN, Run("s", "b.x", 0, Type.SYNCDUET, Order.AB))
    plan_of(planned(), runs).write(layout)
    made = {path: path.stat().st_mtime_ns for path in layout.plan.iterdir()}
    assert {path.name for path in made} == {
        "analysis.json", "runs.txt", "tables.txt", f"{REF.key}.image.json", "s.b_x.json", "s.b_x.runs.txt",
        "s.b_x.A.json", "s.b_x.B.json", "s.b_x.A.syncduet.json", "s.b_x.B.syncduet.json",
    }  # fmt: skip
    for run, command in zip(runs, ("run it", "sync it"), strict=True):
        plan = SidePlan.read(layout.side_plan(run, "B"))
        assert plan.side == dataclasses.replace(SIDE, name="B", run=command) and plan.timeout_s == 5
    assert ImagePlan.read(layout.image_plan(REF.key)).image == REF
    assert BenchmarkPlan.read(layout.benchmark_plan("s.b_x")).artifacts == {"d": "date"}
    assert AnalysisPlan.read(layout.analysis_plan) == AnalysisPlan(
        warmup={"s/b.x": "10s"}, same_sides=("s/b.x",)
    )
    assert files.read_lines(layout.plan / "tables.txt") == ["s.b_x"]
    without = plan_of(planned(), runs).without({run.name for run in runs})
    assert {path.name for path in made if without.changes(layout, path.name)} == {
        "tables.txt",
        "s.b_x.runs.txt",
    }
    assert files.read_lines(layout.planned_runs) == [run.name for run in runs]
    for path in made:
        old(path)
    plan_of(planned(), runs).write(layout)
    assert all(map(is_old, made)) and not any(plan_of(planned(), runs).changes(layout, p.name) for p in made)
    changed = plan_of(planned(analysis=Analysis(confidence=0.5)), runs)
    assert {path.name for path in made if changed.changes(layout, path.name)} == {"analysis.json"}
    changed.write(layout)
    assert {path.name for path in made if not is_old(path)} == {"analysis.json"}


def test_a_run_depends_on_the_files_that_are_written_for_it(tmp_path):
    layout = Layout(tmp_path)
    runs = [Run("s", "b.x", 0, type_, Order.AB) for type_ in (Type.DUET, Type.SYNCDUET, Type.AADUET)]
    plan_of(planned(), runs).write(layout)
    for run in (*runs, Run("s", "b.x", 0, Type.SEQN, side="B")):
        assert all(layout.side_plan(run, side).exists() for side in run.sides)


def test_values_that_json_does_not_have():
    with pytest.raises(TypeError, match="cannot hold a set"):
        encode({"x": {1}})
    with pytest.raises(TypeError, match="cannot hold"):
        decode(set, [])
