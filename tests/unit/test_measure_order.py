"""Order and cleanup of measuring, with an engine that only pretends; the real ones are in tests/engine."""

import errno
import hashlib
import itertools
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, EngineGone, ResultMissing, Usage
from duet.measure import attempts, interruption, progress
from duet.measure import run as measuring
from duet.measure.request import MeasureError, Request
from duet.model import ImageRef, Side, parse_run
from duet.records import worklist
from duet.records.files import RecordError
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan, SidePlan
from duet.records.run import FailureRecord, FileRecord, RunRecord, intact


class Fake:
    """An engine whose sides do what `behaviour[side]` says: words out of those of FakeSide."""

    name, version, splits_cpus, bounds_memory = "fake", "1", True, False

    def __init__(self, absences=0, **behaviour):
        """`behaviour`: a list has that of each attempt; `absences`: so often it is not there when asked."""
        self.behaviour, self.absences, self.events = behaviour, absences, []

    def check(self):
        if self.absences:
            self.absences -= 1
            raise EngineGone("fake: gone", "start it")

    def remove_leftovers(self, root):
        self.events.append("removed leftovers")
        return []

    def start(self, start):
        words = self.behaviour.get(start.side, "")
        if isinstance(words, list):
            words = words.pop(0)
        self.events.append(f"start {start.side}")
        if "refuse" in words:
            time.sleep(0.05)
            raise EngineError("fake: refused", "ask nicely")
        return FakeSide(self, start, words.split())


