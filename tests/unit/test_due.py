"""Which runs are due: by content, never by times."""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from duet.campaign.due import NEW, due_runs
from duet.model import Checkout, ImageRef, Order, Run, Side, Source, Type
from duet.records.codec import encode
from duet.records.layout import Layout
from duet.records.plan import SidePlan
from duet.records.run import SpecRecord, file_record
from run_records import run_record, side_record

RUN = Run("s", "b", 0, Type.DUET, Order.AB)
IMAGE = ImageRef("app", (("V", "1"),), Source("s.jar", own=Path("/mine/s.jar")))


def side(name: str, **changes: Any) -> Side:
    return dataclasses.replace(Side(name, IMAGE, "run it", None, ("out.csv",)), **changes)


def plans(timeout_s: float | None = 60, **changes: Any) -> dict[str, SidePlan]:
    """As the run was measured, with changes of side B."""
    sides = {"A": side("A"), "B": side("B", **changes)}
    return {RUN.plan_file(name): SidePlan(side=s, timeout_s=timeout_s) for name, s in sides.items()}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """One finished run, whose image's content was `h`."""
    layout = Layout(tmp_path / "results")
    directory = layout.run(RUN.name)
    directory.mkdir(parents=True)
    sides = {}
    for name in RUN.sides:
        result = directory / RUN.file(name, "out.csv")
        result.write_text("1,2\n")
        (directory / RUN.log(name)).touch()
        sides[name] = side_record(RUN, name, files=(file_record(result),), image="app", image_hash="h")
    spec = SpecRecord(timeout_s=60, sides={name: side(name) for name in RUN.sides})
    dataclasses.replace(run_record(RUN, spec=spec), sides=sides).write(layout.run_record(RUN.name))
    return layout


def why(layout: Layout, content: str | None = "h", **changes: Any) -> str | None:
    return due_runs([RUN], plans(**changes), {IMAGE.key: content}, layout).get(RUN.name)


def test_a_run_is_due_until_it_is_measured(layout: Layout):
    other = Run("s", "b", 1, Type.DUET, Order.BA)
    assert due_runs([other, RUN], plans(), {IMAGE.key: "h"}, layout) == {other.name: NEW}


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "run that"},
        {"results": ("out.csv", "more.csv")},
        {"env": (("X", "1"),)},
        {"engine": "docker"},
        {"memory_bytes": 1 << 30},
        {"network": "host"},
        {"cpus": "shared"},
        {"disk_bytes": 1 << 30},
        {"privileges": ("SYS_NICE",)},
        {"shares_memory": True},
        {"setup": "make ready"},
    ],
)
def test_what_a_side_runs_and_its_limits_decide(layout: Layout, changes: dict[str, Any]):
    assert why(layout, **changes) == f"changed: {next(iter(changes))} of side B"


def test_every_key_of_a_side_is_looked_at():
    (parameters,) = test_what_a_side_runs_and_its_limits_decide.pytestmark
    checked = {key for changes in parameters.args[1] for key in changes}
    others = {"name", "image", "syncduet_run"}  # the last is `run` in plan files of syncduet runs
    assert {field.name for field in dataclasses.fields(Side)} == checked | others


def test_the_timeout_decides(layout: Layout):
    assert why(layout, timeout_s=61) == "changed: timeout of side A"
    assert why(layout, timeout_s=None) is not None


def test_an_images_content_decides_and_nothing_else_of_it(layout: Layout):
    assert why(layout, "other") == "changed: content of the image of side A"
    renamed = dataclasses.replace(IMAGE, name="renamed", args=())
    assert due_runs([RUN], plans(image=renamed), {IMAGE.key: "h", renamed.key: "h"}, layout) == {}


def test_an_image_of_unknown_content_is_told_by_its_recipe(layout: Layout):
    assert why(layout, None) is None
    moved = dataclasses.replace(IMAGE, source=Source("s.jar", own=Path("/elsewhere/s.jar")))
    assert due_runs([RUN], plans(image=moved), {}, layout) == {}
    for other in (ImageRef("app", (("V", "2"),), IMAGE.source), ImageRef("app2", IMAGE.args), None):
        assert due_runs([RUN], plans(image=other), {}, layout) == {RUN.name: "changed: image of side B"}


def test_a_run_record_of_an_older_version_had_the_defaults(layout: Layout):
    path = layout.run_record(RUN.name)
    document = json.loads(path.read_text())
    for each in document["spec"]["sides"].values():
        for key in ("env", "memory_bytes", "network"):
            del each[key]
    path.write_text(json.dumps(document))
    assert why(layout) is None
    assert why(layout, network="host") == "changed: network of side B"


def test_no_time_decides(layout: Layout):
    copied = Layout(layout.results.with_name("copied"))
    shutil.copytree(layout.results, copied.results, copy_function=shutil.copyfile)
    for path in copied.results.rglob("*"):
        os.utime(path, ns=(0, 0))
    assert why(copied) is None


@pytest.mark.parametrize("name", [RUN.file("A", "out.csv"), RUN.log("B")])
def test_a_file_that_is_gone_is_damage(layout: Layout, name: str):
    (layout.run(RUN.name) / name).unlink()
    reason = why(layout)
    assert reason and reason.startswith("damaged: ") and name in reason


def test_a_result_of_another_size_is_damage(layout: Layout):
    (layout.run(RUN.name) / RUN.file("A", "out.csv")).write_text("1,2")
    assert "has 3 bytes, 4 are recorded" in str(why(layout))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 99}', "\0"])
def test_a_record_that_cannot_be_read_is_damage(layout: Layout, text: str):
    layout.run_record(RUN.name).write_text(text)
    assert str(why(layout)).startswith("damaged: ")


def test_a_branch_that_moves_to_the_same_commit_is_no_reason(layout: Layout):
    """Where the content is not known, either; another commit or build is one."""

    def git(content: str, build: str = "make", **labels: Any) -> ImageRef:
        return ImageRef("app", checkout=Checkout(content, build, content, **labels))

    directory = layout.run(RUN.name)
    record = json.loads((directory / "run.json").read_bytes())
    spec = SpecRecord(timeout_s=60, sides={name: side(name, image=git("c1")) for name in RUN.sides})
    (directory / "run.json").write_text(json.dumps(record | {"spec": encode(spec)}))

    def of(ref: ImageRef) -> str | None:
        named = {RUN.plan_file(s): SidePlan(side=side(s, image=ref), timeout_s=60) for s in RUN.sides}
        return due_runs([RUN], named, {ref.key: None}, layout).get(RUN.name)

    assert of(git("c1", revision="other", repository=Path("/elsewhere"))) is None
    assert "changed: image" in str(of(git("c2"))) and "changed: image" in str(of(git("c1", "make all")))
