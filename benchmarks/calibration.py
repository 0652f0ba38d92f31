#!/usr/bin/env python3
"""How often the verdicts are wrong: campaigns with a known change, for every method and noise model.

Writes into docs/ calibration.csv (a row per scenario, change, number of runs and method), estimators.csv
(a row per scenario, change and estimator), types.csv (seqn and syncduet runs by the default method, and
single runs by their batches) and families.csv (whole suites), and prints the goals.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import simulation  # noqa: E402
from duet.inference import estimators, guarded, intervals, multiplicity  # noqa: E402
from duet.inference.overlap import Pairs, join  # noqa: E402
from duet.inference.samples import Samples  # noqa: E402

RUNS = (2, 3, 5, 10, 20)
CHANGES = (0.0, 0.02, -0.02, 0.2, -0.2)
ITERATIONS = 30
BATCHES, SINGLE = 5, 10
"""In each of several runs, and in a single one as verdicts take them."""
MARGIN = float(np.log1p(0.02))
COMPARED = (0.0, 0.02)
"""Changes for which the bootstraps and the other estimators are tried, too."""
TYPES = (0.0, 0.2)
"""Changes for which seqn and syncduet are tried."""
DEFAULT = "guarded-t"
LEFT_IN = "warm-up left in"
"""What happens to those who leave warm-up in: shown, not counted among the goals."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    args = parser.parse_args()
    begin, methods, others, nulls, types = time.perf_counter(), [], [], {}, []
    for scenario in simulation.SCENARIOS:
        for change in CHANGES:
            x, rows = measured(scenario, change, args.campaigns, args.seed)
            others += rows
            for n in RUNS:
                by_method = intervals_of(x, n, change)
                methods += [cell(scenario, change, n, name, f) for name, f in by_method.items()]
                nulls[scenario.name, change, n] = {name: f.p for name, f in by_method.items()}
            if change in TYPES:
                types += by_type(scenario, change, args.campaigns, args.seed)
        print(f"{time.perf_counter() - begin:6.0f} s {scenario.name}", flush=True)
    table = pd.DataFrame(methods)
    table = table.merge(equal_error_power(nulls), how="left", on=["scenario", "change", "runs", "method"])
    table.round(4).to_csv(args.out / "calibration.csv", index=False)
    pd.DataFrame(others).round(4).to_csv(args.out / "estimators.csv", index=False)
    types = pd.DataFrame(types)
    types.round(4).to_csv(args.out / "types.csv", index=False)
    family = families(nulls)
    family.round(4).to_csv(args.out / "families.csv", index=False)
    report(table, family, args.campaigns)
    report_types(types)


