"""Whole campaigns on the `process` engine: complete, resumed, failing, mended, interrupted, reported."""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
from campaigns import PROJECT, process_campaign
from duet.records.doctor import DoctorRecord

VERDICTS = "results/c/verdicts.csv"
"""Target of the tests that need no figures."""


def test_a_campaign_from_yaml_to_verdicts_and_then_nothing_to_do(project, harness):
    project.write(
        "c",
        process_campaign(
            "c", {"same": {"A": f"{harness} 10"}, "slow": {"A": f"{harness} 10", "B": f"{harness} 20"}}
        ),
    )
    done = project.snakemake("c")
    assert done.returncode == 0, done.stdout
    verdicts = pd.read_csv(project.results("c") / "verdicts.csv").set_index("benchmark")
    assert verdicts.change_percent["slow"] > 90
    assert abs(verdicts.change_percent["same"]) < 10
    for made in ("iterations.csv", "iterations.parquet", "pairs.parquet", "summary.md", "verdicts.json"):
        assert (project.results("c") / made).stat().st_size > 0
    doctor = DoctorRecord.read(project.results("c") / "doctor.json")
    assert {finding.what for finding in doctor.findings} >= {"cores", "load", "disk", "engine process"}
    assert f"{doctor.host} before its last runs" in (project.results("c") / "provenance.html").read_text()
    first = project.measured("c")
    again = project.snakemake("c")
    assert again.returncode == 0, again.stdout
    assert project.measured("c") == first
    assert DoctorRecord.read(project.results("c") / "doctor.json") == doctor, "nothing was measured since"


def test_more_repetitions_keep_every_run(project, harness):
    campaign = process_campaign("c", {"b": {"A": f"{harness} 5"}})
    project.write("c", campaign)
    assert project.snakemake("c", VERDICTS).returncode == 0
    first = project.measured("c")
    campaign["duetbench"]["duet_repetitions"] = 5
    project.write("c", campaign)
    more = project.snakemake("c", VERDICTS)
    assert more.returncode == 0, more.stdout
    second = project.measured("c")
    assert len(first) == 2 and len(second) == 5
    assert first.items() <= second.items()
    assert set(pd.read_parquet(project.results("c") / "iterations.parquet").runid) == set(range(5))
    campaign["duetbench"]["duet_repetitions"] = 3
    project.write("c", campaign)
    assert project.snakemake("c", VERDICTS).returncode == 0
    assert set(pd.read_parquet(project.results("c") / "iterations.parquet").runid) == set(range(3))


def test_a_changed_command_measures_just_its_runs(project, harness):
    campaign = process_campaign(
        "c", {"one": {"A": f"{harness} 5"}, "two": {"A": f"{harness} 5"}}, sequential_repetitions=1
    )
    campaign["two"]["B"] = {"run": f"{harness} 6"}
    project.write("c", campaign)
    assert project.snakemake("c", VERDICTS).returncode == 0
    first = project.measured("c")
    campaign["two"]["B"]["run"] = f"{harness} 7"
    project.write("c", campaign)
    assert project.snakemake("c", VERDICTS).returncode == 0
    second = project.measured("c")
    again = {run for run in first if first[run] != second[run]}
    assert again == {run for run in first if ".two." in run and not run.endswith("seqn.None.A")}


def test_one_failing_benchmark_among_good_ones_then_mended(project, harness, tmp_path):
    broken = tmp_path / "broken"
    broken.touch()
    fails = f"if [ -e {broken} ]; then echo out of cheese; exit 3; fi; {harness} 5"
    project.write("c", process_campaign("c", {"bad": {"A": fails}, "good": {"A": f"{harness} 5"}}))
    failed = project.snakemake("c")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stdout
    assert set(project.measured("c")) == {run for run in project.measured("c") if ".good." in run}
    assert len(project.measured("c")) == 2
    message = next(line for line in failed.stdout.splitlines() if "native.bad.0" in line and "3" in line)
    log = re.search(r"log: (.+?\.log)", message)
    assert log and "out of cheese" in (project.path / log[1]).read_text()
    command = re.search(r"snakemake --cores 1 (\S+run\.json) --configfile config/c.yml", failed.stdout)

    available = project.snakemake("c", "available")
    assert available.returncode == 0, available.stdout
    summary = (project.results("c") / "summary.md").read_text()
    assert "good" in summary and "bad" in summary

    good = project.measured("c")
    broken.unlink()
    one = project.snakemake("c", command[1])
    assert one.returncode == 0, one.stdout
    assert len(project.measured("c")) == 3
    rest = project.snakemake("c")
    assert rest.returncode == 0, rest.stdout
    assert len(project.measured("c")) == 4
    assert good.items() <= project.measured("c").items()


