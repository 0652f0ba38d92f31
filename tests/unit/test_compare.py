"""compare without measuring: what it chooses, the file that it writes, what it says of bad input."""

import argparse
import math
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.campaign import load
from duet.commands import _comparison, _trial, compare
from duet.commands._comparison import Comparison, Pace
from duet.model import DuetError, Type
from duet.report import comparison as report
from duet.report.summary.wording import seconds
from duet.revisions import resolve
from repositories import Repository

PACE = Pace(runs=10, seconds=2, batch=4, warmup=1, timeout_s=90)
COMMANDS = [
    "gzip -6 -c data.txt",
    "gzip 'it is' \"quoted: x\" # y",
    "printf '%s\\n' a | wc; echo \"$HOME\"",
    "- dash: {a: [b]}",
    "two\nlines",
    "größe\t'x'",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("images", [None, ("python:3.11", "python:3.12")])
def test_the_file_says_what_was_asked_for(tmp_path: Path, command: str, images) -> None:
    engine = "docker" if images else "process"
    comparison = Comparison(
        "x", (command, "true"), tmp_path / "it's here", engine, images, prepare="rm -f 'a b'"
    )
    (tmp_path / "files.tar").touch()
    file = tmp_path / "compare.yml"
    file.write_text(_comparison.campaign_text(comparison, PACE, "more"), encoding="utf-8")
    campaign = load.load_campaign(file)
    (benchmark,) = campaign.benchmarks
    assert campaign.name == benchmark.name == "x" and benchmark.warmup == 1 and benchmark.timeout_s == 90
    assert benchmark.repetitions[Type.DUET] == 10
    a, b = _comparison.repeated(comparison)
    assert benchmark.a.run.endswith(f"--prepare 'rm -f '\"'\"'a b'\"'\"'' -- {a}")
    assert benchmark.b.run.endswith(f" -- {b}") and "--seconds 2 --batch 4" in benchmark.b.run
    assert {side.engine for side in (benchmark.a, benchmark.b)} == {engine}
    if images:
        assert [dict(s.image.args)["IMAGE"] for s in (benchmark.a, benchmark.b) if s.image] == list(images)
        assert benchmark.a.image and benchmark.a.image.source
        assert benchmark.a.image.source.own == tmp_path / "files.tar"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_trial_can_be_read(tmp_path: Path, command: str) -> None:
    (tmp_path / "trial.yml").write_text(
        _comparison.trial_text(Comparison("x", (command, "true"), tmp_path), 5), encoding="utf-8"
    )
    (benchmark,) = load.load_campaign(tmp_path / "trial.yml").benchmarks
    assert benchmark.repetitions[Type.SEQN] == 1 and benchmark.repetitions[Type.DUET] == 0
    for side in (benchmark.a, benchmark.b):
        assert subprocess.run(["sh", "-n", "-c", side.run]).returncode == 0


def test_more_runs_change_nothing_else(tmp_path: Path) -> None:
    text = _comparison.campaign_text(Comparison("x", ("a", "b"), tmp_path), PACE, "more")
    more = _comparison.with_runs(text, 25)
    assert more.replace("duet_repetitions: 25", "duet_repetitions: 10") == text != more
    with pytest.raises(ValueError, match="no line"):
        _comparison.with_runs("duetbench: {}", 25)


@pytest.mark.parametrize(
    ("command", "shell"),
    [
        ("gzip -6 -c 'a b'", False),
        ("./bench --x=1 *.txt", False),
        ("a | b", True),
        ("X=1 a", True),
        ("a > b", True),
        ("a; b", True),
        ("echo $(b)", True),
        ("cd x", True),
        ("a\nb", True),
    ],
)
def test_a_shell_only_where_it_is_needed(command: str, shell: bool) -> None:
    assert _comparison.needs_shell(command) == shell
    both = _comparison.repeated(Comparison("x", (command, "true"), Path("/")))
    assert [each.startswith("sh -c ") for each in both] == [shell, shell]


def test_quotes_that_do_not_close() -> None:
    with pytest.raises(ValueError, match="quotation"):
        _comparison.needs_shell("a 'b")


@pytest.mark.parametrize("a_s", [0.0004, 0.001, 0.005, 0.05, 0.3, 0.7, 1, 3, 20])
@pytest.mark.parametrize("factor", [1, 1.5, 100])
@pytest.mark.parametrize("wishes", [{}, {"runs": 4}, {"time_s": 5}, {"warmup": 3}, {"batches": False}])
def test_every_run_has_iterations_left(a_s: float, factor: float, wishes: dict) -> None:
    slow_s = a_s * factor
    chosen = _comparison.pace((a_s, slow_s), **wishes)
    assert chosen.runs == wishes.get("runs", chosen.runs) >= 4 and chosen.batch >= 1
    assert chosen.batch * slow_s <= max(0.2, slow_s) * 1.001
    if not wishes.get("batches", True):
        assert chosen.batch == 1
    # the loop ends with the iteration in which the time is over
    finished = math.ceil(chosen.seconds / (slow_s * chosen.batch))
    assert finished > chosen.warmup
    assert chosen.warmup * chosen.batch >= wishes.get("warmup", 0)
    assert chosen.timeout_s > 2 * chosen.seconds + 5 * slow_s


@pytest.mark.parametrize("t_s", [0.05, 0.2, 0.5, 1, 2])
def test_a_verdict_within_half_a_minute(t_s: float) -> None:
    chosen = _comparison.pace((t_s, 1.1 * t_s))
    longest_s = math.ceil(chosen.seconds / (1.1 * t_s * chosen.batch)) * 1.1 * t_s * chosen.batch
    assert chosen.runs * (longest_s + 0.6) <= 30


def test_commands_of_milliseconds_are_repeated_in_an_iteration() -> None:
    assert _comparison.pace((0.005, 0.005)).batch == 4
    assert _comparison.pace((0.05, 0.05)).batch == 1
    assert _comparison.pace((0.001, 1)).batch == 1  # the other side would take 20 s for an iteration


@pytest.mark.parametrize(
    ("command", "name"),
    [("/usr/bin/gzip -9", "gzip"), ("X=1 ./my.bench", "my_bench"), ("'  '", "compare"), ("a'b'", "ab")],
)
def test_default_names(command: str, name: str) -> None:
    assert _comparison.default_name(command) == name


def test_the_archive_depends_on_content_only(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    for name in ("sub/b", "a", ".git/x", "results/y", "sub/results/z"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to("a")
    _trial.pack(folder, tmp_path / "1.tar")
    (folder / "a").touch()
    _trial.pack(folder, tmp_path / "2.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    with tarfile.open(tmp_path / "1.tar") as tar:
        assert sorted(tar.getnames()) == ["a", "link", "sub/b", "sub/results/z"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.234, "1.23 s"), (0.0123, "12.3 ms"), (0.9999, "1.00 s"), (0.00001, "10.0 µs"), (123.4, "123 s")],
)
def test_times_are_told_with_the_unit_that_fits(value: float, text: str) -> None:
    assert seconds(value) == text


def result(**changes: object) -> report.Comparison:
    side = report.Times("gzip | x", None, 0.0123, 0.012, 0.013)
    base = report.Comparison("x", "slower", 10, 12.3, 11.0, 13.5, 0.95, 2.0, side, side, ("a warning",))
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_answer_in_words() -> None:
    text = report.terminal(result())
    assert "B is slower than A: +12.3 % (95 % interval +11.0 to +13.5 %)" in text
    assert "A   12.3 ms  (12.0 ms to 13.0 ms in 10 runs)  gzip | x" in text and "note: a warning" in text
    assert "as long as A: the change is smaller than 2 %" in result(verdict="equivalent").sentence
    assert "cannot be told" in result(verdict="inconclusive").sentence
    nan = float("nan")
    empty = result(verdict="no data", change_percent=nan, low_percent=nan, high_percent=nan)
    assert "nan" not in report.terminal(empty) and report.as_json(empty)["change_percent"] is None
    assert "| A | `gzip \\| x` | 12.3 ms |" in report.markdown(result())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 64, "no command to compare"),
        (["a"], 64, "1 command;"),
        (["a", "b", "c"], 64, "3 commands;"),
        (["a 'b", "c"], 64, "command A (a 'b): no closing quotation"),
        (["", "c"], 64, "command A (): it is empty"),
        (["a", "b", "--runs", "0"], 64, "'0' is not a count"),
        (["a", "b", "--time", "inf"], 64, "'inf' is not a number of seconds"),
        (["a", "b", "--fail-threshold", "x"], 64, "'x' is not a percentage"),
        (["a", "b", "--engine", "docker"], 64, "without an image"),
        (["a", "b", "--engine", "process", "--image", "x"], 64, "has no images"),
        (["a", "b", "--name", "a/b"], 64, "--name a/b"),
        (["--name", "x", "--time", "3"], 64, "--time without commands"),
        (["--name", "x"], 4, "there is no results/x/compare.yml"),
        (["a", "b", "--export-json", "no/x.json"], 4, "no/x.json cannot be written"),
        (["a", "b", "--name", "taken"], 4, "results/taken is there already"),
        (["a", "--build", "make"], 64, "1 command;"),
        (["a", "b", "--build", "make"], 64, "--build without --git"),
        (["a", "--git", "x..y", "--build", "a 'b"], 64, "--build (a 'b): no closing quotation"),
        (["--name", "x", "--git", "x..y"], 64, "--git without commands"),
        (["a", "--git", "x..y"], 4, "lies in no git repository"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    (tmp_path / "results/taken").mkdir(parents=True)
    done = subprocess.run([*DUETBENCH, "compare", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code and done.stdout == ""
    assert done.stderr.startswith("error: ") and message in done.stderr and done.stderr.count("\n") == 1


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file of the user's")
    done = subprocess.run([*DUETBENCH, "compare", "a", "b"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 4 and "results/a: Not a directory; stand in" in done.stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch) -> None:
    """Root may read all, so the refusal is the file system's here."""
    (tmp_path / "secret").write_text("x")

    def refuse(self: tarfile.TarFile, name: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(name))

    monkeypatch.setattr(tarfile.TarFile, "add", refuse)
    with pytest.raises(DuetError, match="secret: Permission denied; see to it that it can be read"):
        _trial.pack(tmp_path, tmp_path.parent / "files.tar")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits; the first one is called old."""
    made = Repository.new(tmp_path / "repository")
    (made.path / "src").mkdir()
    (made.path / "src/data").write_text("")
    made.commit(a_txt="1")
    made.git("tag", "old")
    made.commit(a_txt="2")
    resolve.cache_clear()
    return made


@pytest.mark.parametrize(
    ("wanted", "named", "titles"),
    [
        ("old..main", ("old", "main"), "old ({old}) main ({new})"),
        ("old..", ("old", "HEAD"), "old ({old}) HEAD ({new})"),
        ("old...main", ("{OLD}", "main"), "{old} main ({new})"),
        ("main", ("main", "."), "main ({new}) working tree ({new} with changes)"),
    ],
)
def test_revisions(repository: Repository, monkeypatch, wanted: str, named, titles: str) -> None:
    repository.write(a_txt="3")
    monkeypatch.chdir(repository.path)
    commits = {"OLD": repository.git("rev-parse", "old"), "new": repository.git("rev-parse", "main")[:7]}
    commits["old"] = commits["OLD"][:7]
    parser = argparse.ArgumentParser()
    compare.arguments(parser)
    checkouts = compare._checkouts(parser.parse_args(["x", "--git", wanted]))
    assert checkouts is not None
    assert [each.revision for each in checkouts] == [name.format(**commits) for name in named]
    assert " ".join(each.title for each in checkouts) == titles.format(**commits)


@pytest.mark.parametrize("images", [None, ("python:3.11", "python:3.11")])
@pytest.mark.parametrize("inside", ["", "src"])
def test_the_file_names_the_revisions(repository: Repository, images, inside: str) -> None:
    comparison = Comparison(
        *("x", ("./b d", "./b d"), repository.path / inside, "docker" if images else "process", images),
        **{"revisions": ("old", "main"), "titles": ("old (1)", "main (2)"), "build": "make -j2"},
        **{"inside": inside, "setup": "./warm it # up"},
    )
    file = comparison.directory / "results/x/compare.yml"
    file.parent.mkdir(parents=True)
    file.write_text(_comparison.campaign_text(comparison, PACE, "more"), encoding="utf-8")
    campaign = load.load_campaign(file)
    (benchmark,) = campaign.benchmarks
    go = "cd src && " if inside else ""
    for side, name in ((benchmark.a, "old"), (benchmark.b, "main")):
        assert side.image and (checkout := side.image.checkout)
        assert checkout.commit == checkout.content == repository.git("rev-parse", name)
        assert checkout.build == f"{go}make -j2" and checkout.repository == repository.path
        assert side.setup == f"{go}{{ ./warm it # up\n}}" and side.run.endswith(" -- ./b d")
        assert side.image.name == ("loop" if images else "probes")
        assert ("cd src && " in side.run) == bool(inside)
    (repository.path / "trial.yml").write_text(_comparison.trial_text(comparison, 5), encoding="utf-8")
    tried = load.load_campaign(repository.path / "trial.yml")
    assert tried.images == campaign.images  # so what is built for the trial is what is measured


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--git", "old..mian"], "has no revision mian (did you mean main?)"),
        (["--git", "main..HEAD"], "are the same; name two revisions that differ"),
        (["--git", "HEAD"], "are the same; name two revisions that differ"),
    ],
)
def test_revisions_that_are_wrong(repository: Repository, words: list[str], message: str) -> None:
    done = subprocess.run(
        [*DUETBENCH, "compare", "true", *words], cwd=repository.path, capture_output=True, text=True
    )
    assert done.returncode == 4 and done.stderr.count("\n") == 1 and message in done.stderr
    assert not (repository.path / "results").exists()
