"""Whether somebody set the clock while a run was measured: every time of it is wall-clock time."""

import time

SLACK_NS = 5_000_000
"""Two readings of two clocks, one after the other, on a busy machine."""
SLEW = 0.001
"""Of the time that has passed: a clock that is kept right runs up to half of this faster or slower."""


class Clock:
    """Compares the wall clock with one that nobody can set, from the moment on in which it is made."""

    def __init__(self) -> None:
        self._began_ns = self._last_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._offset_ns = time.time_ns() - self._began_ns
        self._steps_ns: list[int] = []

    def look(self) -> None:
        """To be called now and then: a clock that is set forth and back is seen in between only."""
        before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall_ns = time.time_ns()
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        moved_ns = wall_ns - (before_ns + now_ns) // 2 - self._offset_ns
        if abs(moved_ns) > SLACK_NS + (now_ns - before_ns) + int(SLEW * (now_ns - self._last_ns)):
            self._steps_ns.append(moved_ns)
        self._offset_ns += moved_ns
        self._last_ns = now_ns

    def step_ns(self) -> int | None:
        """By how much the clock was set, the most where it was more than once; None where it was not."""
        self.look()
        return max(self._steps_ns, key=abs, default=None)
