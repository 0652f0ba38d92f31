"""Exchange on every engine, as the sides themselves see it."""

import os
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, SideGone, cpusets, processes
from duet.engines.containers import ContainerEngine, UpdateMover
from duet.records import exchange
from duet.records.codec import decode
from duet.records.run import ExchangeRecord
from sides import Sides
from test_measure import RESULT, bench, until  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")

WATCH = "while :; do grep Cpus_allowed_list /proc/self/status; done"
SEE = """n=0; while [ $n -lt 200 ]; do n=$((n+1))
while read -r key value; do [ $key = Cpus_allowed_list: ] && echo "$value"; done </proc/self/status
done; """
"""The shell's own cores, again and again."""


def own_cgroups() -> bool:
    """Whether this user may make a cgroup for a process side."""
    try:
        made = cpusets.make(cpusets.parent(), f"duetbench-test-{os.getpid()}", "0")
    except EngineError:
        return False
    made.rmdir()
    return True


@pytest.fixture(params=["cgroup", "affinity"])
def way(request, monkeypatch):
    """Both ways of moving host processes; measuring in this process."""
    if request.param == "affinity":
        monkeypatch.setattr(processes, "_cgroup", lambda *_: None)
    elif not own_cgroups():
        pytest.skip("needs a cgroup of its own; run it as root outside containers")
    return request.param


def seen(log: str) -> set[str]:
    return set(log.split())


@pytest.mark.parametrize(
    "run", [f"s.b.0.{t}" for t in ("duet.BA", "syncduet.AB", "aaduet.AB", "seqn.None.B")]
)
def test_every_type_is_exchanged(bench, run):  # noqa: F811
    bench.plan(run=run, a=SEE + "sleep 0.5; " + SEE + RESULT, side={"cpus": "exchange 20ms"})
    value = bench.measured()
    record = decode(ExchangeRecord, value["exchange"])
    assert record.moves > 10 and record.reason == "" and record.refused == 0 and not record.strange
    assert record.sets is not None and record.period_ns == 20_000_000 and record.period_given
    for side, facts in value["sides"].items():
        assert seen(bench.log(side)) == set(record.sets) and facts["cpus"]["seen"] == facts["cpus"]["asked"]
    moves = exchange.read_moves(bench.directory / record.file.name)
    assert len(moves) == record.moves + 1
    both = [m for m in moves if m.a and m.b]
    assert all({m.a, m.b} == set(record.sets) for m in both) and bool(both) == (len(value["sides"]) == 2)
    assert value["start_ns"] - 1e9 < moves[0].start_ns and moves[-1].end_ns < value["end_ns"] + 2e9
    ways = {"cgroup file"} if bench.engine != "process" or own_cgroups() else {"affinity"}
    assert set(record.ways.values()) == ways


def test_the_period_is_found_by_itself(bench):  # noqa: F811
    value = bench.plan(a="sleep 1; " + RESULT).measured()
    record = decode(ExchangeRecord, value["exchange"])
    assert record.moves > 0 and not record.period_given and record.cost_ns > 0 and record.priority


def test_split_and_sets_of_ones_own_are_left_alone(bench):  # noqa: F811
    for cpus in ("split", "shared", "0"):
        bench.plan(a=SEE + RESULT, side={"cpus": cpus})
        value = bench.measured()
        assert decode(ExchangeRecord, value["exchange"]) == ExchangeRecord()
        assert len(seen(bench.log("A"))) == 1


def test_one_side_ends_long_before_the_other(bench):  # noqa: F811
    bench.plan(a=SEE + RESULT, b="sleep 1; " + SEE + RESULT, side={"cpus": "exchange 10ms"})
    value = bench.measured()
    record = decode(ExchangeRecord, value["exchange"])
    assert (record.refused, record.reason) == (0, "")
    moves = exchange.read_moves(bench.directory / exchange.MOVES)
    assert [m.moved for m in moves if m.moved][-1] == "B"
    assert seen(bench.log("B")) == {m.b for m in moves if m.b} == set(record.sets)


def test_a_failing_side_and_a_timeout_end_it(bench):  # noqa: F811
    bench.plan(a="sleep 100", b="sleep 0.3; exit 3")
    assert bench.failed()[0] == "side B ended with exit code 3"
    bench.plan(a=RESULT + "sleep 100", timeout_s=0.5)
    assert bench.measured()["timed_out"]


def test_each_thread_and_child_is_moved(sides: Sides):
    each_thread_and_child_is_moved(sides)


def test_each_thread_and_child_of_a_process_is_moved(hosted: Sides, way):
    each_thread_and_child_is_moved(hosted)


