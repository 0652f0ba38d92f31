"""The Markdown files: their links, examples, numbers and line lengths hold."""

import pkgutil
import re
import sys
from pathlib import Path

import pytest
import yaml
from duet import commands
from duet.campaign.check import schema
from duet.campaign.load import load_campaign
from duet.campaign.order import runs
from duet.model import Type
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import calibration_tables  # noqa: E402

FOLDERS = ("config", "docs", "images", "scripts", "workflow", "benchmarks", "tests", ".ci")
DOCUMENTS = sorted(
    {
        *ROOT.glob("*.md"),
        ROOT / "results/README.md",
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md") if "golden" not in path.parts),
    }
)
EXAMPLES = re.compile("NAME|/mine|/sort|speccpu.zip")
"""In paths that stand for the reader's own."""

each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    """The text without blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What GitHub makes of a file's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each
def test_lines_fit(document: Path) -> None:
    lines = document.read_text(encoding="utf-8").splitlines()
    # A table's row cannot be broken.
    long = [n for n, line in enumerate(lines, 1) if len(line) > 110 and not line.startswith("|")]
    assert [f"{n}: {lines[n - 1]}" for n in long] == []


@each
def test_links_resolve(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        file, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = document.parent / file if file else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@each
def test_paths_exist(document: Path) -> None:
    """What stands in backquotes and looks like a path of this project is one."""
    named = re.findall(r"`([\w./-]+/[\w./-]*)`", prose(document))
    paths = [name for name in named if name.split("/")[0] in FOLDERS and not EXAMPLES.search(name)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@each
def test_subcommands_exist(document: Path) -> None:
    known = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert set(re.findall(r"\./duetbench ([a-z]+)", document.read_text(encoding="utf-8"))) <= known


def test_the_readmes_campaign_is_planned(tmp_path: Path) -> None:
    """tests/workflow/test_readme.py measures it."""
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?^duetbench:.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.yml").write_text(block)
    campaign = load_campaign(tmp_path / "mine.yml")
    assert [(b.suite, b.name, b.a.run) for b in campaign.benchmarks] == [
        ("mine", "parse", "./bench parse"),
        ("mine", "render", "./bench render"),
    ]
    images = {(b.a.image and b.a.image.name, b.b.image and b.b.image.name) for b in campaign.benchmarks}
    assert images == {("mine:main", "mine:pull-request")}
    assert [run.type for run in runs(campaign)] == [Type.DUET] * 20


def examples() -> list[tuple[str, str]]:
    """(key, example) of the entries of config/README.md."""
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- (\*\*`.*(?:\n  .*)*?)\n  - (.+)$", text, re.MULTILINE)
    return [
        (key, example)
        for entry, line in entries
        for key in re.findall(r"\*\*`(\w+)`\*\*", entry)
        for example in re.findall(r"`([^`]+)`", line)
    ]


def test_examples_of_keys_are_accepted() -> None:
    definitions = schema()["$defs"]
    known = definitions["campaign"]["properties"]
    known = known | definitions["benchmark"]["properties"] | definitions["side"]["properties"]
    shown = examples()
    assert {key for key, _ in shown} == set(known) | set(known["analysis"]["properties"])
    for key, example in shown:
        ((name, value),) = yaml.safe_load(example).items()
        assert name == key or {name, key} in ({"A", "B"}, {"harness", "format"})
        part = known["analysis"]["properties"][name] if name not in known else known[name]
        faults = list(Draft202012Validator({**part, "$defs": definitions}).iter_errors(value))
        assert faults == [], example


# ---- docs/calibration.md ----

CALIBRATION = ROOT / "docs/calibration.md"


def test_tables_of_the_calibration_are_those_of_its_files() -> None:
    page = CALIBRATION.read_text(encoding="utf-8")
    assert page == calibration_tables.render(page, calibration_tables.read()), (
        "python benchmarks/calibration_tables.py"
    )


def test_other_numbers_of_the_calibration_are_settings() -> None:
    """Results stand in the tables only: around them are the simulation's settings and the nominal rates."""
    page = re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", "", prose(CALIBRATION), flags=re.DOTALL)
    page = re.sub(r"\]\([^)]*\)", "", page)
    cells = calibration_tables.read().cells
    settings = {f"{n}" for n in cells["runs"]} | {f"{100 * abs(change):g}" for change in cells["change"]}
    settings |= {"30", f"{calibration_tables.CAMPAIGNS:,}", "5", "95"}
    assert set(re.findall(r"(?<![\w.])\d[\d,.]*\b", page)) - settings == set()


def test_a_table_that_the_page_lacks_is_an_error() -> None:
    page = CALIBRATION.read_text(encoding="utf-8").replace("<!-- goals -->", "")
    with pytest.raises(ValueError, match="the page has the tables"):
        calibration_tables.render(page, calibration_tables.read())
