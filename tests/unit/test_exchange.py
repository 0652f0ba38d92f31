"""The exchange of cores without any engine: its order, its pace, and all that may go wrong."""

import itertools
import threading
import time
from collections import Counter

import pytest
from duet.engines import EngineError, SideGone
from duet.measure import exchange
from duet.measure.cores import Assignment
from duet.measure.exchange import Exchange
from duet.records.codec import decode, encode
from duet.records.exchange import MOVES, Move, read_moves, write_moves
from duet.records.run import ExchangeRecord, FileRecord


class Side:
    """A side that takes note of where it is put; `faults` are raised by its next moves (None: no fault)."""

    way = "test"

    def __init__(self, name, log, faults=(), strange=(), delay_s=0.0):
        self.name, self.log, self.faults = name, log, list(faults)
        self.strange, self.delay_s = set(strange), delay_s
        self.closed = False

    def mover(self):
        return self

    def move(self, cpus):
        time.sleep(self.delay_s)
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        self.log.append((self.name, cpus))

    def bound(self):
        return {frozenset(map(int, cpus.split(","))) for cpus in self.strange}

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def at_any_cost(monkeypatch):
    """The periods of tests are short, nobody is to be warned of that; this machine may be a slow one."""
    monkeypatch.setattr(exchange, "CHEAP_NS", 10**12)
    monkeypatch.setattr(exchange, "CPU_SHARE", 1.0)


REFUSED = EngineError("not now")
TRIALS = [None] * exchange.TRIALS[-1]


def run(tmp_path, sides, moves, period_s=0.001, sets=("0", "1"), **assignment):
    """Exchange until so many moves were tried, or 20 s; the record, warnings, and the moves."""
    cpus = {side.name: sets["AB".index(side.name)] for side in sides}
    made = Exchange(Assignment(cpus, sets, period_s, **assignment), "seed")
    made.prepare({side.name: side for side in sides})
    log = sides[0].log
    before = len(log)
    made.start()
    until = time.monotonic() + 20
    while len(log) - before < moves * len(sides) and made._thread and made._thread.is_alive():
        assert time.monotonic() < until
        time.sleep(0.001)
    made.stop()
    made.stop()
    record, warnings = made.finish(tmp_path)
    assert all(side.closed for side in sides)
    return record, warnings, read_moves(tmp_path / MOVES) if record.file else []


def pair(**a):
    log = []
    return [Side("A", log, **a), Side("B", log)], log


def test_sides_are_never_told_the_same_set_for_longer_than_a_move(tmp_path):
    sides, _ = pair()
    record, warnings, moves = run(tmp_path, sides, 40)
    assert record.moves >= 40 and record.refused == 0 and not warnings
    assert (
        record.ways == {"A": "test", "B": "test"} and record.sets == ("0", "1") and record.file.name == MOVES
    )
    assert (moves[0].moved, moves[0].a, moves[0].b) == ("", "0", "1") and len(moves) == record.moves + 1
    for before, move in itertools.pairwise(moves):
        assert (move.a, move.b) == (before.b, before.a) and sorted(move.moved) == ["A", "B"]
        assert before.end_ns <= move.start_ns <= move.end_ns
    lengths = [m.end_ns - m.start_ns for m in moves[1:]]
    assert record.worst_ns == max(lengths) and record.mean_ns == round(sum(lengths) / len(lengths))
    assert record.late_worst_ns == max(m.late_ns for m in moves[1:]) >= record.late_median_ns >= 0
    assert 0 < record.time_share < 1 and 0 < record.cpu_share < 1


def test_who_moves_first_is_balanced_over_sides_and_sets(tmp_path):
    sides, _ = pair()
    _, _, moves = run(tmp_path, sides, 200)
    first = Counter((move.moved[0], move.a) for move in moves[1:201])
    assert set(first.values()) == {50}
    assert len({tuple(m.moved for m in moves[i : i + 4]) for i in range(1, 200, 4)}) > 1


def test_periods_are_drawn_for_two_stretches_each(monkeypatch):
    drawn = []
    sides, _ = pair()
    made = Exchange(Assignment({"A": "0", "B": "1"}, ("0", "1"), 0.002), "seed")
    uniform = made._random.uniform
    monkeypatch.setattr(made._random, "uniform", lambda *a: drawn.append(uniform(*a)) or drawn[-1])
    made.prepare({s.name: s for s in sides})
    made.start()
    while len(drawn) < 50:
        time.sleep(0.01)
    made.stop()
    assert min(drawn) >= 0.5 and max(drawn) <= 1.5 and len(set(drawn)) == len(drawn)
    made._stretches_ns.clear()
    used = [made._stretch_ns() for _ in range(100)]
    assert used[::2] == used[1::2] == [round(2_000_000 * multiple) for multiple in drawn[-50:]]


