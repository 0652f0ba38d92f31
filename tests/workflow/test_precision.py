"""Measuring stops when enough is known, and goes on when more is asked."""

import json

import pandas as pd
import pytest
from campaigns import process_campaign
from duet.records.closing import closing_of

pytestmark = pytest.mark.long

VERDICTS = "results/c/verdicts.csv"
WOBBLE = "$((500 + $(od -An -N1 -tu1 /dev/urandom) % 97))"


def closed(project) -> set[str]:
    runs = project.results("c") / "runs"
    return {path.name for path in runs.iterdir() if closing_of(path) is not None}


def of(names, benchmark: str) -> list[str]:
    return sorted(name for name in names if f".{benchmark}." in name)


def test_what_is_settled_is_closed_and_a_tightened_precision_measures_on(project, harness):
    campaign = process_campaign(
        "c",
        {"still": {"A": f"{harness} 500"}, "wobbly": {"A": f"{harness} {WOBBLE}"}},
        schedule="randomized_interleaving_trials",
        precision={"ci_width": 500, "max_repetitions": 8},
    )
    project.write("c", campaign)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert "each benchmark until an interval is 500 % wide" in done.stdout
    assert len(of(closed(project), "still")) == len(of(closed(project), "wobbly")) == 4
    assert "not needed, its interval is no wider than 500 % after 4 runs" in done.stdout
    rows = pd.read_csv(project.results("c") / "verdicts.csv").set_index("benchmark")
    assert rows.loc["still", "runs"] == 4 and rows.loc["still", "verdict"] == "equivalent"
    first = project.measured("c")

    done = project.snakemake("c", VERDICTS)  # nothing has changed
    assert done.returncode == 0 and project.measured("c") == first, done.stdout

    campaign["duetbench"]["precision"] = {"ci_width": 0.001, "max_repetitions": 8}
    project.write("c", campaign)
    done = project.snakemake("c", "results/c/verdicts.json", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert len(of(closed(project), "still")) == 4 and not of(closed(project), "wobbly")
    after = project.measured("c")
    kept = [name for name in of(first, "wobbly") if int(name.split(".")[2]) < 4]
    assert len(kept) == 4 and all(after[name] == first[name] for name in kept)
    rows = pd.read_csv(project.results("c") / "verdicts.csv").set_index("benchmark")
    assert rows.loc["wobbly", "runs"] == 8
    told = json.loads((project.results("c") / "verdicts.json").read_text())
    assert (told["measured"], told["not_needed"]) == (12, 4)

    del campaign["duetbench"]["precision"]
    campaign["duetbench"]["duet_repetitions"] = 5
    project.write("c", campaign)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    rows = pd.read_csv(project.results("c") / "verdicts.csv").set_index("benchmark")
    assert rows.loc["still", "runs"] == 5


def test_nothing_more_is_measured_when_the_time_is_up(project, harness):
    campaign = process_campaign(
        "c", {"one": {"A": f"{harness} 5"}}, precision={"time_budget": "0.01s", "max_repetitions": 6}
    )
    project.write("c", campaign)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert len(closed(project)) == 5 and "the time budget of 0 s is used up" in done.stdout
