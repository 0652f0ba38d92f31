"""Campaigns on a real Slurm of two nodes on this host (tests/engine/start-slurm.sh)."""

import contextlib
import csv
import importlib.util
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from campaigns import PROJECT, Project, process_campaign
from duet.platform import slurm
from tools import need, without

QUICK = [
    *("--slurm-status-command", "squeue", "--slurm-no-account"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--latency-wait", "5", "--group-components", "runs=2"),
]
"""No accounting, and nobody to be gentle to."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Process ids of its daemons by the names of what they are."""
    if os.geteuid():
        without("a Slurm", "only root may start one")
    need("slurmctld", "munged")
    if importlib.util.find_spec(slurm.PLUGIN) is None:
        without("Snakemake's plugin for Slurm", "pip install -r requirements-platform.txt")
    start = [PROJECT / "tests/engine/start-slurm.sh", tmp_path_factory.mktemp("slurm")]
    started = subprocess.run(start, stdout=subprocess.PIPE, text=True, check=True)
    pids = dict(
        zip(("slurmctld", "bench1", "bench2", "munged"), map(int, started.stdout.split()), strict=True)
    )
    yield pids
    subprocess.run(["scancel", "--me"], check=False)
    for pid in pids.values():
        end(pid)
    Path("/etc/slurm/slurm.conf").unlink()


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def on_slurm(project: Project, config: str, *targets: str) -> list[str]:
    profile = ["--workflow-profile", "workflow/profiles/slurm", *QUICK]
    return project.command(config, *targets, *profile)


def hosts(project: Project, config: str) -> dict[str, list[str]]:
    """Host -> the runs that were measured there, in their order."""
    records = [json.loads(path.read_text()) for path in project.results(config).glob("runs/*/run.json")]
    there: dict[str, list[str]] = {}
    for record in sorted(records, key=lambda record: record["start_ns"]):
        there.setdefault(record["host"]["hostname"], []).append(record["name"])
    return there


def until(true: Callable[[], object], patience_s: float = 60) -> None:
    end_s = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.2)


@pytest.mark.long
def test_runs_go_to_nodes_in_the_order_of_the_plan_and_both_hosts_are_judged(
    cluster, project: Project, harness: str
) -> None:
    sides = {"A": f"{harness} 1; sleep 1", "B": f"{harness} 1; sleep 1"}
    project.write("camp", process_campaign("camp", {"one": sides, "two": sides}, duet_repetitions=3))
    target = "results/camp/verdicts.csv"
    done = project.run(on_slurm(project, "camp", target))
    assert done.returncode == 0, done.stdout
    plan = (project.results("camp") / "plan/runs.txt").read_text().split()
    there = hosts(project, "camp")
    assert set(there) == {"bench1", "bench2"}
    assert all(sorted(names, key=plan.index) == names for names in there.values())
    assert sorted(name for names in there.values() for name in names) == sorted(plan)
    verdicts = (project.results("camp") / "verdicts.csv").read_text()
    assert "bench1" in verdicts and "bench2" in verdicts
    before = project.measured("camp")
    again = project.run(on_slurm(project, "camp", target))
    assert again.returncode == 0 and "all measured" in again.stdout
    assert project.measured("camp") == before


@pytest.mark.long
def test_every_benchmark_on_every_host_and_on_how_many_it_holds(
    cluster, project: Project, harness: str
) -> None:
    sides = {"A": f"{harness} 100", "B": f"{harness} 200"}
    wanted = {"replicate": "hosts", "hosts": ["bench1", "bench2"], "duet_repetitions": 3}
    project.write("camp", process_campaign("camp", {"one": sides}, **wanted))
    target = "results/camp/verdicts.csv"
    here = project.snakemake("camp", target)
    assert here.returncode == 1 and "runs belong to bench1, bench2, and this is" in here.stdout
    done = project.run(on_slurm(project, "camp", target))
    assert done.returncode == 0, done.stdout
    there = {
        node: sorted(int(name.split(".")[2]) for name in names)
        for node, names in hosts(project, "camp").items()
    }
    assert there == {"bench1": [0, 1, 2], "bench2": [1000, 1001, 1002]}
    [row] = csv.DictReader((project.results("camp") / "environments.csv").open())
    assert (row["environments"], row["holds_on"], row["verdict"]) == ("2", "2", "slower")

    before = project.measured("camp")
    project.write(
        "camp", process_campaign("camp", {"one": sides}, **wanted | {"hosts": ["bench2", "bench9"]})
    )
    moved = project.run(on_slurm(project, "camp", target))
    assert moved.returncode == 1 and "was measured on bench1, and now belongs to bench2" in moved.stdout
    wanted["hosts"] += ["bench9"]
    project.write("camp", process_campaign("camp", {"one": sides}, **wanted))
    unknown = project.run(on_slurm(project, "camp", target))
    assert unknown.returncode == 1 and "node bench9: Slurm has none of that name" in unknown.stdout
    assert project.measured("camp") == before


