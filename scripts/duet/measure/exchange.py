"""Exchanging the sides' cores while a run is measured: what disturbs one core for a while then hits both."""

import contextlib
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from duet.engines import EngineError, Mover, SideGone, Started
from duet.measure.cores import Assignment, parse_set, show_set
from duet.model import SIDES, DuetError
from duet.records.exchange import MOVES, Move, write_moves
from duet.records.run import ExchangeRecord, file_record

SHORTEST_S = 0.010
"""Below this the sides lose more by cold caches than they gain."""
CPU_SHARE = 0.004
"""What moving is to take of one core. It may take 0.5 %: what the first moves cost is known after them."""
TIME_SHARE = 0.05
"""For how much of the time a move may be under way."""
SPREAD = (0.5, 1.5)
"""Periods are drawn between these multiples of the mean, so that they beat with no iteration."""
WAKE_NS = 100_000
"""CPU time of being woken, and of colder caches and a larger tree, which trials before the gate lack."""
TRIALS, CHEAP_NS = (2, 12), 3_000_000
"""Moves tried before the gate, more where one is cheap. Even numbers: each side is then where it was."""
ADAPT = 8
"""After so many moves the period is set again by what they really cost."""
LOOK_S = 1.0
"""How often it is looked whether the sides are bound as they should be."""
PATIENCE = 3
"""So many refusals in a row end the exchange."""
JOIN_S = 20
"""A move that takes longer at the end is left to itself."""


