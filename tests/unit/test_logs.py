"""A side's log, whatever the side writes."""

import os
import threading
from pathlib import Path

import pytest
from duet.measure import logs
from duet.measure.logs import Log


@pytest.fixture
def fifo(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    fd = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    yield fd
    os.close(fd)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "log").write_text("before ")
    return tmp_path / "log"


def write(tmp_path: Path, data: bytes, log: Log) -> list[float]:
    """Write as a side does, waiting for room, while the log is drained; what draining returned."""

    def side():
        with open(tmp_path / "fifo", "wb", buffering=0) as out:
            rest = data
            while rest:
                rest = rest[out.write(rest) :]

    writer = threading.Thread(target=side)
    writer.start()
    pauses = []
    while writer.is_alive():
        pauses.append(log.drain())
    log.close()
    return pauses


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_all_of_it(tmp_path: Path, fifo, file, size):
    data = os.urandom(size)
    log = Log(fifo, file)
    write(tmp_path, data, log)
    assert file.read_bytes() == b"before " + data and log.fault is None
    log.close()


@pytest.mark.parametrize("beyond", [0, 1, logs.TAIL_BYTES, logs.TAIL_BYTES + 1, 5_000_000])
def test_beginning_and_end_of_what_is_too_long(tmp_path: Path, fifo, file, beyond):
    data, kept = os.urandom(100_000 + beyond), 100_000
    log = Log(fifo, file, kept)
    write(tmp_path, data, log)
    cut = max(0, beyond - logs.TAIL_BYTES)
    mark = f"\n[duetbench: {cut} bytes are left out here]\n".encode() if cut else b""
    assert file.read_bytes() == b"before " + data[:kept] + mark + data[kept + cut :]
    assert log.fault == (f"{cut} bytes of it are left out" if cut else None)


def test_much_is_looked_for_more_often(fifo, file):
    log = Log(fifo, file)
    assert log.drain() == logs.PAUSE_S
    os.write(fifo, bytes(logs.PIPE_BYTES))
    assert log.drain() == logs.BUSY_S
    os.write(fifo, b"a line")
    assert log.drain() == logs.PAUSE_S


def test_a_full_disk_costs_the_log_only(tmp_path: Path, fifo):
    log = Log(fifo, Path("/dev/full"))
    write(tmp_path, bytes(3_000_000), log)
    assert log.fault == "it could not be written (No space left on device)"


def test_no_link_is_followed(tmp_path: Path, fifo):
    (tmp_path / "victim").touch()
    (tmp_path / "link").symlink_to("victim")
    with pytest.raises(OSError):
        Log(fifo, tmp_path / "link")


@pytest.mark.parametrize(
    "data, line",
    [
        (b"", ""),
        (b"\n \n", ""),
        (b"one\ntwo: the reason \n\n", "two: the reason"),
        (b"x" * 5000 + b"\nlast", "last"),
        (b"y" * 5000, "y" * logs.LAST_CHARACTERS + "…"),
        (b"\x1b[31mred\xff\r", "\\x1b[31mred\ufffd"),
    ],
)
def test_the_last_line(tmp_path: Path, fifo, file, data, line):
    log = Log(fifo, file, kept_bytes=10)
    os.write(fifo, data)
    assert log.last_line() == line
    log.close()
