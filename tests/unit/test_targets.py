"""Names that nothing has, and sides that run the same: said before anything is measured."""

from dataclasses import replace

import pytest
from duet.campaign.alike import same_sides
from duet.campaign.targets import expanded, no_run, unknown
from duet.model import Benchmark, ImageRef, Side, Type

VALUES = {"benchmark": ["s.a", "s.b"], "run": ["s.a.0.duet.AB"]}


def test_the_files_that_rules_make():
    patterns = ["r/verdicts.csv", "r/iterations/{benchmark}.parquet", "r/runs/{run}/run.json", "r/{place}/x"]
    assert expanded(patterns, VALUES) == [
        "r/verdicts.csv",
        "r/iterations/s.a.parquet",
        "r/iterations/s.b.parquet",
        "r/runs/s.a.0.duet.AB/run.json",
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("avaliable", "available"),
        ("r/verdict.csv", "r/verdicts.csv"),
        ("results/r/verdicts.csv", "r/verdicts.csv"),
        ("r/iterations/s.c.parquet", "r/iterations/s.b.parquet"),
        ("xyz", None),
    ],
)
def test_an_unknown_target_is_named_and_the_nearest_one(name: str, nearest: str | None):
    files = expanded(["r/verdicts.csv", "r/iterations/{benchmark}.parquet"], VALUES)
    line = unknown(name, ["all", "available"], files, "r")
    meant = f" (did you mean {nearest}?)" if nearest else ""
    assert line == f"there is no target {name}{meant}; targets are all, available, and files in r/"


def test_an_unknown_run_is_named_and_the_nearest_one():
    assert no_run("s.a.9.duet.AB", ["s.a.0.duet.AB"]) == (
        "the campaign has no run s.a.9.duet.AB (did you mean s.a.0.duet.AB?)"
    )
    assert no_run("other", ["s.a.0.duet.AB"]) == "the campaign has no run other"


def benchmark(name: str, a: str, b: str, args: str = "", **repetitions: int) -> Benchmark:
    image = ImageRef("i") if args else None
    side_a = Side("A", image, a, None, ("results.csv",))
    side_b = replace(side_a, name="B", run=b, image=replace(image, args=(("X", args),)) if image else None)
    counts = {Type(type_): n for type_, n in (repetitions or {"duet": 3}).items()}
    return Benchmark("s", name, side_a, side_b, "native", counts)


def test_sides_that_run_the_same_are_said():
    same, other = benchmark("same", "x", "x"), benchmark("other", "x", "y")
    assert same_sides([other], str) is None
    assert same_sides([same, other], str) == "A and B run the same in same: no difference is to be expected"
    assert (
        same_sides([same, same], str)
        == "A and B run the same in all benchmarks: no difference is to be expected"
    )
    many = [benchmark(f"b{i}", "x", "x") for i in range(7)]
    assert " in b0, b1, b2, b3, b4 and 2 more: " in (same_sides([*many, other], str) or "")


def test_arguments_of_an_image_are_a_difference_in_containers_only():
    by_image = [benchmark("b", "x", "x", args="1"), benchmark("c", "x", "y")]
    assert same_sides(by_image, lambda _: "docker") is None
    assert same_sides(by_image, lambda _: "process") == (
        "A and B run the same in b (host processes take no image_args): no difference is to be expected"
    )


def test_a_against_a_is_meant():
    assert same_sides([benchmark("b", "x", "x", aaduet=5)], str) is None
