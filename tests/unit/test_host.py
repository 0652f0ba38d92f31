"""Reading this machine; artifacts that fail, hang or flood; one run at a time."""

import os
import time

from duet.measure import host
from duet.measure.cores import Machine


def test_reading_this_machine(tmp_path):
    (tmp_path / "online").write_text("0-2047\n")
    core = min(os.sched_getaffinity(0))
    (tmp_path / f"cpu{core}/topology").mkdir(parents=True)
    (tmp_path / f"cpu{core}/topology/thread_siblings_list").write_text(f"{core},1000\n")
    m = host.read(tmp_path)
    assert m.allowed == os.sched_getaffinity(0) and len(m.online) == 2048
    assert m.siblings == {core: {core, 1000}}
    assert host.read(tmp_path / "absent") == Machine(m.allowed, m.allowed, {})


def test_nodes_caches_and_kinds_are_read(tmp_path):
    core = min(os.sched_getaffinity(0))
    path = tmp_path / f"cpu{core}"
    for index, (level, cores) in enumerate(((1, f"{core}"), (2, f"{core}"), (3, f"{core}-{core + 5}"))):
        (path / f"cache/index{index}").mkdir(parents=True)
        (path / f"cache/index{index}/level").write_text(f"{level}\n")
        (path / f"cache/index{index}/shared_cpu_list").write_text(f"{cores}\n")
    (path / "cpufreq").mkdir()
    (path / "cpufreq/cpuinfo_max_freq").write_text("3800000\n")
    (path / "node3").mkdir()
    m = host.read(tmp_path)
    assert (m.nodes, m.caches, m.capacities) == ({core: 3}, {core: core}, {core: 3_800_000})
    (path / "cpu_capacity").write_text("446\n")
    assert host.read(tmp_path).capacities == {core: 446}
    (path / "cpu_capacity").write_text("nonsense\n")
    assert host.read(tmp_path).capacities == {}


def test_artifacts_run_at_once_and_come_raw():
    begin = time.monotonic()
    commands = {"a": "sleep 0.3; printf 'x\\n '", "b": "sleep 0.3; echo y", "c": "sleep 0.3; cat"}
    texts, warnings = host.collect_artifacts(host.start_artifacts(commands))
    assert texts == {"a": "x\n ", "b": "y\n", "c": ""} and not warnings
    assert time.monotonic() - begin < 0.85


def test_artifacts_that_fail_are_warnings():
    commands = {
        "bad": "echo part; exit 3",
        "absent": "no-such-command",
        "slow": "sleep 77 & wait",
        "raw": "printf '\\377'",
    }
    commands["flood"] = "head -c 9000000 /dev/zero"
    texts, warnings = host.collect_artifacts(host.start_artifacts(commands), timeout_s=1)
    assert texts["bad"] == "part\n" and texts["raw"] == "�" and len(texts["flood"]) == host.ARTIFACT_BYTES
    assert sorted(warnings) == [
        "artifact absent: exit code 127",
        "artifact bad: exit code 3",
        "artifact slow: stopped after 1 s",
    ]
    assert not any(b"sleep\x0077" in cmd for cmd in command_lines())


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield f.read()
        except OSError:
            continue
