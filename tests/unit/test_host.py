"""Who gets which cores, on machines nobody owns; and artifacts that fail, hang or flood."""

import os
import threading
import time

import pytest
from duet.measure import host
from duet.measure.host import HostError, Machine
from hypothesis import given
from hypothesis import strategies as st


def machine(cores, *groups):
    """A machine whose physical cores have these hardware threads."""
    siblings = {core: frozenset(group) for group in groups for core in group}
    return Machine(frozenset(cores), frozenset(cores), siblings)


def threaded(n):
    """n physical cores with two threads each, numbered as Intel does: i and i + n."""
    return machine(range(2 * n), *[(i, i + n) for i in range(n)])


@pytest.mark.parametrize(
    "m, halves",
    [
        (machine([0, 1]), ({0}, {1})),
        (machine(range(4)), ({0, 1}, {2, 3})),
        (machine([0, 1, 2]), ({0}, {1})),  # an odd one is left to the rest of the machine
        (machine([3, 5, 9, 11]), ({3, 5}, {9, 11})),
        (threaded(2), ({0, 2}, {1, 3})),
        (threaded(3), ({0, 3}, {1, 4})),
        (threaded(1), (set(), set())),
        (machine([7]), (set(), set())),
        # Two fast cores with two threads, four slow ones with one: as many of each kind for both.
        (machine(range(8), (0, 1), (2, 3)), ({0, 1, 4, 5}, {2, 3, 6, 7})),
    ],
)
def test_halves(m, halves):
    assert host.split(m.allowed, m.siblings) == halves


def test_a_thread_whose_sibling_is_not_ours_counts_alone():
    m = threaded(2)
    assert host.split(frozenset({0, 1}), m.siblings) == ({0}, {1})


@given(st.sets(st.integers(0, 63)), st.sampled_from([1, 2, 4]))
def test_halves_are_disjoint_equal_and_keep_siblings_together(cores, threads):
    siblings = {c: frozenset(range(c - c % threads, c - c % threads + threads)) for c in range(64)}
    one, two = host.split(frozenset(cores), siblings)
    assert not one & two and one | two <= cores and len(one) == len(two)
    for core in one:
        assert siblings[core] & cores <= one
    physical = {siblings[c] & cores for c in cores}
    unused = {group for group in physical if not group & (one | two)}
    assert len(unused) == len({len(group) for group in unused})  # at most one of each kind


BOTH = {"A": True, "B": True}


def test_halves_swap_between_sides():
    asked = {"A": "split", "B": "split"}
    assert host.assign(asked, machine([0, 1]), False, BOTH) == ({"A": "0", "B": "1"}, [])
    assert host.assign(asked, machine([0, 1]), True, BOTH) == ({"A": "1", "B": "0"}, [])


def test_a_side_alone_gets_one_half_too():
    assert host.assign({"B": "split"}, machine(range(4)), False, BOTH) == ({"B": "2-3"}, [])
    assert host.assign({"B": "split"}, machine(range(4)), True, BOTH) == ({"B": "0-1"}, [])


def test_shared_is_unbound_unless_we_are_bound_ourselves():
    free = machine(range(4))
    assert host.assign({"A": "shared"}, free, False, BOTH) == ({"A": None}, [])
    bound = Machine(free.online, frozenset({1, 2}), {})
    assert host.assign({"A": "shared"}, bound, False, BOTH) == ({"A": "1-2"}, [])
    assert host.assign({"A": "split", "B": "split"}, bound, False, BOTH)[0] == {"A": "1", "B": "2"}


def test_one_core_is_shared_with_a_warning():
    cpus, warnings = host.assign({"A": "split", "B": "split"}, machine([0]), False, BOTH)
    assert cpus == {"A": None, "B": None} and len(warnings) == 2 and "only one physical core" in warnings[0]


def test_an_engine_that_cannot_bind_warns():
    cpus, warnings = host.assign(
        {"A": "split", "B": "shared"}, machine([0, 1]), False, {"A": False, "B": False}
    )
    assert cpus == {"A": None, "B": None} and len(warnings) == 1 and "side A" in warnings[0]


def test_explicit_sets():
    assert host.assign({"A": "0,1-2", "B": "3"}, machine(range(4)), True, BOTH)[0] == {"A": "0-2", "B": "3"}
    for wrong in ("4", "0-9", "x", "", "3-1", "-1", "0,,1"):
        with pytest.raises(HostError, match="cpus"):
            host.assign({"A": wrong}, machine(range(4)), False, BOTH)


def test_cores_apart():
    assert host.apart({"A": "0-1", "B": "2"}) and host.apart({"B": "3"})
    assert not host.apart({"A": "0-1", "B": "1-2"})
    assert not host.apart({"A": "0", "B": None}) and not host.apart({"A": None, "B": None})


@given(st.sets(st.integers(0, 300), min_size=1))
def test_sets_are_shown_as_the_kernel_does_and_read_back(cores):
    assert host.parse_set(host.show_set(cores)) == cores


def test_reading_this_machine(tmp_path):
    (tmp_path / "online").write_text("0-2047\n")
    core = min(os.sched_getaffinity(0))
    (tmp_path / f"cpu{core}/topology").mkdir(parents=True)
    (tmp_path / f"cpu{core}/topology/thread_siblings_list").write_text(f"{core},1000\n")
    m = host.read(tmp_path)
    assert m.allowed == os.sched_getaffinity(0) and len(m.online) == 2048
    assert m.siblings == {core: {core, 1000}}
    assert host.read(tmp_path / "absent") == Machine(m.allowed, m.allowed, {})


def test_artifacts_run_at_once_and_come_raw():
    begin = time.monotonic()
    commands = {"a": "sleep 0.3; printf 'x\\n '", "b": "sleep 0.3; echo y", "c": "sleep 0.3; cat"}
    texts, warnings = host.collect_artifacts(host.start_artifacts(commands))
    assert texts == {"a": "x\n ", "b": "y\n", "c": ""} and not warnings
    assert time.monotonic() - begin < 0.85


def test_artifacts_that_fail_are_warnings():
    commands = {
        "bad": "echo part; exit 3",
        "absent": "no-such-command",
        "slow": "sleep 77 & wait",
        "raw": "printf '\\377'",
    }
    commands["flood"] = "head -c 9000000 /dev/zero"
    texts, warnings = host.collect_artifacts(host.start_artifacts(commands), timeout_s=1)
    assert texts["bad"] == "part\n" and texts["raw"] == "�" and len(texts["flood"]) == host.ARTIFACT_BYTES
    assert sorted(warnings) == [
        "artifact absent: exit code 127",
        "artifact bad: exit code 3",
        "artifact slow: stopped after 1 s",
    ]
    assert not any(b"sleep\x0077" in cmd for cmd in command_lines())


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield f.read()
        except OSError:
            continue


def test_one_run_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "MEASURING", tmp_path / "lock")
    happened = []
    waiting = threading.Event()

    def other():
        with host.alone(waiting.set):
            happened.append("other")

    with host.alone(lambda: pytest.fail("nobody else measures")):
        thread = threading.Thread(target=other)
        thread.start()
        assert waiting.wait(10)
        happened.append("first")
    thread.join(10)
    assert happened == ["first", "other"]