class FakeSide:
    def __init__(self, engine, start, words):
        self.engine, self.start, self.words = engine, start, words
        self.storage = start.gate
        self.ended, self.code = threading.Event(), None
        if "absent" in words:
            return
        if "early" in words:
            self.end(9)
            return
        self.stamp("go")
        if "crash" in words:
            self.end(3)
        elif "terminated" in words:
            self.end(143)
        elif "hang" not in words and "stubborn" not in words and "immortal" not in words:
            self.stamp("end")
            self.end(0)

    def stamp(self, what):
        stamp = self.start.gate / {"go": f"go.{self.start.side}", "end": "end"}[what]
        stamp.write_text("\n")
        (self.start.gate / "tell").write_text(f"{what}{' 0' if what == 'end' else ''}\n")

    def end(self, code):
        self.code = code
        self.ended.set()

    def note(self, what):
        self.engine.events.append(f"{what} {self.start.side}")

    def wait(self, timeout_s):
        if "vanish" in self.words:
            raise EngineGone("fake: gone", "start it")
        return self.code if self.ended.wait(timeout_s) else None

    def ask(self):
        self.note("ask")
        if "hang" in self.words:
            self.end(143)

    def kill(self):
        self.note("kill")
        if "immortal" not in self.words:
            self.end(137)

    def written(self):
        return 11 << 30 if "writes" in self.words else 0

    def usage(self, told):
        return Usage(1, 2, "oom" in self.words)

    def fetch(self, path, to, room):
        self.note("fetch")
        if "missing" in self.words or ("unwritten" in self.words and path == "late.json"):
            raise ResultMissing(f"fake: no {path}", "write it")
        to.write_text("iteration,start_ns,end_ns\n0,1,2\n" if "stamps" in self.words else "result")
        return ["out.csv/link"] if "links" in self.words else []

    def remove(self):
        self.note("remove")
        self.end(137)
        if "sticky" in self.words:
            raise EngineError("fake: cannot be removed")


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measure one run with a fake engine; gives its record, and remembers engine and request."""
    monkeypatch.setattr(measuring, "GATE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(measuring, "KILL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(measuring, "SALVAGE_S", 0.1)
    monkeypatch.setattr(attempts, "LOOK_S", 0.01)

    def go(
        run="s.b.0.duet.AB",
        timeout_s=None,
        remove_containers=True,
        results=("out.csv",),
        memory_bytes=None,
        retries=0,
        **behaviour,
    ):
        go.engine = Fake(**behaviour)
        go.request = requested(tmp_path, run, timeout_s, remove_containers, results, memory_bytes, retries)
        go.directory = go.request.directory
        go.events = go.engine.events
        go.said = []
        return attempts.measure_run(go.request, {side: go.engine for side in "AB"}, say=go.said.append)

    yield go
    assert [p.name for p in (tmp_path / "runs").iterdir() if p.name.startswith(".")] == []


def requested(
    results,
    name,
    timeout_s=None,
    remove_containers=True,
    files=("out.csv",),
    memory_bytes=None,
    retries=0,
):
    run = parse_run(name)
    benchmark = BenchmarkPlan(
        campaign="c",
        suite="s",
        benchmark="b.true",
        format="native",
        remove_containers=remove_containers,
        artifacts={"where": "echo here"},
        seed=0,
        grace_s=0.2,
        retries=retries,
    )
    env = (("X", "1"),)
    sides = {
        name: SidePlan(
            side=Side(name, None, "true", None, files, env, "fake", memory_bytes, cpus="split"),
            timeout_s=timeout_s,
        )
        for name in run.sides
    }
    return Request(run, Layout(results), benchmark, sides, {}, {})


def failure(measured, said, **behaviour):
    with pytest.raises(MeasureError, match=said) as e:
        measured(**behaviour)
    files = sorted(p.name for p in measured.directory.iterdir())
    assert "run.json" not in files and "failure.json" in files and "s.b.0.duet.AB.A.log" in files
    told = json.loads((measured.directory / "failure.json").read_text())
    assert told["reason"] == str(e.value) and told["log"] == e.value.log and "\n" not in str(e.value)
    assert os.path.exists(e.value.log)
    return e.value


def test_a_run_and_its_record(measured):
    record = measured()
    assert sorted(measured.events[:2]) == ["start A", "start B"]
    assert sorted(measured.events[2:4]) == ["fetch A", "fetch B"]
    assert sorted(measured.events[4:]) == ["remove A", "remove B"]
    assert RunRecord.read(measured.directory / "run.json") == record
    assert record.artifacts == {"where": "here\n"} and record.sides["B"].exit_code == 0
    assert record.run.benchmark == "b.true"
    digest = hashlib.sha256(b"result").hexdigest()
    assert record.sides["A"].files == (FileRecord("s.b.0.duet.AB.A.out.csv", 6, digest),)
    assert intact(measured.directory, digests=True) == []
    assert sorted(p.name for p in measured.directory.iterdir()) == [
        "run.json",
        "s.b.0.duet.AB.A.log",
        "s.b.0.duet.AB.A.out.csv",
        "s.b.0.duet.AB.B.log",
        "s.b.0.duet.AB.B.out.csv",
    ]


def test_a_stopped_run_is_not_lost_for_one_of_its_files(measured):
    """The harness's own, written at its end; that of the probe is there."""
    record = measured(A="hang unwritten", B="", timeout_s=0.1, results=("late.json", "out.csv"))
    assert [file.name for file in record.sides["A"].files] == ["s.b.0.duet.AB.A.out.csv"]
    assert [file.name for file in record.sides["B"].files] == [
        "s.b.0.duet.AB.B.late.json",
        "s.b.0.duet.AB.B.out.csv",
    ]
    assert record.timed_out and "side A left no late.json when it was stopped after 0.1 s" in record.warnings


def test_a_run_that_was_not_stopped_must_have_left_all_its_files(measured):
    failure(measured, "side A left no late.json", A="unwritten", results=("late.json", "out.csv"))


def test_the_probes_file_is_enough_for_a_run_that_was_not_stopped(measured):
    record = measured(A="unwritten stamps", results=("late.json", "out.csv"))
    assert [file.name for file in record.sides["A"].files] == ["s.b.0.duet.AB.A.out.csv"]
    assert "side A left no late.json" in record.warnings and not record.timed_out


def test_memory_that_cannot_be_bounded_is_a_warning(measured):
    assert (
        measured().warnings
        == (
            "side A was configured for cores 1 but may use None",
            "side B was configured for cores 0 but may use None",
        )
        or len(os.sched_getaffinity(0)) != 2
    )
    record = measured(memory_bytes=1 << 20)
    assert sum("more memory" in text for text in record.warnings) == 2


