"""Modes compared, and which set of cores is faster: on runs whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import yaml
from duet.campaign import load
from duet.commands import isolate
from duet.inference.isolation import compare_modes, recommend
from duet.inference.sets import set_effect
from repositories import Repository

RNG = np.random.default_rng


def effects(spreads, runs=400, benchmarks=3, slow=1.0, skew=0.0):
    """A/A runs; the last mode does 1/slow of the work."""
    rows = []
    for place, (mode, spread) in enumerate(spreads.items()):
        log = RNG(place).normal(skew, spread, runs * benchmarks)
        time_ns = 1e6 * (slow if place == len(spreads) - 1 else 1)
        for i, value in enumerate(log):
            rows.append(
                (
                    mode,
                    f"b{i % benchmarks}",
                    value,
                    time_ns * (1 + i % benchmarks),
                    time_ns * (1 + i % benchmarks),
                )
            )
    return pd.DataFrame(rows, columns=["mode", "benchmark", "log_ratio", "mean_A_ns", "mean_B_ns"])


def test_spread_work_and_skew():
    rows = compare_modes(effects({"split": 0.1, "exchange": 0.01, "shared": 0.02}, slow=2)).set_index("mode")
    assert list(rows.index) == ["split", "exchange", "shared"]
    assert rows["spread_percent"].to_numpy() == pytest.approx([10, 1, 2], rel=0.1)
    assert (
        (rows["low_percent"] < rows["spread_percent"]) & (rows["spread_percent"] < rows["high_percent"])
    ).all()
    assert rows["work_percent"].to_numpy() == pytest.approx([100, 100, 50])
    # Half the width of a t interval of 6 runs: 2.571 / sqrt(6) standard deviations.
    assert rows.loc["exchange", "interval_points"] == pytest.approx(
        2 * 1.0496 * rows.loc["exchange", "spread_percent"], 1e-3
    )
    assert (rows["skew_p_value"] > 0.001).all()
    assert (compare_modes(effects({"x": 0.01}, skew=0.01))["skew_p_value"] < 1e-6).all()


def test_what_differs_between_benchmarks_is_no_spread():
    frame = effects({"split": 0.01})
    frame["log_ratio"] += frame["benchmark"].map({"b0": -0.5, "b1": 0.0, "b2": 0.5})
    assert compare_modes(frame)["spread_percent"].iloc[0] == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    "spreads, work, best",
    [
        ({"split": 5.0, "exchange": 1.0, "shared": 4.0}, (100, 98, 60), "exchange"),
        ({"split": 1.0, "exchange": 1.1, "shared": 4.0}, (100, 98, 60), "exchange"),  # about equal
        ({"split": 1.0, "exchange": 2.0, "shared": 0.5}, (100, 98, 60), "split"),  # shared does too little
        ({"split": 3.0, "exchange": 2.0, "exchange 100ms": 1.0}, (100, 98, 100), "exchange 100ms"),
        ({"split": 1.0, "shared": 1.0}, (90, 100), "shared"),
    ],
)
def test_recommendation(spreads, work, best):
    rows = pd.DataFrame(
        {"mode": list(spreads), "spread_percent": list(spreads.values()), "work_percent": work}
    )
    assert recommend(rows) == best


def test_nothing_to_go_by():
    empty = effects({"split": 0.1})
    empty["log_ratio"] = np.nan
    assert compare_modes(empty).empty
    one = compare_modes(effects({"split": 0.1}, runs=1, benchmarks=1))
    assert np.isnan(one["spread_percent"].iloc[0]) and recommend(one) is None


def exchanged(faster, iteration_ns, noise=0.02, span_ns=10 * 10**9, seed=0):
    """A side's iterations while it goes to and fro every 20 ms and runs `faster` on the second set."""
    rng = RNG(seed)
    moves = np.cumsum(rng.uniform(10e6, 30e6, int(span_ns / 20e6 * 1.2)).astype(np.int64))
    second = np.arange(len(moves)) % 2 == 1
    # Work done until each move, then the time at which each iteration's work is done.
    done = np.concatenate([[0], np.cumsum(np.diff(moves) * np.where(second[:-1], 1 + faster, 1.0))])
    work = np.cumsum(iteration_ns * rng.lognormal(0, noise, int(done[-1] / iteration_ns * 0.98)))
    ends = np.interp(work, done, moves).astype(np.int64)
    return np.concatenate([[moves[0]], ends[:-1]]), ends, moves, second


@pytest.mark.parametrize("iteration_ns", [1e6, 7e6, 40e6])
@pytest.mark.parametrize("faster", [0.0, 0.05, -0.2])
def test_the_faster_set_is_found(iteration_ns, faster):
    effects = [set_effect(*exchanged(faster, iteration_ns, seed=seed)) for seed in range(20)]
    errors = [(f.percent - 100 * faster) / f.error_percent for f in effects]
    assert abs(np.mean(errors)) < 4 / np.sqrt(20) and np.std(errors) < 2
    assert all(f.certain for f in effects) if faster else sum(f.certain for f in effects) <= 1


def test_iterations_far_longer_than_stretches_say_little_and_know_it():
    effect = set_effect(*exchanged(0.05, 300e6))
    assert effect is not None and effect.error_percent > 3


def test_too_little_to_tell():
    start, end, moves, second = exchanged(0.1, 5e6)
    assert set_effect(start[:5], end[:5], moves, second) is None
    assert set_effect(start, end, moves, np.zeros(len(moves), bool)) is None
    assert set_effect(start, end, [], []) is None


