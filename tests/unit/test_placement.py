"""Where runs are measured: every benchmark on each host, or all runs of a benchmark on one."""

from collections import Counter
from pathlib import Path

import pytest
from config_files import faults, read, written
from duet.campaign import order, placement
from duet.model import DuetError, Order, Type, parse_run
from duet.platform import slurm
from duet.records.layout import Layout
from duet.records.run import HostRecord
from run_records import run_record

HOSTS = {"replicate": "hosts", "hosts": ["n1", "n2"], "duet_repetitions": 4}


def test_every_host_measures_everything_in_both_orders_on_both_halves(tmp_path: Path) -> None:
    campaign = read(tmp_path, HOSTS | {"sequential_repetitions": 2})
    runs = order.runs(campaign)
    on = placement.nodes(campaign, runs, {})
    for node in campaign.hosts:
        mine = [run for run in runs if on[run.name] == node]
        duets = [run for run in mine if run.type == Type.DUET]
        ways = Counter((run.benchmark, run.order, order.swapped(campaign.seed, run)) for run in duets)
        assert len(ways) == 8 and set(ways.values()) == {1}
        assert Counter((r.benchmark, r.side) for r in mine if r.side) == {
            (benchmark, side): 2 for benchmark in ("one", "two") for side in "AB"
        }


def test_more_hosts_and_repetitions_move_no_run(tmp_path: Path) -> None:
    few = read(tmp_path, HOSTS)
    many = read(tmp_path, HOSTS | {"hosts": ["n1", "n2", "n3"], "duet_repetitions": 5})
    known = placement.nodes(few, order.runs(few), {})
    assert known.items() <= placement.nodes(many, order.runs(many), {}).items()
    alone = read(tmp_path, {"duet_repetitions": 4})
    assert {run.name for run in order.runs(alone)} == {name for name, node in known.items() if node == "n1"}


def test_a_finished_run_of_another_host_is_told(tmp_path: Path) -> None:
    campaign = read(tmp_path, HOSTS)
    runs = order.runs(campaign)
    with pytest.raises(DuetError, match=r"was measured on n9, and now belongs to n[12]; leave their order"):
        placement.nodes(campaign, runs[1:], {runs[0]: "n9"})


def test_the_rest_of_a_benchmark_goes_where_it_was_measured(tmp_path: Path) -> None:
    campaign = read(tmp_path, {"one_host": True, "duet_repetitions": 2})
    runs = order.runs(campaign)
    [first, second] = [run for run in runs if run.benchmark == "one"]
    left = [run for run in runs if run != first]
    assert placement.nodes(campaign, left, {first: "n2"}) == {second.name: "n2"}
    third = parse_run("tiny.one.7.duet.AB")
    assert third is not None
    with pytest.raises(DuetError, match=r"tiny\.one was measured on n1 and n2, and has runs left; remove"):
        placement.nodes(campaign, left, {first: "n2", third: "n1"})
    assert placement.nodes(read(tmp_path, {}), left, {first: "n2", third: "n1"}) == {}


def test_jobs_hold_as_many_runs_of_one_node_in_the_plans_order(tmp_path: Path) -> None:
    campaign = read(tmp_path, HOSTS)
    runs = order.runs(campaign)
    on = placement.nodes(campaign, runs, {})
    jobs = placement.jobs(runs, 3, on, False)
    for job in set(jobs.values()):
        assert len({on[name] for name, its in jobs.items() if its == job}) == 1
    assert sorted(Counter(jobs.values()).values()) == [2, 2, 3, 3, 3, 3]
    plain = placement.jobs(runs, 3, {}, False)
    assert [plain[run.name] for run in runs[:4]] == ["runs0", "runs0", "runs0", "runs1"]
    together = placement.jobs(runs, 3, {}, True)
    assert len(set(together.values())) == 2
    assert all(len({together[r.name] for r in runs if r.benchmark == b}) == 1 for b in ("one", "two"))


def test_a_record_tells_its_node_as_slurm_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    runs = [parse_run(f"s.b.{i}.duet.AB") for i in range(3)]
    assert all(runs) and runs[0].order == Order.AB
    for run, host in zip(
        runs, (HostRecord(hostname="ip-1", node="n1"), HostRecord(hostname="n2")), strict=False
    ):
        layout.run(run.name).mkdir(parents=True)
        run_record(run, host=host).write(layout.run_record(run.name))
    assert placement.measured_on(layout, runs) == {runs[0]: "n1", runs[1]: "n2"}
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    assert placement.here() == "n7"


CONTRADICTIONS = {
    "duetbench.replicate: is hosts, but none are named; accepted: hosts: [NODE, NODE] beside it": {
        "hosts": None
    },
    "duetbench.hosts: replicate does not say what for; accepted: replicate: hosts beside it": {
        "replicate": None
    },
    "duetbench.one_host: is true, but replicate: hosts measures each benchmark on every host; "
    "accepted: one of the two": {"one_host": True},
    "duetbench.replicate: is hosts, but precision ends a benchmark's runs on all hosts at once; "
    "accepted: one of the two": {"precision": {"or": "verdict"}},
    "duetbench.replicate: makes 1001 runs on a host; accepted: at most 1000 repetitions": {
        "duet_repetitions": 1001
    },
    'duetbench.replicate: is "nodes"; accepted: hosts': {"replicate": "nodes"},
    'duetbench.hosts[1]: is "n2 --wrap"; accepted: a node\'s name, as sinfo has it': {
        "hosts": ["n1", "n2 --wrap"]
    },
    'duetbench.hosts: is ["n1", "n1"]; accepted: a list of nodes\' names, each once': {"hosts": ["n1", "n1"]},
    "duetbench.duets: makes 200000 runs; accepted: at most 100000 in a campaign": {
        "hosts": [f"n{i}" for i in range(100)], "duet_repetitions": 1000,
    },
}  # fmt: skip


@pytest.mark.parametrize(("line", "keys"), CONTRADICTIONS.items(), ids=range(len(CONTRADICTIONS)))
def test_what_contradicts_is_one_line(tmp_path: Path, line: str, keys: dict) -> None:
    assert faults(written(tmp_path, HOSTS | keys)) == [f"c.yml: {line}"]


def test_nodes_that_would_never_take_a_job_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_ask", lambda *_: "n1 idle\nn2 down*\nn3 allocated\nn4 drained\nn1 idle\n")
    assert slurm.faults_of_names(["n1", "n3"]) == []
    assert slurm.faults_of_names(["n9", "n2", "n4"]) == [
        "node n2: is down*, and runs belong to it; see `scontrol show node n2`",
        "node n4: is drained, and runs belong to it; see `scontrol show node n4`",
        "node n9: Slurm has none of that name; accepted: n1, n2, n3, n4",
    ]
