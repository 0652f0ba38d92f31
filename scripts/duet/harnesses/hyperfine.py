"""hyperfine: the JSON that `--export-json FILE` writes.

Each command is a benchmark: `times`, seconds of each execution, its process's start included, what
hyperfine takes a shell's start for taken off. Its name is that of `--command-name`, else the command
line. Where hyperfine tells memory (`memory_usage_byte`, from 1.19 on), that is a column. Executions
that failed (`--ignore-failure`) are left out, with a warning.

hyperfine writes no absolute times and calls nothing from outside around an execution, so iterations
cannot be placed in time or synchronised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duet.harnesses import FormatError, Harness
from duet.harnesses._files import read_bytes, result_files
from duet.harnesses._json_values import load, mapping, numbers, sequence, text

if TYPE_CHECKING:
    import pandas as pd

    from duet.harnesses._many import Measured

MEMORY = "memory_usage_byte"


def parse(files: Sequence[Path], benchmark: str, artifacts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The first result file; see duet.harnesses for the frame."""
    from duet.harnesses import _many

    path = result_files(files)[0]
    content, truncated = load(path, read_bytes(path))
    warnings = [f"{path.name}: cut off"] if truncated else []
    measured, failures = [], []
    results = sequence(path, "$.results", mapping(path, "$", content).get("results"))
    for i, result in enumerate(results):
        result = mapping(path, f"$.results[{i}]", result)
        if truncated and i == len(results) - 1 and "exit_codes" not in result:
            continue  # its list of times may be torn, too
        each, failed = _benchmark(path, f"$.results[{i}]", result)
        measured.append(each)
        if failed:
            failures.append(
                f"{each.name}: {failed} of {failed + len(each)} executions failed and are left out"
            )
    return _many.frame(path, measured, warnings=warnings, truncated=truncated, failures=failures)


def _benchmark(path: Path, at: str, result: Mapping[str, Any]) -> tuple[Measured, int]:
    """A command's executions, and how many others failed."""
    import numpy as np

    from duet.harnesses._many import Measured

    name = text(path, f"{at}.command", result.get("command"))
    seconds = numbers(path, f"{at}.times", result.get("times"))
    codes = result.get("exit_codes")
    whole = np.ones(len(seconds), bool)
    if codes is not None:
        codes = sequence(path, f"{at}.exit_codes", codes)
        if len(codes) != len(seconds):
            raise FormatError(path, f"{at}.exit_codes", f"{len(codes)} of them, but {len(seconds)} times")
        whole = np.array([code == 0 for code in codes], bool)
    extra = {}
    if MEMORY in result:
        extra[MEMORY] = numbers(path, f"{at}.{MEMORY}", result[MEMORY])
        if len(extra[MEMORY]) != len(seconds):
            raise FormatError(
                path, f"{at}.{MEMORY}", f"{len(extra[MEMORY])} of them, but {len(seconds)} times"
            )
    kept = {key: values[whole] for key, values in extra.items()}
    return Measured(name, seconds[whole] * 1e9, extra=kept), int((~whole).sum())


HARNESS = Harness(
    name="hyperfine",
    parse=parse,
    results=("results.json",),
    no_barrier="hyperfine calls nothing before an execution that could wait for the other side",
)
