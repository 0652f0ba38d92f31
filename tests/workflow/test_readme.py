"""The README's own campaign, measured as it stands there."""

import io
import re
import tarfile

import pandas as pd
import pytest
from campaigns import PROJECT

BENCH = """#!/bin/sh
# $1: a benchmark of the campaign. Five iterations of a millisecond, from a clock in whole seconds.
case $1 in parse | render) ;; *) exit 1 ;; esac
start=$(date +%s)000000000
echo iteration,start_ns,end_ns >results.csv
for i in 0 1 2 3 4; do
    echo "$i,$((start + i * 1000000)),$((start + (i + 1) * 1000000))" >>results.csv
done
"""


@pytest.fixture
def mine(docker, test_image):
    """mine:main and mine:pull-request: the test image with a program `bench` in /duet."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo("duet/bench")
        entry.mode, entry.size = 0o755, len(BENCH)
        tar.addfile(entry, io.BytesIO(BENCH.encode()))
    container = docker.containers.create(test_image)
    tags = ("main", "pull-request")
    try:
        container.put_archive("/", data.getvalue())
        for tag in tags:
            assert not docker.images.list(f"mine:{tag}"), f"an image mine:{tag} is here already"
            container.commit("mine", tag, changes="WORKDIR /duet")
    finally:
        container.remove(v=True)
    yield
    for tag in tags:
        docker.images.remove(f"mine:{tag}", force=True)


def test_the_readmes_campaign_is_measured(project, mine):
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (project.path / "config/mine.yml").write_text(block)
    done = project.snakemake("mine", "--config", "duet_repetitions=1", "engine=docker")
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(project.results("mine") / "iterations.csv")
    assert dict(table.groupby(["benchmark", "pair"]).size()) == {
        (benchmark, side): 5 for benchmark in ("parse", "render") for side in "AB"
    }
    assert set(table.image) == {"mine:main", "mine:pull-request"}
