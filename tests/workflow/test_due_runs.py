"""What is measured again, and what is not, whatever snakemake thinks of times and triggers."""

import os
import shutil

import pandas as pd
import pytest
import yaml
from campaigns import process_campaign

VERDICTS = "results/c/verdicts.csv"
ALL_TRIGGERS = ("--rerun-triggers", "mtime", "params", "input", "software-env", "code")


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {run for run in before if before[run] != after.get(run)}


@pytest.fixture
def measured(project, harness):
    """Two benchmarks of two runs, the first of which has an image."""
    folder = project.path / "images/tool"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
    (folder / "tool").write_text("#!/bin/sh\n")
    campaign = process_campaign("c", {"one": {"A": f"{harness} 5"}, "two": {"A": f"{harness} 5"}})
    campaign["one"]["image"] = "tool"
    project.write("c", campaign)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert len(project.measured("c")) == 4
    return campaign


@pytest.mark.parametrize("lost", ["images/tool.json", "images", "images/*@*"])
def test_a_lost_image_costs_no_run_also_when_others_need_it(project, measured, lost):
    before = project.measured("c")
    for path in project.results("c").glob(lost):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    measured["duetbench"]["duet_repetitions"] = 3
    project.write("c", measured)
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert len(project.measured("c")) == 6 and not changed(before, project.measured("c"))
    assert (project.results("c") / "images/tool.json").exists()
    assert len(list(project.results("c").glob("images/process@*/tool.json"))) == 1


def test_another_content_of_an_image_measures_its_runs(project, measured):
    before = project.measured("c")
    (project.path / "images/tool/tool").write_text("#!/bin/sh\n# newer, but the same after all\n")
    (project.path / "images/tool/tool").write_text("#!/bin/sh\n")
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert not changed(before, project.measured("c"))
    (project.path / "images/tool/tool").write_text("#!/bin/sh\nexit 1\n")
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert changed(before, project.measured("c")) == {run for run in before if ".one." in run}


def test_copied_results_are_as_good_as_those_measured(project, measured):
    before = {name: path for name, path in project.tree(".snakemake").items() if name.endswith("run.json")}
    results = project.results("c")
    shutil.copytree(results, results.with_name("copy"), copy_function=shutil.copyfile)
    shutil.rmtree(results)
    results.with_name("copy").rename(results)
    shutil.rmtree(project.path / ".snakemake")
    for path in results.glob("runs/*/*"):
        os.utime(path, ns=(0, 0))
    done = project.snakemake("c", VERDICTS, *ALL_TRIGGERS)
    assert done.returncode == 0, done.stdout
    after = project.tree(".snakemake")
    assert before.keys() <= after.keys()
    assert all(after[name] == (0, content) for name, (_, content) in before.items())


def test_neither_the_tools_code_nor_any_trigger_measures_again(project, measured):
    before = project.measured("c")
    rule = project.path / "workflow/rules/measure.smk"
    rule.write_text(rule.read_text().replace("--log {log}", "--log {log} "))
    for path in (rule, *project.path.glob("images/tool/*"), *project.path.glob("scripts/*.py")):
        os.utime(path)
    done = project.snakemake("c", VERDICTS, *ALL_TRIGGERS)
    assert done.returncode == 0, done.stdout
    assert project.measured("c") == before


def test_a_damaged_run_is_said_and_measured_again_and_no_other(project, measured):
    before = project.measured("c")
    torn, robbed, gone, _ = sorted(before)
    (project.results("c") / f"runs/{torn}/run.json").write_text("{")
    (project.results("c") / f"runs/{robbed}/{robbed}.A.results.csv").unlink()
    (project.results("c") / f"runs/{gone}/run.json").unlink()
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert "4 runs (4 duet), 3 to measure" in done.stdout
    assert changed(before, project.measured("c")) == {torn, robbed, gone}
    for run in (torn, robbed):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{run}: damaged: ")]
        assert f"results/c/runs/{run}/" in line and "measured again" in line
    last = done.stdout.rfind("[4/4]")
    assert last > 0 and "left" not in done.stdout[last:].splitlines()[0]
    assert set(pd.read_parquet(project.results("c") / "iterations.parquet").runid) == {0, 1}


def test_one_run_is_measured_again_where_that_is_asked_for(project, measured):
    before = project.measured("c")
    run = next(iter(before))
    target = f"results/c/runs/{run}/run.json"
    done = project.snakemake("c", target)
    assert done.returncode == 0 and project.measured("c") == before
    for words in (("--force", target), (target, "--forcerun", target), (VERDICTS, "--forcerun", target)):
        assert project.snakemake("c", *words).returncode == 0
        after = project.measured("c")
        assert changed(before, after) == {run}
        before = after
    assert project.snakemake("c", VERDICTS, "--forcerun", "measure").returncode == 0
    assert changed(before, project.measured("c")) == set(before)


