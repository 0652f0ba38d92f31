"""Campaigns that are published in S3 when they are finished, and campaigns that import these."""

import shutil
import subprocess

import pytest
from amazon import SECRET, Amazon
from campaigns import PROJECT, Project, process_campaign

TO = "s3://results/lab"


def stamps(amazon: Amazon) -> set[str]:
    return {name.split("/")[1] for name in amazon.objects() if name.endswith("/manifest.json")}


def test_a_finished_campaign_is_published_once_and_imported(
    amazon: Amazon, project: Project, harness: str, monkeypatch: pytest.MonkeyPatch
):
    benchmarks = {"b": {"A": f"{harness} 5", "B": f"{harness} 6"}}
    one = process_campaign("one", benchmarks, publish=TO)
    project.write("one", one)
    done = project.snakemake("one")
    assert done.returncode == 0, done.stdout
    address = (project.results("one") / "published.txt").read_text().strip()
    published = amazon.objects()
    assert stamps(amazon) == {address.rpartition("/")[2]}
    assert {name.partition("/native/")[2] for name in published if "/native/" in name} == {
        "b.csv",
        "verdicts.csv",
    }
    assert any(name.endswith("/plot/native.forest.pdf") for name in published)
    everything = b"".join(path.read_bytes() for path in project.results("one").rglob("*") if path.is_file())
    assert SECRET.encode() not in everything + b"".join(published.values())

    assert "nothing was left to do" in project.snakemake("one").stdout
    (project.results("one") / "published.txt").unlink()
    assert "nothing is sent" in project.snakemake("one").stdout
    assert amazon.objects() == published

    # Read back by a campaign that measures nothing.
    two = {"duetbench": {"name": "two", "import": [address]}}
    project.write("two", two)
    dry = project.snakemake("two", "-n")
    assert dry.returncode == 0 and not (project.path / "results/.published").exists()
    done = project.snakemake("two")
    assert done.returncode == 0, done.stdout
    rows = [(project.results(name) / "iterations.csv").read_text().count("\n") for name in ("one", "two")]
    assert rows[0] == rows[1] > 1
    assert "native/b" in (project.results("two") / "verdicts.csv").read_text().replace(",", "/")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # it is not asked again
    assert "nothing was left to do" in project.snakemake("two").stdout

    # The figures, from what was published and nothing else.
    (folder,) = (project.path / "results/.published").iterdir()
    shutil.copy(PROJECT / "duetbench", project.path)
    (project.path / "duetbench").write_text(
        f'#!/bin/sh\nexec {shutil.which("python")} {project.path}/scripts/duetbench.py "$@"\n'
    )
    subprocess.run(["sh", folder / "plot/draw.sh", project.path], cwd=project.path, check=True)
    assert (project.path / "drawn/native.forest.pdf").stat().st_size > 1000


def test_what_cannot_be_published_is_not_measured(amazon: Amazon, project: Project, harness: str):
    benchmarks = {"b": {"A": f"{harness} 5", "B": f"{harness} 6"}}
    project.write("one", process_campaign("one", benchmarks, publish="s3://absent/x"))
    done = project.snakemake("one")
    assert done.returncode == 1
    assert done.stdout.count("error:") == 1 and "s3://absent/x: there is no such bucket" in done.stdout
    assert not project.measured("one")
    project.write("two", {"duetbench": {"name": "two", "import": ["s3://results/lab/20250401_093000"]}})
    done = project.snakemake("two")
    assert done.returncode == 1 and "import: s3://results/lab/20250401_093000: nothing was" in done.stdout


def test_a_campaign_with_a_run_that_failed_is_not_published(amazon: Amazon, project: Project, harness: str):
    benchmarks = {"b": {"A": f"{harness} 5", "B": f"{harness} 6"}, "no": {"A": "false", "B": "false"}}
    project.write("one", process_campaign("one", benchmarks, publish=TO))
    assert project.snakemake("one").returncode == 1
    assert project.snakemake("one", "available").returncode == 0
    assert not stamps(amazon) and not (project.results("one") / "published.txt").exists()