def measured(
    scenario: simulation.Scenario, change: float, campaigns: int, seed: int
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Log ratios (campaigns, n) by the default estimator for each n, batches of 20 runs
    (campaigns, 20, BATCHES), and rows on all estimators with 10 runs."""
    most = max(RUNS)
    x, other = defaultdict(list), defaultdict(list)
    for samples in simulation.simulate(scenario, change, campaigns, most, ITERATIONS, seed):
        for n in RUNS:
            part = simulation.first_runs(samples, n, most)
            overlaps = join(part, 0.0)
            log = estimators.index(part, overlaps, np.arange(len(part.runs)) // n).log_ratio
            x[str(n)].append(log.reshape(-1, n))
            if n == 10:
                other["index"].append(log)
                for name, value in rivals(part, overlaps).items():
                    other[name].append(value)
        if change in COMPARED:
            inside = np.stack(estimators.by_time_batches(part, overlaps, BATCHES), axis=-1)
            x["batches"].append(inside.reshape(-1, most, BATCHES))
    rows = [
        {
            **{"scenario": scenario.name, "change": change, "estimator": name},
            "bias_percent": 100 * (np.expm1(np.nanmean(log)) - change),
            "error_percent": 100 * np.nanstd(log) / np.sqrt(np.isfinite(log).sum()),
            "sd_percent": 100 * np.nanstd(log),
        }
        for name, log in ((k, np.concatenate(v)) for k, v in other.items())
    ]
    return {k: np.concatenate(v) for k, v in x.items()}, rows


def rivals(samples: Samples, overlaps: Pairs) -> dict[str, np.ndarray]:
    """The other estimators, and one side after the other: A of a run against B of the next one."""
    at_half = overlaps.at(0.5)
    mean = estimators.means(samples).mean_ns
    return {
        "rate": estimators.rate(samples, overlaps, np.arange(len(samples.runs)) // 10).log_ratio,
        "pairs": estimators.paired(samples, at_half).log_ratio,
        "pairs-weighted": estimators.paired(samples, at_half, weighted=True).log_ratio,
        "iteration i against i": estimators.by_index(samples).log_ratio,
        "sequential": np.log(np.roll(mean[:, 1], 1) / mean[:, 0]),
    }


def intervals_of(x: dict[str, np.ndarray], n: int, change: float) -> dict[str, intervals.Interval]:
    log = x[str(n)]
    known = (0.95, MARGIN, orders(n), None, 0.0, True)
    out = {"t": intervals.t(log, *known), DEFAULT: guarded.guarded_t(log, *known)}
    out["wilcoxon"] = intervals.wilcoxon(log, 0.95, MARGIN)
    if change in COMPARED:
        out["bca"] = intervals.bca(log, 0.95, MARGIN, resamples=1000)
        inside = intervals.centred(x["batches"][:, :n], log)
        out["hierarchical-bootstrap"] = intervals.hierarchical_bootstrap(inside, 0.95, MARGIN, 1000)
    return out


def orders(n: int) -> np.ndarray:
    """As simulated: every other run has B started first."""
    return np.array(["AB", "BA"])[np.arange(n) % 2]


def by_type(scenario: simulation.Scenario, change: float, campaigns: int, seed: int) -> list[dict]:
    """Rows of `cell` for seqn and syncduet by t, and for one run of each type by its batches."""
    most = max(RUNS)
    x = defaultdict(list)
    for samples in simulation.simulate(scenario, change, campaigns, 2 * most, ITERATIONS, seed):
        apart = simulation.one_after_the_other(samples, 2 * most)
        x["seqn"].append(estimators.means(apart).log_ratio)
        one = simulation.first_runs(samples, 1, 2 * most)
        overlaps = join(one, 0.0)
        inside = estimators.by_time_batches(one, overlaps, SINGLE)
        alone = estimators.rate(one, overlaps, np.arange(len(one.runs))).log_ratio
        x["one duet"].append(intervals.centred(np.stack(inside, axis=-1), alone))
        one = simulation.first_runs(apart, 1, most)
        inside = estimators.by_count_batches(one, SINGLE)
        alone = estimators.means(one).log_ratio
        x["one seqn"].append(intervals.centred(np.stack(inside, axis=-1), alone))
    for samples in simulation.simulate(scenario, change, campaigns, most, ITERATIONS, seed, together=True):
        x["syncduet"].append(estimators.by_index(samples).log_ratio)
    rows = []
    for type_, order in (("seqn", None), ("syncduet", orders)):
        log = np.concatenate(x[type_]).reshape(-1, most)
        for n in RUNS:
            interval = intervals.t(log[:, :n], 0.95, MARGIN, order and order(n))
            rows.append({"type": type_} | cell(scenario, change, n, "t", interval))
    for type_ in ("duet", "seqn"):
        inside = np.concatenate(x[f"one {type_}"])
        interval = intervals.t(inside[np.isfinite(inside).all(axis=1)], 0.95, MARGIN)
        rows.append({"type": type_} | cell(scenario, change, 1, "t on batches", interval))
    return rows


def cell(
    scenario: simulation.Scenario, change: float, n: int, method: str, interval: intervals.Interval
) -> dict:
    truth = np.log1p(change)
    width = 100 * (np.exp(interval.high - interval.estimate) - np.exp(interval.low - interval.estimate))
    return {
        **{"scenario": scenario.name, "change": change, "runs": n, "method": method},
        "rejected": np.mean(interval.p <= 0.05),
        "coverage": np.mean((interval.low <= truth) & (truth <= interval.high)),
        "equivalent": np.mean(interval.p_equivalence <= 0.05),
        "bias_percent": 100 * (np.expm1(np.mean(interval.estimate)) - change),
        "bias_error_percent": 100 * np.std(interval.estimate) / np.sqrt(len(interval.estimate)),
        "median_width_percent": np.median(width),
    }


def equal_error_power(nulls: dict) -> pd.DataFrame:
    """Share of campaigns with a change of 2 % that are called different, when each method's level
    is set such that it calls 5 % of the campaigns without one different (ties at the level by lot)."""
    rows = []
    for (scenario, change, n), methods in nulls.items():
        if change != 0.02:
            continue
        for method, p in methods.items():
            null = nulls[scenario, 0.0, n][method]
            level = np.sort(null)[int(0.05 * len(null))]
            lot = (0.05 - np.mean(null < level)) / np.mean(null == level)
            power = np.mean(p < level) + lot * np.mean(p == level)
            row = {"scenario": scenario, "change": change, "runs": n, "method": method}
            rows.append({**row, "power_at_equal_error": power})
    return pd.DataFrame(rows)


def families(nulls: dict) -> pd.DataFrame:
    """Family-wise error over suites: a benchmark of each scenario; all equal, or half of them 20 % apart."""
    names = list(dict.fromkeys(scenario for scenario, _, _ in nulls))
    rows = []
    for n in RUNS:
        equal = np.stack([nulls[s, 0.0, n][DEFAULT] for s in names], axis=-1)
        apart = np.stack([nulls[s, 0.2, n][DEFAULT] for s in names], axis=-1)
        half = np.arange(len(names)) % 2 == 0
        for what, p in (("all equal", equal), ("half differ by 20 %", np.where(half, apart, equal))):
            null = np.ones(len(names), bool) if what == "all equal" else ~half
            for correction in multiplicity.NAMES:
                wrong = np.stack([multiplicity.adjust(row, correction) for row in p]) <= 0.05
                rows.append(
                    {
                        **{"suite": what, "runs": n, "correction": correction},
                        "family_wise_error": np.mean(wrong[:, null].any(axis=1)),
                        "false_discoveries": np.mean(
                            wrong[:, null].sum(axis=1) / np.maximum(wrong.sum(axis=1), 1)
                        ),
                    }
                )
    return pd.DataFrame(rows)


def report(table: pd.DataFrame, family: pd.DataFrame, campaigns: int) -> None:
    """The goals and what came out."""
    counted = table[(table["method"] == DEFAULT) & (table["scenario"] != LEFT_IN)]
    error = np.sqrt(0.05 * 0.95 / campaigns)
    # the greatest of so many cells: Bonferroni
    null = counted[(counted["change"] == 0) & (counted["runs"] >= 3)]
    z = -special.ndtri(0.025 / len(null))
    print(f"{campaigns} campaigns a cell; simulation error of 5 %: {error:.2%}, x {z:.1f} over all cells")
    worst = null.loc[null["rejected"].idxmax()]
    print(
        f"false positives, {DEFAULT}, n >= 3: {null['rejected'].min():.1%} to {worst['rejected']:.1%} "
        f"({worst['scenario']}, n = {worst['runs']}); goal <= {0.05 + z * error:.1%}"
    )
    cover = counted[counted["runs"] >= 3]
    outside = cover[(cover["coverage"] - 0.95).abs() > 0.01 + z * error]
    print(
        f"coverage, {DEFAULT}, n >= 3: {cover['coverage'].min():.1%} to {cover['coverage'].max():.1%}; "
        f"{len(outside)} of {len(cover)} cells beyond 95 % +- 1 % + error"
    )
    print(outside[["scenario", "change", "runs", "coverage"]].to_string(index=False))
    bias = counted[counted["bias_percent"].abs() - 3 * counted["bias_error_percent"] > 0.2]
    print(
        f"bias: {len(bias)} of {len(counted)} cells beyond 0.2 % + error; "
        f"greatest {counted['bias_percent'].abs().max():.2f} %"
    )
    print(bias[["scenario", "change", "runs", "bias_percent", "bias_error_percent"]].to_string(index=False))
    power = table.dropna(subset="power_at_equal_error").pivot_table(
        index=["scenario", "runs"], columns="method", values="power_at_equal_error"
    )
    lost = power[power[DEFAULT] < power["bca"] - 3 * np.sqrt(0.5 / campaigns)]
    print(f"power at equal error: {DEFAULT} below bca in {len(lost)} of {len(power)} cells")
    print(lost.to_string())
    print(family.to_string(index=False))


def report_types(types: pd.DataFrame) -> None:
    """Least, mean and greatest over scenarios, percent."""
    counted = types[types["scenario"] != LEFT_IN]
    for type_, part in counted.groupby("type"):
        for column, of in (("rejected", part[part["change"] == 0]), ("coverage", part)):
            table = 100 * of.groupby(["method", "runs"])[column].agg(["min", "mean", "max"])
            print(f"{type_}, {column}:\n{table.round(1).to_string()}")


if __name__ == "__main__":
    main()
