"""What a person types: files that cannot be read, and the command that is said to be next."""

import os
import subprocess
from pathlib import Path

import pytest
from commands import DUETBENCH, ROOT
from duet.campaign.load import Campaign, ConfigError
from duet.campaign.order import plan_line
from duet.commands.start import check, sorted_out
from duet.measure.progress import command


def start(*words: str, **environment: str) -> tuple[int, str]:
    """Exit code and messages of ./run's call, where files are faulty: nothing is started then."""
    environment = os.environ | environment
    done = subprocess.run(
        [*DUETBENCH, "start", "--", *words], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    return done.returncode, done.stderr


GOOD = "duetbench: {image: i, duets: [o], B: {run: x}}\n"


def test_a_file_that_is_no_yaml_is_named_with_the_line(tmp_path: Path):
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(GOOD)
    bad.write_text("duetbench:\n\tsuite: x\n")
    for words in (("--configfile", str(good), str(bad)), (f"--configfile={bad}", "-n")):
        code, message = start(*words)
        assert code == 2 and message.startswith(f"error: {bad}: line 2, column 1: not YAML: ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--config", "seed=x"], '--config: duetbench.seed: is "x"; accepted: a whole number of 64 bits'),
        (["-C", "sede=1"], "--config: sede: is 1 (did you mean seed?); accepted: a benchmark's mapping"),
        (["--config=seed=x"], '--config: duetbench.seed: is "x"; accepted: a whole number of 64 bits'),
        (["--config", "seed=1", "x"], '--config: is "x"; accepted: KEY=VALUE'),
        (["--config", "500.perl={A: {run: x}}"], '--config: is "500.perl={A: {run: x}}"; accepted: keys of'),
        (["--config", "jar=none.jar"], "--config: duetbench.jar: there is no file "),
        (
            ["--config", "image=renaissance", "image_args={JAVVA: x}"],
            "--config: duetbench.image_args.JAVVA: ",
        ),
    ],
)
def test_faults_of_the_command_line_are_those_of_files(tmp_path: Path, words: list[str], line: str):
    (tmp_path / "c.yml").write_text(GOOD)
    code, said = start("--configfile", str(tmp_path / "c.yml"), *words)
    assert code == 2 and said.startswith(f"error: {line}") and said.count("\n") == 1


def test_paths_of_the_command_line_are_relative_to_snakemakes_directory(tmp_path: Path):
    (tmp_path / "c.yml").write_text(GOOD)
    (tmp_path / "own.jar").touch()
    words = ("--configfile", str(tmp_path / "c.yml"), "--config", "jar=own.jar")
    with pytest.raises(ConfigError, match="there is no file"):
        check(words)
    check([*words, "--directory", str(tmp_path)])
    check(["--unlock"])


@pytest.mark.parametrize(
    ("file", "nearest"),
    [
        ("nothing-like-it.yml", ""),
        ("config/renaisance.yml", " (did you mean config/renaissance.yml?)"),
        ("quickstart.yml", " (did you mean config/quickstart.yml?)"),
    ],
)
def test_a_file_that_is_not_there_is_named_and_the_nearest_one(file: str, nearest: str):
    assert start("--configfile", file) == (2, f"error: {file}: there is no such file{nearest}\n")


@pytest.mark.parametrize(
    ("words", "kept", "targets"),
    [
        ("-n --configfile a.yml", "-n --configfile a.yml", ""),
        ("--configfile a.yml available", "--configfile a.yml", "available"),
        ("--configfile a.yml b.yml x/no.yml all -n", "--configfile a.yml b.yml x/no.yml -n", "all"),
        ("all --configfiles a.yml results/a/v.json", "all --configfiles a.yml", "results/a/v.json"),
        ("--configfile=a.yml available", "--configfile=a.yml available", ""),
        ("--configfile a.yml --config x=1 y=2", "--configfile a.yml --config x=1 y=2", ""),
        ("--configfile only-here.yml", "--configfile HERE/only-here.yml", ""),
        ("--configfile=only-here.yml", "--configfile=HERE/only-here.yml", ""),
        ("--configfile available", "--configfile available", ""),
    ],
)
def test_targets_behind_the_configuration_file_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, kept: str, targets: str
):
    """Snakemake takes every word there for a file; and files are found where ./run was typed."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/only-here.yml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("a.yml", "b.yml"):
        Path(name).touch()
    Path("results/a").mkdir(parents=True)
    Path("results/a/v.json").touch()
    expected = kept.replace("HERE", str(tmp_path / "here")).split()
    assert sorted_out(words.split(), tmp_path / "here") == (expected, targets.split())


def test_what_to_type_next_is_what_was_typed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DUETBENCH_COMMAND", raising=False)
    assert command("x", ["my c.yml"], [], None) == "snakemake --cores 1 x --configfile 'my c.yml'"
    assert command("x", [], [], None) == "snakemake --cores 1 x"
    monkeypatch.setenv("DUETBENCH_COMMAND", "./run")
    given = ["seed=3", "name=n", "analysis={margin: 1}"]
    assert command("x", ["c.yml", "d.yml"], given, Path("/d")) == (
        "./run x --directory /d --configfile c.yml d.yml --config seed=3 name=n 'analysis={margin: 1}'"
    )


def test_a_campaign_of_imports_alone_measures_nothing():
    assert (
        plan_line(Campaign("c", Path("c.yml"), ()), (), ()) == "c: nothing to measure, results are imported"
    )
