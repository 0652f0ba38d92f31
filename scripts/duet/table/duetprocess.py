"""Tables of the predecessor's `duetprocess parse`, CSV or JSON -> the unified table.

They hold the iterations of many result directories, each told by its artifacts (date, hostname, …): run 0
of one is not run 0 of another, so runs are numbered anew. Start and end were floats there, good to 256 ns;
they are exact here where the row still has what they were made from (`epoch_start_ms` and `uptime_ns`,
`start_unix`). Iterations count from 0 for every suite.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from duet.harnesses._files import MAX_NS, is_column
from duet.model import DuetError, Order, Type
from duet.table.build import Labels, environment
from duet.table.store import FACTS, HOST, KEYS, TIMES

NEEDED = (
    "suite",
    "benchmark",
    "type",
    "runid",
    "pair",
    "iteration",
    "iteration_start_ns",
    "iteration_time_ns",
)
_FROM_ONE = ("dacapo", "scalabench")
_FLAGS = ("timed_out", "swapped")
_KNOWN = HOST
"""Facts of a run that its rows have."""
_MS = 1_000_000
_TYPES = tuple(str(t) for t in Type)


class NoResults(DuetError):
    """Something that holds no results that can be read."""


def read(path: Path, labels: Labels = ()) -> pd.DataFrame:
    """The table of a file, rows that cannot be used counted in `attrs["left_out"]`. Raises NoResults."""
    raw = _raw(path)
    if missing := [name for name in NEEDED if name not in raw.columns]:
        raise NoResults(f"{path}: no column {missing[0]}", "expected: a table of `duetprocess parse`")
    left_out: list[dict[str, str]] = []
    columns = {name: _number(raw, name) for name in ("runid", "iteration", "iteration_time_ns")}
    start_ns = _start_ns(raw)
    usable = np.isin(raw["type"].astype(str), _TYPES) & np.isin(raw["pair"].astype(str), ("A", "B"))
    usable &= raw["suite"].notna().to_numpy() & raw["benchmark"].notna().to_numpy()
    _leave_out(left_out, ~usable, "suite, benchmark, type or pair is none")
    numbers = usable & (columns["runid"] >= 0) & (columns["iteration"] >= 0)
    numbers &= (columns["iteration_time_ns"] > 0) & (columns["iteration_time_ns"] < MAX_NS)
    _leave_out(
        left_out, usable & ~numbers, "runid, iteration or iteration_time_ns is no number that it can be"
    )
    raw, start_ns = raw[numbers].reset_index(drop=True), start_ns[numbers]
    columns = {name: values[numbers] for name, values in columns.items()}
    if not len(raw):
        raise NoResults(f"{path}: no row can be used" + (f"; {left_out[0]['reason']}" if left_out else ""))
    frame = _frame(raw, columns, start_ns, labels)
    twice = frame.duplicated([*KEYS])
    _leave_out(left_out, twice.to_numpy(), "the same iteration of the same run again")
    frame = frame[~twice].sort_values([*KEYS], kind="stable").reset_index(drop=True)
    frame.attrs = {"warnings": _told(path, raw), "left_out": left_out, "imported": []}
    return frame


def _raw(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".json":
            return pd.DataFrame(json.loads(path.read_bytes()))
        return pd.read_csv(path, low_memory=False)
    except (OSError, ValueError, AttributeError, RecursionError) as e:
        why = " ".join(str(e).split())[:200]
        raise NoResults(
            f"{path}: cannot be read: {why}", "expected: CSV or JSON of `duetprocess parse`"
        ) from None


def _number(raw: pd.DataFrame, name: str) -> np.ndarray:
    """The column as int64, what is no whole number -1."""
    values = pd.to_numeric(raw[name], errors="coerce").to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        good = np.abs(values) < 2.0**62
    exact = pd.to_numeric(raw[name], errors="coerce")
    if exact.dtype.kind == "i":
        return exact.to_numpy(np.int64)
    return np.where(good, np.rint(np.where(good, values, 0)), -1).astype(np.int64)


def _start_ns(raw: pd.DataFrame) -> np.ndarray:
    """Start of each iteration, -1 where it has none."""
    start = _number(raw, "iteration_start_ns")
    for terms in (("epoch_start_ms", "uptime_ns"), ("start_unix",)):
        if not set(terms) <= set(raw.columns):
            continue
        values = [_number(raw, name) for name in terms]
        known = np.logical_and.reduce([v >= 0 for v in values]) & (values[0] < MAX_NS // _MS)
        exact = np.where(known, values[0], 0) * _MS + sum(np.where(known, v, 0) for v in values[1:])
        # Only where they are what the start was made from. A float is good to 256 ns, but pandas' JSON keeps
        # ten of its digits.
        start = np.where(known & (np.abs(exact - start) < 10**9), exact, start)
    return np.where((start >= 0) & (start <= MAX_NS), start, -1)


def _campaigns(raw: pd.DataFrame) -> np.ndarray:
    """The number of the result directory that each row is from, in order of appearance."""
    facts = [name for name in HOST if name in raw]
    if not facts:
        return np.zeros(len(raw), np.int64)
    return raw.groupby(facts, dropna=False, sort=False, observed=True).ngroup().to_numpy()


def _told(path: Path, raw: pd.DataFrame) -> list[dict[str, str]]:
    notes = []
    count = len(np.unique(_campaigns(raw)))
    if count > 1:
        notes.append(f"rows of {count} result directories (by date and host): their runs are numbered anew")
    exact = np.zeros(len(raw), bool)
    for name in (n for n in ("epoch_start_ms", "start_unix") if n in raw):
        exact |= raw[name].notna().to_numpy(bool)
    if path.suffix == ".json" and not exact.all():
        notes.append("JSON keeps ten digits of a start: SPEC's and older DaCapo's are good to half a second")
    return [{"run": str(path), "side": "", "warning": what} for what in notes]


def _frame(
    raw: pd.DataFrame, columns: dict[str, np.ndarray], start_ns: np.ndarray, labels: Labels
) -> pd.DataFrame:
    keys = {name: raw[name].astype(str) for name in ("suite", "benchmark", "type")}
    order = raw["order"] if "order" in raw else raw.get("duet_order", pd.Series(pd.NA, index=raw.index))
    order = order.astype(object).where(order.isin([str(o) for o in Order]), str(Order.NONE)).astype(str)
    iteration = columns["iteration"] - keys["suite"].isin(_FROM_ONE).to_numpy() * (columns["iteration"] > 0)
    timed, time_ns = start_ns >= 0, columns["iteration_time_ns"]
    out: dict[str, object] = {name: values.astype("category") for name, values in keys.items()}
    out |= {
        "runid": _renumbered(keys, _campaigns(raw), columns["runid"]),
        "order": order.astype("category"),
        "pair": raw["pair"].astype(str).astype("category"),
        "iteration": iteration,
        "iteration_start_ns": pd.arrays.IntegerArray(np.where(timed, start_ns, 0), ~timed),
        "iteration_end_ns": pd.arrays.IntegerArray(np.where(timed, start_ns + time_ns, 0), ~timed),
        "iteration_time_ns": time_ns,
    }
    epoch_ms = _number(raw, "epoch_start_ms") if "epoch_start_ms" in raw else np.full(len(raw), -1)
    out["epoch_start_ms"] = pd.arrays.IntegerArray(np.maximum(epoch_ms, 0), epoch_ms < 0)
    for name in map(str, raw.columns):
        known = {*KEYS, *TIMES, *FACTS, "order", "duet_order", "index", "environment"}
        if name not in known and is_column(name) and pd.api.types.is_numeric_dtype(raw[name]):
            values = raw[name].to_numpy(float, na_value=np.nan)
            out[name] = pd.arrays.FloatingArray(np.nan_to_num(values), np.isnan(values))
    for name in FACTS:
        if name in _FLAGS:
            out[name] = pd.array([pd.NA] * len(raw), dtype="boolean")
        else:
            column = raw[name] if name in _KNOWN and name in raw else pd.Series(None, index=raw.index)
            out[name] = _texts(column)
    out["environment"] = _environments(raw, labels)
    return pd.DataFrame(out, copy=False)


def _environments(raw: pd.DataFrame, labels: Labels) -> pd.Categorical:
    """As the table has it (the notebooks' own column), else the label of the host or its name."""
    hosts = (
        raw["hostname"].astype(object)
        if "hostname" in raw
        else pd.Series(None, index=raw.index, dtype=object)
    )
    labelled = {host: environment(None if pd.isna(host) else str(host), labels) for host in hosts.unique()}
    known = hosts.map(labelled)
    return _texts(raw["environment"].astype(object).fillna(known) if "environment" in raw else known)


def _texts(values: pd.Series) -> pd.Categorical:
    codes, categories = pd.factorize(values.where(values.isna(), values.astype(str)).astype(object))
    return pd.Categorical.from_codes(codes, pd.Index(categories, dtype="str"))


def _renumbered(keys: dict[str, pd.Series], campaign: np.ndarray, runid: np.ndarray) -> np.ndarray:
    """Runs of each benchmark and type numbered by result directory, then by their own number; as they are
    where there is one directory."""
    if len(np.unique(campaign)) < 2:
        return runid
    frame = pd.DataFrame({**keys, "campaign": campaign, "runid": runid})
    runs = frame.drop_duplicates().sort_values(["campaign", "runid"], kind="stable")
    runs["number"] = runs.groupby(list(keys), sort=False).cumcount()
    return frame.merge(runs, how="left", on=list(frame.columns))["number"].to_numpy(np.int64)


def _leave_out(left_out: list[dict[str, str]], bad: np.ndarray, why: str) -> None:
    if count := int(bad.sum()):
        first = int(np.argmax(bad)) + 2
        left_out.append({"run": "", "reason": f"{count} rows, the first in line {first}: {why}"})