def each_thread_and_child_is_moved(sides: Sides) -> None:
    first, second = map(str, sorted(os.sched_getaffinity(0))[:2])
    side = sides(f"({WATCH}) & ({WATCH}) & {WATCH}", cpus=first)
    until(lambda: len(sides.log) > 1000)
    mover = side.mover()
    for cpus in (second, first, second):
        mover.move(cpus)
        size = len(sides.log)
        until(lambda size=size: len(sides.log) > size + 3000)
        places = [line.split()[-1] for line in sides.log[size:].splitlines()[1:-1]]
        # Each of the three loops may be about to print what it had read before.
        assert len(places) > 50 and sum(line != cpus for line in places) <= 3
        assert mover.bound() <= {frozenset({int(cpus)})}
    side.kill()
    assert side.wait(20) == 137
    with pytest.raises(SideGone):
        for _ in range(200):  # the cgroup goes a moment after its last process
            mover.move(first)
            time.sleep(0.01)
    mover.close()


def test_cores_that_are_not_there_are_refused(sides: Sides):
    first = str(min(os.sched_getaffinity(0)))
    side = sides("sleep 100", cpus=first)
    mover = side.mover()
    mover.move(first)
    with pytest.raises(EngineError):
        mover.move("4000")
    mover.move(first)
    mover.close()


def test_the_engines_own_update(contained: Sides):
    """Where the cgroup's file is not ours to write. Podman before 4.4 has no such call, and says so."""
    first, second = map(str, sorted(os.sched_getaffinity(0))[:2])
    side = contained("sleep 100", cpus=first)
    assert isinstance(contained.engine, ContainerEngine)
    mover = UpdateMover(contained.engine, side.id)
    if contained.engine.name == "podman":
        with pytest.raises((EngineError, SideGone)):
            mover.move(second)
        return
    mover.move(second)
    pid = contained.engine.api.inspect_container(side.id)["State"]["Pid"]
    assert os.sched_getaffinity(pid) == {int(second)}
    with pytest.raises(EngineError):
        mover.move("4000")
    side.remove()
    with pytest.raises(SideGone):
        mover.move(first)


def test_without_the_file_the_engine_is_asked(bench, monkeypatch, tmp_path):  # noqa: F811
    """Measured in this process, so that the file can be taken away."""
    from duet.engines.choose import choose_engine
    from duet.measure.attempts import measure_run
    from duet.measure.request import Request

    def refuse(*_):
        raise EngineError("not to be written", "be root")

    monkeypatch.setattr(cpusets, "find", refuse)
    monkeypatch.setattr(cpusets, "parent", refuse)
    bench.plan(a="sleep 2.5; " + RESULT)
    engine = choose_engine(bench.engine)[0]
    value = measure_run(Request.read(bench.results, bench.run.name, str), {"A": engine, "B": engine})
    record = value.exchange
    if bench.engine == "podman":
        assert record.moves == 0 and "not to be written" in record.reason
        assert any("cores were not exchanged" in w for w in value.warnings)
    else:
        way = "affinity" if bench.engine == "process" else "engine update"
        assert record.moves > 0 and set(record.ways.values()) == {way} and record.reason == ""


def test_a_program_that_binds_itself_is_noticed(hosted: Sides, way):
    cores = sorted(os.sched_getaffinity(0))[:2]
    both, one = f"{cores[0]},{cores[1]}", str(cores[0])
    side = hosted(f"sleep 0.5; taskset -c {one} sh -c 'echo up; sleep 100'", cpus=both)
    mover = side.mover()
    mover.move(both)
    until(lambda: "up" in hosted.log)
    assert mover.bound() - {frozenset(cores)} == {frozenset({cores[0]})}
    mover.close()


def test_cgroups_of_processes_go_with_them(hosted: Sides):
    if not own_cgroups():
        pytest.skip("needs a cgroup of its own; run it as root outside containers")
    core = str(min(os.sched_getaffinity(0)))
    made = cpusets.parent() / hosted("true", cpus=core).workdir.name
    until(lambda: not made.exists())
    side = hosted("sleep 100", cpus=core)
    made = cpusets.parent() / side.workdir.name
    assert made.exists()
    side.remove()
    assert not made.exists()
    refused = hosted.spec("true", cpus=core, command=("/no/such/program",))
    with pytest.raises(EngineError):
        hosted.engine.start(refused)
    assert not list(cpusets.parent().glob(f"{processes.directory_prefix(hosted.root)}*"))


def test_a_set_that_shrinks_is_noticed(contained: Sides):
    """Somebody else's tool takes a core away; the next move gives it back."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    both = f"{cores[0]}-{cores[1]}" if cores[1] == cores[0] + 1 else f"{cores[0]},{cores[1]}"
    side = contained("sleep 100", cpus=both)
    mover = side.mover()
    file = Path(mover.file)
    file.write_text(str(cores[0]))
    assert mover.bound() == {frozenset({cores[0]})}
    mover.move(both)
    assert mover.bound() == {frozenset(cores)}
    mover.close()
