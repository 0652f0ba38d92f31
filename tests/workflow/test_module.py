"""Another workflow that uses this one as a module."""

import json
import sys

import yaml
from campaigns import process_campaign

OUTER = """
{configfile}

rule all:
    input:
        "own.txt",
        "results/c/verdicts.csv",


rule own:
    # `benchmark` and `run` are words of the module, too: their constraints must not reach this rule.
    input:
        "a/b c/d.in",
    output:
        "own.txt",
    shell:
        "echo own > {{output}}"


rule made:
    output:
        "{{benchmark}}/{{run}}/d.in",
    shell:
        "touch '{{output}}'"


module duet:
    snakefile:
        "duetbench/workflow/Snakefile"
    config:
        {config}


use rule * from duet as duet_*
"""
ALL_TRIGGERS = ("--rerun-triggers", "mtime", "params", "input", "software-env", "code")


def outer(project, config: str, configfile: str = "", *words: str):
    """The other workflow, in the folder that the checkout lies in, without a profile of ours."""
    folder = project.path.parent
    (folder / "Snakefile").write_text(OUTER.format(config=config, configfile=configfile))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *words]
    return type(project)(folder).run(command)


def runs(project) -> dict[str, int]:
    records = project.path.parent.glob("results/c/runs/*/run.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in records}


def test_a_campaign_file_is_measured_from_another_workflow_and_stays(project, harness):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5", "B": f"{harness} 9"}}))
    config = '{"configfile": "duetbench/config/c.yml", "duet_repetitions": 1}'
    done = outer(project, config)
    assert done.returncode == 0, done.stdout
    assert (project.path.parent / "own.txt").exists()
    first = runs(project)
    assert len(first) == 1
    assert not (project.path / "results").exists()
    # also with all triggers, which this workflow's own profile leaves out
    more = outer(project, config.replace("1}", "2}"), "", *ALL_TRIGGERS)
    assert more.returncode == 0, more.stdout
    assert len(runs(project)) == 2 and first.items() <= runs(project).items()
    again = outer(project, config.replace("1}", "2}"), "", "duet_all", *ALL_TRIGGERS)
    assert again.returncode == 0, again.stdout
    assert len(runs(project)) == 2 and first.items() <= runs(project).items()
    assert (project.path.parent / "results/c/summary.md").exists()
    before = runs(project)
    words = ("--forcerun", "duet_measure", "--")
    available = outer(project, config.replace("1}", "2}"), "", *words, "duet_available")
    assert available.returncode == 0 and runs(project) == before, "what is available is not measured"
    forced = outer(project, config.replace("1}", "2}"), "", *words, "duet_all")
    assert forced.returncode == 0, forced.stdout
    assert all(mtime > before[run] for run, mtime in runs(project).items())


def test_the_outer_workflows_own_config_may_be_the_campaign(project, harness):
    campaign = process_campaign("c", {"b": {"A": f"{harness} 5"}}, duet_repetitions=1)
    (project.path.parent / "outer.yml").write_text(yaml.safe_dump(campaign))
    done = outer(project, "config", 'configfile: "outer.yml"', "--config", "seed=4")
    assert done.returncode == 0, done.stdout
    plan = json.loads((project.path.parent / "results/c/plan/native.b.json").read_text())
    assert len(runs(project)) == 1 and plan["seed"] == 4


def test_faults_of_its_config_are_lines(project):
    done = outer(project, '{"duetbench": {"name": "c", "duets": ["b"], "seeds": 1}}', "", "-n")
    assert done.returncode == 2 and "Traceback" not in done.stdout
    assert "error: config of the module: duetbench.seeds: unknown key (did you mean seed?)" in done.stdout
