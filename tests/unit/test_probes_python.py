"""The probes in Python (images/probes/python), without the harnesses that call them.

With them: tests/workflow/test_harnesses.py.
"""

import csv
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest
from duet.harnesses import _many

PROBES = Path(__file__).parents[2] / "images" / "probes" / "python"

HOOK = """
import sys, time
from duet_probe import PyperfHook
count = int(sys.argv.pop(1))
for hook in (PyperfHook(), PyperfHook()):  # pyperf makes one for the warm-up and one for the values
    for _ in range(count):
        with hook:
            time.sleep(0.002)
    hook.teardown({})
"""

FIXTURE = """
import sys, time
from duet_probe import PytestPlugin

class Stats:
    iterations = 4
    def __init__(self): self.data = []
    def update(self, duration): self.data.append(duration)

class Fixture:
    def __init__(self):
        self._timer, self._add_stats = time.perf_counter, lambda stats: None
    def run(self, stats, rounds):
        def once():
            start = self._timer(); time.sleep(0.002); return self._timer() - start
        for _ in range(3): once()  # calibration
        self._timer()  # pytest-benchmark tries out its timer, perhaps an odd number of times
        self._add_stats(stats)
        once()  # warm-up
        for _ in range(rounds): stats.update(once())

plugin = PytestPlugin()
for name in ("a.py::one[x_y]", "a.py::two"):
    fixture, stats = Fixture(), Stats()
    plugin.watch(name, fixture)
    fixture.run(stats, int(sys.argv[1]))
    print(*stats.data)
"""


def run(script: str, folder: Path, *words: object, **environment: object) -> subprocess.CompletedProcess:
    own = {k: v for k, v in os.environ.items() if not k.startswith("DUET_")}
    env = own | {"PYTHONPATH": str(PROBES)} | {k: str(v) for k, v in environment.items()}
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=60
    )


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_workers_of_pyperf_write_one_file_and_mark_what_it_reports(tmp_path: Path) -> None:
    before_ns = time.time_ns()
    run(HOOK, tmp_path, 2, "--worker", "--worker-task=0", "--calibrate-loops")
    run(HOOK, tmp_path, 2, "--worker", "--worker-task=0", "--warmups", "2", "--loops", "64")
    run(HOOK, tmp_path, 2, "--worker", "--worker-task=1", "--warmups=2", "--loops=8")
    after_ns = time.time_ns()
    found = rows(tmp_path)
    assert [int(row["iteration"]) for row in found] == list(range(12))
    assert [row["measured"] for row in found] == [*"0000", *"0011", *"0011"]
    assert [row["operations"] for row in found if row["measured"] == "1"] == ["64", "64", "8", "8"]
    assert [row["benchmark"] for row in found] == ["task 0"] * 8 + ["task 1"] * 4
    stamps = _many.read_stamps(tmp_path / "results.csv")
    assert (stamps.end_ns - stamps.start_ns >= 2_000_000).all()
    assert before_ns < stamps.start_ns[0] and stamps.end_ns[-1] < after_ns


def test_rounds_of_pytest_benchmark_without_calibration_and_warmup(tmp_path: Path) -> None:
    said = run(FIXTURE, tmp_path, 5).stdout
    found = rows(tmp_path)
    assert [row["benchmark"] for row in found] == ["a.py::one[x_y]"] * 5 + ["a.py::two"] * 5
    assert {row["operations"] for row in found} == {"4"}
    assert [int(row["iteration"]) for row in found] == [1, 2, 3, 4, 5] * 2  # 0 was the warm-up
    own_ns = [float(seconds) * 1e9 for seconds in said.split()]
    more_ns = [
        int(row["end_ns"]) - int(row["start_ns"]) - own for row, own in zip(found, own_ns, strict=True)
    ]
    assert min(more_ns) > -100 and sorted(more_ns)[5] < 1e6  # encloses pytest-benchmark's own time


@pytest.mark.parametrize("script", [HOOK, FIXTURE], ids=["pyperf", "pytest-benchmark"])
def test_once_the_other_side_is_gone_no_process_of_this_one_waits(tmp_path: Path, script: str) -> None:
    ends = {}
    for side in "AB":
        os.mkfifo(tmp_path / f"barrier.{side}")
        ends[side] = os.open(tmp_path / f"barrier.{side}", os.O_RDWR)
    # what B wrote before it ended: that it begins a benchmark, which pytest-benchmark tells, and two passes
    os.write(ends["A"], b"gg" if script == HOOK else b"bgg")
    os.write(ends["A"], b"x")  # and what duetbench writes then, once
    for _ in range(2):
        words = ("--worker", "--loops=1") if script == HOOK else ()
        run(script, tmp_path, 3, *words, DUET_BARRIER=tmp_path, DUET_SIDE="A")
    marks = [row["synchronised"] for row in rows(tmp_path)]
    met = 2 if script == HOOK else 1  # the first one was a warm-up, which is not written
    assert marks == ["1"] * met + ["0"] * (len(marks) - met) and len(marks) == 12
    for end in ends.values():
        os.close(end)


def test_sides_with_other_numbers_of_rounds_begin_each_benchmark_together(tmp_path: Path) -> None:
    ends = {}
    for side in "AB":
        os.mkfifo(tmp_path / f"barrier.{side}")
        ends[side] = os.open(tmp_path / f"barrier.{side}", os.O_RDWR)
        (tmp_path / side).mkdir()

    def measure(side: str, rounds: int) -> None:
        run(FIXTURE, tmp_path / side, rounds, DUET_BARRIER=tmp_path, DUET_SIDE=side)
        os.write(ends["B" if side == "A" else "A"], b"x")

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(measure, side, rounds) for side, rounds in (("A", 4), ("B", 9))]:
            done.result()
    for end in ends.values():
        os.close(end)
    found = {side: rows(tmp_path / side) for side in "AB"}
    marks = {side: "".join(row["synchronised"] for row in found[side]) for side in "AB"}
    assert marks == {"A": "1111" * 2, "B": "111100000" * 2}
    starts = {
        side: {(row["benchmark"], row["iteration"]): int(row["start_ns"]) for row in found[side]}
        for side in "AB"
    }
    skews_ns = [abs(start - starts["B"][key]) for key, start in starts["A"].items()]
    assert sorted(skews_ns)[4] < 20e6


def test_harnesses_find_the_probes_by_entry_points() -> None:
    (found,) = metadata.distributions(name="duet-probe", path=[str(PROBES)])
    points = {(point.group, point.name): point.value for point in found.entry_points}
    assert points == {
        ("pyperf.hook", "duet-probe"): "duet_probe:PyperfHook",
        ("pytest11", "duet-probe"): "duet_probe",
    }
