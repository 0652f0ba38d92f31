"""What a side writes, from its FIFO into a file: bounded, whatever the side does."""

import contextlib
import fcntl
import os
from pathlib import Path

from duet.model import printable

KEPT_BYTES = 64 << 20
"""Of a log its beginning of this size is kept, and of a longer one its end."""
TAIL_BYTES = 64 << 10
LAST_BYTES = 2 << 10
"""In which the last line is looked for."""
LAST_CHARACTERS = 160
"""Of the last line, where it is quoted."""
PIPE_BYTES = 1 << 20
"""What a side may write while nobody looks; the largest that an ordinary user may ask for."""
PAUSE_S = 0.1
"""Between two looks at a log: often enough for 10 MB/s."""
BUSY_S = 0.005
"""The same after much was found, since a side that has filled its FIFO waits."""


class Log:
    """A side's log. `path` is its file, which is there; a fault with it costs the log, not the run."""

    def __init__(self, fifo: int, path: Path, kept_bytes: int = KEPT_BYTES):
        self._fifo, self._left = fifo, kept_bytes
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._tail, self._beyond, self._last = b"", 0, b""
        self.fault: str | None = None
        """Why it is incomplete."""
        with contextlib.suppress(OSError):  # above the user's limit for all pipes: it stays at 64 KiB
            fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def drain(self) -> float:
        """Take what is there, without waiting; seconds after which to come again."""
        taken = 0
        while taken < 4 * PIPE_BYTES:  # a side can write as fast as this reads
            try:
                data = os.read(self._fifo, PIPE_BYTES)
            except BlockingIOError:
                break
            taken += len(data)
            self._keep(data)
        return BUSY_S if taken > PIPE_BYTES // 8 else PAUSE_S

    def _keep(self, data: bytes) -> None:
        self._last = (self._last + data[-LAST_BYTES:])[-LAST_BYTES:]
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._write(head)
        if rest:
            self._beyond += len(rest)
            self._tail = (self._tail + rest)[-TAIL_BYTES:]

    def _write(self, data: bytes) -> None:
        while data and self.fault is None:
            try:
                data = data[os.write(self._file, data) :]
            except OSError as e:
                self.fault = f"it could not be written ({e.strerror})"

    def last_line(self) -> str:
        """The last line in which there is something, safe to show, and not more of it than one reads; of a
        program that fails it is mostly the reason."""
        self.drain()
        lines = self._last.decode(errors="replace").split("\n")
        line = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return printable(line if len(line) <= LAST_CHARACTERS else f"{line[:LAST_CHARACTERS]}…")

    def close(self) -> None:
        """Take the rest of a side that has ended. Repeating it is no error."""
        if self._file < 0:
            return
        self.drain()
        cut = self._beyond - len(self._tail)
        if cut:
            self._write(f"\n[duetbench: {cut} bytes are left out here]\n".encode())
        self._write(self._tail)
        if cut and self.fault is None:
            self.fault = f"{cut} bytes of it are left out"
        os.close(self._file)
        self._file = -1