def test_what_was_measured_with_another_command_is_not_available(project, measured, harness):
    before = project.measured("c")
    measured["two"]["B"] = {"run": f"{harness} 6"}
    project.write("c", measured)
    done = project.snakemake("c", "available")
    assert done.returncode == 0, done.stdout
    assert project.measured("c") == before
    assert set(pd.read_csv(project.results("c") / "verdicts.csv").benchmark) == {"one"}

    command = measured["two"].pop("B")
    project.write("c", measured)
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert project.measured("c") == before, "what was measured is what is asked for again"
    assert set(pd.read_csv(project.results("c") / "verdicts.csv").benchmark) == {"one", "two"}

    measured["two"]["B"] = command
    project.write("c", measured)
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert changed(before, project.measured("c")) == {run for run in before if ".two." in run}
    assert set(pd.read_csv(project.results("c") / "verdicts.csv").benchmark) == {"one", "two"}


def test_a_dry_run_changes_nothing_and_says_what_a_run_would_do(project, measured, harness):
    everything = project.tree(".snakemake")
    quiet = project.snakemake("c", "-n", VERDICTS)
    assert quiet.returncode == 0 and "all measured" in quiet.stdout and "Nothing to be done" in quiet.stdout
    measured["two"]["B"] = {"run": f"{harness} 6"}
    measured["duetbench"]["analysis"] = {"margin": 1}
    path = project.write("c", measured)
    everything["config/c.yml"] = (path.stat().st_mtime_ns, path.read_bytes())
    done = project.snakemake("c", "-n", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert "4 runs (4 duet), 2 to measure" in done.stdout and "analyse" in done.stdout
    assert project.tree(".snakemake") == everything

    measured["two"].pop("B")  # the analysis alone is another one
    path = project.write("c", measured)
    everything["config/c.yml"] = (path.stat().st_mtime_ns, path.read_bytes())
    done = project.snakemake("c", "-n", VERDICTS)
    assert "analyse" in done.stdout and "all measured" in done.stdout and "measure\n" not in done.stdout
    assert project.tree(".snakemake") == everything


@pytest.mark.parametrize("words", [("--lint",), ("--summary",), ("--rulegraph",), ("--list-rules",), ("-n",)])
def test_who_only_looks_writes_nothing(project, harness, words):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5"}}))
    before = project.tree(".snakemake")
    done = project.snakemake("c", *words)
    assert "Traceback" not in done.stdout
    assert words == ("--lint",) or done.returncode == 0, done.stdout
    assert project.tree(".snakemake") == before


def test_several_files_are_one_campaign(project, harness):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5"}}, duet_repetitions=1))
    benchmarks = {"d": {"A": f"{harness} 5"}, "fails": {"A": "false"}}
    other = process_campaign("other", benchmarks, duet_repetitions=1)
    other["duetbench"]["suite"] = "more"
    project.write("other", other)
    command = [*project.command("c", VERDICTS), "config/other.yml"]
    done = project.run(command)
    assert done.returncode != 0, done.stdout
    c, other = (project.path / f"config/{name}.yml" for name in ("c", "other"))
    assert f"c: the campaign is {c}, with the suites of config/other.yml" in done.stdout.replace(
        str(other), "config/other.yml"
    )
    assert {run.split(".")[0] for run in project.measured("c")} == {"native", "more"}
    assert "snakemake --cores 1 available --configfile config/c.yml config/other.yml" in done.stdout


def test_values_of_the_command_line_are_yaml(project, harness):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5"}}, duet_repetitions=1))
    done = project.snakemake("c", VERDICTS, "--config", "verbose=yes", "analysis={margin: 1}", "seed=4")
    assert done.returncode == 0, done.stdout
    analysis = yaml.safe_load((project.results("c") / "plan/analysis.json").read_text())
    assert analysis["margin_percent"] == 1
    plan = yaml.safe_load((project.results("c") / "plan/native.b.json").read_text())
    assert plan["verbose"] is True and plan["seed"] == 4


def test_snakemake_sleeps_while_a_run_is_measured(project, harness):
    """Else it takes processor time from what is measured, the more of it the more runs there were."""
    project.write("c", process_campaign("c", {"b": {"A": f"sleep 1; {harness} 5"}}, duet_repetitions=3))
    done = project.snakemake("c", VERDICTS, "--verbose")  # its log then has each look for jobs
    assert done.returncode == 0, done.stdout
    (log,) = (project.path / ".snakemake/log").iterdir()
    looks, jobs = (log.read_text().count(what) for what in ("Resources before job", "Execute 1 jobs"))
    assert 3 < jobs <= looks <= jobs + 2
