"""What all harnesses share to find and open files: bounded reading of bytes and lines, and names."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from duet.harnesses import FormatError
from duet.model import file_name, open_file

MAX_BYTES = 256 * 2**20
"""Largest file that is read whole: some 3 million iterations, and at most about 2 GiB of memory."""
MAX_LINE_BYTES = 2**16
"""What is looked at of a line of a log."""
MAX_NS = 2**62 - 1
"""Largest time accepted, the year 2116 as epoch: the sum of two stays within int64."""
MAX_ITERATION = 2**31 - 1
"""Largest number of an iteration: a place of its own in every run still fits into int64."""

RESERVED = frozenset((
    "suite", "benchmark", "type", "runid", "order", "pair", "iteration", "iteration_start_ns",
    "iteration_end_ns", "iteration_time_ns", "epoch_start_ms", "engine", "image", "image_hash",
    "status", "timed_out", "date", "hostname", "uname", "lscpu", "meminfo", "peak_memory_bytes",
    "cpu_time_ns",
    "process_start_ns", "process_end_ns",
))  # fmt: skip
"""Columns of the unified table: what a harness adds may not be called so."""


def read_bytes(path: Path) -> bytes:
    """The whole file without a byte order mark; FormatError when it is empty, missing or too large."""
    try:
        with open_file(path) as f:
            size = os.fstat(f.fileno()).st_size
            if size > MAX_BYTES:
                raise FormatError(
                    path, "", f"{size / 2**30:.1f} GiB, more than the limit of {MAX_BYTES // 2**20} MiB"
                )
            # One byte more than allowed tells a growing file from a small one.
            data = f.read(MAX_BYTES + 1)
    except OSError as e:
        raise FormatError(path, "", e.strerror or str(e)) from None
    if len(data) > MAX_BYTES:
        raise FormatError(path, "", f"more than the limit of {MAX_BYTES // 2**20} MiB")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise FormatError(path, "", "empty")
    return data


def read_start(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file, to tell what it is; nothing for a directory or a missing file."""
    try:
        with open_file(path) as f:
            return f.read(size).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return b""


def read_lines(path: Path, *marks: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a file of any size that contain one of the marks, with their numbers.

    Of longer lines only the first MAX_LINE_BYTES are looked at; undecodable bytes are replaced.
    """
    try:
        with open_file(path) as f:
            number = 0
            while line := f.readline(MAX_LINE_BYTES):
                number += 1
                for mark in marks:
                    if mark in line:
                        yield number, line.decode(errors="replace")
                        break
                while len(line) == MAX_LINE_BYTES and line[-1:] != b"\n":
                    line = f.readline(MAX_LINE_BYTES)
    except OSError as e:
        raise FormatError(path, "", e.strerror or str(e)) from None


def result_files(files: Sequence[Path]) -> list[Path]:
    """The files without the side's log; FormatError when nothing else is there."""
    results = [Path(f) for f in files if not str(f).endswith(".log") or Path(f).is_dir()]
    if not results:
        raise FormatError(Path(files[-1] if files else "."), "", "no result file beside the log")
    return results


def same_name(inside: str, benchmark: str) -> bool:
    """Whether a name in a file is the benchmark's, known by its true name or as in file names.

    Of a benchmark with parameters, `name[size=small]`, the harness knows the name alone.
    """
    return inside in (benchmark, benchmark.partition("[")[0]) or file_name(inside) == benchmark


def is_column(name: str) -> bool:
    """Whether a harness may add a column of that name."""
    return re.fullmatch(r"\w+", name) is not None and name not in RESERVED


def header(data: bytes) -> list[str]:
    """Column names of a CSV."""
    line = data.partition(b"\n")[0].decode(errors="replace")
    return [name.strip().strip('"') for name in line.split(",")]
