"""--config: values as YAML has them, texts as they were typed."""

from pathlib import Path

import pytest
from config_files import faults, written
from duet.campaign import overrides
from duet.campaign.load import load_campaign


@pytest.mark.parametrize(
    "argument, value",
    [
        ("verbose=true", True),
        ("verbose=yes", True),
        ("verbose=off", False),
        ("verbose=True", True),
        ("seed=3", 3),
        ("timeout=1.5", 1.5),
        ("analysis={margin: 1, method: t}", {"margin": 1, "method": "t"}),
        ('analysis={"margin": 1}', {"margin": 1}),
        ("duets=[a, 'b']", ["a", "b"]),
        ("duets=a", "a"),
        ("results=[a.csv]", ["a.csv"]),
        ("env={X: 1, Y: yes}", {"X": 1, "Y": True}),
        ("one={A: {remove_containers: no}}", {"A": {"remove_containers": False}}),
        ("duetbench={verbose: yes}", {"verbose": True}),
        # texts stay what they are
        ("run=true", "true"),
        ("run=cat a: b", "cat a: b"),
        ("run=# nothing", "# nothing"),
        ("run='a b' c", "'a b' c"),
        ("run='a b'", "'a b'"),
        ("run=[ -e x ]", "[ -e x ]"),
        ("run=a=b", "a=b"),
        ("name=2024", "2024"),
        ("image=a:1", "a:1"),
        ("memory=2g", "2g"),
        ("image=null", None),
        ("image=", None),
    ],
)
def test_a_value_is_what_yaml_makes_of_it_where_the_key_takes_that(argument: str, value: object):
    (read,) = overrides.read([argument]).values()
    assert read == value and type(read) is type(value)


def test_the_last_of_several_counts():
    assert overrides.read(["seed=1", "verbose=yes", "seed=2"]) == {"seed": 2, "verbose": True}


@pytest.mark.parametrize(
    "argument, line",
    [
        ("verbose=maybe", '--config: duetbench.verbose: is "maybe"; accepted: true, false'),
        ("analysis={margin: much}", '--config: duetbench.analysis.margin: is "much"; accepted: percent'),
        ("analysis={margin: 1", "--config: duetbench.analysis: is \"{margin: 1\"; accepted: a mapping with"),
        ("analysis={maring: 1}", "--config: duetbench.analysis.maring: unknown key (did you mean margin?)"),
        ("sede=1", "--config: sede: is 1 (did you mean seed?)"),
    ],
)  # fmt: skip
def test_faults_are_those_of_files(tmp_path: Path, argument: str, line: str):
    (fault,) = faults(written(tmp_path), overrides.read([argument]))
    assert fault.startswith(line)


def test_they_reach_the_campaign(tmp_path: Path):
    campaign = load_campaign(
        written(tmp_path), overrides.read(["analysis={margin: 1}", "verbose=yes", "run=true"])
    )
    assert campaign.analysis.margin_percent == 1 and campaign.verbose
    assert campaign.benchmarks[0].a.run == "true"
