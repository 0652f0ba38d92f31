"""scripts/measure.py and scripts/clean.py on real engines: what a run leaves, however it ends."""

import json
import os
import random
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.engines.choose import choose_engine
from duet.model import ImageRef, Side, Type, parse_run
from duet.records.layout import Layout
from duet.records.noise import read_noise
from duet.records.plan import BenchmarkPlan, SidePlan
from duet.records.provision import ImagePresence, place
from duet.records.run import RunRecord, intact
from sides import alive

RESULT = "echo iteration,start_ns,end_ns >out.csv; echo 0,1,2 >>out.csv; "


class Bench:
    """A results directory with the plan of one benchmark, and the command that measures its runs."""

    def __init__(self, engine: str, image: str | None, tmp: Path):
        self.engine, self.image, self.results = engine, image, tmp / "results"
        self.layout = Layout(self.results)

    def plan(
        self,
        run="s.b.0.duet.AB",
        a=RESULT,
        b=None,
        timeout_s=None,
        files=("out.csv",),
        side=None,
        **benchmark,
    ):
        self.run = parse_run(run)
        image = ImageRef(self.image) if self.image else None
        if image:
            facts = {"name": image.name, "key": image.key, "engine": self.engine}
            there = ImagePresence(**facts, id=None, tag=self.image, hash="content")
            there.write(self.layout.image_presence(place(self.engine), image.key))
        for name, command in (("A", a), ("B", a if b is None else b)):
            wanted = Side(name, image, command, None, tuple(files), engine=self.engine, **(side or {}))
            if name == "A" or self.run.type != Type.AADUET:
                plan = SidePlan(side=wanted, timeout_s=timeout_s)
                plan.write(self.layout.side_plan(self.run, name))
        facts = {"campaign": "c", "suite": "s", "benchmark": "b.true", "format": "native"}
        facts |= {"remove_containers": True, "artifacts": {"uname": "uname -s"}, "seed": 0, "grace_s": 2}
        BenchmarkPlan(**facts | benchmark).write(self.layout.benchmark_plan(self.run.benchmark_stem))
        self.layout.planned_runs.write_text(f"{run}\n")
        self.directory = self.layout.run(run)
        return self

    @property
    def command(self) -> list[str]:
        log = self.directory / "measure.log"
        return [
            *(*DUETBENCH, "measure", "--results", str(self.results)),
            *("--run", self.run.name, "--log", str(log), "--again", "type this"),
        ]

    def measure(self, code: int = 0) -> str:
        done = subprocess.run(self.command, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr
        assert done.stdout == "" and "Traceback" not in done.stderr
        assert (self.directory / "measure.log").read_text() == done.stderr
        return done.stderr

    def measured(self) -> dict:
        self.measure()
        path = self.layout.run_record(self.run.name)
        record = RunRecord.read(path)
        named = {n for side in record.sides.values() for n in (side.log, *(f.name for f in side.files))}
        named |= {beside.file.name for beside in (record.exchange, record.noise) if beside.file}
        assert {p.name for p in self.directory.iterdir()} == named | {"run.json", "measure.log"}
        assert intact(self.directory, digests=True) == []
        return json.loads(path.read_bytes())

    def failed(self) -> tuple[str, dict]:
        lines = self.measure(1).strip().splitlines()
        # Something else may be measured here, or have been left by a test that was killed.
        others = tuple(f"{self.run.name}: {what} " for what in ("waiting for", "removed"))
        (line,) = (each for each in lines if not each.startswith(others))
        assert line.startswith(f"error: run {self.run.name}: ")
        assert line.endswith("; again: type this") and not (self.directory / "run.json").exists()
        failure = json.loads((self.directory / "failure.json").read_text())
        assert (
            failure["reason"] in line and f"log: {failure['log']}" in line and os.path.exists(failure["log"])
        )
        return failure["reason"], failure

    def begin(self) -> subprocess.Popen:
        return subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def log(self, side: str) -> str:
        return (self.directory / self.run.log(side)).read_text()

    def running_log(self, side: str) -> str:
        path = self.directory.with_name(f".{self.run.name}.part") / self.run.log(side)
        return path.read_text() if path.exists() else ""

    def leftovers(self) -> list[str]:
        return choose_engine(self.engine)[0].leftovers(self.results)


@pytest.fixture(params=["docker", "podman", "process"])
def bench(request, images, tmp_path):
    """On each engine that is here; nothing may be left of it."""
    from duet.engines import EngineError

    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    try:
        engine, _ = choose_engine(request.param)
    except EngineError as e:
        pytest.skip(f"needs {request.param}; {e.remedy}")
    bench = Bench(request.param, images(engine), tmp_path)
    yield bench
    assert bench.leftovers() == []
    assert list(bench.results.glob("runs/.*")) == []


@pytest.fixture
def mark():
    """The argument of a `sleep` that no other process has."""
    return f"{random.randrange(10**5, 10**6)}.{random.randrange(10**5, 10**6)}"


def until(condition, timeout_s=30):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_duet(bench):
    before = time.time_ns()
    bench.plan(
        run="s.b.0.duet.BA",
        a=RESULT + "echo $DUET_SIDE $DUET_TYPE $DUET_RUN $X; echo e >&2",
        side={"env": (("X", "y"),)},
    )
    value = bench.measured()
    for side in "AB":
        facts = value["sides"][side]
        assert before < facts["go_ns"] < facts["end_ns"] < time.time_ns()
        assert bench.log(side) == f"{side} duet s.b.0.duet.BA y\ne\n"
        assert (bench.directory / f"s.b.0.duet.BA.{side}.out.csv").read_text().endswith("0,1,2\n")
        assert facts["cpu_time_ns"] > 0 and facts["peak_memory_bytes"] > 0 and not facts["oom_killed"]
        assert facts["image_hash"] == ("content" if bench.image else None)
        assert facts["user_time_ns"] >= 0 and facts["system_time_ns"] >= 0  # by ticks in places: no sum
    assert value["run"] == dict(suite="s", benchmark="b.true", runid=0, type="duet", order="BA", side=None)
    assert 0 <= value["gate"]["skew_ns"] < 1e9 and value["gate"]["resolution_ns"] > 0
    assert value["artifacts"] == {"uname": "Linux\n"} and value["host"]["hostname"] == os.uname().nodename
    assert value["status"] == "ok" and not value["timed_out"]


def test_noise_is_seen_of_each_side(bench):
    """A short run gets one sample only, after its sides have ended: what is then known of them is nothing
    (test_protocol.py reads them while they run)."""
    value = bench.plan(a=RESULT + "echo $DUET_PADDING; sleep 0.5", b=RESULT + "sleep 0.5").measured()
    noise = value["noise"]
    assert noise["samples"] >= 1 and not noise["reason"] and noise["machine"]["busy_ns"] >= 0
    assert set(noise["sides"]) == {"A", "B"}
    for side in "AB":
        assert (noise["sides"][side]["cpu_ns"] or 0) <= value["sides"][side]["cpu_time_ns"]
    stretches = read_noise(bench.directory / noise["file"]["name"])
    assert stretches[0].start_ns > value["start_ns"] and len(stretches) == noise["samples"]
    assert bench.log("A").strip() == "x" * value["sides"]["A"]["padding_bytes"]


def test_seqn_and_aaduet(bench):
    value = bench.plan(run="s.b.0.seqn.None.B", a="exit 3", b=RESULT + "echo $DUET_SIDE").measured()
    assert list(value["sides"]) == ["B"] and value["gate"]["skew_ns"] is None and bench.log("B") == "B\n"
    bench.plan(run="s.b.0.aaduet.AB", a=RESULT + "echo I am A", b="exit 3").measured()
    assert bench.log("A") == bench.log("B") == "I am A\n"


BARRIER = """
exec 3<>"$DUET_BARRIER/barrier.$DUET_SIDE" 4>"$DUET_BARRIER/barrier.OTHER"
for i in 0 1 2 3; do
    printf g >&4
    if [ "$(dd bs=1 count=1 2>/dev/null <&3)" = g ]; then echo met; else echo gone; break; fi
    [ $i = LAST ] && break
done
echo >out.csv
"""


def test_syncduet_and_the_survivor(bench):
    a, b = (
        BARRIER.replace("OTHER", "B").replace("LAST", "1"),
        BARRIER.replace("OTHER", "A").replace("LAST", "9"),
    )
    bench.plan(run="s.b.0.syncduet.AB", a=a, b=b, timeout_s=30)
    value = bench.measured()
    assert not value["timed_out"] and bench.log("A") == "met\n" * 2 and bench.log("B") == "met\nmet\ngone\n"


def test_cores_are_split_swapped_and_seen_from_inside(bench):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("needs two cores; run it on another machine")
    seen = []
    for run in ("s.b.0.duet.AB", "s.b.1.duet.BA"):
        sides = bench.plan(run=run).measured()["sides"]
        assert all(side["cpus"]["asked"] == side["cpus"]["seen"] for side in sides.values())
        seen.append((sides["A"]["cpus"]["seen"], sides["B"]["cpus"]["seen"]))
    assert seen[0] == seen[1][::-1] and seen[0][0] != seen[0][1]
    sides = bench.plan(side={"cpus": str(cores[-1])}).measured()["sides"]
    assert {side["cpus"]["seen"] for side in sides.values()} == {str(cores[-1])}
    bench.plan(run="s.b.2.duet.AB", side={"cpus": "4000"})
    assert "cores that do not exist" in bench.failed()[0]


def test_a_crash_stops_the_other_and_keeps_the_logs(bench, mark):
    bench.plan(a=f"echo mine; setsid sleep {mark}", b="echo last words; exit 3")
    begin = time.monotonic()
    reason, failure = bench.failed()
    assert reason == 'side B ended with exit code 3 ("last words")' and time.monotonic() - begin < 8
    assert Path(failure["log"]).read_text() == "last words\n" and bench.log("A") == "mine\n"
    assert not alive(mark)
    # Mended, the same command measures it, and nothing of the failure is left.
    bench.plan().measured()


def test_out_of_memory_is_called_so(bench):
    greedy = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}; "
    bench.plan(a=greedy + RESULT, b=RESULT, side={"memory_bytes": 64 << 20})
    if bench.engine == "process":
        value = bench.plan(side={"memory_bytes": 64 << 20}).measure()
        assert "its engine cannot limit it" in value
    else:
        assert "side A ran out of memory of 67108864 bytes" in bench.failed()[0]