@pytest.mark.long
def test_all_runs_of_a_benchmark_on_one_host_also_those_of_a_later_call(
    cluster, project: Project, harness: str
) -> None:
    sides = {"A": f"{harness} 1; sleep 1", "B": f"{harness} 1"}
    wanted = {"one_host": True, "duet_repetitions": 2, "sequential_repetitions": 1}
    project.write("camp", process_campaign("camp", {"one": sides, "two": sides}, **wanted))
    target = "results/camp/verdicts.csv"
    done = project.run(on_slurm(project, "camp", target))
    assert done.returncode == 0, done.stdout
    assert len(project.measured("camp")) == 8
    first = benchmarks(hosts(project, "camp"))
    assert sorted(first.values()) == [["bench1"], ["bench2"]]  # as many as a job holds otherwise: two
    wanted["duet_repetitions"] = 4
    project.write("camp", process_campaign("camp", {"one": sides, "two": sides}, **wanted))
    done = project.run(on_slurm(project, "camp", target))
    assert done.returncode == 0, done.stdout
    assert len(project.measured("camp")) == 12 and benchmarks(hosts(project, "camp")) == first


def benchmarks(there: dict[str, list[str]]) -> dict[str, list[str]]:
    """Benchmark -> the hosts that have measured it."""
    names = sorted({name.split(".")[1] for names in there.values() for name in names})
    return {
        each: sorted(node for node, names in there.items() if any(n.split(".")[1] == each for n in names))
        for each in names
    }


@pytest.mark.long
def test_a_campaign_that_nodes_would_understand_differently_does_not_start(
    cluster, project: Project, harness: str
) -> None:
    sides = {"A": f"{harness} 1", "B": f"{harness} 1"}
    project.write("camp", process_campaign("camp", {"one": sides}, engine="auto", image="x"))
    done = project.run(on_slurm(project, "camp"))
    assert done.returncode == 1 and "engine: is auto" in done.stdout
    assert not list(project.results("camp").glob("runs/*"))


@pytest.mark.long
def test_a_node_without_the_engine_is_named_before_anything_starts(
    cluster, project: Project, harness: str
) -> None:
    sides = {"A": f"{harness} 1", "B": f"{harness} 1"}
    campaign = process_campaign("camp", {"one": sides}, engine="docker", image="debian:bookworm-slim")
    project.write("camp", campaign)
    command = ["env", "DOCKER_HOST=unix:///nowhere/docker.sock", *on_slurm(project, "camp")]
    done = project.run(command)
    lines = [line for line in done.stdout.splitlines() if "error: node bench" in line]
    assert done.returncode == 1 and len(lines) == 2, done.stdout
    assert not list(project.results("camp").glob("runs/*"))


@pytest.mark.long
def test_what_a_killed_call_and_a_dead_node_leave_is_completed_by_the_next_call(
    cluster, project: Project, harness: str
) -> None:
    """The last one: a node is gone afterwards."""
    slow = {"A": f"{harness} 1; sleep 2", "B": f"{harness} 1; sleep 2"}
    project.write("camp", process_campaign("camp", {"one": slow}, duet_repetitions=6))
    command = on_slurm(project, "camp", "results/camp/verdicts.csv")
    parts = project.results("camp") / "runs"
    with (project.path / "said").open("w") as said:
        call = subprocess.Popen(command, cwd=project.path, stdout=said, stderr=said)
        until(lambda: list(parts.glob(".*.part")))
        call.kill()
        call.wait()
        prefix = slurm.job_prefix(str(project.results("camp")))
        left = queue()
        assert left and all(name.startswith(prefix) for name in left)

        call = subprocess.Popen(command, cwd=project.path, stdout=said, stderr=said)
        until(lambda: "jobs of a call that was killed are cancelled" in (project.path / "said").read_text())
        until(lambda: list(parts.glob(".*.part")) and len(queue()) > 1)
        kill_node(cluster["bench2"])
        assert call.wait(timeout=300) != 0
    assert 0 < len(project.measured("camp")) < 6
    before = project.measured("camp")
    done = project.run(command)
    assert done.returncode == 0, done.stdout
    after = project.measured("camp")
    assert len(after) == 6 and before.items() <= after.items()
    assert not list(parts.glob(".*.part")) and not queue()


def queue() -> list[str]:
    """Names of the jobs that are in it."""
    return subprocess.run(["squeue", "-h", "-o", "%j"], capture_output=True, text=True).stdout.split()


def kill_node(daemon: int) -> None:
    """Kill every process of a node: those that share its daemon's host name."""
    node = os.readlink(f"/proc/{daemon}/ns/uts")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "ns/uts") == node:
                end(int(process.name))
