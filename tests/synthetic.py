"""Made-up campaigns in the schema of the unified table, for tests and benchmark scripts.

No measurement: the noise is modelled on what two sides on one noisy machine show. What the
truth is, is known, so estimators can be judged.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.signal import lfilter

EPOCH_NS = 1_700_000_000_000_000_000
FACTS = {
    "environment": "synthetic",
    "engine": "docker",
    "image": "synthetic",
    "image_hash": "0" * 64,
    "status": "ok",
    "timed_out": False,
    "swapped": None,
    "date": "Tue Nov 14 22:13:20 UTC 2023",
    "hostname": "synthetic",
    "uname": "Linux synthetic 6.1.0 x86_64 GNU/Linux",
    "lscpu": "Synthetic CPU @ 1.00GHz",
    "meminfo": "16384000 kB",
}
USAGE = ("peak_memory_bytes", "cpu_time_ns")
SPAN = ("process_start_ns", "process_end_ns")
NOISE = (
    *("user_time_ns", "system_time_ns", "run_delay_ns", "throttled_ns"),
    *("side_pressure_cpu_ns", "side_pressure_memory_ns", "side_pressure_io_ns"),
    *("steal_ns", "others_ns", "pressure_cpu_ns", "pressure_memory_ns", "pressure_io_ns", "frequency_khz"),
)
COLUMNS = [
    *("suite", "benchmark", "type", "runid", "order", "pair", "iteration"),
    *("iteration_start_ns", "iteration_end_ns", "iteration_time_ns", "epoch_start_ms"),
    *("uptime_ns", "synchronised"),
    *FACTS,
    *USAGE,
    *SPAN,
    *NOISE,
]


def campaign(
    benchmarks: Sequence[str] | int = 4,
    runs: int = 10,
    iterations: int = 30,
    types: Sequence[str] = ("duet",),
    change: float | Mapping[str, float] = 0.0,
    seed: int = 0,
    *,
    suite: str = "synthetic",
    mean_s: float = 0.3,
    own_noise: float = 0.01,
    shared_noise: float = 0.1,
    run_noise: float = 0.002,
    drift: float = 0.5,
) -> pd.DataFrame:
    """A unified table: benchmarks x types x runs x 2 sides x iterations rows.

    `change`: relative change of B's iteration time against A's (0.05: B is 5 % slower), one
    number or one a benchmark. Times are lognormal about `mean_s`: `own_noise` is drawn for each
    iteration, `run_noise` for each side of a run; `shared_noise` is a disturbance that wanders
    over a run (autoregressive) and hits both sides alike in duet and syncduet, each side on its
    own in seqn; the first iteration is `drift` slower and this fades exponentially within about
    the first tenth. One side of a duet starts up to one iteration later. In a syncduet iterations
    start together. In an aaduet B is A: `change` is ignored.
    """
    rng = np.random.default_rng(seed)
    if isinstance(benchmarks, int):
        benchmarks = [f"bench-{i}" for i in range(benchmarks)]
    frames = [
        _group(rng, name, type_, runs, iterations, change, mean_s, own_noise, shared_noise, run_noise, drift)
        for name in benchmarks
        for type_ in types
    ]
    table = pd.concat(frames, ignore_index=True)
    table.insert(0, "suite", suite)
    for column, value in FACTS.items():
        table[column] = value
    for column in (*USAGE, *SPAN, *NOISE):
        table[column] = pd.array([pd.NA] * len(table), dtype="Int64")
    for column in ("suite", "benchmark", "type", "order", "pair", *FACTS):
        table[column] = table[column].astype("boolean" if column in ("timed_out", "swapped") else "category")
    return table[COLUMNS]


def _group(rng, name, type_, runs, iterations, change, mean_s, own, shared, run_noise, drift) -> pd.DataFrame:
    """All runs of one benchmark and type; arrays are [run, side, iteration]."""
    shape = (runs, 2, iterations)
    effect = change.get(name, 0.0) if isinstance(change, Mapping) else change
    if type_ == "aaduet":
        effect = 0.0
    log = rng.normal(0, own, shape) + rng.normal(0, run_noise, (runs, 2, 1))
    weather = _wander(rng, (runs, 2, iterations) if type_ == "seqn" else (runs, 1, iterations), shared)
    log += weather + np.log1p(drift * np.exp(-np.arange(iterations) / max(1.0, iterations / 30)))
    log[:, 1, :] += np.log1p(effect)
    time_ns = np.maximum(1, np.rint(np.exp(log) * mean_s * 1e9)).astype(np.int64)
    gap_ns = rng.integers(1_000, 50_000, shape)
    run_start_ns = EPOCH_NS + np.cumsum(np.full(runs, int(mean_s * 1e9 * iterations * 4), np.int64))
    late_ns = (
        rng.integers(0, int(mean_s * 1e9), (runs, 2, 1)) * rng.permuted([[0, 1]] * runs, axis=1)[..., None]
    )
    if type_ == "syncduet":
        step = (time_ns + gap_ns).max(axis=1, keepdims=True)
        start_ns = np.broadcast_to(np.cumsum(step, axis=2) - step, shape).copy()
    else:
        step = time_ns + gap_ns
        start_ns = np.cumsum(step, axis=2) - step + late_ns
    if type_ == "seqn":
        start_ns[:, 1] += start_ns[:, :1, -1] + time_ns[:, :1, -1]
    start_ns += run_start_ns[:, None, None]
    epoch_ms = np.broadcast_to(run_start_ns[:, None, None] // 1_000_000, shape).ravel()
    runid, side, iteration = (i.ravel() for i in np.indices(shape))
    order = np.array(["AB", "BA"])[(runid + sum(name.encode())) % 2] if type_ != "seqn" else "None"
    n = runid.size
    return pd.DataFrame(
        {
            "benchmark": name,
            "type": type_,
            "runid": runid.astype(np.int64),
            "order": order,
            "pair": np.array(["A", "B"])[side],
            "iteration": iteration.astype(np.int64),
            "iteration_start_ns": pd.array(start_ns.ravel(), dtype="Int64"),
            "iteration_end_ns": pd.array((start_ns + time_ns).ravel(), dtype="Int64"),
            "iteration_time_ns": time_ns.ravel(),
            "epoch_start_ms": pd.array(epoch_ms, dtype="Int64"),
            "uptime_ns": pd.array(start_ns.ravel() - epoch_ms * 1_000_000, dtype="Int64"),
            "synchronised": pd.array(np.full(n, 1 if type_ == "syncduet" else 0), dtype="Int64"),
        }
    )


def _wander(rng, shape, scale: float) -> np.ndarray:
    """A stationary first-order autoregression along the last axis, 0.9 from step to step."""
    noise = rng.normal(0, scale * np.sqrt(1 - 0.9**2), shape)
    noise[..., 0] = rng.normal(0, scale, shape[:-1])
    return lfilter([1.0], [1.0, -0.9], noise, axis=-1)
