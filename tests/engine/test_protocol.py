"""What every engine does alike."""

import os
import random
import threading
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, ResultMissing, Room
from duet.engines.counters import SideReader
from duet.engines.unpack import DEEPEST
from duet.records.noise import SideCounters
from sides import Sides, alive, refusal

ROOM = Room(1 << 30)


def until(condition, timeout_s=20):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def mark():
    """The argument of a `sleep` that no other process has."""
    return f"{random.randrange(10**5, 10**6)}.{random.randrange(10**5, 10**6)}"


def test_exit_code_log_and_environment(sides: Sides):
    side = sides('echo "out $X $DUET"; echo err >&2; exit 7', env=(("X", "a b"), ("DUET", "$1")))
    assert side.wait(20) == 7
    assert side.wait(0) == 7
    assert sides.log == "out a b $1\nerr\n"


def test_waiting_times_out_and_costs_nothing(sides: Sides):
    side = sides("sleep 1.5; exit 4")
    before = time.process_time()
    assert side.wait(0.05) is None
    assert side.wait(0.5) is None
    assert side.wait(None) == 4
    assert time.process_time() - before < 0.1


def test_sees_the_rendezvous_and_stamps_it(sides: Sides):
    before = time.time_ns()
    side = sides('dd bs=1 count=1 2>/dev/null <"$DUET_GATE/barrier.A"')
    sides.gates[0].gone("B")
    assert side.wait(20) == 0
    assert sides.log == "x"
    assert before < sides.gates[0].go_ns("A") < sides.gates[0].end_ns("A") < time.time_ns()


