"""Several --configfile: the first is the campaign, the others are its suites."""

from pathlib import Path

import pytest
from config_files import written
from duet.campaign.load import ConfigError, from_mapping, load_campaign


def test_all_of_them_are_measured_and_it_is_said_which_is_the_campaign(tmp_path: Path):
    first = written(tmp_path, {"seed": 3, "timeout": 9}, "first.yml")
    second = written(tmp_path, {"suite": "other", "name": "second", "duets": ["three"]}, "second.yml")
    campaign = load_campaign([first, second])
    assert campaign.name == "first" and campaign.seed == 3 and campaign.suites == (second,)
    assert [(b.suite, b.name) for b in campaign.benchmarks] == [
        ("tiny", "one"),
        ("tiny", "two"),
        ("other", "three"),
    ]
    assert campaign.benchmarks[2].timeout_s == 9, "as in a file that `suites` names"
    assert campaign.notices[0] == f"first: the campaign is {first}, with the suites of {second}"
    assert load_campaign([first]).notices == load_campaign(first).notices == ()


@pytest.mark.parametrize("given, has", [({}, "has none"), ({"seed": 2}, "has 2")])
def test_what_would_be_another_campaign_is_a_fault(tmp_path: Path, given: dict, has: str):
    first = written(tmp_path, given, "first.yml")
    second = written(tmp_path, {"suite": "other", "seed": 4}, "second.yml")
    with pytest.raises(ConfigError) as caught:
        load_campaign([first, second])
    expected = f"{second}: duetbench.seed: is 4, but the campaign, {first}, {has}; accepted: the same in both"
    assert caught.value.faults == [f"{expected}, or --config seed=…"]
    assert load_campaign([first, second], {"seed": 5}).seed == 5
    written(tmp_path, {"seed": 4}, "first.yml")
    assert load_campaign([first, second]).seed == 4


def test_faults_of_each_are_told(tmp_path: Path):
    files = [written(tmp_path, {"tmeout": 1}, f"{name}.yml") for name in ("first", "second")]
    with pytest.raises(ConfigError) as caught:
        load_campaign([*files, tmp_path / "third.yml"])
    assert [line.partition(":")[0] for line in caught.value.faults] == [
        str(tmp_path / f"{name}.yml") for name in ("first", "second", "third")
    ]


def test_a_mapping_is_a_campaign_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    data = {"duetbench": {"name": "c", "image": "x", "duets": ["b"]}, "seed": 7, "b": {"run": "it"}}
    campaign = from_mapping(data, "config of the module")
    assert (campaign.name, campaign.seed, campaign.benchmarks[0].a.run) == ("c", 7, "it")
    del data["duetbench"]["name"]
    with pytest.raises(ConfigError, match=r"config of the module: duetbench\.name: missing"):
        from_mapping(data, "config of the module")
