"""Does a side run faster on one of the two sets of cores between which it was exchanged, and by how much?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 10
"""Iterations of a side below which nothing is said."""


@dataclass(frozen=True)
class SetEffect:
    """How much faster a side ran on the second set of cores than on the first, in percent."""

    percent: float
    error_percent: float
    """Standard error."""

    @property
    def certain(self) -> bool:
        """Beyond what chance does once in a thousand times."""
        return abs(self.percent) > 3.3 * self.error_percent


def set_effect(
    start_ns: np.ndarray, end_ns: np.ndarray, moved_ns: Sequence[int], on_second: Sequence[bool]
) -> SetEffect | None:
    """From a side's iterations in one run, each assumed to do the same work.

    `moved_ns[i]` is when the side came to where it was until `moved_ns[i + 1]`, `on_second[i]` whether that
    was the second set. An iteration is 1 = r_first t_first + r_second t_second, with the times that it
    spent on either; the rates r are fitted by least squares. Iterations may be far longer than the
    stretches between two moves: their shares differ less then, and the error says so. None where there
    is too little to tell.
    """
    moves = np.asarray(moved_ns, np.int64)
    inside = (start_ns >= moves[0]) & (end_ns > start_ns) if len(moves) else np.zeros(len(start_ns), bool)
    if inside.sum() < FEWEST or len(set(on_second)) < 2:
        return None
    start_ns, end_ns = start_ns[inside], end_ns[inside]
    length = (end_ns - start_ns).astype(float)
    second = _time_on(end_ns, moves, np.asarray(on_second)) - _time_on(start_ns, moves, np.asarray(on_second))
    times = np.stack([length - second, second], axis=1) / length.mean()
    inverse = np.linalg.pinv(times.T @ times, rcond=1e-9)
    rates = inverse @ times.sum(axis=0)
    if not (rates > 0).all():
        return None
    residuals = 1 - times @ rates
    covariance = inverse * (residuals @ residuals) / (len(length) - 2)
    gradient = np.array([-1, 1]) / rates
    error = float(np.sqrt(gradient @ covariance @ gradient))
    ratio = rates[1] / rates[0]
    return SetEffect(100 * float(ratio - 1), 100 * float(ratio * error))


def _time_on(stamps_ns: np.ndarray, moves: np.ndarray, on_second: np.ndarray) -> np.ndarray:
    """How long before each stamp, since the first move, the side was on the second set."""
    lengths = np.diff(moves) * on_second[:-1]
    before = np.concatenate([[0], np.cumsum(lengths)])
    place = np.searchsorted(moves, stamps_ns, "right") - 1
    return (before[place] + (stamps_ns - moves[place]) * on_second[place]).astype(float)
