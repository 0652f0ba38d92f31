"""The disk that sides write to, watched: on ordinary file systems no engine bounds what a side writes."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from duet.engines import Started

LOOK_S = 1.0
RESERVE_BYTES = 1 << 30
"""Left on the disk; of a disk that has less than twice of it, the half of what it has."""
MIN_STEP_BYTES = 64 << 20
"""Between two questions to the engine, whose answer may take it a second."""


class Disk:
    """Looks at what is free, a microsecond's work, and asks the engine only where that is much less."""

    def __init__(self, sides: Mapping[str, Started], limits: Mapping[str, int]):
        """`limits`: bytes that each side may write."""
        self._sides, self._limits = sides, limits
        self._free = {path: _free_bytes(path) for side in sides.values() if (path := side.storage)}
        self._reserve = {path: min(RESERVE_BYTES, free // 2) for path, free in self._free.items()}
        self._alarm = min(limits.values())
        """So much less than in the beginning is a reason to ask."""
        self._next = time.monotonic() + LOOK_S

    def fault(self) -> tuple[str, str, str] | None:
        """Once a second: a side that is to be stopped, why, and the remedy.

        The side of which the engine counts the most where the disk is almost full: it does not count the
        volumes that an image asks for.
        """
        if time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + LOOK_S
        for path, free_before in self._free.items():
            free = _free_bytes(path)
            full = free < self._reserve[path]
            if not full and free_before - free <= self._alarm:
                continue
            written = {side: started.written() for side, started in self._sides.items()}
            for side, count in written.items():
                limit = self._limits[side]
                if count > limit:
                    return side, f"has written {count} bytes, {limit} are allowed", "raise `disk`"
            if full:
                side = max(written, key=written.__getitem__)
                what = f"was stopped since {path} has {free} bytes left; it has written {written[side]}"
                return side, what, "make room there, or have it write less"
            # Others have written, too. Before so much more is gone, no side can have reached its limit.
            left = min(limit - written[side] for side, limit in self._limits.items())
            self._alarm = free_before - free + max(left, MIN_STEP_BYTES)
        return None


def _free_bytes(path: Path) -> int:
    facts = os.statvfs(path)
    return facts.f_bfree * facts.f_frsize