class Exchange:
    """The exchange of one run's sides. Without one (no sets) it does nothing and says so in its record."""

    def __init__(self, assignment: Assignment, seed: object):
        self.sets, self.reason = assignment.sets, assignment.reason
        self.planned = assignment.sets is not None
        cpus = {side: set_ for side, set_ in assignment.cpus.items() if set_ is not None}
        self._at = cpus if self.planned else {}
        self._given_ns = round(assignment.period_s * 1e9) if assignment.period_s else None
        self._period_ns = self._given_ns
        self._spare = assignment.spare
        self._random = random.Random(str(seed))
        self._orders: list[bool] = []
        self._stretches_ns: list[int] = []
        self._movers: dict[str, Mover] = {}
        self._ways: dict[str, str] = {}
        self._moves: list[Move] = []
        self._strange: dict[str, set[str]] = {side: set() for side in self._at}
        self._cost_ns: int | None = None
        self._cpu_ns = self._moving_ns = self._span_ns = 0
        self._refused = self._in_a_row = 0
        self._priority = self._cores = ""
        self._thread: threading.Thread | None = None
        self._running = threading.Lock()
        """Held while the thread is to run: to wait for it is to sleep until the next move or the end."""

    def prepare(self, started: Mapping[str, Started]) -> None:
        """Find out how the sides, which wait before the gate, are moved and what that costs."""
        if not self.planned:
            return
        try:
            for side in self._at:
                self._movers[side] = started[side].mover()
            self._ways = {side: mover.way for side, mover in self._movers.items()}
            self._try()
        except DuetError as e:
            self.reason = str(e)
            self._close()

    def _try(self) -> None:
        lengths_ns: list[int] = []
        cpu_ns = time.thread_time_ns()
        for trials in TRIALS:
            while len(lengths_ns) < trials:
                begin_ns = time.monotonic_ns()
                if fault := self._move(list(self._at)):
                    raise fault
                lengths_ns.append(time.monotonic_ns() - begin_ns)
            if min(lengths_ns) > CHEAP_NS:
                break
        self._cost_ns = round(statistics.median(lengths_ns))
        cpu_ns = (time.thread_time_ns() - cpu_ns) // len(lengths_ns) + WAKE_NS
        self._period_ns = self._given_ns or _period_ns(cpu_ns, self._cost_ns)

    def start(self) -> None:
        """Move from now on, in a thread of its own."""
        if self._movers:
            now_ns = time.time_ns()
            self._note(now_ns, now_ns, 0, [])
            self._running.acquire()
            self._thread = threading.Thread(target=self._run, daemon=True, name="exchange")
            self._thread.start()

    def _run(self) -> None:
        try:
            self._settle()
            self._wander()
        except Exception as e:  # whatever it is, the run goes on as if it had been split
            self.reason = f"{type(e).__name__}: {e}"

    def _settle(self) -> None:
        """Take a priority that makes moves punctual, and cores that are neither side's where there are any.

        Where there are none it runs on either side's: since they take turns there, none is favoured.
        """
        fifo = getattr(os, "SCHED_FIFO", 0) | getattr(os, "SCHED_RESET_ON_FORK", 0)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
            self._priority = "nice -20"
        with contextlib.suppress(OSError, AttributeError):
            os.sched_setscheduler(0, fifo, os.sched_param(1))
            self._priority = "real-time"
        if self._spare:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, self._spare)
        self._priority = self._priority or "normal"
        self._cores = show_set(frozenset(os.sched_getaffinity(0)))

    def _wander(self) -> None:
        assert self._period_ns is not None
        cpu_ns, begin_ns = time.thread_time_ns(), time.monotonic_ns()
        due_ns = now_ns = look_ns = begin_ns
        while self._at and not self.reason:
            # Lateness is not made up for by hurrying afterwards.
            due_ns = max(due_ns, now_ns - self._period_ns) + self._stretch_ns()
            if self._running.acquire(timeout=max(0, due_ns - time.monotonic_ns()) / 1e9):
                self._running.release()
                break
            self._exchange(due_ns)
            now_ns = time.monotonic_ns()
            if now_ns - look_ns >= LOOK_S * 1e9:
                look_ns = now_ns
                self._look()
            self._cpu_ns, self._span_ns = time.thread_time_ns() - cpu_ns, now_ns - begin_ns
            if len(self._moves) % ADAPT == 0 and not self._given_ns:
                made = len(self._moves)
                self._period_ns = _period_ns(self._cpu_ns // made, self._moving_ns // made)
        self._span_ns = time.monotonic_ns() - begin_ns

    def _exchange(self, due_ns: int) -> None:
        order = sorted(self._at, reverse=self._b_first())
        begin_ns, start_ns = time.monotonic_ns(), time.time_ns()
        fault = self._move(order)
        length_ns = time.monotonic_ns() - begin_ns
        self._moving_ns += length_ns
        if fault is None:
            self._in_a_row = 0
            self._note(start_ns, start_ns + length_ns, begin_ns - due_ns, [s for s in order if s in self._at])
            return
        self._refused += 1
        self._in_a_row += 1
        if len(set(self._at.values())) < len(self._at):
            self.reason = f"both sides are left on cores {next(iter(self._at.values()))}: {fault}"
        elif self._in_a_row == PATIENCE:
            self.reason = f"refused {PATIENCE} times in a row: {fault}"

    def _stretch_ns(self) -> int:
        """How long the sides stay now.

        Each draw counts twice, once in either place, so that a side is on either set for as long: else runs
        would scatter up to four times as far (benchmarks/exchange_simulation.py).
        """
        assert self._period_ns is not None
        if not self._stretches_ns:
            self._stretches_ns = [round(self._period_ns * self._random.uniform(*SPREAD))] * 2
        return self._stretches_ns.pop()

    def _b_first(self) -> bool:
        """Of four moves in a row each side is the first to move once from either set."""
        if not self._orders:
            one, other = self._random.random() < 0.5, self._random.random() < 0.5
            self._orders = [one, other, not one, not other]
        return self._orders.pop()

    def _move(self, order: list[str]) -> EngineError | None:
        """Move each side to the other set; when one is refused all stay, and that is returned.

        A side that has ended is left out from then on.
        """
        assert self.sets is not None
        moved = []
        for side in order:
            here = self._at[side]
            there = self.sets[here == self.sets[0]]
            try:
                self._movers[side].move(there)
                self._at[side] = there
                moved.append((side, here))
            except SideGone:
                del self._at[side]
            except EngineError as e:
                self._put_back([*moved, (side, here)])  # this one, too: it may be moved in part
                return e
        return None

    def _put_back(self, moved: list[tuple[str, str]]) -> None:
        """Where that is refused as well, two sides are in one place: the caller looks."""
        for side, before in moved:
            try:
                self._movers[side].move(before)
                self._at[side] = before
            except SideGone:
                del self._at[side]
            except EngineError:
                continue

    def _note(self, start_ns: int, end_ns: int, late_ns: int, moved: list[str]) -> None:
        places = (self._at.get(side) or "" for side in SIDES)
        self._moves.append(Move(start_ns, end_ns, late_ns, "".join(moved), *places))

    def _look(self) -> None:
        for side, cpus in self._at.items():
            cores = parse_set(cpus)
            self._strange[side] |= {show_set(bound) for bound in self._movers[side].bound() if bound != cores}

    def stop(self) -> None:
        """End it; repeating it is no error. Never waits for long."""
        if self._thread is None:
            self._close()
            return
        thread, self._thread = self._thread, None
        self._running.release()
        thread.join(JOIN_S)
        if thread.is_alive():
            self.reason = f"a move did not return within {JOIN_S} s"
        else:
            self._close()

    def _close(self) -> None:
        for mover in self._movers.values():
            mover.close()
        self._movers = {}

    def finish(self, directory: Path) -> tuple[ExchangeRecord, list[str]]:
        """What there is to record, and warnings; leaves the file of moves in the run's directory."""
        if not self._moves:
            warnings = [f"cores were not exchanged: {self.reason}"] if self.planned else []
            return ExchangeRecord(sets=self.sets, reason=self.reason, cost_ns=self._cost_ns), warnings
        write_moves(directory / MOVES, self._moves)
        made = self._moves[1:]
        lengths_ns = [move.end_ns - move.start_ns for move in made]
        late_ns = [move.late_ns for move in made]
        record = ExchangeRecord(
            sets=self.sets,
            reason=self.reason,
            ways=self._ways,
            period_ns=self._period_ns,
            period_given=self._given_ns is not None,
            cost_ns=self._cost_ns,
            moves=len(made),
            mean_ns=round(statistics.fmean(lengths_ns)) if made else None,
            worst_ns=max(lengths_ns, default=None),
            time_share=self._moving_ns / self._span_ns if self._span_ns else 0.0,
            cpu_ns=self._cpu_ns,
            cpu_share=self._cpu_ns / self._span_ns if self._span_ns else 0.0,
            late_median_ns=round(statistics.median(late_ns)) if made else None,
            late_worst_ns=max(late_ns, default=None),
            refused=self._refused,
            strange={side: tuple(sorted(sets)) for side, sets in self._strange.items() if sets},
            priority=self._priority,
            cores=self._cores,
            file=file_record(directory / MOVES),
        )
        return record, list(_warnings(record))


def _period_ns(cpu_ns: int, length_ns: int) -> int:
    """As short as the cost of a move allows."""
    return round(max(SHORTEST_S * 1e9, cpu_ns / CPU_SHARE, length_ns / TIME_SHARE))


def _warnings(record: ExchangeRecord) -> Iterator[str]:
    if record.reason:
        yield f"the exchange of cores ended after {record.moves} moves: {record.reason}"
    elif record.refused:
        yield f"exchanges of cores that were refused: {record.refused}"
    if record.period_given and record.cpu_share > 6 * CPU_SHARE:
        yield f"exchanging cores took {100 * record.cpu_share:.1f} % of a core; set a longer period"
    for side, sets in record.strange.items():
        yield (
            f"threads of side {side} were bound to cores {' and '.join(sets)}, which it was not given: "
            "the program binds them itself, or the set has shrunk"
        )
