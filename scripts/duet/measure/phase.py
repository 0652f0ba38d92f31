"""What a step without measuring says while it lasts: nothing for two seconds, then what it does.

On a terminal that is a line with a bar, which is gone afterwards; elsewhere a line, and another each minute.
"""

import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

SILENT_S = float(os.environ.get("DUETBENCH_SILENT_S", "2"))
"""Tests, whose machine may be slow, set it: what they read must not depend on time."""
REDRAWN_S = 0.2
REPEATED_S = 60.0
BAR = 20
"""Columns of the bar."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a line can be drawn again: not in a file, a pipe or a dumb terminal."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


class Phase:
    """A step, as a context: `with Phase("drawing", 25) as phase: …; phase.advance()`.

    `total` is how many parts it has, None where that is not known: the bar then shows that time passes.
    """

    def __init__(self, what: str, total: int | None = None, stream: TextIO | None = None):
        self.what, self.total, self.done = what, total, 0
        self._stream = stream or sys.stderr
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        self._begin_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def advance(self, parts: int = 1) -> None:
        self.done += parts

    def at(self, what: str, done: int, total: int) -> None:
        """Where it is, for a step whose parts are heard of as they come."""
        self.what, self.done, self.total = what, done, total

    def _tell(self) -> None:
        if self._ended.wait(SILENT_S):
            return
        if not is_terminal(self._stream):
            self._say(f"{self.what} …")
            while not self._ended.wait(REPEATED_S):
                self._say(f"{self.what}: {self._where()}")
            return
        wide = 0
        while True:
            text = line(self.what, self.done, self.total, self._where(), columns(self._stream))
            self._draw(f"\r{text}{' ' * max(0, wide - len(text))}")
            wide = len(text)
            if self._ended.wait(REDRAWN_S):
                self._draw(f"\r{' ' * wide}\r")
                return

    def _where(self) -> str:
        seconds = f"{time.monotonic() - self._begin_s:.0f} s"
        return f"{self.done}/{self.total}, {seconds}" if self.total else seconds

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def _draw(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def columns(stream: TextIO) -> int:
    """Of the terminal; what COLUMNS says counts, and 80 where nothing is known."""
    try:
        known = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        known = 80
    return shutil.get_terminal_size((known, 24)).columns if "COLUMNS" in os.environ else known or 80


def line(what: str, done: int, total: int | None, where: str, most: int) -> str:
    """`drawing [#####---------------] 6/25, 3 s` in fewer columns than `most`: the name gives way."""
    filled = BAR * min(done, total) // total if total else 0
    bar = f" [{'#' * filled}{'-' * (BAR - filled)}] {where}" if total else f" … {where}"
    room = max(0, most - 1 - len(bar))
    return f"{what if len(what) <= room else what[: max(0, room - 1)] + '…'}{bar}"[: most - 1]
