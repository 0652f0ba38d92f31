"""Campaigns of config/ that show a harness, in short, in containers: a duet and a synchronised duet of each.

CI has those whose images are built quickly; the others are `long` for their time only (a compiler, a JDK or
many packages in an image, one to six minutes each): ./test --long runs them.
"""

import pandas as pd
import pytest
import yaml
from campaigns import PROJECT, Project
from duet.table import store

EXTRA = {"schedule": "sequential", "artifacts": {}, "duet_repetitions": 1, "sequential_repetitions": 0}


def shortened(project: Project, name: str, *replaced: tuple[str, str], **values: object) -> str:
    """A campaign of config/ with fewer runs and shorter ones; its name."""
    text = (PROJECT / f"config/{name}.yml").read_text()
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    campaign = yaml.safe_load(text)
    campaign["duetbench"] |= EXTRA | values
    project.write(name, campaign)
    return name


def measured(project: Project, name: str) -> pd.DataFrame:
    """Its table of iterations, with its notes."""
    targets = [f"results/{name}/{file}" for file in ("iterations.parquet", "verdicts.csv")]
    done = project.snakemake(name, *targets, "--config", "engine=docker")
    assert done.returncode == 0, done.stdout
    return store.read(project.results(name) / "iterations.parquet")


def check(table: pd.DataFrame, benchmarks: set[str], types: set[str], *, timed: bool = True) -> None:
    """Both sides of every benchmark have iterations, exact times, and in syncduets began together."""
    assert set(table.benchmark) == benchmarks
    assert set(table.groupby(["benchmark", "type", "pair"], observed=True).size().index) == {
        (b, t, s) for b in benchmarks for t in types for s in "AB"
    }
    assert table.iteration_start_ns.notna().all() == timed
    if "syncduet" in types:
        together = table[table.type == "syncduet"]
        assert (together.synchronised == 1).mean() > 0.5  # numbers of rounds may go by time
        keys = ["benchmark", "runid", "iteration"]
        sides = [together[together.pair == side] for side in "AB"]
        both = sides[0].merge(sides[1], on=keys, suffixes=("_A", "_B"))
        assert len(both) >= 0.5 * min(map(len, sides))
        both = both[(both.synchronised_A == 1) & (both.synchronised_B == 1)]
        skew_ns = (both.iteration_start_ns_A - both.iteration_start_ns_B).abs()
        assert skew_ns.median() < 20e6


def verdicts(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.results(name) / "verdicts.csv")


def within(process: str, *names: str) -> set[str]:
    return {f"{process}/{name}" for name in names}


def warnings(table: pd.DataFrame) -> str:
    return "\n".join(note["warning"] for note in table.attrs["warnings"])


@pytest.mark.long
def test_pyperf(project: Project, docker) -> None:
    name = shortened(
        project, "pyperformance", ("-p 4 -n 6", "-p 2 -n 3 --min-time 0.02"),
        duets=["json_dumps", "richards"], syncduet_repetitions=1,
    )  # fmt: skip
    table = measured(project, name)
    check(table, {"json_dumps", "richards"}, {"duet", "syncduet"})
    assert (table.mem_max_rss > 1e6).all()
    assert len(verdicts(project, name)) == 4


@pytest.mark.long
def test_hyperfine(project: Project, docker) -> None:
    name = shortened(project, "hyperfine", ("--runs 40", "--runs 8"), duets=["gzip-9"], duet_repetitions=2)
    table = measured(project, name)
    check(table, {"gzip-9"}, {"duet"}, timed=False)
    assert set(table.groupby(["runid", "pair"], observed=True).size()) == {8}
    (change,) = verdicts(project, name).change_percent
    assert change > 5  # -9 takes longer than -6


def test_pytest_benchmark(project: Project, docker) -> None:
    name = shortened(
        project, "pytest_benchmark", ("--benchmark-max-time 0.5", "--benchmark-max-time 0.05"),
        syncduet_repetitions=1, env={"BROKEN": "1"},
    )  # fmt: skip
    table = measured(project, name)
    names = within(
        "library", "test_json[compact]", "test_json[indented]", "test_count", "test_objects", "test_wrap"
    )
    check(table, names, {"duet", "syncduet"})
    assert "test_search failed: ValueError: made to fail" in warnings(table)


def test_command(project: Project, docker) -> None:
    name = shortened(
        project, "command", duets=["random"], syncduet_repetitions=1, env={"DUET_LOOP": "--iterations 5"}
    )
    table = measured(project, name)
    check(table, {"random"}, {"duet", "syncduet"})
    assert set(table.groupby(["type", "pair"], observed=True).size()) == {5}
    assert (verdicts(project, name).change_percent > 0).all()  # shuffling takes longer than sorting


@pytest.mark.long
def test_googlebenchmark(project: Project, docker) -> None:
    name = shortened(
        project, "googlebenchmark", ("min_time=0.1", "min_time=0.02"), ("repetitions=15", "repetitions=5"),
        syncduet_repetitions=1, env={"BROKEN": "1"},
    )  # fmt: skip
    table = measured(project, name)
    names = ("sort/100", "sort/10000", "insert<std::map<int, int>>", "insert<std::unordered_map<int, int>>")
    check(table, within("library", *names), {"duet", "syncduet"})
    assert set(table.groupby(["benchmark", "type", "pair"], observed=True).size()) == {5}
    assert "append failed: made to fail" in warnings(table)


@pytest.mark.long
@pytest.mark.parametrize("events", [False, True], ids=["text", "json"])
def test_gobench(project: Project, docker, events: bool) -> None:
    short = ("count=10 -test.benchtime=100ms", "count=10 -test.benchtime=20ms")
    json = ("./bench.test", "go tool test2json -t ./bench.test")
    name = shortened(
        project, "gobench", short, *([json] if events else []), syncduet_repetitions=1, env={"BROKEN": "1"}
    )
    table = measured(project, name)
    names = [f"Benchmark{name}" for name in ("Sort/100", "Sort/10000", "JSON", "Checksum")]
    check(table, within("library", *names), {"duet", "syncduet"})
    assert table["B/op"].notna().any()
    assert "BenchmarkReplace failed: library_test.go" in warnings(table)


@pytest.mark.long
def test_jmh(project: Project, docker) -> None:
    name = shortened(
        project, "jmh", ("-wi 5 -w 200ms -i 10 -r 200ms", "-wi 2 -w 50ms -i 4 -r 50ms"),
        duets=["compiler"], syncduet_repetitions=1, env={"BROKEN": "1"},
    )  # fmt: skip
    table = measured(project, name)
    methods = ("fourier", "determinant", "median")
    names = [f"CommonsMath.{method}:size={size}" for method in methods for size in (64, 1024)]
    check(table, within("compiler", *names), {"duet", "syncduet"})
    assert set(table.groupby(["benchmark", "type", "pair"], observed=True).size()) == {4}
    assert "CommonsMath.spline (size = 64) failed: java.lang.IllegalStateException" in warnings(table)


@pytest.mark.long
def test_criterion(project: Project, docker) -> None:
    name = shortened(
        project, "criterion", ("--sample-size 20", "--sample-size 10 --measurement-time 1 --warm-up-time 1"),
        syncduet_repetitions=1, env={"BROKEN": "1"},
    )  # fmt: skip
    table = measured(project, name)
    check(table, within("library", "sort/100", "sort/10000", "hash map", "tree map"), {"duet", "syncduet"})
    assert set(table.groupby(["benchmark", "type", "pair"], observed=True).size()) == {10}
    assert "join failed: " in warnings(table)
