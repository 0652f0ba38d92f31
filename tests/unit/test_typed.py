"""What a person types: files that cannot be read, and the command that is said to be next."""

import subprocess
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.campaign.load import Campaign
from duet.campaign.order import told
from duet.measure.progress import command


def configfiles(*words: str) -> tuple[int, str]:
    done = subprocess.run([*DUETBENCH, "configfiles", "--", *words], capture_output=True, text=True)
    return done.returncode, done.stderr


GOOD = "duetbench: {image: i, duets: [o], B: {run: x}}\n"


def test_a_file_that_is_no_yaml_is_named_with_the_line(tmp_path: Path):
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(GOOD)
    bad.write_text("duetbench:\n\tsuite: x\n")
    assert configfiles("-n", "--configfile", str(good)) == (0, "")
    assert configfiles() == (0, "")
    for words in (("--configfile", str(good), str(bad)), (f"--configfile={bad}", "-n")):
        code, said = configfiles(*words)
        assert code == 2 and said.startswith(f"error: {bad}: line 2, column 1: not YAML: ")
    code, said = configfiles("--configfiles", f"{tmp_path}/none.yml")
    assert (code, said) == (2, f"error: {tmp_path}/none.yml: cannot be read: No such file or directory\n")


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
    code, said = configfiles("--configfile", str(tmp_path / "c.yml"), *words)
    assert code == 2 and said.startswith(f"error: {line}") and said.count("\n") == 1


def test_paths_of_the_command_line_are_relative_to_snakemakes_directory(tmp_path: Path):
    (tmp_path / "c.yml").write_text(GOOD)
    (tmp_path / "own.jar").touch()
    words = ("--configfile", str(tmp_path / "c.yml"), "--config", "jar=own.jar")
    assert configfiles(*words)[0] == 2
    assert configfiles(*words, "--directory", str(tmp_path)) == (0, "")


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
    assert told(Campaign("c", Path("c.yml"), ()), (), ()) == "c: nothing to measure, results are imported"