def test_one_side_alone(measured):
    record = measured(run="s.b.0.seqn.None.B")
    assert measured.events == ["start B", "fetch B", "remove B"] and list(record.sides) == ["B"]
    assert record.gate.skew_ns is None


def test_measuring_again_replaces_what_was_there(measured):
    with pytest.raises(MeasureError):
        measured(A="crash")
    measured()
    assert not (measured.directory / "failure.json").exists()
    with pytest.raises(MeasureError):
        measured(A="crash")
    assert RunRecord.read(measured.directory / "run.json").status == "ok", "a failure replaces nothing"


def test_a_failure_leaves_a_finished_run_as_it_was(measured):
    measured()
    before = {path.name: path.read_bytes() for path in measured.directory.iterdir()}
    for reason in ("exit code 3", "out of memory"):
        with pytest.raises(MeasureError, match=reason) as e:
            measured(A="crash oom" if "memory" in reason else "crash")
        after = {path.name: path.read_bytes() for path in measured.directory.iterdir() if path.is_file()}
        failed = measured.directory / "failed"
        assert after == before and os.path.exists(e.value.log) and e.value.log.startswith(str(failed))
        assert FailureRecord.read(failed / "failure.json").reason == str(e.value)
    measured()
    assert not (measured.directory / "failed").exists()


def test_a_damaged_run_is_replaced_by_a_failure(measured):
    measured()
    (measured.directory / "run.json").write_text("{")
    failure(measured, "exit code 3", A="crash")


def test_what_a_failed_run_wrote_is_kept_beside_its_logs(measured):
    failure(measured, "side B ended with exit code 3", A="hang", B="crash")
    for side in "AB":
        assert (measured.directory / f"s.b.0.duet.AB.{side}.out.csv").read_text() == "result"


def test_a_run_that_failed_is_tried_again_as_often_as_it_may(measured):
    record = measured(retries=2, A=["crash", "missing", ""])
    first, second = record.attempts
    assert "exit code 3" in first.reason and "left no out.csv" in second.reason
    assert first.time_ns < second.time_ns < record.start_ns
    for name in ("failed.1", "failed.2"):
        assert (measured.directory / name / "s.b.0.duet.AB.A.log").exists()
    assert RunRecord.read(measured.directory / "run.json") == record
    assert intact(measured.directory, digests=True) == []
    assert [line.partition(" failed")[0] for line in measured.said] == ["attempt 1", "attempt 2"]


def test_a_run_that_fails_each_time_says_how_often(measured):
    e = failure(measured, r"exit code 3 \(attempt 3\)", retries=2, A="crash")
    told = FailureRecord.read(measured.directory / "failure.json")
    assert len(told.attempts) == 3 and str(e) == told.reason
    assert {p.name for p in measured.directory.iterdir() if p.is_dir()} == {"failed.1", "failed.2"}
    failure(measured, "exit code 3", A="crash")
    assert not (measured.directory / "failed.1").exists()


def test_an_engine_that_goes_is_waited_for_and_costs_no_retry(measured):
    record = measured(A=["vanish", ""], absences=3)
    (attempt,) = record.attempts
    assert attempt.reason.startswith("fake: gone")
    waiting, again = measured.said
    assert waiting == "fake: gone; waiting for it, at most 10 min" and "tried again" in again
    assert measured.events.count("removed leftovers") == 1


def test_exit_code_143_is_not_the_fault_of_a_side_whose_engine_goes(measured):
    record = measured(A=["terminated", ""], absences=2)
    assert [a.reason for a in record.attempts] == ["fake: gone; start it"]
    shutil.rmtree(measured.directory)
    failure(measured, "side A ended with exit code 143", A="terminated")


def test_an_engine_that_stays_away_ends_the_run(measured, monkeypatch):
    monkeypatch.setattr(attempts, "ENGINE_PATIENCE_S", 0.05)
    failure(measured, "fake: gone; start it", A="vanish", absences=10**6)


def test_a_clock_that_is_set_meanwhile_is_noticed(measured, monkeypatch):
    real, begin = time.time_ns, time.monotonic()

    def stepping():
        return real() + (3_600_000_000_000 if time.monotonic() - begin > 0.15 else 0)

    monkeypatch.setattr(time, "time_ns", stepping)
    record = measured(A="hang", B="hang", timeout_s=0.4)
    assert abs(record.clock_step_ns - 3_600_000_000_000) < 10**9
    assert any("the clock was set by +3600.0" in warning for warning in record.warnings)
    assert measured().clock_step_ns is None