def test_what_is_not_there_is_said_before_anything_starts(bench):
    bench.plan()
    plan = bench.results / "plan" / bench.run.plan_file("B")
    plan.write_text(plan.read_text()[:-20])
    assert "not JSON" in bench.failed()[0]
    plan.unlink()
    (bench.directory / "failure.json").unlink()
    assert "no such file" in bench.failed()[0]


def test_missing_result(bench):
    bench.plan(b="echo forgot")
    reason, failure = bench.failed()
    assert reason.startswith("side B left no out.csv") and Path(failure["log"]).read_text() == "forgot\n"


def test_result_tree_and_absolute_path(bench):
    bench.plan(a="mkdir -p deep/er; echo 1 >deep/er/x; echo 2 >deep/y; echo 3 >z", files=("deep", "/duet/z"))
    bench.measured()
    assert (bench.directory / "s.b.0.duet.AB.A.deep/er/x").read_text() == "1\n"
    assert (bench.directory / "s.b.0.duet.AB.B.z").read_text() == "3\n"


def test_timeout_asks_first(bench):
    """A writes its result when asked, B had written it and does not care."""
    asked = "trap 'echo 0,1,2 >out.csv; exit 0' TERM; while :; do sleep 0.1; done"
    bench.plan(a=asked, b=RESULT + "trap '' TERM; while :; do sleep 0.1; done", timeout_s=1)
    begin = time.monotonic()
    value = bench.measured()
    assert value["timed_out"] and 3 <= time.monotonic() - begin < 12
    assert value["sides"]["A"]["exit_code"] == 0 and value["sides"]["B"]["exit_code"] == 137
    ran_s = [(side["end_ns"] - side["go_ns"]) / 1e9 for side in value["sides"].values()]
    assert 0.9 < ran_s[0] < 2.5 and 2.9 < ran_s[1] < 6


