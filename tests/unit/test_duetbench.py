"""One entry, one shape: what every subcommand has, and what is said when it is typed wrongly."""

import argparse
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import DUETBENCH, ROOT
from duet.commands.clean import measured_results

NAMES = sorted(path.stem for path in (ROOT / "scripts/duet/commands").glob("[!_]*.py"))


def call(*words: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DUETBENCH, *map(str, words)], capture_output=True, text=True, **options)


def test_help_names_every_subcommand_on_one_screen():
    done = call("--help")
    assert done.returncode == 0 and not done.stderr
    assert len(done.stdout.splitlines()) <= 24 and all(len(line) <= 80 for line in done.stdout.splitlines())
    by_hand, by_rules = done.stdout.split("Called by the workflow's rules: ")
    listed = re.findall(r"^  (\S+) {2,}\S", by_hand, re.M)
    named = by_rules.partition(".")[0].replace("\n", " ").split(", ")
    assert sorted([*listed, *named]) == sorted(name.replace("_", "-") for name in NAMES)
    assert "gate" in listed and "measure" in named


def test_help_of_run_is_one_screen_and_makes_no_environment(tmp_path: Path):
    shutil.copy2(ROOT / "run", tmp_path)
    for words in (["--help"], ["--configfile", "x.yml", "-h"]):
        done = subprocess.run([tmp_path / "run", *words], capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert lines[0].startswith("usage: ./run [TARGET ...]") and not done.stderr
        assert len(lines) <= 24 and all(len(line) <= 80 for line in lines)


def test_help_imports_none_of_them():
    script = f"import sys; sys.argv = ['x', '--help']; sys.path.insert(0, {str(ROOT / 'scripts')!r}); "
    script += "import duetbench; duetbench.main(['--help']); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert not {"pandas", "docker", "yaml", "duet.commands.gate"} & set(modules.split())


@pytest.mark.parametrize("name", NAMES)
def test_each_has_help_with_an_example_that_it_understands(name: str):
    command = importlib.import_module(f"duet.commands.{name}")
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    words = shlex.split(command.EXAMPLE)
    assert words[:2] == ["./duetbench", name]
    parser.parse_args(words[2:])
    done = call(name, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: duetbench {name} ")
    assert done.stdout.endswith(f"example:\n  {command.EXAMPLE}\n")
    assert "--log FILE" in done.stdout and command.__doc__.splitlines()[0] in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_are_one_line_and_no_answer(name: str):
    done = call(name, "--nonsense")
    assert (done.returncode, done.stdout) == (64, "")
    assert re.fullmatch(rf"error: .+ \(see duetbench {name} --help\)\n", done.stderr)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no subcommand"),
        (["gaet", "x"], "there is no subcommand gaet (did you mean gate?)"),
        (["_inputs"], "there is no subcommand _inputs"),
        (["summary"], "nothing to summarise; give --show, or --verdicts, --runs, --planned and --name"),
    ],
)
def test_what_was_typed_wrongly(words: list[str], message: str):
    done = call(*words)
    assert done.returncode == 64 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message} (see duetbench ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["analyse", "--table", "none.parquet", "--verdicts", "v.csv"], 1),
        (["analyse", "--table", "torn", "--verdicts", "v.csv"], 1),
        (["collect", "--results", ".", "--benchmark", "a.b", "--out", "t"], 1),
        (["start", "--", "--configfile", "none.yml"], 2),
        (["fetch", "--plan", "none.json"], 1),
        (["figures", "all", "--table", "torn", "--verdicts", "torn", "--out", "x"], 1),
        (["figures", "forest", "--verdicts", "torn", "--suite", "s", "--out", "x"], 1),
        (["figures", "methods", "--table", "none.parquet", "--out", "x"], 1),
        (["gate", "none"], 4),
        (["provide", "--plan", "torn", "--engine", "process"], 1),
        (["measure", "--results", ".", "--run", "a.b.0.duet.AB"], 1),
        (["provenance", "--name", "x", "--runs", ".", "--planned", "none", "--html", "x"], 1),
        (["summary", "--show", "none"], 1),
        (["table", "torn", "--out", "x"], 1),
        (["table", "--out", "x"], 1),
    ],
)
def test_a_fault_is_one_line_and_in_the_log(tmp_path: Path, words: list[str], code: int):
    (tmp_path / "torn").write_bytes(b"\0\1{")
    done = call(words[0], "--log", "logs/x.log", *words[1:], cwd=tmp_path)
    assert done.returncode == code and done.stdout == "", done.stderr
    assert re.fullmatch(r"error: .+\n", done.stderr), done.stderr
    assert (tmp_path / "logs/x.log").read_text() == done.stderr


def test_what_was_not_foreseen_is_no_answer_of_the_gate(tmp_path: Path):
    """Python's own exit code, 1, would say that there is a regression."""
    (tmp_path / "verdicts.csv").write_text("suite,benchmark\n")
    script = f"""import sys; sys.path.insert(0, {str(ROOT / "scripts")!r})
import duetbench, duet.commands.gate as gate
gate.execute = lambda options, log: 1 / 0
sys.exit(duetbench.main(["gate", "x", "--log", "x.log"]))"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 4 and done.stderr.startswith("Traceback") and "ZeroDivision" in done.stderr
    assert (tmp_path / "x.log").read_text() == done.stderr


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    done = call("clean", "x", "--log", "file/x.log", cwd=tmp_path)
    assert done.returncode == 1 and re.fullmatch(r"error: .*file.*\n", done.stderr)


def test_typed_by_a_person_it_needs_no_activation_and_paths_are_theirs(tmp_path: Path):
    """./duetbench in a checkout with its environment, from another directory."""
    checkout = tmp_path / "check out"
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("duetbench", "requirements.txt"):
        shutil.copy2(ROOT / name, checkout / name)
    shutil.copy2(ROOT / "requirements.txt", checkout / ".venv/requirements.txt")
    (checkout / "scripts").symlink_to(ROOT / "scripts")
    python = checkout / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "c.yml").write_text("duetbench: [\n")
    done = subprocess.run(
        [checkout / "duetbench", "start", "--", "--configfile", "c.yml"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.startswith("error: c.yml: line ")


@pytest.mark.parametrize(
    ("line", "results"),
    [
        ("python3 /x/scripts/duetbench.py measure --results r/c --run x", "r/c"),
        ("python3 -X dev duetbench.py measure --run x --results=/r/c", "/r/c"),
        ("/x/scripts/duetbench.py measure --results r/c", "r/c"),
        ("python3 /x/duetbench.py collect --results r/c", None),
        ("python3 /x/duetbench.py clean r/c", None),
        ("grep duetbench.py measure", None),
        ("python3 duetbench.py", None),
        ("", None),
    ],
)
def test_measuring_processes_are_told_by_their_command_line(line: str, results: str | None):
    assert measured_results(line.split(" ")) == results