def test_a_timeout_keeps_the_finished_iterations(project, harness):
    endless = f"{harness} 5; sleep 600"
    project.write("c", process_campaign("c", {"b": {"A": endless}}, timeout=1, duet_repetitions=1))
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    (run,) = project.results("c").glob("runs/*/run.json")
    assert json.loads(run.read_text())["timed_out"] is True
    assert pd.read_parquet(project.results("c") / "iterations.parquet").timed_out.all()


def test_nothing_else_runs_while_a_run_is_measured(project, harness):
    slow = f"{harness} 5; sleep 0.3"
    benchmarks = {f"b{i}": {"A": slow} for i in range(3)}
    project.write("c", process_campaign("c", benchmarks, schedule="randomized_interleaving_trials"))
    done = project.snakemake("c", VERDICTS, "--cores", "4")
    assert done.returncode == 0, done.stdout
    records = [json.loads(p.read_text()) for p in project.results("c").glob("runs/*/run.json")]
    spans = sorted((r["start_ns"], r["end_ns"]) for r in records)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    for made in project.results("c").glob("iterations/*.parquet"):
        assert not any(start < made.stat().st_mtime_ns < end for start, end in spans)
    planned = (project.results("c") / "plan/runs.txt").read_text().split()
    assert [r["name"] for r in sorted(records, key=lambda r: r["start_ns"])] == planned


def sides_of(project) -> list[int]:
    """Processes that work for this project's results."""
    mark = f"DUETBENCH_ROOT={project.results('c').resolve()}".encode()
    ids = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                ids.append(int(pid))
        except OSError:
            pass
    return ids


