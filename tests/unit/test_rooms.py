"""Who may know whom in scripts/duet: the rooms, ground floor first, and the libraries of each."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duet
import pytest
from commands import ROOT

PACKAGE = ROOT / "scripts" / "duet"
MAY_KNOW = {
    "model": (),
    "revisions": ("model",),
    "harnesses": ("model",),
    "records": ("model",),
    "campaign": ("model", "revisions", "harnesses", "records"),
    "engines": ("model", "records"),
    "images": ("model", "revisions", "engines", "records"),
    "measure": ("model", "engines", "images", "records", "campaign.order"),
    "table": ("model", "harnesses", "records"),
    "inference": ("model",),
    "report": ("model", "inference", "records", "table"),
    "platform": ("model", "records", "images", "report"),
}
"""Room -> rooms, or modules of them, that it may import; commands may import all."""
LIBRARIES = {
    "snakemake": (),
    "docker": ("engines", "images"),
    "requests": ("engines",),
    "boto3": ("platform",),
    "botocore": ("platform",),
    "matplotlib": ("report.figures", "commands.figures"),
    "seaborn": (),
    "pandas": ("harnesses", "table", "inference", "report", *(f"commands.{name}" for name in (
        # They hand frames from room to room, or read a table.
        "_inputs", "collect", "figures", "gate", "isolate",
    ))),
}  # fmt: skip
"""Library -> rooms, or modules, that may import it; other libraries are free."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def module(path: Path) -> str:
    """`campaign.order` of scripts/duet/campaign/order.py; `campaign` of its __init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module(path) for path in MODULES}


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, inside functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            assert node.module
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if inner.removeprefix("duet.") in NAMES else node.module


def below(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_a_room_knows_only_what_the_design_allows(path: Path):
    name = module(path)
    room = name.partition(".")[0]
    wrong = []
    for each in imports(path):
        library = each.partition(".")[0]
        if library == "duet":
            inner = each.removeprefix("duet").removeprefix(".")
            allowed = room == "commands" or below(inner, (room, *MAY_KNOW.get(room, ())))
        else:
            allowed = library not in LIBRARIES or below(name, LIBRARIES[library])
        if not allowed:
            wrong.append(each)
    assert not wrong, f"{name} imports {', '.join(sorted(set(wrong)))}"


def test_every_room_is_of_the_design_and_told_in_its_order():
    rooms = [*MAY_KNOW, "commands"]
    there = {name.partition(".")[0] for name in NAMES if name}
    assert there <= set(rooms)
    listed = (duet.__doc__ or "").partition("may know whom:\n\n")[2].partition("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == [room for room in rooms if room in there]


def functions(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_no_module_has_the_name_of_a_function_of_its_room():
    both = []
    for room in {name.partition(".")[0] for name in NAMES if "." in name}:
        paths = [path for path in MODULES if module(path).startswith(f"{room}.")]
        named = {path.stem if path.stem != "__init__" else path.parent.name for path in paths}
        both += [f"{module(path)}.{name}" for path in paths for name in functions(path) & named]
    assert not both, both


def test_no_two_modules_of_a_room_differ_by_an_s():
    names = Counter((name.partition(".")[0], name.rpartition(".")[2].removesuffix("s")) for name in NAMES)
    assert not [name for name, n in names.items() if n > 1]


def test_no_function_decides_two_things():
    """Nothing public is called the same in two modules of a room of pure functions."""
    names = Counter(
        name
        for path in MODULES
        if module(path).startswith("inference.")
        for name in functions(path)
        if not name.startswith("_")
    )
    assert not [name for name, n in names.items() if n > 1]


def test_reading_the_workflow_imports_no_heavy_library():
    """What rules need while they are read: every call of snakemake would take a second longer."""
    needed = ["campaign.load", "campaign.order", "engines.choose", "images.identity", "measure.progress"]
    script = f"import {', '.join(f'duet.{name}' for name in needed)}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "scripts", check=True, capture_output=True, text=True,
    )  # fmt: skip
    heavy = {"pandas", "numpy", "pyarrow", "scipy", "matplotlib", "docker", "snakemake"}
    assert not heavy & set(done.stdout.split())
