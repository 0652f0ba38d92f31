"""Every file of config/, changed in one place: a campaign that can be measured, or faults of a line each."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from commands import ROOT
from duet.campaign import order, overrides
from duet.campaign.load import ConfigError, from_mapping, load_campaign
from duet.images.identity import arguments
from duet.model import Campaign
from duet.records.codec import canonical, decode, encode
from duet.records.layout import Layout
from duet.records.plan import plan_of
from mutations import variants

FILES = sorted((ROOT / "config").glob("*.yml"))
PER_FILE = 40
PER_FILE_LONG = 600


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder config/ with the files that its campaigns want of their user."""
    folder = tmp_path_factory.mktemp("mutations") / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "speccpu.zip").touch()
    return folder


def mutate(config: Path, name: str, count: int, seed: int) -> Counter[str]:
    """What became of the variants of one file."""
    became: Counter[str] = Counter()
    for what, content, words in variants(config / name, count, seed):
        try:
            campaign = load(config, name, content, words)
        except ConfigError as error:
            became[f"{what}: faults"] += 1
            assert error.faults and error.exit_code == 2
            assert all(line.isprintable() and line.encode() and len(line) < 2000 for line in error.faults)
        else:
            became[f"{what}: campaign"] += 1
            can_be_planned(campaign)
    return became


def load(config: Path, name: str, content: bytes | dict, words: list[str]) -> Campaign:
    if words:
        if faults := overrides.malformed(words):
            raise ConfigError(faults)
        return load_campaign(config / name, overrides.read(words), arguments)
    mutated = config / f"mutated-{name}"
    try:
        text = content if isinstance(content, bytes) else yaml.dump(content, Dumper=yaml.CSafeDumper).encode()
    except (ValueError, yaml.YAMLError):  # no file can say that, but a module's `config` can
        return from_mapping(content, str(mutated), arguments)
    mutated.write_bytes(text)
    return load_campaign(mutated, {}, arguments)


def can_be_planned(campaign: Campaign) -> None:
    """What is written before anything starts can be written, read again, and has names that can be had."""
    assert campaign.benchmarks or campaign.imports
    assert all(line.isprintable() for line in campaign.notices)
    runs = order.runs(campaign)[:200]
    plan = plan_of(campaign, runs)
    for name, record in {**plan.sides, **plan.others}.items():
        text = canonical(encode(record))
        assert decode(type(record), json.loads(text.encode())) == record
        assert len(f".{name}.4194304".encode()) <= 255
    layout = Layout(Path("results") / campaign.name)
    for ref in campaign.images:
        assert len(f"image.{ref.key}.podman@{'h' * 64}.log".encode()) <= 255
    for run in runs:
        assert len(layout.part(run.name).name.encode()) <= 255
        sides = (campaign.benchmark(run).side(side) for side in run.sides)
        assert all(len(run.file(s.name, Path(r).name).encode()) <= 255 for s in sides for r in s.results)


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_a_changed_file_is_a_campaign_or_its_faults(config: Path, name: str):
    became = mutate(config, name, PER_FILE, seed=1)
    assert became.total() == PER_FILE and len(FILES) * PER_FILE >= 500
    assert sum(n for what, n in became.items() if what.endswith("faults")) > PER_FILE // 5


@pytest.mark.long
def test_many_changed_files(config: Path):
    became = sum((mutate(config, file.name, PER_FILE_LONG, seed=2) for file in FILES), Counter())
    print(became.total(), dict(sorted(became.items())))
    assert became.total() >= 8000
