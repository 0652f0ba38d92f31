"""One run at a time: whom it waits for, and what nobody can do about it."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, Stray, owner
from duet.measure import alone


def waits_never(line: str) -> None:
    pytest.fail(line)


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(alone, "place", lambda: tmp_path / "lock")
    monkeypatch.setattr(alone, "sides_here", list)
    return tmp_path / "lock"


def test_the_one_who_waits_is_told_for_whom(place):
    happened, messages, waiting = [], [], threading.Event()

    def other():
        with alone.exclusively(
            "s.b.1.duet.AB", "other", {}, lambda line: (messages.append(line), waiting.set())
        ):
            happened.append("other")

    with alone.exclusively("s.b.0.duet.AB", "c", {}, waits_never) as warnings:
        assert warnings == []
        thread = threading.Thread(target=other)
        thread.start()
        assert waiting.wait(10)
        happened.append("first")
    thread.join(10)
    assert happened == ["first", "other"]
    holder = f"s.b.0.duet.AB of campaign c (process {os.getpid()})"
    assert messages == [f"waiting for {holder}, which is being measured on this machine"]
    assert place.read_text() == "" and place.stat().st_mode & 0o777 == 0o600


HOLDER = """
import sys, time; sys.path.insert(0, {scripts!r})
from pathlib import Path
from duet.measure import alone
with alone._locked(Path({place!r}), "holder", print):
    print("held", flush=True)
    time.sleep(1000)
"""


def test_a_killed_holder_holds_nothing(place):
    code = HOLDER.format(scripts=str(Path(alone.__file__).parents[2]), place=str(place))
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        messages = []
        threading.Timer(0.3, holder.send_signal, [signal.SIGKILL]).start()
        with alone.exclusively("r", "c", {}, messages.append):
            assert messages == ["waiting for holder, which is being measured on this machine"]
    finally:
        holder.kill()
        holder.wait()


def test_a_lock_file_that_was_removed_locks_nobody_out_and_nobody_in(place):
    """Who waited for a file that is gone since takes the one that is there now."""
    old = os.open(place, os.O_RDWR | os.O_CREAT)
    fcntl.flock(old, fcntl.LOCK_EX)
    waiting, entered = threading.Event(), threading.Event()

    def waiter():
        with alone.exclusively("r", "c", {}, lambda _: waiting.set()):
            entered.set()

    thread = threading.Thread(target=waiter)
    thread.start()
    assert waiting.wait(10)
    place.unlink()
    with alone.exclusively("r2", "c", {}, waits_never):
        os.close(old)
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join(10)


def test_who_is_dead(monkeypatch):
    with subprocess.Popen(["sleep", "60"]) as process:
        mark = f"{process.pid}.{owner._start(process.pid)}.{owner._namespace()}"
        assert not owner.dead(mark) and not owner.dead(owner.mark())
        assert owner.dead(f"{process.pid}.{owner._start(process.pid) + 1}.{owner._namespace()}")
        assert not owner.dead(f"{process.pid}.1.{owner._namespace() + 1}")  # not to be seen from here
        process.kill()
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        assert owner.dead(mark)
    assert owner.dead(mark)
    for unknown in ("", "x", "1.2", "1.2.3.4", "a.b.c"):
        assert not owner.dead(unknown)


DEAD = f"{2**22 + 1}.1.{owner._namespace()}"
LIVE = owner.mark()


class Engine:
    """One whose strays are processes that `sides_here` sees."""

    name = "fake"

    def __init__(self, *owners: str, stubborn: bool = False):
        self.there = [Stray(str(n), "/results", f"s.b.{n}.duet.AB", "A", o) for n, o in enumerate(owners)]
        self.stubborn, self.ended = stubborn, []

    def strays(self):
        return list(self.there)

    def end(self, stray):
        if self.stubborn:
            raise EngineError("fake: refused")
        self.there.remove(stray)
        self.ended.append(stray.run)


@pytest.fixture
def beside(place, monkeypatch):
    """Measure beside the strays of an engine; what is said, and the warnings."""
    monkeypatch.setattr(alone, "LOOK_S", 0.05)
    monkeypatch.setattr(alone, "PATIENCE_S", 0.2)

    def go(engine):
        messages = []
        monkeypatch.setattr(alone, "sides_here", lambda: [1 for _ in engine.there])
        monkeypatch.setattr(alone, "_reachable", lambda _: {"fake": engine})
        with alone.exclusively("r", "c", {}, messages.append) as warnings:
            return messages, warnings

    return go


def test_sides_of_the_dead_are_removed_and_that_is_said(beside):
    engine = Engine(DEAD, DEAD)
    messages, warnings = beside(engine)
    assert engine.ended == ["s.b.0.duet.AB", "s.b.1.duet.AB"] and warnings == []
    pid = DEAD.partition(".")[0]
    assert messages[0] == (
        f"removed side A of s.b.0.duet.AB in /results (measured by process {pid}): that process is dead"
    )


def test_sides_of_the_living_are_waited_for_with_a_bound(beside):
    engine = Engine(DEAD, LIVE)
    messages, warnings = beside(engine)
    who = f"side A of s.b.1.duet.AB in /results (measured by process {os.getpid()})"
    assert messages[1:] == [f"waiting for {who}, which runs on this machine"] and engine.ended == [
        "s.b.0.duet.AB"
    ]
    assert warnings == [f"measured beside {who}, which did not end within 0.2 s"]


def test_a_side_that_ends_while_it_is_waited_for(beside, monkeypatch):
    engine = Engine(LIVE)
    monkeypatch.setattr(alone, "PATIENCE_S", 3600)
    threading.Timer(0.3, engine.there.clear).start()
    messages, warnings = beside(engine)
    assert len(messages) == 1 and warnings == []


def test_what_cannot_be_removed_is_waited_for(beside):
    messages, warnings = beside(Engine(DEAD, stubborn=True))
    assert (
        messages == ["waiting for process 1 of root, a side, which runs on this machine"]
        and len(warnings) == 1
    )


def test_names_of_strays_do_not_reach_the_terminal_as_they_are(beside):
    engine = Engine(LIVE)
    engine.there = [Stray("1", "/r\033[2J", "x\n" * 1000, "A", LIVE)]
    messages, _ = beside(engine)
    assert messages[0].isprintable() and len(messages[0]) < 600
