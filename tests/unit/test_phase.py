"""What a step that lasts says: a line in a pipe, a bar on a terminal, and nothing where it is short."""

import contextlib
import io
import os
import pty
import time

import pytest
from duet.commands import coloured
from duet.measure import phase
from duet.measure.phase import Phase


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phase, "SILENT_S", 0.0)
    monkeypatch.setattr(phase, "REDRAWN_S", 0.01)
    monkeypatch.setenv("TERM", "xterm")


def until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_short_step_says_nothing():
    stream = io.StringIO()
    with Phase("drawing", 3, stream) as step:
        step.advance()
    assert stream.getvalue() == ""


def test_elsewhere_than_on_a_terminal_it_is_a_line(hasty):
    stream = io.StringIO()
    with Phase("drawing", 3, stream):
        until(stream.getvalue)
    assert stream.getvalue() == "drawing …\n"


def test_elsewhere_it_says_each_minute_that_it_goes_on(hasty, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(phase, "REPEATED_S", 0.01)
    stream = io.StringIO()
    with Phase("drawing", 3, stream) as step:
        step.advance(2)
        until(lambda: stream.getvalue().count("\n") > 1)
    assert stream.getvalue().splitlines()[1].startswith("drawing: 2/3, ")


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_on_a_terminal_it_is_a_bar_that_is_gone_afterwards(hasty, monkeypatch, term: str):
    monkeypatch.setenv("TERM", term)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    seen = bytearray()

    def read() -> bytes:
        with contextlib.suppress(OSError):  # nothing new, or the other end is closed
            seen.extend(os.read(ours, 4096))
        return bytes(seen)

    with open(theirs, "w") as stream, Phase("drawing", 4, stream) as step:
        step.advance()
        until(lambda: b"drawing" in read())
        if term == "xterm":
            until(lambda: b"\rdrawing [#####---------------] 1/4, " in read())
    text = read().decode()
    if term == "dumb":
        assert text == "drawing …\r\n"
    else:
        assert "\n" not in text and text.endswith("\r") and text.rpartition("\r")[0].endswith(" ")
    os.close(ours)


@pytest.mark.parametrize("columns", [10, 40, 80, 200])
@pytest.mark.parametrize("total", [None, 25])
def test_it_never_fills_the_line_which_would_break_it(columns: int, total: int | None):
    text = phase.line("x" * 60, 3, total, "3/25, 7 s", columns)
    assert len(text) < columns
    assert columns < 200 or text.startswith("x" * 60)


@pytest.mark.parametrize(
    ("terminal", "environment", "colours"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
    ],
)
def test_colours_are_for_terminals_that_have_them_unless_unwanted(
    monkeypatch, terminal: bool, environment: dict[str, str], colours: bool
):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    assert coloured(stream) == colours
