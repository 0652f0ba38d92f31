"""What is thought of machines that nobody here owns, and that it is told, kept and shown."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from duet.commands import Log, doctor
from duet.engines.inquiry import EngineFacts
from duet.images import reach
from duet.measure import checkup, machine
from duet.measure.cores import Machine
from duet.measure.machine import Condition
from duet.model import DuetError
from duet.records.doctor import DoctorRecord, Finding, Level
from duet.records.plan import AnalysisPlan
from duet.report.summary import provenance

EIGHT = Machine(frozenset(range(8)), frozenset(range(8)))
ONE = Machine(frozenset({0}), frozenset({0}))
TWO = frozenset({0, 1})
ONE_PHYSICAL = Machine(EIGHT.online, TWO, {0: TWO, 1: TWO})
GOOD = Condition(
    machine=EIGHT,
    kernel="6.1.0",
    virtual=False,
    smt=False,
    governors=("performance",),
    turbo=False,
    memory_bytes=32 << 30,
    available_bytes=30 << 30,
    swapped_bytes=0,
    disk_free_bytes=100 << 30,
    clock_source="tsc",
    load_1min=0.1,
    steal=0.0,
    pressure={"cpu": 0.0, "memory": 0.0, "io": 0.0},
    cgroup=2,
)
PARTS = [finding.what for finding in checkup.judge(GOOD)]


def test_a_machine_as_it_should_be():
    findings = checkup.judge(GOOD)
    assert {finding.level for finding in findings} == {Level.OK}
    assert len(set(PARTS)) == len(PARTS) == 16
    cores = next(finding for finding in findings if finding.what == "cores")
    assert cores.found == "8 (0-7); the sides get 0-3 and 4-7"


@pytest.mark.parametrize(
    ("change", "what", "level", "found"),
    [
        ({"machine": ONE}, "cores", "warning", "both sides share the only core"),
        (
            {"machine": ONE_PHYSICAL},
            "cores",
            "warning",
            "2 (0-1) of 8: both sides share cores of which no two are alike",
        ),
        ({"smt": True}, "hardware threads", "warning", "each slows the other"),
        ({"quota_cores": 1.5}, "CPU quota", "warning", "1.50 cores' time"),
        ({"governors": ("powersave",)}, "governor", "warning", "powersave: the frequency follows the load"),
        ({"governors": ("performance", "schedutil")}, "governor", "warning", "performance, schedutil"),
        ({"turbo": True}, "turbo", "warning", "a side is faster while the other one pauses"),
        ({"available_bytes": 100 << 20}, "memory", "problem", "0.1 GiB of 32.0 GiB available"),
        ({"available_bytes": 5 << 30}, "memory", "warning", "5.0 GiB of 32.0 GiB available"),
        ({"swapped_bytes": 2 << 30}, "swap", "warning", "2.0 GiB used"),
        ({"disk_free_bytes": 1 << 30}, "disk", "problem", "1.0 GiB free"),
        ({"disk_free_bytes": 10 << 30}, "disk", "warning", "10.0 GiB free"),
        ({"clock_source": "hpet"}, "clock source", "warning", "hpet: slow to read"),
        ({"load_1min": 5.0}, "load", "warning", "5.00 on 8 cores"),
        ({"steal": 0.031}, "steal", "warning", "3.1 % of the time"),
        ({"pressure": {"cpu": 40.0, "memory": 0.0, "io": 0.0}}, "cpu pressure", "warning", "in 40.0 % of"),
        ({"pressure": {"cpu": 0.0, "memory": 2.0, "io": 0.0}}, "memory pressure", "warning", "in 2.0 % of"),
        ({"pressure": {"cpu": 0.0, "memory": 0.0, "io": 11.0}}, "io pressure", "warning", "in 11.0 % of"),
        ({"cgroup": 1}, "control groups", "warning", "version 1"),
        ({"cgroup": None}, "control groups", "problem", "none"),
    ],
)  # fmt: skip
def test_what_disturbs_is_said_with_its_remedy(change: dict, what: str, level: str, found: str):
    findings = checkup.judge(replace(GOOD, **change))
    (odd,) = [finding for finding in findings if finding.level != Level.OK]
    assert (odd.what, odd.level) == (what, level) and found in odd.found and odd.remedy
    assert [finding.what for finding in findings] == PARTS


def test_what_a_kernel_does_not_tell_is_no_fault():
    findings = checkup.judge(Condition(machine=EIGHT, cgroup=2))
    assert {finding.level for finding in findings} == {Level.OK}
    assert sum("does not tell" in finding.found for finding in findings) >= 9


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


CPU = "sys/devices/system/cpu"
FILES = {
    "proc/sys/kernel/osrelease": "6.1.0-test\n",
    "proc/cpuinfo": "flags\t: fpu hypervisor lahf_lm\n",
    "proc/meminfo": "MemTotal:  1000 kB\nMemAvailable:  500 kB\nSwapTotal:  100 kB\nSwapFree:   40 kB\n",
    "proc/loadavg": "1.25 0.5 0.1 1/200 4711\n",
    "proc/stat": "cpu  10 0 10 80 0 0 0 25 0 0\ncpu0 1 2 3\n",
    "proc/pressure/cpu": "some avg10=12.50 avg60=1.00 avg300=0.10 total=1\n",
    "proc/pressure/io": "some avg10=0.00 avg60=1.00 avg300=0.10 total=1\nfull avg10=0.00\n",
    f"{CPU}/smt/active": "1\n",
    f"{CPU}/intel_pstate/no_turbo": "1\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/online": "0-1\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "sys/fs/cgroup/cpu.max": "150000 100000\n",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "WATCHED_S", 0)


def test_reading_a_machine(tmp_path: Path):
    condition = machine.read(tmp_path / "results/none/yet", written(tmp_path, FILES))
    assert (condition.kernel, condition.virtual, condition.smt, condition.turbo) == (
        "6.1.0-test",
        True,
        True,
        False,
    )
    assert condition.governors == ("powersave", "performance") and condition.clock_source == "hpet"
    assert (condition.memory_bytes, condition.available_bytes, condition.swapped_bytes) == (
        1024000,
        512000,
        61440,
    )
    assert condition.load_1min == 1.25 and condition.pressure == {"cpu": 12.5, "io": 0.0}
    assert (condition.cgroup, condition.quota_cores) == (2, 1.5)
    assert condition.disk_free_bytes and condition.machine.online == {0, 1}
    older = {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        f"{CPU}/cpufreq/boost": "1\n",
    }
    condition = machine.read(tmp_path, written(tmp_path / "older", older))
    assert (condition.cgroup, condition.quota_cores, condition.turbo) == (1, 0.5, True)
    assert condition.memory_bytes is condition.steal is condition.swapped_bytes is None


def test_steal_is_what_it_was_in_between():
    assert machine._steal([10, 0, 10, 80, 0, 0, 0, 0], [20, 0, 20, 150, 0, 0, 0, 10]) == 0.1


def test_reading_this_machine_makes_no_fault_of_the_tool():
    condition = machine.read(Path("results"))
    assert condition.memory_bytes and condition.load_1min is not None and condition.kernel
    assert [finding.what for finding in checkup.judge(condition)] == PARTS


DOCKER, PODMAN = EngineFacts("docker", "27.0"), EngineFacts("podman", "5.0")
ABSENT = [replace(e, absent=f"{e.name} does not answer", remedy="start it") for e in (DOCKER, PODMAN)]
PROCESS = EngineFacts("process", "Linux 6")


@pytest.mark.parametrize(
    ("engines", "wanted", "expected"),
    [
        ([DOCKER, PODMAN, PROCESS], {"auto"}, ["ok", "ok", "ok"]),
        ([ABSENT[0], PODMAN, PROCESS], {"auto"}, ["ok", "ok", "ok"]),
        ([*ABSENT, PROCESS], {"auto"}, ["ok", "ok", "ok", "warning"]),
        ([ABSENT[0]], {"docker"}, ["problem"]),
        ([replace(PODMAN, binds_cores=False, bounds_memory=False)], {"podman"}, ["warning"]),
        ([replace(PROCESS, bounds_memory=False)], {"process"}, ["ok"]),
    ],
)
def test_engines(engines: list[EngineFacts], wanted: set[str], expected: list[str]):
    findings = list(doctor.judge_engines(engines, wanted))
    assert [finding.level for finding in findings] == expected
    assert all(bool(finding.remedy) == (finding.level != Level.OK) for finding in findings)


def campaign(tmp_path: Path, **keys: object) -> list[str]:
    path = tmp_path / "c.yml"
    path.write_text(
        json.dumps({"duetbench": {"engine": "process", "duets": ["o"], "B": {"run": "x"}, **keys}})
    )
    return ["--configfile", str(path)]


def call(*words: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    doctor.arguments(parser)
    return doctor.execute(parser.parse_args([*words, "--no-network"]), Log())


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "read", lambda *_: GOOD)


def test_a_campaign_and_what_it_needs(tmp_path: Path, good, capsys):
    assert call(*campaign(tmp_path), "--out", str(tmp_path / "d.json")) == 0
    record = DoctorRecord.read(tmp_path / "d.json")
    assert record.host == os.uname().nodename and len(record.findings) == 17
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "0 problems, 0 warnings, 17 ok" and lines[1].startswith("ok       cores  ")
    assert call(*campaign(tmp_path, cpus="6-9")) == 1
    out = capsys.readouterr().out
    assert "problem  cpus             o.A.cpus names 8-9, and this machine has 0-7; name others" in out
    assert call(*campaign(tmp_path, memory="30g")) == 0
    assert "warning  memory limits    both sides together may use 61440 MiB" in capsys.readouterr().out
    with pytest.raises(DuetError, match="seed") as caught:
        call(*campaign(tmp_path, seed="x"))
    assert caught.value.exit_code == 2


def test_addresses_are_shown_without_their_passwords():
    assert reach.shown("https://user:secret@index.example:8/simple") == "https://index.example:8/simple"
    assert (
        reach.registry("registry.example:5000/a/b", "https://default") == "https://registry.example:5000/v2/"
    )
    assert reach.registry("debian:bookworm-slim", "https://default") == "https://default"
    (finding,) = doctor.judge_network({"pip": "http://user:secret@127.0.0.1:9/simple"})
    assert finding.level == Level.WARNING and "secret" not in doctor.line(finding) and finding.remedy


def test_the_report_shows_the_machine():
    findings = (Finding(Level.OK, "cores", "8"), Finding(Level.WARNING, "turbo", "<on>", "off"))
    record = DoctorRecord(host="h", time_ns=1_700_000_000_000_000_000, findings=findings)
    page = provenance.html_page("c", provenance.gather([]), [], AnalysisPlan(), {}, record)
    assert "<h2>h before its last runs, 2023-11-14 22:13:20 (UTC)</h2>" in page and "&lt;on&gt;" in page
    rows = page.partition("before its last runs")[2]
    assert rows.index("turbo") < rows.index(">cores<"), "what is odd comes first"
    assert "before its last runs" not in provenance.html_page(
        "c", provenance.gather([]), [], AnalysisPlan(), {}
    )
