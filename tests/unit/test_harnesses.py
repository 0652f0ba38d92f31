"""The registry of harnesses: light to read, one module each, and facts that cannot be true are said."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from duet import harnesses
from duet.harnesses import Harness
from duet.model import DuetError

SCRIPTS = Path(__file__).parents[2] / "scripts"
HEAVY = ("pandas", "numpy", "pyarrow", "scipy")


def python(code: str, scripts: Path = SCRIPTS) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(scripts)!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_registry_and_a_campaign_are_read_without_pandas(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("duetbench: {harness: dacapo, image: i, duets: [one]}\n")
    done = python(
        "from duet import harnesses\n"
        "from duet.campaign.load import load_campaign\n"
        f"assert len(harnesses.known()) >= 4 and load_campaign({str(path)!r}).benchmarks\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_module_is_a_harness_of_its_name() -> None:
    modules = {p.stem for p in (SCRIPTS / "duet/harnesses").glob("*.py") if not p.stem.startswith("_")}
    assert modules == {harness.name for harness in harnesses.known()}
    assert set(harnesses.names()) == modules | {"scalabench", "pyperformance", "pytest-benchmark"}


def test_names_aliases_and_suites() -> None:
    assert harnesses.get("scalabench") is harnesses.get("dacapo") is harnesses.of_suite("scalabench")
    assert harnesses.of_suite("tiny").name == "native"
    with pytest.raises(DuetError, match="there is no harness 'jmm'; known: command, criterion, "):
        harnesses.get("jmm")
    assert harnesses.warmups() == {"renaissance": 0.5, "dacapo": 0.5, "scalabench": 0.5}


def parse(files, benchmark, artifacts=None):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"name": "a b"}, "harness a b: its name is 'a b'; accepted: letters, digits, _ . + -"),
        ({"name": ""}, "harness : its name is ''; accepted: "),
        ({"parse": None}, "harness jmh: parse is None; accepted: a function"),
        ({"aliases": "jmh2"}, "harness jmh: aliases is 'jmh2'; accepted: a tuple of names"),
        ({"aliases": ("a/b",)}, "harness jmh: aliases is ('a/b',); accepted: a tuple of names"),
        ({"results": "results.json"}, "harness jmh: results is 'results.json'; accepted: a tuple of paths"),
        (
            {"results": ()},
            "harness jmh: results is (); accepted: a tuple of paths, empty only where ",
        ),
        ({"warmup": 1.5}, "harness jmh: warmup is 1.5; accepted: a share below 1, or a count of iterations"),
        ({"warmup": -1}, "harness jmh: warmup is -1; accepted: a share"),
        ({"warmup": float("nan")}, "harness jmh: warmup is nan; accepted: a share"),
        ({"warmup": True}, "harness jmh: warmup is True; accepted: a share"),
        ({"warmup": "half"}, "harness jmh: warmup is 'half'; accepted: a share"),
        ({"no_barrier": "a\nb"}, "harness jmh: no_barrier is 'a\\nb'; accepted: one line that says why"),
        (
            {"no_barrier": "it forks", "meets_barrier": True},
            "harness jmh: no_barrier says that it cannot",
        ),
        ({"no_barrier": "it forks", "with_probe": str}, "harness jmh: no_barrier says that it cannot"),
    ],
)
def test_facts_that_cannot_be_true_are_one_line(facts: dict, line: str) -> None:
    with pytest.raises(DuetError) as error:
        Harness(**{"name": "jmh", "parse": parse} | facts)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("facts", [{"warmup": 3}, {"warmup": 0.25}, {"results": (), "log_is_enough": True}])
def test_facts_that_can(facts: dict) -> None:
    Harness(name="jmh", parse=parse, **facts)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n", "harness mine: its module has no HARNESS; accepted: HARNESS = Harness(name=…, parse=…)"),
        (
            "from duet.harnesses import Harness\nHARNESS = Harness('mine', len, aliases=('scalabench',))\n",
            "harness mine: scalabench is also a name of harness dacapo; accepted: names that no other",
        ),
        (
            "from duet.harnesses import Harness\nHARNESS = Harness('mine', len, warmup=2.5)\n",
            "harness mine: warmup is 2.5; accepted: a share below 1",
        ),
    ],
)
def test_a_wrong_module_is_one_line_when_a_campaign_is_read(tmp_path: Path, text: str, line: str) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "duet/harnesses/mine.py").write_text(text)
    (tmp_path / "workflow").symlink_to(SCRIPTS.parent / "workflow")
    (tmp_path / "c.yml").write_text("duetbench: {image: i, duets: [one]}\n")
    done = python(
        "from duet.campaign.load import load_campaign\n"
        "from duet.model import DuetError\n"
        f"try: load_campaign({str(tmp_path / 'c.yml')!r})\n"
        "except DuetError as error: print(error)",
        scripts,
    )
    assert done.stdout.startswith(line) and done.stdout.count("\n") == 1, done.stderr
