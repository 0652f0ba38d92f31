"""Two web servers, one of which is late at times, in containers (a server in an image, minutes)."""

import shutil

import pandas as pd
import pytest
from campaigns import PROJECT


@pytest.mark.long
def test_the_ready_campaign_finds_what_is_late(project, docker):
    shutil.copy(PROJECT / "config/latency.yml", project.path / "config/latency.yml")
    verdicts = "results/latency/verdicts.csv"
    values = ("--config", "duet_repetitions=4", "aa_repetitions=0", "engine=docker")
    done = project.run([*project.command("latency", verdicts), *values])
    assert done.returncode == 0, done.stdout
    rows = pd.read_csv(project.path / verdicts).set_index("metric")
    assert list(rows.index) == ["p50", "p99", "peak_memory"]
    assert rows.loc["p99", "verdict"] == "slower" and rows.loc["p99", "value_B"] > 25e6
    assert rows.loc["p50", "verdict"] != "slower" and rows.loc["p50", "value_B"] < 5e6
    assert rows.loc["peak_memory", "value_A"] > 1e6
