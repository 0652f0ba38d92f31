"""Records are written whole, change only when their meaning does, and foreign files are refused in a line."""

import json
import os

import pytest
from duet.model import SCHEMA_VERSION, DuetError, Run, Type
from duet.records import files as record

SIDE = dict.fromkeys(record.SIDE_KEYS)
VALID = {**dict.fromkeys(record.RUN_KEYS), "schema": SCHEMA_VERSION, "sides": {"A": SIDE}}


def old(path):
    """Give the file a modification time one can recognise."""
    os.utime(path, ns=(10**18, 10**18))


def test_written_once_and_only_when_changed(tmp_path):
    path = tmp_path / "deep" / "x.json"
    assert record.write_if_changed(path, {"b": 1, "a": [1, 2]})
    old(path)
    assert not record.write_if_changed(path, {"a": (1, 2), "b": 1})
    assert path.stat().st_mtime_ns == 10**18
    assert record.write_if_changed(path, {"a": [1, 3], "b": 1})
    assert path.stat().st_mtime_ns != 10**18
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_learning_what_was_unknown_is_no_change(tmp_path):
    path = tmp_path / "x.json"
    record.write_if_changed(path, {"command": "x", "image_hash": None})
    old(path)
    assert not record.write_if_changed(path, {"command": "x", "image_hash": "h1"}, ("image_hash",))
    assert path.stat().st_mtime_ns == 10**18 and json.loads(path.read_text())["image_hash"] == "h1"
    assert record.write_if_changed(path, {"command": "x", "image_hash": "h2"}, ("image_hash",))
    assert path.stat().st_mtime_ns != 10**18


@pytest.mark.parametrize(
    "value", [{"command": "y", "image_hash": "h"}, {"command": "x", "image_hash": "h", "new": 1}]
)
def test_learning_and_changing_is_a_change(tmp_path, value):
    path = tmp_path / "x.json"
    record.write_if_changed(path, {"command": "x", "image_hash": None})
    old(path)
    assert record.write_if_changed(path, value, ("image_hash",))
    assert path.stat().st_mtime_ns != 10**18


def test_a_torn_file_is_written_anew(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a":')
    assert record.write_if_changed(path, {"a": 1}, ("a",))
    assert record.read(path, schema=None) == {"a": 1}


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "not JSON"),
        (json.dumps(VALID)[:-30], "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "a JSON object"),
        (json.dumps({**VALID, "schema": 99}), "schema 99"),
        (json.dumps({"schema": SCHEMA_VERSION, "sides": {}}), "lacks name"),
        (json.dumps({**VALID, "sides": []}), "`sides`"),
        (json.dumps({**VALID, "sides": {"A": {}}}), "lacks engine"),
        (json.dumps({**VALID, "sides": {"C": SIDE}}), "side C"),
        ("\x00\xff", "not JSON"),
    ],
)
def test_a_file_that_is_not_a_run_record(tmp_path, text, said):
    (tmp_path / "run.json").write_bytes(text.encode("latin1"))
    with pytest.raises(DuetError) as e:
        record.read_run(tmp_path)
    assert said in str(e.value) and str(tmp_path / "run.json") in str(e.value) and "\n" not in str(e.value)


def test_an_absent_record(tmp_path):
    with pytest.raises(DuetError, match="no such file"):
        record.read_run(tmp_path)


def test_a_valid_record_comes_back(tmp_path):
    record.write(tmp_path / "run.json", VALID)
    assert record.read_run(tmp_path) == VALID


def test_finished_runs_are_those_with_a_record(tmp_path):
    for name in ("s.b.1.duet.AB", "s.b.0.seqn.None.A", "s.b.2.duet.AB", ".s.b.3.duet.AB.part", "other"):
        (tmp_path / name).mkdir()
    for name in ("s.b.1.duet.AB", "s.b.0.seqn.None.A", ".s.b.3.duet.AB.part", "other"):
        (tmp_path / name / "run.json").write_text("{}")
    assert [run for run, _ in record.runs(tmp_path)] == [
        Run("s", "b", 0, Type.SEQN, side="A"),
        Run("s", "b", 1, Type.DUET, "AB"),
    ]
    assert list(record.runs(tmp_path / "absent")) == []
