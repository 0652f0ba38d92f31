"""Keys `git`, `setup` and `parameters` of campaign files."""

from pathlib import Path

import pytest
from config_files import faults, only_fault, read, written
from duet import revisions
from duet.campaign import load
from duet.model import Run, Type, parse_run
from repositories import Repository

PROCESS = {"engine": "process", "image": None, "duets": ["b"]}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits, the first one is called old."""
    revisions.resolve.cache_clear()
    made = Repository.new(tmp_path / "repository")
    made.commit(a_txt="1")
    made.git("tag", "old")
    made.commit(a_txt="2")
    return made


# ---- git ----


def test_git_is_joined_key_by_key(repository: Repository) -> None:
    """The repository is the one in which the file lies."""
    sides = {"A": {"git": {"revision": "old"}}, "B": {"git": {"revision": "HEAD"}}}
    campaign = read(repository.path, PROCESS | {"git": {"build": "make"}} | sides, b={"run": "x"})
    a, b = (side.image.checkout for side in (campaign.benchmarks[0].a, campaign.benchmarks[0].b))
    assert (a.content, b.content) == (repository.git("rev-parse", "old"), repository.git("rev-parse", "main"))
    assert {(each.build, each.repository) for each in (a, b)} == {("make", repository.path)}
    assert (a.title, b.title) == (f"old ({a.commit[:7]})", f"HEAD ({b.commit[:7]})")
    assert len(campaign.images) == 2


def test_another_repository_is_relative_to_the_file(repository: Repository, tmp_path: Path) -> None:
    git = {"revision": "main", "repository": "repository"}
    campaign = read(tmp_path, PROCESS | {"git": git})
    checkout = campaign.benchmarks[0].a.image.checkout
    assert checkout.repository == repository.path and len(campaign.images) == 1


def test_two_names_of_a_commit_are_one_image(repository: Repository) -> None:
    sides = {"A": {"git": {"revision": "main"}}, "B": {"git": {"revision": "HEAD"}}}
    campaign = read(repository.path, PROCESS | sides)
    assert len(campaign.images) == 1
    assert campaign.benchmarks[0].b.image.title == f"HEAD ({repository.git('rev-parse', 'HEAD')[:7]})"


def test_a_working_tree_is_named_as_such_and_without_the_campaigns_file(repository: Repository) -> None:
    repository.write(a_txt="3")

    def of(repetitions: int) -> str:
        revisions.resolve.cache_clear()
        sides = {"B": {"git": {"revision": "."}}, "duet_repetitions": repetitions}
        image = read(repository.path, PROCESS | {"git": {"revision": "old"}} | sides).benchmarks[0].b.image
        assert image.title == f"working tree ({repository.git('rev-parse', 'HEAD')[:7]} with changes)"
        return image.key

    assert of(1) == of(2)


@pytest.mark.parametrize(
    ("git", "line"),
    [
        (
            {"revision": "mian"},
            "git.revision: {} has no revision mian (did you mean main?); accepted: a commit",
        ),
        ({"build": "make"}, "git: has no revision; accepted: such as {{revision: main}}"),
        ({"revision": "main", "repository": "no"}, "git.repository: there is no directory {}/no"),
        ({"revision": "main", "repository": "/"}, "git.revision: / lies in no git repository"),
        ({"revision": 5}, "git.revision: is 5; accepted: a commit, branch or tag, text (quote a number)"),
        ({"revision": "main", "biuld": "x"}, "git.biuld: unknown key (did you mean build?)"),
    ],
)
def test_faults_of_git(repository: Repository, git: dict, line: str) -> None:
    line = line.format(repository.path).replace(f"{repository.path}/", "")  # as `faults` has it
    assert only_fault(repository.path, PROCESS | {"git": git}).startswith(f"c.yml: duetbench.{line}")


def test_a_key_of_git_that_stands_beside_it(repository: Repository) -> None:
    line = only_fault(repository.path, PROCESS | {"git": {"revision": "main"}, "build": "make"})
    assert line.startswith("c.yml: duetbench.build: unknown key (it stands in git: {build: …})")


# ---- parameters ----


def test_parameters_make_a_benchmark_of_each_combination(tmp_path: Path) -> None:
    parameters = {"size": ["small", "large"], "level": [1, 9.5]}
    campaign = read(tmp_path, {"parameters": parameters, "run_base": "go $size", "env": {"K": "v"}}, two={})
    points = ("size=small,level=1", "size=small,level=9.5", "size=large,level=1", "size=large,level=9.5")
    assert [b.name for b in campaign.benchmarks] == [f"{b}[{p}]" for b in ("one", "two") for p in points]
    first = campaign.benchmarks[0]
    assert first.a.run == "go $size one"
    assert first.a.env == first.b.env == (("K", "v"), ("level", "1"), ("size", "small"))
    assert first.stem == "tiny.one_size_small_level_1_"
    run = Run("tiny", first.name, 0, Type.SEQN, side="A")
    assert parse_run(run.name) is not None and run.benchmark_stem == first.stem


def test_the_nearest_parameters_count(tmp_path: Path) -> None:
    campaign = read(tmp_path, {"parameters": {"x": [1, 2]}}, two={"parameters": {"y": [True]}})
    assert [b.name for b in campaign.benchmarks] == ["one[x=1]", "one[x=2]", "two[y=true]"]


def test_values_of_the_command_line_reach_a_benchmark_with_parameters(tmp_path: Path) -> None:
    campaign = read(tmp_path, {"parameters": {"x": [1, 2]}}, {"two": {"timeout": 5}})
    assert [b.timeout_s for b in campaign.benchmarks] == [None, None, 5, 5]


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"x": []}, "parameters.x: is []; accepted: a list of values, each once"),
        ({"x": [1, 1]}, "parameters.x: is [1, 1]; accepted: a list of values, each once"),
        ({"x": ["a,b"]}, 'parameters.x[0]: is "a,b"; accepted: a number, true, false, or text'),
        ({"x y": [1]}, "parameters.x y: cannot be used as a name; accepted: a variable's name"),
        (
            {"x": ["v" * 130]},
            "parameters: one[x=" + "v" * 51 + "… has 137 characters; accepted: names up to 120",
        ),
        ({"K": [1]}, "parameters.K: env has a variable of that name, too; accepted: another name"),
        ({"x": ["1.5", "1_5"]}, "duets: tiny/one[x=1_5] gets the file names of tiny/one[x=1.5] (what is no"),
    ],
)
def test_faults_of_parameters(tmp_path: Path, parameters: dict, line: str) -> None:
    lines = faults(written(tmp_path, {"parameters": parameters, "duets": ["one"], "env": {"K": "v"}}))
    assert len(lines) == 1 and lines[0].startswith(f"c.yml: duetbench.{line}"), lines


def test_a_mapping_is_read_like_a_file() -> None:
    data = {"suite": "s", "image": "i", "duets": ["b"], "parameters": {"x": [1]}, "setup": "make ready"}
    (benchmark,) = load.from_mapping(data, "config").benchmarks
    assert benchmark.name == "b[x=1]" and benchmark.a.setup == "make ready"
