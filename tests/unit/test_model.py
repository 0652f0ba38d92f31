"""The nouns: names of files and their inverse, digests, collisions."""

import string
from dataclasses import replace
from pathlib import Path

import pytest
from duet.model import (
    Benchmark,
    Campaign,
    DuetError,
    ImageRef,
    Order,
    Run,
    Side,
    Source,
    Type,
    collisions,
    digest,
    file_name,
    parse_result_file,
    parse_run,
)
from hypothesis import given
from hypothesis import strategies as st

in_files = st.text(string.ascii_letters + string.digits + "_+-", min_size=1, max_size=20)
as_configured = st.text(string.ascii_letters + string.digits + "_.+-", min_size=1, max_size=20)
result_files = st.sampled_from(["results.csv", "log", "a.b.c", "result", "ünï code.json", "A.B.duet.0"])


def any_run(names: st.SearchStrategy[str]) -> st.SearchStrategy[Run]:
    runids = st.integers(0, 10**9)
    types = st.sampled_from([t for t in Type if t != Type.SEQN])
    together = st.builds(Run, names, names, runids, types, st.sampled_from([Order.AB, Order.BA]))
    alone = st.builds(
        Run, names, names, runids, st.just(Type.SEQN), st.just(Order.NONE), st.sampled_from(["A", "B"])
    )
    return together | alone


@given(any_run(in_files))
def test_run_names_have_an_inverse(run: Run) -> None:
    assert parse_run(run.name) == run


@given(any_run(in_files), result_files)
def test_result_file_names_have_an_inverse(run: Run, file: str) -> None:
    for side in run.sides:
        assert parse_result_file(run.file(side, file)) == (run, side, file)


@given(any_run(as_configured), result_files)
def test_true_names_come_back_as_they_stand_in_files(run: Run, file: str) -> None:
    stored = replace(run, suite=file_name(run.suite), benchmark=file_name(run.benchmark))
    assert parse_run(run.name) == stored
    assert parse_result_file(run.file(run.sides[0], file)) == (stored, run.sides[0], file)


@given(any_run(as_configured), any_run(as_configured))
def test_different_runs_have_different_names(one: Run, two: Run) -> None:
    def stored(run: Run) -> Run:
        return replace(run, suite=file_name(run.suite), benchmark=file_name(run.benchmark))

    assert (one.name == two.name) == (stored(one) == stored(two))


@given(
    st.text() | st.from_regex(r"s\.b\.[0-9]{1,3}\.(duet|seqn)\.(AB|None)(\.[ABC](\.\w+)?)?", fullmatch=True)
)
def test_other_names_are_none_or_have_an_inverse(name: str) -> None:
    run = parse_run(name)
    assert run is None or parse_run(run.name) == run
    parsed = parse_result_file(name)
    assert parsed is None or parse_result_file(parsed[0].file(*parsed[1:])) == parsed


@pytest.mark.parametrize(
    ("name", "run", "side", "file"),
    [
        ("s.b.0.duet.AB.A.results.json", Run("s", "b", 0, Type.DUET, Order.AB), "A", "results.json"),
        ("s.b.12.syncduet.AB.B.result", Run("s", "b", 12, Type.SYNCDUET, Order.AB), "B", "result"),
        ("s.505_mcf_r.3.seqn.None.B.r.csv", Run("s", "505_mcf_r", 3, Type.SEQN, side="B"), "B", "r.csv"),
    ],
)
def test_the_predecessors_file_names(name: str, run: Run, side: str, file: str) -> None:
    assert parse_result_file(name) == (run, side, file)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "artifacts",
        "s.b.0.duet.AB",
        "s.b.0.duet.AB.A.",
        "s.b.0.duet.AB.C.x",
        "s.b.x.duet.AB.A.x",
        "s.b.0.other.AB.A.x",
        "chi-square.0.A.results.json",
        "s.b.b.0.duet.AB.A.x",
    ],
)
def test_files_of_other_names(name: str) -> None:
    assert parse_result_file(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("s.b.0.duet.AB.A", "s.b.0.seqn.None", "s.b.0.duet", "s.b.-1.duet.AB", "a/b.b.0.duet.AB"),
        # no order of a duet, an order of one side, other digits than ASCII's, too many, two forms of one
        *("s.b.0.duet.None", "s.b.0.aaduet.None", "s.b.0.seqn.AB.A", "s.b.٣.duet.AB"),
        *(f"s.b.{'9' * 5000}.duet.AB", "s.b.00.duet.AB", "s.b.01.duet.AB", "s.b.0.duet.AB\n"),
    ],
)
def test_other_run_names(name: str) -> None:
    assert parse_run(name) is None


@pytest.mark.parametrize("run", ["s.b.0.duet.None", "s.b.0.seqn.AB", "s.b.٣.duet.AB", "s.b.00.duet.AB"])
def test_files_of_names_that_are_no_runs(run: str) -> None:
    assert parse_result_file(f"{run}.A.results.csv") is None


def test_sides_start_in_the_order() -> None:
    assert Run("s", "b", 0, Type.DUET, Order.BA).sides == ("B", "A")
    assert Run("s", "b", 0, Type.SEQN, side="B").sides == ("B",)


def benchmark(suite: str, name: str, *images: ImageRef | None) -> Benchmark:
    a, b = (Side(s, i, "true", None, ("r",)) for s, i in zip("AB", images or (None, None), strict=True))
    return Benchmark(suite, name, a, b, "native", {Type.DUET: 1})


def test_collisions() -> None:
    one, two, three = benchmark("s", "a.b"), benchmark("s", "a_b"), benchmark("t", "a.b")
    assert collisions([one, two, three]) == [(one, two)]
    assert collisions([one, three]) == []


def test_images_of_a_campaign_are_listed_once() -> None:
    x, y = ImageRef("x"), ImageRef("y", (("JDK", "17"),))
    parsed = Campaign(
        "c", Path("c.yml"), (benchmark("s", "a", x, y), benchmark("s", "b", y, x), benchmark("s", "c"))
    )
    assert parsed.images == (x, y)
    run = Run("s", "b", 0, Type.DUET, Order.AB)
    assert parsed.benchmark(run) is parsed.benchmarks[1]


def test_image_keys_tell_images_apart_and_are_file_names() -> None:
    refs = [
        ImageRef("base"),
        ImageRef("debian:bookworm"),
        ImageRef("debian/bookworm"),
        ImageRef("base", (("A", "1"),)),
        ImageRef("base", (("A", "2"),)),
        ImageRef("base", (), Source("x.jar", "https://example.org/x.jar")),
        ImageRef("base", (), Source("x.jar", own=Path("/x.jar"))),
    ]
    keys = [ref.key for ref in refs]
    assert keys[0] == "base"
    assert len(set(keys)) == len(keys)
    assert all(key.replace("-", "").replace("_", "").isalnum() for key in keys)
    assert [replace(ref).key for ref in refs] == keys


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [Path("x"), Type.DUET]}) == digest({"b": ["x", "duet"], "a": 1})
    assert digest(ImageRef("x")) != digest(ImageRef("y"))


def test_errors_are_one_line_with_the_remedy() -> None:
    assert str(DuetError("no disk", "free some")) == "no disk; free some"
    assert str(DuetError("no disk")) == "no disk"
