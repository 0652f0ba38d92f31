"""Campaign files for the tests of duet.campaign."""

from pathlib import Path

import pytest
import yaml
from duet.campaign.load import ConfigError, load_campaign
from duet.model import Campaign

BASE = {"suite": "tiny", "image": "tiny", "duets": ["one", "two"]}


def written(tmp_path: Path, duetbench: object = None, name: str = "c.yml", **benchmarks: object) -> Path:
    """A campaign file of the base values and the given ones; None takes a key out."""
    data = {"duetbench": BASE | duetbench if isinstance(duetbench, dict) else duetbench or BASE, **benchmarks}
    if isinstance(data["duetbench"], dict):
        data["duetbench"] = {k: v for k, v in data["duetbench"].items() if v is not None}
    path = tmp_path / name
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def read(
    tmp_path: Path, duetbench: object = None, overrides: dict | None = None, **benchmarks: object
) -> Campaign:
    return load_campaign(written(tmp_path, duetbench, **benchmarks), overrides)


def faults(path: Path, overrides: dict | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_campaign(path, overrides)
    lines = caught.value.faults
    assert lines
    assert all("\n" not in line for line in lines)
    return [line.replace(f"{path.parent}/", "") for line in lines]


def only_fault(tmp_path: Path, duetbench: object = None, **benchmarks: object) -> str:
    (line,) = faults(written(tmp_path, duetbench, **benchmarks))
    return line