def test_memory_that_ran_out_for_a_child_is_said(measured):
    record = measured(A="oom")
    assert record.sides["A"].oom_killed
    assert "a process of side A was killed since memory ran out; raise `memory`" in record.warnings


def test_a_full_disk_is_one_line_and_loses_nothing(measured, monkeypatch):
    measured()
    before = (measured.directory / "run.json").read_bytes()

    def full(self, text):
        if ".json" in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(self, text)

    write_text = Path.write_text
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(MeasureError, match=r"cannot be written \(No space left.*make room there") as e:
            measured()
    assert "\n" not in str(e.value) and (measured.directory / "run.json").read_bytes() == before


def test_a_refused_side_takes_the_started_one_with_it(measured):
    e = failure(measured, "refused; ask nicely", B="refuse", A="absent")
    assert measured.events[:2] == ["start A", "start B"] and measured.events[-1] == "remove A"
    assert e.remedy == "ask nicely"


def test_a_crash_stops_the_other_at_once(measured):
    begin = time.monotonic()
    e = failure(measured, "side B ended with exit code 3", A="stubborn", B="crash", timeout_s=60)
    assert time.monotonic() - begin < 5 and e.log.endswith("AB.B.log")
    assert measured.events[2] == "kill A" and sorted(measured.events[-2:]) == ["remove A", "remove B"]


def test_out_of_memory_is_called_so(measured):
    failure(measured, "side A ran out of memory", A="crash oom")


def test_death_before_the_gate(measured):
    failure(measured, "side A ended before the gate with exit code 9", A="early", B="absent")
    assert "remove B" in measured.events


def test_a_side_that_never_comes_to_the_gate(measured):
    failure(measured, "side B did not reach the gate within", A="hang", B="absent")


def test_missing_result(measured):
    failure(measured, "side B left no out.csv; the command has to write it, or duet-loop", B="missing")


def test_two_results_of_one_name(measured):
    failure(measured, "two results called", results=("x/out.csv", "y/out.csv"))


def test_timeout_asks_then_kills_and_keeps_what_is_there(measured):
    record = measured(A="hang", B="stubborn", timeout_s=0.1)
    assert record.timed_out and record.sides["A"].exit_code == 143
    assert record.sides["B"].exit_code == 137 and record.sides["B"].files
    assert sorted(measured.events[2:4]) == ["ask A", "ask B"] and measured.events[4] == "kill B"


def test_a_side_that_ended_in_time_is_not_asked(measured):
    record = measured(A="", B="hang", timeout_s=0.1)
    assert measured.events[2] == "ask B" and "ask A" not in measured.events and record.timed_out
    assert record.sides["A"].exit_code == 0


def test_timeout_without_results_fails(measured):
    failure(measured, "left no out.csv when it was stopped after 0.1 s", A="hang missing", timeout_s=0.1)


def test_what_cannot_be_killed_fails(measured):
    failure(measured, "side A is still running", A="immortal", timeout_s=0.1)


def test_what_cannot_be_removed_is_a_warning(measured):
    assert "fake: cannot be removed" in measured(A="sticky").warnings


def test_containers_are_left_stopped_when_asked_for(measured):
    measured(remove_containers=False)
    assert not [e for e in measured.events if e.startswith(("remove", "kill"))]
    shutil.rmtree(measured.directory)
    failure(measured, "exit code 3", A="crash", B="hang", remove_containers=False)
    assert "kill B" in measured.events and not [e for e in measured.events if e.startswith("remove")]


@pytest.mark.parametrize("when", [0.05, 0.3])
def test_a_signal_cleans_up_and_leaves_what_was_there(measured, when):
    measured()
    before = (measured.directory / "run.json").read_bytes()
    interruption.arm()
    main = threading.get_ident()
    timer = threading.Timer(when, lambda: __import__("signal").pthread_kill(main, interruption.SIGNALS[1]))
    timer.start()
    try:
        with pytest.raises(interruption.Interrupted, match="SIGTERM"):
            measured(A="hang", B="stubborn")
    finally:
        restore()
    assert sorted(measured.events[-2:]) == ["remove A", "remove B"]
    assert (measured.directory / "run.json").read_bytes() == before


