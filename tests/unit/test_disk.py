"""When a side is stopped for what it has written."""

from pathlib import Path

import pytest
from duet.measure import disk
from duet.measure.disk import Disk

GIB = 1 << 30


class Side:
    def __init__(self, storage: Path | None):
        self.storage, self.count, self.calls = storage, 0, 0

    def written(self) -> int:
        self.calls += 1
        return self.count


@pytest.fixture
def watched(monkeypatch, tmp_path: Path):
    """A disk of 100 GiB, and two sides that may write 10."""
    free = {tmp_path: 100 * GIB}
    monkeypatch.setattr(disk, "_free_bytes", free.__getitem__)
    monkeypatch.setattr(disk, "LOOK_S", 0)
    sides = {"A": Side(tmp_path), "B": Side(tmp_path)}
    watch = Disk(sides, {"A": 10 * GIB, "B": 10 * GIB})

    def now(a: int, b: int, others: int = 0):
        sides["A"].count, sides["B"].count = a * GIB, b * GIB
        free[tmp_path] = (100 - a - b - others) * GIB
        fault = watch.fault()
        return fault and (fault[0], fault[1])

    now.sides = sides
    return now


def test_nobody_is_asked_before_so_much_is_gone(watched):
    assert watched(4, 5) is None and watched.sides["A"].calls == 0


def test_the_side_that_wrote_too_much_is_named(watched):
    assert watched(9, 9) is None
    assert watched(9, 11) == ("B", f"has written {11 * GIB} bytes, {10 * GIB} are allowed")


def test_what_others_write_is_nobodys_fault_and_not_asked_about_again_and_again(watched):
    for _ in range(100):
        assert watched(1, 1, others=60) is None
    assert watched.sides["A"].calls == 1
    assert watched(11, 1, others=60)[0] == "A"


def test_the_last_gib_of_the_disk_stays(watched, tmp_path: Path):
    """Whoever filled it: what images' volumes hold is not counted."""
    side, what = watched(2, 1, others=97)
    assert side == "A" and f"since {tmp_path} has 0 bytes left; it has written {2 * GIB}" in what


def test_an_almost_full_disk_is_no_fault(monkeypatch, tmp_path: Path):
    free = [100 << 20]
    monkeypatch.setattr(disk, "_free_bytes", lambda _: free[0])
    monkeypatch.setattr(disk, "LOOK_S", 0)
    watch = Disk({"A": Side(tmp_path)}, {"A": 10 * GIB})
    assert watch.fault() is None
    free[0] = 49 << 20
    assert watch.fault()[0] == "A"


def test_a_disk_that_is_not_known_is_not_watched():
    assert Disk({"A": Side(None)}, {"A": 1}).fault() is None


def test_looks_once_a_second(monkeypatch, tmp_path: Path):
    looks = []
    monkeypatch.setattr(disk, "_free_bytes", lambda path: looks.append(path) or 0)
    watch = Disk({"A": Side(tmp_path)}, {"A": 1})
    for _ in range(1000):
        watch.fault()
    assert len(looks) < 500
