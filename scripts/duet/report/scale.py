"""The axis of changes: log ratios, so that half as long and twice as long are equally far from no change.

One change of 250 %, or one interval from two runs, must not press all others into a line, nor hide the
margin: what is far out is cut off, and gets an arrow.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_NICE = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_WIDEST, _WIDER = 20, 40
"""Margins that half an axis holds at most, so that their band is a twentieth of it; and where more than half
of the changes would lie beyond, which is a fortieth."""


def log_ratio(percent: float) -> float:
    """ln(1 + percent / 100); what took no time at all is infinitely far."""
    return math.log1p(percent / 100) if percent > -100 else -math.inf


@dataclass(frozen=True)
class Scale:
    limit: float
    """Half width: the log ratio at the right end; the left end is its negative."""
    clipped: bool
    """Whether something lies beyond."""

    def beyond(self, percent: float) -> bool:
        return abs(log_ratio(percent)) > self.limit

    def clip(self, percent: float) -> float:
        """The log ratio, at the end of the axis where it lies beyond."""
        return min(max(log_ratio(percent), -self.limit), self.limit)

    def place(self, percent: float) -> float:
        """0 at the left end, 1 at the right, clipped."""
        return 0.5 + self.clip(percent) / (2 * self.limit)

    def ticks(self) -> tuple[float, ...]:
        """Percentages to write at the axis: none, and some both ways."""
        right = [nice for nice in _NICE if -log_ratio(_other(nice)) <= 0.95 * self.limit]
        out = [0.0]
        for nice in right[-1:] + [each for each in right[-3:-1] if 3 * each <= right[-1]][-1:]:
            out += [nice, _other(nice)]
        return tuple(sorted(out))


def _other(nice: float) -> float:
    """What to write at the left for a percentage at the right: the same, of large ones the inverse."""
    return -nice if nice <= 20 else -100 * nice / (100 + nice)


def scale_of(estimates: Iterable[float], ends: Iterable[float], margin_percent: float) -> Scale:
    """For changes and ends of their intervals, in percent; what is not finite plays no part."""
    margin = log_ratio(max(margin_percent, 0.01))
    changes = sorted(abs(log_ratio(value)) for value in estimates if math.isfinite(value))
    far = sorted(abs(log_ratio(value)) for value in ends if math.isfinite(value))
    if not changes:
        return Scale(3 * margin, False)
    usual = max(changes[int(0.75 * (len(changes) - 1))], margin)
    base = changes[-1] if changes[-1] <= 6 * usual else 3 * usual
    limit = max(base * 1.1, margin * 1.5)
    if far:
        limit = max(limit, min(far[-1], max(2.5 * base, 3 * margin, 1.5 * far[len(far) // 2])))
    widest = _WIDEST if changes[len(changes) // 2] <= _WIDEST * margin else _WIDER
    limit = 1.06 * min(limit, widest * margin)
    return Scale(limit, max(changes[-1], far[-1] if far else 0.0) > limit)