def test_one_side_wanders_over_both_sets(tmp_path):
    log = []
    record, _, moves = run(tmp_path, [Side("B", log)], 20)
    assert {cpus for _, cpus in log} == {"0", "1"} and record.moves >= 20
    assert [m.moved for m in moves[:3]] == ["", "B", "B"]
    assert [m.b for m in moves[:3]] == ["1", "0", "1"] and {m.a for m in moves} == {""}


def test_trials_leave_each_side_where_it_was(tmp_path):
    sides, log = pair()
    made = Exchange(Assignment({"A": "0", "B": "1"}, ("0", "1")), 1)
    made.prepare({s.name: s for s in sides})
    made.stop()
    assert len(log) == 2 * exchange.TRIALS[-1] and dict(log) == {"A": "0", "B": "1"}
    record, _ = made.finish(tmp_path)
    assert record.cost_ns > 0 and record.moves == 0 and list(tmp_path.iterdir()) == []


def test_the_period_follows_the_cost(monkeypatch):
    monkeypatch.setattr(exchange, "CHEAP_NS", 3_000_000)
    log = []
    slow = [Side("A", log, delay_s=0.004), Side("B", log, delay_s=0.004)]
    made = Exchange(Assignment({"A": "0", "B": "1"}, ("0", "1")), 1)
    made.prepare({s.name: s for s in slow})
    made.stop()
    assert len(log) == 2 * exchange.TRIALS[0]  # an expensive move is tried less often
    assert made._period_ns >= 0.008 / exchange.TIME_SHARE * 1e9
    assert exchange._period_ns(1, 1) == exchange.SHORTEST_S * 1e9
    monkeypatch.setattr(exchange, "CPU_SHARE", 0.005)
    assert exchange._period_ns(100_000, 1) == 20_000_000


def test_a_refused_move_is_taken_back_and_tried_again(tmp_path):
    for refusing in range(2):
        log = []
        faults = [*TRIALS, None, REFUSED, None, REFUSED]
        sides = [Side(name, log, faults if i == refusing else ()) for i, name in enumerate("AB")]
        record, warnings, moves = run(tmp_path, sides, 30)
        assert record.refused == 2 and record.reason == "" and record.moves > 10
        assert warnings == ["exchanges of cores that were refused: 2"]
        assert all({m.a, m.b} == {"0", "1"} for m in moves)
        assert len({cpus for _, cpus in dict(log).items()}) == 2


def test_three_refusals_in_a_row_end_it_and_the_sides_keep_their_own(tmp_path):
    log = []
    # Each refusal is followed by being put back, which works.
    faults = [*TRIALS, None, *[REFUSED, None] * 3]
    sides = [Side("A", log), Side("B", log, faults)]
    record, warnings, _ = run(tmp_path, sides, 1000)
    assert record.refused == 3 and record.reason == "refused 3 times in a row: not now"
    assert warnings == ["the exchange of cores ended after 1 moves: refused 3 times in a row: not now"]
    assert set(dict(log).values()) == {"0", "1"}


def test_sides_left_together_are_said(tmp_path):
    log = []
    # The first moves, the second is refused, and the first cannot go back.
    sides = [Side("A", log, [*TRIALS * 2, None, REFUSED, REFUSED, REFUSED]), Side("B", log)]
    sides[1].faults = sides[0].faults
    record, warnings, _ = run(tmp_path, sides, 1000)
    assert record.reason.startswith("both sides are left on cores ") and record.moves == 0
    assert warnings == [f"the exchange of cores ended after 0 moves: {record.reason}"]


def test_a_period_of_ones_own_that_costs_too_much_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "CPU_SHARE", 1e-6)
    sides, _ = pair()
    record, warnings, _ = run(tmp_path, sides, 20)
    assert record.period_given and record.period_ns == 1_000_000
    assert len(warnings) == 1 and "set a longer period" in warnings[0]