def start_and_wait_for_a_side(project) -> subprocess.Popen:
    workflow = subprocess.Popen(
        project.command("c"),
        cwd=project.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(project.results("c").glob("**/started")) and not (project.path / "started").exists():
        assert time.monotonic() < deadline, "no side was started"
        time.sleep(0.1)
    return workflow


def interrupted(project, harness, how) -> None:
    first = project.path / "started"
    long = f"if [ ! -e {first} ]; then touch {first}; sleep 600; fi; {harness} 5"
    project.write(
        "c", process_campaign("c", {"b": {"A": long, "B": f"sleep 1; {harness} 5"}}, duet_repetitions=1)
    )
    workflow = start_and_wait_for_a_side(project)
    how(workflow)
    workflow.wait(60)


def test_ctrl_c_leaves_nothing_running_and_the_next_call_finishes(project, harness):
    interrupted(project, harness, lambda w: os.killpg(w.pid, signal.SIGINT))
    assert sides_of(project) == []
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout


def test_after_kill_9_the_next_call_cleans_up_and_finishes(project, harness):
    interrupted(project, harness, lambda w: w.kill())
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    assert sides_of(project) == []


def test_a_measuring_left_alone_by_kill_9_is_ended_before_its_run_is_measured_again(
    project, harness, tmp_path
):
    first, ends = tmp_path / "first", tmp_path / "ends"
    long = f"touch {first} {project.path}/started; sleep 5; echo x >> {ends}"
    slow = f"if [ ! -e {first} ]; then {long}; fi; {harness} 5"
    project.write("c", process_campaign("c", {"b": {"A": slow, "B": f"{harness} 5"}}, duet_repetitions=1))
    workflow = start_and_wait_for_a_side(project)
    workflow.kill()
    done = project.snakemake("c", VERDICTS)
    assert done.returncode == 0, done.stdout
    time.sleep(5)
    assert not ends.exists(), "the killed workflow's side went on"
    (run,) = project.results("c").glob("runs/*")
    assert (run / "run.json").exists() and not (run / "failure.json").exists()


def test_a_wrong_file_is_said_in_a_line_a_fault_and_nothing_starts(project, harness):
    campaign = process_campaign("c", {"b": {"A": f"{harness} 5"}}, duet_repetitons=3, timeout="soon")
    project.write("c", campaign)
    done = project.snakemake("c")
    assert done.returncode == 2
    lines = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(lines) == 2 and "duet_repetitions" in done.stdout
    assert "Traceback" not in done.stdout
    assert not project.results("c").exists()


def test_a_dry_run_says_what_would_be_done(project, harness):
    agent = {"syncduet_repetitions": 1, "syncduet_run_base": "-agentpath:/predecessor/agent.so"}
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5"}}, **agent))
    done = project.snakemake("c", "-n")
    assert done.returncode == 0, done.stdout
    assert "measure" in done.stdout
    assert done.stdout.count("/predecessor/agent.so is used where the image has it") == 1
    assert project.measured("c") == {}


def test_the_report_is_one_file_with_all_of_it(project, harness):
    project.write(
        "c",
        process_campaign("c", {"b": {"A": f"{harness} 5", "B": f"{harness} 9"}}, sequential_repetitions=2),
    )
    assert project.snakemake("c").returncode == 0
    before = project.measured("c")
    done = project.snakemake("c", "--report", "report.html")
    assert done.returncode == 0, done.stdout
    html = (project.path / "report.html").read_text()
    for part in ("1 Verdicts", "2 Benchmarks", "native.b.timeline.svg", "native.forest.svg", "verdicts.csv"):
        assert part in html
    assert project.measured("c") == before


def test_results_that_are_there_are_imported_and_reported(project, harness):
    project.write("c", process_campaign("c", {"b": {"A": f"{harness} 5", "B": f"{harness} 9"}}))
    assert project.snakemake("c", VERDICTS).returncode == 0
    project.write("old", {"duetbench": {"name": "old", "import": ["../results/c"]}})
    done = project.snakemake("old")
    assert done.returncode == 0, done.stdout
    columns = ["suite", "benchmark", "type", "runid", "pair", "iteration", "iteration_time_ns"]
    ours, theirs = (pd.read_csv(project.results(c) / "iterations.csv")[columns] for c in ("c", "old"))
    assert ours.equals(theirs)
    assert (project.results("old") / "figures/native.b.timeline.svg").exists()
    assert not project.measured("old")


def test_the_predecessors_directory_to_the_report_and_what_is_bad_in_it_said(project, tmp_path):
    flat = shutil.copytree(PROJECT / "tests/data/predecessor_results", tmp_path / "results.2022")
    for name, text in (
        ("dacapo.xalan.0.duet.AB.A.results.csv", "start_unix,iteration_time_ns\n"),
        ("dacapo.xalan.0.duet.AB.B.results.csv", "start_unix,iteration_time_ns\n1,nan\n"),
        ("renaissance.chi-square.1.duet.BA.A.results.json", '{"data": {'),
    ):
        (flat / name).write_text(text)
    project.write("old", {"duetbench": {"import": [str(flat)]}})
    done = project.snakemake("old")
    assert done.returncode == 0, done.stdout
    bad = ("dacapo.xalan.0.duet.AB", "renaissance.chi-square.1.duet.BA")
    for run in bad:
        assert f"left out: {flat}/{run}: " in done.stdout
    verdicts = pd.read_csv(project.results("old") / "verdicts.csv")
    assert set(verdicts.suite) == {"dacapo", "renaissance", "scalabench", "speccpu"}
    summary = (project.results("old") / "summary.md").read_text()
    assert "- Runs: 7 imported, 2 failed\n" in summary
    assert all(f"{run}: cannot be read: " in summary.replace("\\", "") for run in bad)
    assert project.snakemake("old", "--report", "report.html").returncode == 0
    html = (project.path / "report.html").read_text()
    for stem in ("dacapo.sunflow", "renaissance.chi-square", "scalabench.scalac", "speccpu.500_perlbench_r"):
        assert f"{stem}.timeline.svg" in html


def test_results_that_cannot_be_read_fail_their_own_target_only(project, harness):
    broken = f"{harness} 5; echo 4,nan,5 >>results.csv"
    project.write("c", process_campaign("c", {"bad": {"A": broken}, "good": {"A": f"{harness} 5"}}))
    done = project.snakemake("c", VERDICTS)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert len(project.measured("c")) == 4
    for runid in (0, 1):
        line = next(x for x in done.stdout.splitlines() if x.startswith(f"error: native.bad.{runid}."))
        assert ".results.csv: line 6: start_ns is 'nan', not an integer" in line
        assert f"again: snakemake --cores 1 --force results/c/runs/native.bad.{runid}." in line
    assert "2 of 4 runs failed, 2 of them with results that cannot be read" in done.stdout
    assert (project.results("c") / "iterations/native.good.parquet").exists()
    assert not (project.results("c") / "iterations/native.bad.parquet").exists()
    available = project.snakemake("c", "available")
    assert available.returncode == 0, available.stdout
    summary = (project.results("c") / "summary.md").read_text()
    assert "- Runs: 2 of 4 measured, 2 failed\n" in summary and "start\\_ns is 'nan'" in summary
    assert set(pd.read_csv(project.results("c") / "verdicts.csv").benchmark) == {"good"}

    before = project.measured("c")
    again = project.snakemake("c", VERDICTS)
    assert again.returncode != 0 and again.stdout.count("start_ns is 'nan'") == 2, "the table left them out"
    assert project.measured("c") == before, "they are as the harness wrote them"
    hurt = next(run for run in before if ".bad.0." in run)
    result = project.results("c") / f"runs/{hurt}/{hurt}.A.results.csv"
    result.write_text(result.read_text().replace("nan", "mom"))
    done = project.snakemake("c", VERDICTS)
    assert f"{hurt}: damaged: " in done.stdout
    assert {run for run, time_ns in project.measured("c").items() if time_ns != before[run]} == {hurt}
