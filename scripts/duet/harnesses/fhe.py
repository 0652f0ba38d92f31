"""Programs for fully homomorphic encryption: the phases that they go through are columns, `t_…_ns`.

The programs of images/fhe/ write our own format with these columns. Those of the MarbleHE/SoK platform write
one CSV for a tool and a program, one row for a repetition:
`t_keygen,t_input_encryption,t_computation,t_decryption` in milliseconds, or for micro-benchmarks twelve
operations, mostly without a header, in microseconds. Then an iteration's time is their sum, and without
absolute times nothing can be paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duet.harnesses import FormatError, Harness, native
from duet.harnesses._files import MAX_NS, read_bytes, read_start, result_files

if TYPE_CHECKING:
    import pandas as pd

PHASES = ("t_keygen", "t_input_encryption", "t_computation", "t_decryption")
"""In the order in which a program goes through them; milliseconds."""
OPERATIONS = (
    *("t_mul_ct_ct", "t_mul_ct_ct_inplace", "t_mul_ct_pt", "t_mul_ct_pt_inplace"),
    *("t_add_ct_ct", "t_add_ct_ct_inplace", "t_add_ct_pt", "t_add_ct_pt_inplace"),
    *("t_enc_sk", "t_enc_pk", "t_dec", "t_rot"),
)
"""In the order of a file without a header; microseconds."""
PROGRAMS = ("cardio", "chi-squared", "kernel", "nn", "microbenchmark")


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file of ours, else of SoK's; see duet.harnesses for the frame."""
    results = result_files(files)
    for file in results:
        if native.recognised(read_start(file)):
            return native.read(file)
    return read_sok(next((f for f in results if recognised(read_start(f))), results[0]))


def recognised(start: bytes) -> bool:
    """Whether a file that begins so is one of SoK's."""
    cells = _cells(start.decode(errors="replace").partition("\n")[0])
    return set(PHASES) <= set(cells) or set(cells) <= set(OPERATIONS) or _is_bare(cells)


def folder(directory: Path) -> dict[tuple[str, str], list[Path]]:
    """SoK's results: a folder for a tool, which is the suite, in it a file for a program, the benchmark."""
    runs: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(directory.glob("*/*.csv")):
        if path.is_file():
            runs.setdefault((path.parent.name, program(path.stem)), []).append(path)
    return runs


def program(stem: str) -> str:
    """The program that a file such as `seal_bfv_chi_squared_opt.csv` is of, else `stem`."""
    words = f"-{stem.lower().replace('_', '-')}-"
    return next((name for name in PROGRAMS if f"-{name}-" in words), stem)


def read_sok(path: Path) -> pd.DataFrame:
    """One of SoK's files; FormatError with the line that is wrong."""
    import numpy as np

    from duet.harnesses._frames import iterations

    text = read_bytes(path).decode(errors="replace")
    truncated = not text.endswith("\n")
    warnings = []
    rows = [(n, _cells(line)) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    names = rows[0][1]
    if _is_bare(names):
        names = list(OPERATIONS)
        warnings.append(f"{path.name}: no header; its columns are taken for {', '.join(OPERATIONS)}")
    else:
        rows = rows[1:]
    unit_ns = _unit_ns(path, names)
    if truncated and len(rows) > 1:  # a number cut short cannot be told from a whole one
        warnings.append(f"{path.name}: line {rows[-1][0]}: cut off, left out")
        rows = rows[:-1]
    table = np.array([_numbers(path, n, row, names, unit_ns) for n, row in rows], np.int64)
    if not len(table):
        raise FormatError(path, "", "no repetitions")
    return iterations(
        path,
        table.sum(axis=1),
        extra={f"{name}_ns": table[:, i] for i, name in enumerate(names)},
        where=lambda row: f"line {rows[row][0]}",
        warnings=warnings,
        truncated=truncated,
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().split(",")]


def _is_bare(cells: Sequence[str]) -> bool:
    return len(cells) == len(OPERATIONS) and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _unit_ns(path: Path, names: Sequence[str]) -> int:
    if sorted(names) == sorted(PHASES):
        return 1_000_000
    if names and set(names) <= set(OPERATIONS) and len(set(names)) == len(names):
        return 1_000
    raise FormatError(
        path,
        "line 1",
        f"columns {', '.join(names)[:120]}: neither SoK's phases ({', '.join(PHASES)}) nor its operations",
    )


def _numbers(path: Path, line: int, row: Sequence[str], names: Sequence[str], unit_ns: int) -> list[int]:
    if len(row) != len(names):
        raise FormatError(path, f"line {line}", f"{len(row)} columns, the header has {len(names)}")
    for name, cell in zip(names, row, strict=True):
        if not _is_number(cell) or not 0 <= float(cell) * unit_ns <= MAX_NS / len(names):
            raise FormatError(path, f"line {line}", f"{name} is {cell[:40]!r}, not a time")
    return [round(float(cell) * unit_ns) for cell in row]


HARNESS = Harness(
    name="fhe",
    parse=parse,
    phases=True,
    folder=folder,
    no_barrier="its programs do not wait for each other between repetitions",
)