AT_ITS_END = """sh -c 'trap "sleep 0.7; echo 0,1,2 >out.csv; exit 0" TERM; while :; do sleep 0.1; done'"""


@pytest.mark.parametrize(
    "command",
    [AT_ITS_END, f"{AT_ITS_END}; true", f"cd . && {AT_ITS_END} & wait", f"({AT_ITS_END} &); sleep 50"],
    ids=["alone", "in the foreground", "in the background", "left alone"],
)
def test_timeout_waits_for_a_harness_that_writes_at_its_end(bench, command):
    bench.plan(a=command, timeout_s=1, grace_s=20)
    value = bench.measured()
    assert value["timed_out"]
    for side in "AB":
        assert (bench.directory / f"s.b.0.duet.AB.{side}.out.csv").read_text() == "0,1,2\n"
        assert value["sides"][side]["exit_code"] != 137


def test_timeout_takes_the_whole_tree(bench, mark):
    tree = (
        RESULT
        + f"trap '' TERM; (trap '' TERM; setsid sleep {mark}) & setsid sleep {mark} & wait; sleep {mark}"
    )
    bench.plan(a=tree, timeout_s=0.5, grace_s=0.5)
    assert bench.measured()["timed_out"] and not alive(mark)


def test_timeout_without_results_is_a_failure(bench, mark):
    bench.plan(a=f"sleep {mark}", b=RESULT, timeout_s=0.5)
    assert "side A left no out.csv when it was stopped after 0.5 s" in bench.failed()[0] and not alive(mark)