def test_the_campaign_that_is_measured_is_one(tmp_path):
    """What A is, in each mode, from wherever the campaign had it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/x.jar").touch()
    (tmp_path / "deep/c.yml").write_text(
        """
duetbench: {suite: s, image: renaissance, engine: podman, format: native, warmup: 3, jar: x.jar, timeout: 9,
  source: {url: "https://example.org/y.jar"}, run_base: java -jar y.jar, env: {X: "1"}, duets: [one, two]}
one: {memory: 1g, B: {run: other}}
two: {A: {image_args: {JAVA: openjdk-17-jdk-headless}}, results: [a, b]}
"""
    )
    campaign = load.load_campaign(tmp_path / "deep/c.yml")
    trial = isolate.trial(campaign, campaign.benchmarks, ("split", "exchange 30ms"), 5, "isolate-c")
    (tmp_path / "isolate.yml").write_text(yaml.safe_dump(trial))
    made = load.load_campaign(tmp_path / "isolate.yml")
    assert [b.name for b in made.benchmarks] == [
        f"{b}--{mode}" for b in ("one", "two") for mode in ("split", "exchange_30ms")
    ]
    for b in made.benchmarks:
        before = next(old for old in campaign.benchmarks if old.name == b.name.split("--")[0])
        assert b.a.cpus == b.name.split("--")[1].replace("_", " ") and b.b.run == b.a.run
        for key in ("image", "run", "results", "env", "engine", "memory_bytes", "network"):
            assert getattr(b.a, key) == getattr(before.a, key), key
        assert (b.suite, b.format, b.timeout_s, b.warmup) == (before.suite, before.format, 9.0, 3)
        assert {t: n for t, n in b.repetitions.items() if n} == {"aaduet": 5}


def test_revisions_setup_and_parameters_are_measured_as_they_are(tmp_path):
    repository = Repository.new(tmp_path / "repository")
    repository.commit(a_txt="1")
    (repository.path / "c.yml").write_text(
        "duetbench: {engine: process, git: {revision: main, build: make}, setup: make ready,"
        " parameters: {size: [1]}, duets: [b]}"
    )
    campaign = load.load_campaign(repository.path / "c.yml")
    trial = isolate.trial(campaign, campaign.benchmarks, ("split",), 5, "isolate-c")
    (tmp_path / "isolate.yml").write_text(yaml.safe_dump(trial))
    (made,) = load.load_campaign(tmp_path / "isolate.yml").benchmarks
    before = campaign.benchmarks[0].a
    assert made.name == "b_size_1_--split" and before.image
    assert (made.a.image, made.a.setup, made.a.env) == (before.image, "make ready", (("size", "1"),))


def test_modes_and_benchmarks_come_back_from_the_names():
    frame = pd.DataFrame({"benchmark": ["a--b--shared", "a--b--exchange_30ms", "c--split", "c--other"]})
    modes = isolate.by_mode(frame, ["exchange 30ms", "split", "shared"])
    assert list(modes["mode"]) == ["exchange 30ms", "split", "shared"]
    assert list(modes["benchmark"]) == ["a--b", "c", "a--b"]


def test_the_table_and_the_figure(tmp_path):
    from duet.report.figures import style
    from duet.report.figures.isolation import draw_isolation

    frame = effects({"split": 0.1, "exchange": 0.01}, runs=6, benchmarks=1)
    rows = compare_modes(frame)
    text = isolate.as_text(rows).splitlines()
    assert len(text) == 3 and text[0].startswith("cpus") and text[2].startswith("exchange  6")
    made = style.save(draw_isolation(frame, rows, "title"), tmp_path / "isolation")
    assert "cpus: exchange" in made[0].read_text() and all(path.stat().st_size > 1000 for path in made)
    style.save(draw_isolation(frame[:0], rows[:0], "title"), tmp_path / "none")
    assert "No run" in (tmp_path / "none.svg").read_text()


@pytest.mark.parametrize(
    "words, fault",
    [
        (["--benchmark", "absent"], "no benchmark absent"),
        (["--modes", "0-3"], "cannot be tried"),
        (["--runs", "1"], "two runs"),
    ],
)
def test_wrong_arguments(words, fault, capsys):
    import duetbench

    with pytest.raises(SystemExit) as ended:
        duetbench.call("isolate", words)
    assert ended.value.code == duetbench.USAGE and fault in capsys.readouterr().err


def test_what_the_provenance_page_says():
    from duet.records.run import ExchangeRecord, FileRecord
    from duet.report.summary.exchanges import sentences

    assert sentences([ExchangeRecord(), ExchangeRecord()]) == []
    made = ExchangeRecord(
        **{"sets": ("0", "1"), "ways": {"A": "cgroup file", "B": "cgroup file"}, "period_ns": 20_000_000},
        **{"moves": 1000, "mean_ns": 50_000, "worst_ns": 900_000, "time_share": 0.0025, "cpu_share": 0.004},
        **{"late_median_ns": 100_000, "late_worst_ns": 3_000_000, "file": FileRecord("moves.csv.gz")},
    )
    lines = sentences([made, made, ExchangeRecord(reason="there is only one core"), ExchangeRecord()])
    assert lines == [
        "The sides' cores (0 and 1) were exchanged in 2 of 4 runs, by cgroup file, every 20 ms at the median"
        ": 2,000 moves of 0.05 ms on average, 0.9 ms at most, 0.25 % of the time; they began 0.1 ms late at "
        "the median, 3 ms at most, and took 0.40 % of a core.",
        "Cores were not exchanged in 1 of 4 runs: there is only one core.",
    ]