def test_a_signal_that_comes_in_a_finalizer_is_not_lost(capfd):
    """Where Python drops what is raised; the next to wait raises it."""

    class Finalized:
        def __del__(self):
            os.kill(os.getpid(), interruption.SIGNALS[1])
            time.sleep(0.01)

    hook = sys.unraisablehook
    interruption.arm()
    try:
        Finalized()
        with pytest.raises(interruption.Interrupted, match="SIGTERM"):
            interruption.check()
        interruption.check()
    finally:
        sys.unraisablehook = hook
        restore()
    assert capfd.readouterr().err == ""


def test_a_signal_waits_until_cleaning_is_done():
    interruption.arm()
    done = []
    try:
        with pytest.raises(interruption.Interrupted) as e, interruption.deferred():
            os.kill(os.getpid(), interruption.SIGNALS[0])
            time.sleep(0.01)
            done.append(1)
        assert done and e.value.signum == 2
    finally:
        restore()


def restore():
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in interruption.SIGNALS[1:]:
        signal.signal(number, signal.SIG_DFL)


def test_foreign_names_and_plans(tmp_path):
    for name in ("x", "s.b.0.duet.AB.A", "../../etc"):
        with pytest.raises(MeasureError, match="not the name of a run"):
            Request.read(tmp_path, name, str)
    with pytest.raises(RecordError, match=r"plan/s\.b\.json: no such file"):
        Request.read(tmp_path, "s.b.0.duet.AB", str)


def test_an_image_that_is_not_present_here_is_said(tmp_path):
    layout, run = Layout(tmp_path), parse_run("s.b.0.seqn.None.A")
    facts = {"campaign": "c", "suite": "s", "benchmark": "b", "format": "native"}
    benchmark = BenchmarkPlan(**facts, remove_containers=True, artifacts={}, seed=0)
    benchmark.write(layout.benchmark_plan(run.benchmark_stem))
    side = Side("A", ImageRef("app"), "true", None, ("out.csv",))
    SidePlan(side=side, timeout_s=None).write(layout.side_plan(run, "A"))
    with pytest.raises(
        MeasureError, match=r"image app is not present on podman@.+; start the workflow there"
    ):
        Request.read(tmp_path, run.name, lambda name: {"auto": "podman"}[name])


def test_progress(tmp_path):
    run, layout = parse_run("s.b.0.duet.AB"), Layout(tmp_path)
    assert progress.line(layout, run, 1.26) == "s.b.0.duet.AB 1.3 s"
    layout.plan.mkdir()
    names = [f"s.b.{i}.duet.AB" for i in range(4)]
    layout.planned_runs.write_text("\n".join(names))
    worklist.write(layout, {name: "not measured\nyet: 3" for name in names[:3]})
    for name, seconds in ((names[0], 100), (names[1], 140)):
        progress.add(layout, parse_run(name), seconds)
    assert worklist.left(layout) == {names[2]: "not measured yet: 3"}
    assert progress.line(layout, run, 100) == "[3/4] s.b.0.duet.AB 100.0 s; 1 left, about 2 min"
    progress.add(layout, parse_run(names[2]), 1)
    assert progress.line(layout, run, 100) == "[4/4] s.b.0.duet.AB 100.0 s"


def test_progress_of_many_runs_looks_at_none_of_them(tmp_path):
    layout = Layout(tmp_path)
    layout.plan.mkdir()
    names = [f"s.b{b}.{i}.duet.AB" for b, i in itertools.product(range(100), range(100))]
    layout.planned_runs.write_text("\n".join(names))
    layout.durations.write_text("".join(f"{name} 1.5\n" for name in names[:5000]))
    worklist.write(layout, dict.fromkeys(names[5000:], "not measured yet"))
    line = progress.line(layout, parse_run(names[0]), 1)
    assert "[5000/10000]" in line and "2 h 5 min" in line
