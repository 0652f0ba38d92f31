"""pgbench: its per-transaction log (`-l`), a line for each transaction.

    client_id transaction_no time script_no time_epoch time_us [schedule_lag] [retries]

`time` is how long it took in microseconds, or `failed` or `skipped`, which are left out and told;
`time_epoch` and `time_us` are when it ended. A log has the name `<prefix>.<pid>`, further threads of one
with another number behind: a campaign's command joins them (`cat tx.* >transactions.txt`). With several
scripts (`-f`) each is a benchmark of its own, called `script-0`, `script-1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LINE = re.compile(rb"\d+ \d+ (?:\d+|failed|skipped|serialization|deadlock) \d+ \d+ \d+(?: \S+){0,2}")
_WORDS = (b" failed ", b" skipped ", b" serialization ", b" deadlock ")
_RESOLUTION_NS = 1000


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file; see duet.harnesses for the frame."""
    import numpy as np

    from duet.harnesses._frames import joined
    from duet.harnesses._requests import of_requests

    path = result_files(files)[0]
    lines, warnings, truncated = _lines(path)
    cells = np.array([line.split()[:6] for line in lines], dtype=np.int64)
    if (cells[:, [2, 4]] > 2**40).any() or (cells[:, 5] >= 1_000_000).any():
        row = int(np.argmax((cells[:, 2] > 2**40) | (cells[:, 4] > 2**40) | (cells[:, 5] >= 1_000_000)))
        raise FormatError(path, f"transaction {row + 1}", "not a plausible time")
    time_ns = cells[:, 2] * 1000
    # faster than the clock's step is not nothing
    time_ns = np.where(time_ns == 0, _RESOLUTION_NS // 2, time_ns)
    start_ns = (cells[:, 4] * 1_000_000 + cells[:, 5]) * 1000 - time_ns

    def frame(rows: np.ndarray) -> pd.DataFrame:
        client = {"client": cells[rows, 0]}
        return of_requests(path, start_ns[rows], time_ns[rows], resolution_ns=_RESOLUTION_NS, extra=client)

    script = cells[:, 3]
    several = bool((script != script[0]).any())
    names = np.array([f"script-{n}" for n in script]) if several else script
    return joined(names, frame, named=several, warnings=warnings, truncated=truncated)


def _lines(path: Path) -> tuple[list[bytes], list[str], bool]:
    """The lines of finished transactions, warnings, and whether the file is cut off."""
    data = read_bytes(path)
    *lines, rest = data.split(b"\n")
    warnings = [f"{path.name}: line {len(lines) + 1}: cut off, left out"] if rest else []
    kept, lost = [], 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not _LINE.fullmatch(line) or max(map(len, line.split())) > 18:
            shown = line[:60].decode(errors="replace")
            raise FormatError(path, f"line {number}", f"{shown!r}: not a line of pgbench's log")
        if any(word in line for word in _WORDS):
            lost += 1
        else:
            kept.append(line)
    if lost:
        warnings.append(f"{path.name}: {lost} transactions failed or were skipped: left out")
    if not kept:
        raise FormatError(path, "", "no finished transaction")
    return kept, warnings, bool(rest)


HARNESS = Harness(
    name="pgbench",
    parse=parse,
    results=("transactions.txt",),
    no_barrier="pgbench's transactions are not sent in step with those of another side",
)