def test_asked_side_may_end_by_itself(sides: Sides):
    side = sides("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    until(lambda: "ready" in sides.log)
    side.ask()
    assert side.wait(20) == 5
    assert "bye" in sides.log


def test_kill_reaches_who_hides(sides: Sides, mark):
    side = sides(f"trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep {mark}; :' & setsid sleep {mark} & wait")
    until(lambda: len(alive(f"sleep {mark}")) >= 3)
    side.ask()
    assert side.wait(0.3) is None
    side.kill()
    assert side.wait(20) == 137
    assert alive(f"sleep {mark}") == []
    side.kill()  # of an ended side: no error
    side.ask()


def test_its_process_is_known_while_it_runs_and_tells_its_counters(sides: Sides):
    side = sides("echo ready; while :; do :; done")
    until(lambda: "ready" in sides.log)
    pid = side.process()
    reader = SideReader(pid)
    used = []
    until(lambda: used.append(reader.read()) or sum(one.cpu_ns for one in used) > 50_000_000)
    assert all(one.run_delay_ns is not None for one in used)
    side.kill()
    side.wait(20)
    assert side.process() is None and reader.read() == SideCounters() and reader.read().cpu_ns == 0
    reader.close()


def test_strays_die_with_the_main_process(sides: Sides, mark):
    side = sides(f"(trap '' TERM; setsid sleep {mark} &) ; until pidof sleep; do :; done; exit 3")
    assert side.wait(20) == 3
    assert alive(f"sleep {mark}") == []


def test_remove_ends_a_running_side_and_may_be_repeated(sides: Sides, mark):
    side = sides(f"sleep {mark}")
    until(lambda: alive(f"sleep {mark}"))
    side.remove()
    assert alive(f"sleep {mark}") == []
    side.remove()


def test_fetches_files_and_trees(sides: Sides, tmp_path: Path):
    name = f"/tmp/duetbench-test-{os.getpid()}-{random.random()}"
    side = sides(
        "echo one >one; mkdir -p tree/sub/empty; echo two >tree/sub/two; chmod 4711 tree/sub/two;"
        "ln -s /etc/passwd tree/link; mkfifo tree/fifo; ln -s one alias;"
        f"mkdir {name}; echo three >{name}/three"
    )
    assert side.wait(20) == 0
    for path, expected in (
        ("one", "one"),
        ("/duet/one", "one"),
        ("alias", "one"),
        (f"{name}/three", "three"),
    ):
        to = tmp_path / f"{random.random()}"
        side.fetch(path, to, ROOM)
        assert to.read_text() == expected + "\n"
    assert sorted(side.fetch("tree", tmp_path / "tree", ROOM)) == ["tree/fifo", "tree/link"]
    names = sorted(str(p.relative_to(tmp_path / "tree")) for p in (tmp_path / "tree").rglob("*"))
    assert names == ["sub", "sub/empty", "sub/two"]
    mode = (tmp_path / "tree/sub/two").stat().st_mode
    assert mode & 0o7000 == 0 and mode & 0o600 == 0o600
    if sides.engine.name == "process":
        Path(name, "three").unlink()
        Path(name).rmdir()


@pytest.mark.parametrize("path", ["nothing", "/duet/nothing", "/nowhere/nothing", "fifo", "dangling"])
def test_missing_result(sides: Sides, tmp_path: Path, path):
    side = sides("mkfifo fifo; ln -s nowhere dangling")
    side.wait(20)
    with pytest.raises(ResultMissing, match=path):
        side.fetch(path, tmp_path / "to", ROOM)
    assert not (tmp_path / "to").exists()


def test_a_sparse_giant_is_left_out_and_delays_nothing(sides: Sides, tmp_path: Path):
    side = sides("mkdir t; echo 1 >t/a; truncate -s 1099511627776 t/giant; truncate -s 1099511627776 giant")
    assert side.wait(20) == 0
    left_out = side.fetch("t", tmp_path / "t", Room(1 << 30))
    assert len(left_out) == 1 and left_out[0].startswith("t/giant (1099511627776 bytes)")
    assert not (tmp_path / "t/giant").exists()
    with pytest.raises(EngineError, match="giant has 1099511627776 bytes"):
        side.fetch("giant", tmp_path / "giant", Room(1 << 30))
    assert not (tmp_path / "giant").exists()
    removing = threading.Thread(target=side.remove, daemon=True)
    removing.start()
    removing.join(60)
    assert not removing.is_alive()


def test_a_deep_tree_is_left_out_and_removed(sides: Sides, tmp_path: Path):
    """Deeper than Python's recursion goes, and than a path may be long."""
    deep = (
        "p=d; i=0; while [ $i -lt 1400 ]; do p=$p/d; i=$((i + 1)); done; mkdir -p $p && cd -P $p; mkdir -p $p"
    )
    side = sides(f"mkdir t; echo 1 >t/a; cd t; {deep}; true")
    assert side.wait(60) == 0
    (left_out,) = side.fetch("t", tmp_path / "t", ROOM)
    assert left_out.startswith("t/d/d/") and len(left_out) < 300
    assert (tmp_path / "t/a").read_text() == "1\n" and len(list((tmp_path / "t").rglob("*"))) <= DEEPEST
    side.remove()
    if sides.engine.name == "process":
        assert not side.workdir.exists()


def test_a_stopped_sides_results_are_kept(sides: Sides, tmp_path: Path):
    side = sides("echo some >results; sleep 100")
    until(lambda: side.wait(0.3) is None)
    side.kill()
    assert side.wait(20) == 137
    side.fetch("results", tmp_path / "results", ROOM)
    assert (tmp_path / "results").read_text() == "some\n"


def test_usage(sides: Sides):
    mib = 1 << 20
    side = sides(
        "dd if=/dev/zero of=/dev/null bs=60M count=1;n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done; times"
    )
    began = time.monotonic()
    assert side.wait(60) == 0
    used = sides.usage
    assert 60 * mib <= used.peak_memory_bytes < 200 * mib
    assert 20e6 < used.cpu_time_ns < (time.monotonic() - began) * 1e9 + 100e6
    assert not used.oom_killed


def test_cores(sides: Sides):
    last = max(os.sched_getaffinity(0))
    side = sides("grep Cpus_allowed_list /proc/self/status", cpus=str(last))
    assert side.wait(20) == 0
    assert sides.log.split() == ["Cpus_allowed_list:", str(last)]


def test_cores_that_are_not_there(sides: Sides):
    assert "0-4000" in str(refusal(sides, cpus="0-4000"))


def test_main_process_that_is_not_there(sides: Sides):
    refusal(sides, command=("/no/such/program",))


def test_leftovers_are_of_one_results_directory(sides: Sides, tmp_path: Path, mark):
    mine, others = tmp_path / "mine", tmp_path / "mine2"
    sides(f"sleep {mark}", root=mine, run="s.b.1.duet.AB")
    sides(f"sleep {mark}", root=mine, run="s.b.1.duet.AB", side="A")
    sides("true", root=mine, run="s.b.2.duet.BA").wait(20)
    other = sides(f"sleep {mark}", root=others)
    assert sides.engine.leftovers(mine) == ["s.b.1.duet.AB", "s.b.2.duet.BA"]
    assert sides.engine.remove_leftovers(mine) == ["s.b.1.duet.AB", "s.b.2.duet.BA"]
    assert sides.engine.leftovers(mine) == []
    assert sides.engine.leftovers(others) == ["s.b.0.duet.AB"]
    assert other.wait(0) is None
    assert sides.engine.remove_leftovers(mine) == []