def test_the_side_that_ended_does_not_end_the_other(bench):
    value = bench.plan(b=RESULT + "sleep 0.5").measured()
    a, b = value["sides"]["A"], value["sides"]["B"]
    assert b["end_ns"] - a["end_ns"] > 300_000_000 and value["end_ns"] == b["end_ns"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_orderly(bench, mark, number):
    bench.plan(a=f"echo up; trap '' TERM; setsid sleep {mark}; sleep {mark}")
    process = bench.begin()
    until(lambda: bench.running_log("A") and bench.running_log("B"))
    process.send_signal(number)
    assert process.wait(20) == 128 + number and "Traceback" not in process.stderr.read()
    assert not alive(mark) and not (bench.directory / "run.json").exists()


def test_a_signal_during_the_start(bench, mark):
    for delay_s in (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
        bench.plan(a=f"sleep {mark}")
        process = bench.begin()
        time.sleep(delay_s)
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
        # -SIGTERM before Python has come to our code
        assert code in (143, -signal.SIGTERM), f"{code} after {delay_s} s: {process.stderr.read()}"
        assert not alive(mark) and bench.leftovers() == []


def test_killed_then_cleaned(bench, mark):
    bench.plan(a=f"echo up; sleep {mark}")
    process = bench.begin()
    until(lambda: bench.running_log("A") and bench.running_log("B"))
    process.kill()
    process.wait()
    clean = [*DUETBENCH, "clean", str(bench.results)]
    done = subprocess.run(clean, capture_output=True, text=True)
    assert done.returncode == 0 and not alive(mark)
    assert bench.engine == "process" or bench.run.name in done.stderr  # a process side dies with its measurer
    assert subprocess.run(clean, capture_output=True, text=True).stderr == ""
    bench.plan().measured()


def test_what_a_killed_measurer_left_is_no_neighbour_of_the_next_run(bench, mark, tmp_path):
    """Of whatever campaign and engine the next run is, before it begins and not silently."""
    bench.plan(a=f"echo up; sleep {mark}", side={"cpus": "split"})
    process = bench.begin()
    until(lambda: bench.running_log("A") and bench.running_log("B"))
    process.kill()
    process.wait()
    other = Bench("process", None, tmp_path / "other")
    other.plan(artifacts={"neighbours": f"pgrep -f '^sleep {mark}$' || true"})
    said = other.measure()
    record = RunRecord.read(other.directory / "run.json")
    assert record.artifacts["neighbours"] == "" and not record.warnings and not alive(mark)
    if bench.engine != "process":  # whose sides die with their measurer
        for side in "AB":
            assert f"removed side {side} of {bench.run.name} in {bench.results} (measured by process" in said
    subprocess.run([*DUETBENCH, "clean", str(bench.results)], check=True)


def test_links_do_not_lead_out(bench, tmp_path):
    """What a side leaves instead of its result is never followed on the host, nor written outside."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for trick in (f"ln -s {secret} out.csv", f"mkdir out.csv; ln -s {secret} out.csv/x; echo 1 >out.csv/y"):
        bench.plan(a=trick)
        done = subprocess.run(bench.command, capture_output=True, text=True)
        assert "Traceback" not in done.stderr
        for path in bench.directory.rglob("*"):
            assert not path.is_symlink() and (path.is_dir() or path.read_bytes() != b"secret")
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("trick", ["ln -s {target} $f", "mkfifo $f", "mkdir -m 0 $f", "mknod $f c 1 5", ":"])
def test_a_side_that_vandalises_the_rendezvous(bench, tmp_path, trick):
    """Harmless in a container; a host process may fail its own run by that, but nothing else."""
    target = tmp_path / "target"
    target.write_text("mine")
    tricks = (
        f'cd "$DUET_GATE" && for f in *; do rm -f $f; {trick.format(target=target)}; done 2>/dev/null; true'
    )
    bench.plan(a=f"{RESULT} mkdir -m 0 $DUET_GATE/locked; {tricks}", b=RESULT)
    code = 0 if bench.image else None
    done = subprocess.run(bench.command, capture_output=True, text=True, timeout=120)
    assert code in (None, done.returncode) and "Traceback" not in done.stderr
    assert target.read_text() == "mine"
    bench.plan().measured()


def test_a_log_of_gigabytes_is_bounded(bench):
    bench.plan(a=RESULT + "yes | head -c 1200000000; echo the end", b=RESULT)
    value = bench.measured()
    path = bench.directory / bench.run.log("A")
    assert 64 << 20 < path.stat().st_size < 65 << 20
    left_out = 1_200_000_000 + len("the end\n") - (64 << 20) - (64 << 10)
    with path.open("rb") as file:
        file.seek(64 << 20)
        assert file.read().startswith(f"\n[duetbench: {left_out} bytes are left out here]\n".encode())
    assert path.read_bytes().endswith(b"y\nthe end\n")
    assert value["warnings"] == [f"the log of side A is incomplete: {left_out} bytes of it are left out"]


def test_a_side_that_writes_more_than_it_may_is_stopped(bench):
    hog = "while :; do dd if=/dev/zero bs=1M count=20 >>big 2>/dev/null; sleep 0.2; done"
    bench.plan(a=RESULT, b=f"{RESULT} {hog}", side={"disk_bytes": 60 << 20})
    reason, _ = bench.failed()
    assert re.match(r"side B has written \d+ bytes, 62914560 are allowed; raise `disk`", reason)


def test_results_that_are_no_files_are_left_out_and_said(bench):
    tree = (
        "mkdir -p r; echo 1 >r/x; ln -s /etc/passwd r/link; mkfifo r/fifo; truncate -s 1099511627776 r/giant"
    )
    bench.plan(a=tree, b="mkdir r", files=("r",))
    value = bench.measured()
    (warning,) = value["warnings"]
    name = "s.b.0.duet.AB.A.r"
    assert warning.startswith(f"not all of {name} is kept, without ") and "giant (1099511627776 by" in warning
    kept = {path.name for path in (bench.directory / name).iterdir()}
    assert kept <= {"x"}  # where the giant comes first in the archive, nothing else is looked at


def test_a_big_log_and_hostile_output(bench):
    bench.plan(a=RESULT + r"head -c 20000000 /dev/zero; printf '\377\033[2J'", b=RESULT)
    bench.measured()
    assert (bench.directory / bench.run.log("A")).stat().st_size == 20_000_005


def test_odd_commands(bench):
    """The command comes to the side as it is, whatever is in it."""
    text = """it's {gate} "x" $(false) ` \\ %s"""
    bench.plan(a=RESULT + f"# {{gate}}\nprintf '%s\\n' {shlex.quote(text)}\n: 'two\nlines'")
    bench.measured()
    assert bench.log("A") == bench.log("B") == text + "\n"


@pytest.mark.parametrize("bench", ["docker", "podman"], indirect=True)
def test_no_shell_in_the_image(bench):
    api = choose_engine(bench.engine)[0].api
    import io
    import tarfile

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("nothing"))
    name = f"localhost/duetbench-noshell-{os.getpid()}"
    api.import_image_from_data(data.getvalue(), repository=name, tag="latest")
    try:
        bench.image = name
        assert "must have a POSIX sh" in bench.plan().failed()[0]
    finally:
        api.remove_image(name, force=True)
    bench.image = "localhost/duetbench-absent"
    assert "duetbench-absent" in bench.plan().failed()[0]


def test_kept_containers_are_no_leftovers_and_do_not_pile_up(bench):
    bench.plan(remove_containers=False).measured()
    if bench.engine == "process":
        return
    api = choose_engine(bench.engine)[0].api

    def kept() -> set[str]:
        listed = api.containers(all=True, filters={"label": f"duetbench.root={bench.results}"})
        assert {c["State"] for c in listed} <= {"exited"}
        return {c["Id"] for c in listed}

    first = kept()
    assert len(first) == 2
    bench.plan("s.b.1.duet.AB", remove_containers=False).measured()
    assert len(kept()) == 4
    bench.plan(remove_containers=False).measured()
    assert len(kept()) == 4 and not first & kept()
    subprocess.run([*DUETBENCH, "clean", str(bench.results)], check=True)
    assert len(kept()) == 4
    for run in ("s.b.0.duet.AB", "s.b.1.duet.AB"):
        bench.plan(run).measured()
    assert kept() == set()


def test_both_sides_of_a_synchronised_duet_may_see_one_memory(bench):
    """For a barrier of the sides' own, as the predecessor's agent has it."""
    here = f"/dev/shm/duetbench.{os.getpid()}"
    waits = (
        f"n=0; until [ -e {here} ]; do sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || exit 9; done; rm {here}"
    )
    bench.plan(
        "s.b.0.syncduet.AB", f"echo x >{here}; {RESULT}", f"{waits}; {RESULT}", side={"shares_memory": True}
    )
    bench.measured()
    assert bench.leftovers() == []


def test_otherwise_each_container_has_a_memory_of_its_own(bench):
    if bench.engine == "process":
        return
    waits = "sleep 1; [ ! -e /dev/shm/mine ] || exit 9"
    bench.plan("s.b.0.duet.AB", f"echo x >/dev/shm/mine; sleep 1; {RESULT}", f"{waits}; {RESULT}")
    bench.measured()


def test_commands_are_bashs_where_there_is_one(bench):
    """The test image has busybox only, the host has bash."""
    bench.plan(a=f'echo "is ${{BASH:+bash}}"; {RESULT}')
    bench.measured()
    assert bench.log("A") == ("is bash\n" if bench.engine == "process" else "is \n")


def test_a_condition_that_fails_fails_the_run(bench):
    bench.plan(a=f"{RESULT} [[ a = b ]]", b=RESULT)
    reason, _ = bench.failed()
    assert reason.startswith("side A ended with exit code")