def test_a_side_that_ends_is_left_alone_and_the_other_wanders_on(tmp_path):
    log = []
    sides = [Side("A", log, [*TRIALS, None, None, SideGone("ended")]), Side("B", log)]
    record, warnings, moves = run(tmp_path, sides, 10)
    assert not warnings and record.refused == 0 and record.reason == ""
    assert [set(m.moved) for m in moves[1:5]] == [{"A", "B"}, {"A", "B"}, {"B"}, {"B"}]
    assert moves[-1].a == "" and {m.b for m in moves} == {"0", "1"}


def test_a_side_that_ends_while_it_is_put_back(tmp_path):
    log = []
    # The first moves, the second is refused, and the first has ended meanwhile.
    sides = [Side("A", log, [*TRIALS * 2, None, REFUSED, SideGone("ended")]), Side("B", log)]
    sides[1].faults = sides[0].faults
    record, warnings, moves = run(tmp_path, sides, 10)
    assert record.refused == 1 and record.reason == "" and record.moves >= 10
    assert warnings == ["exchanges of cores that were refused: 1"] and {len(m.moved) for m in moves[1:]} == {
        1
    }


def test_both_have_ended(tmp_path):
    log = []
    gone = [*TRIALS, None, SideGone("ended")]
    record, warnings, moves = run(tmp_path, [Side("A", log, gone), Side("B", log, gone)], 1000)
    assert not warnings and record.moves == 2 and moves[-1].moved == ""


def test_a_fault_of_our_own_ends_the_exchange_not_the_run(tmp_path):
    log = []
    record, warnings, _ = run(tmp_path, [Side("A", log, [*TRIALS, KeyError("x")]), Side("B", log)], 1000)
    assert record.reason == "KeyError: 'x'" and len(warnings) == 1


def test_a_side_that_cannot_be_moved(tmp_path):
    class Fixed(Side):
        def mover(self):
            raise EngineError("its cgroup is not ours", "be root")

    log = []
    made = Exchange(Assignment({"A": "0", "B": "1"}, ("0", "1")), 1)
    sides = {"A": Side("A", log), "B": Fixed("B", log)}
    made.prepare(sides)
    made.start()
    made.stop()
    record, warnings = made.finish(tmp_path)
    assert record.reason == "its cgroup is not ours; be root" and record.moves == 0
    assert warnings == ["cores were not exchanged: its cgroup is not ours; be root"] and sides["A"].closed


def test_a_move_that_hangs_does_not_keep_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "JOIN_S", 0.05)
    hang, log = threading.Event(), []

    class Hanging(Side):
        def move(self, cpus):
            if len(self.log) >= exchange.TRIALS[-1] * 2:
                hang.wait(60)
            super().move(cpus)

    sides = [Side("A", log), Hanging("B", log)]
    made = Exchange(Assignment({"A": "0", "B": "1"}, ("0", "1"), 0.001), 1)
    made.prepare({s.name: s for s in sides})
    made.start()
    time.sleep(0.05)
    made.stop()
    record, warnings = made.finish(tmp_path)
    hang.set()
    assert "did not return" in record.reason and warnings


def test_strange_sets_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "LOOK_S", 0.0)
    sides, _ = pair(strange=["0", "1", "7"])
    record, warnings, _ = run(tmp_path, sides, 20)
    assert record.strange == {"A": ("0", "1", "7")}
    assert warnings and "side A were bound to cores 0 and 1 and 7" in warnings[0]


def test_without_sets_nothing_is_done_and_the_reason_is_kept(tmp_path):
    made = Exchange(Assignment({"A": "0", "B": None}, reason="there is only one core"), 1)
    assert not made.planned
    made.prepare({})
    made.start()
    made.stop()
    assert made.finish(tmp_path) == (ExchangeRecord(reason="there is only one core"), [])


def test_records_are_read_back(tmp_path):
    file = FileRecord(MOVES, 1, "0")
    record = ExchangeRecord(sets=("0", "1"), ways={"A": "x"}, moves=3, strange={"A": ("0",)}, file=file)
    assert decode(ExchangeRecord, encode(record)) == record
    assert decode(ExchangeRecord, {}) == ExchangeRecord()
    moves = [Move(1, 2, 3, "AB", "0-1,4", "2-3"), Move(5, 6, 0, "B", "", "0-1,4")]
    write_moves(tmp_path / MOVES, moves)
    assert read_moves(tmp_path / MOVES) == moves
    for wrong in ((tmp_path / MOVES).read_bytes()[:30], b"no gzip"):
        (tmp_path / MOVES).write_bytes(wrong)
        with pytest.raises((ValueError, OSError)):
            read_moves(tmp_path / MOVES)
