"""The JSON files of a campaign (plan files, image records, run.json): written whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from duet.model import SCHEMA_VERSION, DuetError, Run, parse_result_file, parse_run

RUN = "run.json"
FAILURE = "failure.json"
SIDE_KEYS = (
    "engine", "image", "image_id", "image_hash", "exit_code", "go_ns", "end_ns", "cpus",
    "peak_memory_bytes", "cpu_time_ns", "oom_killed", "files", "log",
)  # fmt: skip
"""What run.json says of each side."""
RUN_KEYS = (
    "schema", "name", "campaign", "run", "status", "timed_out", "start_ns", "end_ns", "spec",
    "engine", "engine_version", "gate", "sides", "artifacts", "warnings",
)  # fmt: skip


class RecordError(DuetError):
    """A JSON file of the campaign is absent, torn, of another version or not ours."""


def write(path: Path, value: Any) -> None:
    """Write canonical JSON beside `path`, then rename: a reader sees the old content or the new."""
    _replace(path, canonical(value))


def write_if_changed(path: Path, value: Any) -> bool:
    """Write canonical JSON only if it differs from what is there; whether it does."""
    text = canonical(value)
    try:
        if path.read_text() == text:
            return False
    except (OSError, ValueError):
        pass
    _replace(path, text)
    return True


def read(path: Path, keys: Sequence[str] = (), schema: int | None = SCHEMA_VERSION) -> dict[str, Any]:
    """Read a JSON object and check its version (unless `schema` is None) and required keys."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except OSError as e:
        raise RecordError(f"{path}: {e.strerror}") from None
    except (ValueError, RecursionError) as e:
        raise RecordError(f"{path}: not JSON, perhaps cut off ({e})", "delete it and start again") from None
    if not isinstance(value, dict):
        raise RecordError(f"{path}: a JSON object was expected, not {type(value).__name__}")
    if schema is not None and value.get("schema") != schema:
        raise RecordError(
            f"{path}: schema {value.get('schema')!r}, this version reads {schema}",
            "delete it and start again",
        )
    missing = [key for key in keys if key not in value]
    if missing:
        raise RecordError(f"{path}: not one of ours, lacks {', '.join(missing)}")
    return value


def read_run(directory: Path) -> dict[str, Any]:
    """The record of the finished run in `directory`."""
    path = directory / RUN
    value = read(path, RUN_KEYS)
    if not isinstance(value["sides"], dict) or not value["sides"]:
        raise RecordError(f"{path}: not one of ours, `sides` must be a mapping")
    for name, side in value["sides"].items():
        missing = [key for key in SIDE_KEYS if key not in side] if isinstance(side, dict) else ["everything"]
        if name not in ("A", "B") or missing:
            raise RecordError(f"{path}: not one of ours, side {name} lacks {', '.join(missing)}")
    return value


def runs(directory: Path) -> Iterator[tuple[Run, Path]]:
    """Finished runs below `directory` (results/<name>/runs): those with a run.json, by name."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except FileNotFoundError:
        return
    for name in names:
        run = parse_run(name)
        if run is not None and (directory / name / RUN).exists():
            yield run, directory / name


def stems(directory: Path) -> set[str]:
    """`<suite>.<benchmark>` of all results in a results directory, ours or the predecessor's flat one."""
    if not directory.is_dir():
        return set()
    runs_dir = directory / "runs"
    found = [run for run, _ in runs(runs_dir if runs_dir.is_dir() else directory)]
    flat = filter(None, (parse_result_file(entry.name) for entry in os.scandir(directory)))
    return {run.benchmark_stem for run in (*found, *(run for run, _, _ in flat))}


def write_failure(directory: Path, name: str, reason: str, log: Path | None, time_ns: int) -> None:
    """Leave in `directory` why the run failed and where its log is."""
    failure = {"name": name, "reason": reason, "log": log and str(log), "time_ns": time_ns}
    write(directory / FAILURE, {"schema": SCHEMA_VERSION, **failure})


def publish(part: Path, directory: Path, keep: Sequence[str]) -> None:
    """Replace what is in a run's `directory` by what is in `part`, but for files called as in `keep`.

    The record goes first and comes last: while it is there, everything is.
    """
    directory.mkdir(exist_ok=True)
    old = sorted(directory.iterdir(), key=lambda path: path.name not in (RUN, FAILURE))
    for path in old:
        if path.name not in keep:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in sorted(part.iterdir(), key=lambda path: path.name in (RUN, FAILURE)):
        path.replace(directory / path.name)


def canonical(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text)
        beside.replace(path)
    except OSError as e:
        beside.unlink(missing_ok=True)
        raise RecordError(f"{path}: cannot be written ({e.strerror})") from None
