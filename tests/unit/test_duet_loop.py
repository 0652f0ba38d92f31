"""duet-loop as a side runs it: real processes, real FIFOs."""

import contextlib
import csv
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROBES = Path(__file__).parents[2] / "images/probes"
LOOP = PROBES / "duet-loop"


def loop(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DUET_")}
    command = [sys.executable, str(LOOP), *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=inherited | environment, stderr=subprocess.PIPE, text=True
    )


def rows(file: Path) -> list[dict[str, int]]:
    return [{k: int(v) for k, v in row.items()} for row in csv.DictReader(file.open())]


def ended(process: subprocess.Popen) -> tuple[int, str]:
    _, output = process.communicate(timeout=30)
    return process.returncode, output


def until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_iteration_is_stamped_in_epoch_time(tmp_path: Path) -> None:
    before_ns = time.time_ns()
    assert ended(loop(tmp_path, "--iterations", "5", "--", "sleep", "0.05")) == (0, "")
    after_ns = time.time_ns()
    lines = rows(tmp_path / "results.csv")
    assert [row["iteration"] for row in lines] == [0, 1, 2, 3, 4]
    assert list(lines[0]) == ["iteration", "start_ns", "end_ns"]
    stamps = [row[key] for row in lines for key in ("start_ns", "end_ns")]
    assert stamps == sorted(stamps)
    # The offset between the clocks is known to microseconds; a clock being slewed adds some.
    assert before_ns - 10**6 < stamps[0] and stamps[-1] < after_ns + 10**6
    assert all(row["end_ns"] - row["start_ns"] >= 50_000_000 for row in lines)


def test_it_goes_on_for_so_many_seconds(tmp_path: Path) -> None:
    start = time.monotonic()
    assert ended(loop(tmp_path, "--seconds", "0.5", "--results", "r.csv", "--", "sleep", "0.1"))[0] == 0
    assert 0.5 <= time.monotonic() - start < 5
    assert 1 <= len(rows(tmp_path / "r.csv")) <= 5


@pytest.mark.parametrize(
    ("command", "code", "output"),
    [
        (["sh", "-c", "exit 7"], 7, "iteration 0 ended with 7"),
        (["sh", "-c", "kill -KILL $$"], 137, "iteration 0 ended with 137"),
        (["no-such-program"], 127, "no-such-program: No such file"),
        (["/"], 126, "Permission denied"),
    ],
)
def test_a_command_that_fails_ends_it_with_its_status(
    tmp_path: Path, command: list[str], code: int, output: str
) -> None:
    status, error = ended(loop(tmp_path, "--iterations", "3", "--", *command))
    assert status == code and output in error and "Traceback" not in error
    assert rows(tmp_path / "results.csv") == []


@pytest.mark.parametrize(
    "arguments", [["--", "true"], ["--iterations", "0", "--", "true"], ["--seconds", "1"]]
)
def test_wrong_arguments_are_said(tmp_path: Path, arguments: list[str]) -> None:
    status, error = ended(loop(tmp_path, *arguments))
    assert status == 2 and "duet-loop: error: " in error


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_a_stopped_loop_keeps_what_is_finished_and_leaves_nothing(tmp_path: Path, stubborn: str) -> None:
    script = f"{stubborn}echo $$ >pid; [ -e done ] || {{ touch done; exit 0; }}; sleep 100 & wait; sleep 100"
    process = loop(tmp_path, "--iterations", "9", "--", "sh", "-c", script)
    until(lambda: (tmp_path / "results.csv").exists() and len(rows(tmp_path / "results.csv")) == 1)
    until(lambda: running((tmp_path / "pid").read_text()))
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 128 + signal.SIGTERM
    assert len(rows(tmp_path / "results.csv")) == 1
    until(lambda: not running((tmp_path / "pid").read_text()))


def running(group: str) -> bool:
    """Whether a process group has living members: each command is a group of its own."""
    for process in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            state, _, pgid = process.read_text().rpartition(")")[2].split()[:3]
            if pgid == group.strip() and state != "Z":
                return True
    return False


def barrier(folder: Path) -> dict[str, int]:
    for side in "AB":
        os.mkfifo(folder / f"barrier.{side}")
    return {side: os.open(folder / f"barrier.{side}", os.O_RDWR) for side in "AB"}


def test_synchronised_iterations_begin_together(tmp_path: Path) -> None:
    held = barrier(tmp_path)
    sides = {
        side: loop(
            tmp_path, "--iterations", "6", "--results", f"{side}.csv", "--", "sleep", pause,
            DUET_BARRIER=str(tmp_path), DUET_SIDE=side,
        )
        for side, pause in (("A", "0.02"), ("B", "0.1"))
    }  # fmt: skip
    assert {side: ended(process)[0] for side, process in sides.items()} == {"A": 0, "B": 0}
    a, b = rows(tmp_path / "A.csv"), rows(tmp_path / "B.csv")
    assert {row["synchronised"] for row in a + b} == {1}
    apart_ns = sorted(abs(x["start_ns"] - y["start_ns"]) for x, y in zip(a, b, strict=True))
    assert apart_ns[len(apart_ns) // 2] < 20_000_000
    for fd in held.values():
        os.close(fd)


def test_the_survivor_goes_on_alone_and_says_so(tmp_path: Path) -> None:
    held = barrier(tmp_path)
    process = loop(
        tmp_path, "--iterations", "4", "--", "true", DUET_BARRIER=str(tmp_path), DUET_SIDE="B"
    )  # fmt: skip
    for _ in range(2):
        assert os.read(held["A"], 1) == b"g"
        os.write(held["B"], b"g")
    assert os.read(held["A"], 1) == b"g"
    os.write(held["B"], b"x")
    assert ended(process)[0] == 0
    assert [row["synchronised"] for row in rows(tmp_path / "results.csv")] == [1, 1, 0, 0]
    os.set_blocking(held["A"], False)
    with pytest.raises(BlockingIOError):
        os.read(held["A"], 1)  # nothing more was written to a side that is gone


def test_a_batch_is_one_iteration(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo x >>done; sleep 0.02"]
    assert ended(loop(tmp_path, "--iterations", "2", "--batch", "3", "--", *command)) == (0, "")
    lines = rows(tmp_path / "results.csv")
    assert [row["batch"] for row in lines] == [3, 3] and (tmp_path / "done").read_text() == "x\n" * 6
    assert all(row["end_ns"] - row["start_ns"] >= 60_000_000 for row in lines)


def test_a_batch_ends_with_what_fails(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo x >>done; [ $(wc -l <done) -lt 5 ]"]
    status, error = ended(loop(tmp_path, "--iterations", "9", "--batch", "3", "--", *command))
    assert status == 1 and "iteration 1 ended with 1" in error
    assert len(rows(tmp_path / "results.csv")) == 1 and (tmp_path / "done").read_text() == "x\n" * 5


def test_preparing_is_done_each_time_and_not_timed(tmp_path: Path) -> None:
    prepare = "echo p >>done; sleep 0.3"
    command = ("--iterations", "2", "--prepare", prepare, "--", "sh", "-c", "echo x >>done")
    assert ended(loop(tmp_path, *command)) == (0, "")
    assert (tmp_path / "done").read_text() == "p\nx\n" * 2
    first, second = rows(tmp_path / "results.csv")
    assert second["start_ns"] - first["end_ns"] >= 300_000_000
    status, error = ended(loop(tmp_path, "--iterations", "2", "--prepare", "exit 6", "--", "true"))
    assert status == 6 and "preparing iteration 0 ended with 6" in error


def test_what_lies_between_two_iterations_is_little(tmp_path: Path) -> None:
    """Documented: about 12 µs on an idle machine; the bound is for a busy one."""
    assert ended(loop(tmp_path, "--iterations", "200", "--", "true"))[0] == 0
    lines = rows(tmp_path / "results.csv")
    gaps = sorted(b["start_ns"] - a["end_ns"] for a, b in itertools.pairwise(lines))
    assert gaps[len(gaps) // 2] < 200_000
