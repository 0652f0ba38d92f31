"""HDR histogram logs: `Tag=x,start,length,max,<compressed histogram>`, as HdrHistogram's writers make them.

The intervals of a log are added up: a run is one row (with tags one for each, as benchmarks of their own),
its time is the mean, and quantiles are columns (`p99_ns`, `p99.9_ns`, …, `max_ns`), exact to the
histogram's own precision. Values are nanoseconds, or what a comment line `#[Unit: us]` says (us, ms, s).

A histogram is base64 of: cookie 0x1c849304 (its low digits aside), length, zlib stream; in that a head of 40
bytes (cookie 0x1c849303, length of the counts, offset, significant digits, lowest and highest value, ratio)
and the counts, ZigZag LEB128, where -n stands for n empty buckets (V2 encoding).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

QUANTILES = ("50", "75", "90", "95", "99", "99.9", "99.99")
_UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_UNIT = re.compile(rb"#\s*\[\s*Unit:\s*(ns|us|ms|s)\s*\].*")
_LINE = re.compile(
    rb"(?:Tag=(?P<tag>[^,]{1,200}),)?[\d.eE+-]+,[\d.eE+-]+,[^,]+,(?P<histogram>[A-Za-z0-9+/=]+)"
)
_OUTER, _INNER, _KIND = 0x1C849304, 0x1C849303, 0xFFFFFF0F
_MOST_BYTES = 16 * 2**20
"""Of one histogram: more counts than any sensible precision has."""


@dataclass(frozen=True)
class Histogram:
    """Counts of buckets of values, lowest first."""

    digits: int
    unit_magnitude: int
    counts: np.ndarray

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest value of each bucket, and its width."""
        import numpy as np

        # sub-buckets: a power of two that tells 10^digits values apart, half of them new in each octave
        half = max((2 * 10**self.digits - 1).bit_length(), 1) - 1
        index = np.arange(len(self.counts), dtype=np.int64)
        bucket = (index >> half) - 1
        sub = (index & ((1 << half) - 1)) + (1 << half)
        sub = np.where(bucket < 0, sub - (1 << half), sub)
        shift = np.maximum(bucket, 0) + self.unit_magnitude
        return sub << shift, np.int64(1) << shift


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file; see duet.harnesses for the frame."""
    import pandas as pd

    path = result_files(files)[0]
    by_tag, unit_ns, warnings, truncated = _read(path)
    frames = [_row(path, histograms, unit_ns) for histograms in by_tag.values()]
    if set(by_tag) != {""}:
        names = [name or "untagged" for name in by_tag]
        frames = [frame.assign(benchmark=name) for frame, name in zip(frames, names, strict=True)]
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    whole.attrs = {"warnings": warnings, "truncated": truncated, "benchmark": None}
    return whole


def _read(path: Path) -> tuple[dict[str, list[Histogram]], float, list[str], bool]:
    """Histograms by tag, the unit, warnings, and whether the log is cut off."""
    data = read_bytes(path)
    *lines, rest = data.split(b"\n")
    warnings = [f"{path.name}: line {len(lines) + 1}: cut off, left out"] if rest.strip() else []
    histograms: dict[str, list[Histogram]] = {}
    unit_ns = 1.0
    for number, line in enumerate(map(bytes.strip, lines), 1):
        if unit := _UNIT.fullmatch(line):
            unit_ns = _UNITS[unit[1].decode()]
        if not line or line.startswith((b"#", b'"')):
            continue
        match = _LINE.fullmatch(line)
        try:
            if match is None:
                raise ValueError("not a line of a histogram log")
            tag = (match["tag"] or b"").decode()
            histograms.setdefault(tag, []).append(decode(match["histogram"]))
        except (ValueError, OverflowError, struct.error, zlib.error, binascii.Error) as error:
            raise FormatError(path, f"line {number}", " ".join(str(error).split())[:100]) from None
    if not histograms:
        raise FormatError(path, "", "no histogram")
    return histograms, unit_ns, warnings, bool(rest.strip())


def decode(text: bytes) -> Histogram:
    """A compressed V2 histogram. ValueError and what zlib, struct and base64 raise, for all else."""
    raw = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack_from(">ii", raw)
    if cookie & _KIND != _OUTER & _KIND:
        raise ValueError("not a compressed histogram of version 2")
    inner = zlib.decompressobj().decompress(raw[8 : 8 + max(length, 0)], _MOST_BYTES)
    cookie, size, offset, digits, lowest, _, ratio = struct.unpack_from(">iiiiqqd", inner)
    if cookie & _KIND != _INNER & _KIND or offset or ratio != 1.0:
        raise ValueError("a histogram of another kind: shifted, or of floating-point values")
    if not (0 <= digits <= 5 and 1 <= lowest < 2**40 and 0 <= size <= len(inner) - 40):
        raise ValueError("a histogram's head that cannot be")
    return Histogram(digits, lowest.bit_length() - 1, _counts(inner[40 : 40 + size]))


def _counts(payload: bytes) -> np.ndarray:
    import numpy as np

    index, place, by_index = 0, 0, {}
    while place < len(payload):
        value, shift = 0, 0
        while True:
            byte = payload[place] if place < len(payload) else 256
            if byte == 256:
                raise ValueError("a histogram's counts are cut off")
            place += 1
            if shift == 56:  # the ninth byte has all its bits
                value |= byte << shift
                break
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        number = (value >> 1) ^ -(value & 1)
        if number < 0:
            index -= number
        else:
            by_index[index] = number
            index += 1
        if index > 2**20 or number >= 2**53:
            raise ValueError("more buckets or counts than a histogram can have")
    counts = np.zeros(index, np.int64)
    counts[list(by_index)] = list(by_index.values())
    return counts


def _row(path: Path, histograms: Sequence[Histogram], unit_ns: float) -> pd.DataFrame:
    import numpy as np

    from duet.harnesses._requests import distribution

    parts = [(*h.edges(), h.counts) for h in histograms if h.counts.any()]
    if not parts:
        raise FormatError(path, "", "all histograms are empty")
    low, width, count = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.argsort(low, kind="stable")
    low, width, count = low[order], width[order], count[order]
    until, total = np.cumsum(count), int(count.sum())
    # the least value that so many requests do not exceed; a hair less, since 0.999 is no binary number
    wanted = [max(math.ceil(float(q) / 100 * total * (1 - 1e-12)), 1) for q in QUANTILES]
    at = [int(np.searchsorted(until, rank)) for rank in wanted]
    highest = (low + width - 1) * unit_ns
    last = int(np.flatnonzero(count)[-1])
    return distribution(
        path,
        float(((low + width // 2) * unit_ns * count).sum() / total),
        {q: float(highest[i]) for q, i in zip(QUANTILES, at, strict=True)},
        resolution_ns=float(width[at[-3]]) * unit_ns,
        extra={"requests": total, "max_ns": float(highest[last])},
    )


HARNESS = Harness(
    name="hdrhistogram",
    parse=parse,
    results=("latency.hlog",),
    no_barrier="a histogram's requests are not sent in step with those of another side",
)
