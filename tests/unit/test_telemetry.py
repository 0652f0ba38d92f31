"""The sampler of noise: what it reads of /proc and cgroups, on trees that are made up and on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest
from duet.engines.counters import SideReader
from duet.measure.telemetry import Machine, Telemetry
from duet.records.noise import (
    NOISE,
    MachineCounters,
    SideCounters,
    Stretch,
    read_noise,
    write_noise,
)

BURN = "import time\nwhile time.process_time() < 0.2: pass\nprint('burnt', flush=True)\ninput()\n"


def put(root: Path, **files: str) -> None:
    """`a__b="x"`: the file a/b."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def pressure(us: int) -> str:
    return (
        f"some avg10=0.00 avg60=0.00 avg300=0.00 total={us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    )


def test_the_machine_is_read_on_the_cores_that_matter(tmp_path):
    put(tmp_path, pressure__cpu=pressure(7), pressure__memory=pressure(8), pressure__io=pressure(9))
    cores = "cpu0 10 1 20 400 5 2 3 7 0 0\ncpu1 1 1 1 1 1 1 1 1 1 1\ncpu10 100 0 0 0 0 0 0 50 0 0\n"
    put(tmp_path, stat=f"cpu  9 9 9 9 9 9 9 9 9 9\n{cores}intr 1 2 3\ncpu0 9 9 9 9 9 9 9 9\n")
    put(tmp_path, cpu__cpu0__cpufreq__scaling_cur_freq="2000000\n")
    put(tmp_path, cpu__cpu10__cpufreq__scaling_cur_freq="3000000\n")
    machine = Machine(frozenset({0, 10}), tmp_path, tmp_path / "cpu")
    tick_ns = machine.read().busy_ns // 136
    assert machine.read() == MachineCounters(57 * tick_ns, 136 * tick_ns, 7000, 8000, 9000)
    assert machine.frequency_khz() == 2_500_000
    machine.close()
    bare = Machine(frozenset({0}), tmp_path / "nothing", tmp_path / "nothing")
    assert bare.read() == MachineCounters() and bare.frequency_khz() is None


def tree(root: Path, version: int) -> Path:
    """/proc of a side, process 7 with threads 7 and 8, in a cgroup of its own."""
    proc, cgroup = root / "proc", root / "cgroup"
    if version == 2:
        mounts = f"1 1 0:1 / {cgroup} rw - cgroup2 cgroup2 rw\n"
        put(proc, self__mountinfo=mounts, self__cgroup="0::/ours\n")
        (proc / "7").mkdir()
        (proc / "7/cgroup").write_text("0::/side\n")
        side = {"cgroup.procs": "7\n", "cpu.stat": "usage_usec 50\nuser_usec 40\nthrottled_usec 3\n"}
        side |= {f"{kind}.pressure": pressure(i) for i, kind in enumerate(("cpu", "memory", "io"))}
        here = cgroup / "side"
    else:
        mounts = f"1 1 0:1 / {cgroup}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        put(proc, self__mountinfo=mounts, self__cgroup="4:cpu,cpuacct:/\n")
        (proc / "7").mkdir()
        (proc / "7/cgroup").write_text("4:cpu,cpuacct:/side\n")
        side = {"cgroup.procs": "7\n", "tasks": "7\n8\n", "cpuacct.usage": "50000\n"}
        side |= {"cpu.stat": "nr_periods 0\nthrottled_time 3000\n"}
        here = cgroup / "cpu/side"
    here.mkdir(parents=True)
    for name, text in side.items():
        (here / name).write_text(text)
    (proc / "7/task/8").mkdir(parents=True)
    (proc / "7/task/7").mkdir()
    (proc / "8").mkdir()
    (proc / "7/schedstat").write_text("100 10 1\n")
    (proc / "8/schedstat").write_text("200 20 1\n")
    return here


@pytest.mark.parametrize("version", [1, 2])
def test_a_side_is_read_from_its_cgroup_and_threads_until_it_has_ended(tmp_path, version):
    here, proc = tree(tmp_path, version), tmp_path / "proc"
    reader = SideReader(7, proc)
    if version == 2:
        (here / "cpu.stat").write_text("usage_usec 90\nuser_usec 40\nthrottled_usec 4\n")
        (here / "io.pressure").write_text(pressure(12))
    else:
        (here / "cpuacct.usage").write_text("90000\n")
        (here / "cpu.stat").write_text("throttled_time 4000\n")
    (proc / "7/schedstat").write_text("100 15 1\n")
    (proc / "8/schedstat").write_text("5 2 1\n")  # thread 8 is another one by now
    expected = SideCounters(40_000, 5 + 2, 1000)
    if version == 2:
        expected = SideCounters(40_000, 5 + 2, 1000, 0, 0, 10_000)
    assert reader.read() == expected
    for tid in "78":
        (proc / tid / "schedstat").unlink()
    assert reader.read() == SideCounters()
    assert set(vars(reader.read()).values()) <= {0, None} and reader.read().cpu_ns == 0
    reader.close()


def test_a_real_process_and_its_children_are_read():
    """They share the cgroup of this test: so their own counts are what there is."""
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as side:
        reader = SideReader(side.pid)
        assert side.stdout.readline() == b"burnt\n"
        used = reader.read()
        side.communicate(b"\n")
    assert used.cpu_ns >= 180_000_000 and used.run_delay_ns >= 0
    assert reader.read() == SideCounters()
    reader.close()


class Fake:
    """A started side, as far as the sampler asks."""

    def __init__(self, pid):
        self.pid = pid

    def process(self):
        return self.pid


def test_a_run_leaves_its_noise_in_a_file_and_a_record(tmp_path):
    telemetry = Telemetry(frozenset({0}))
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as side:
        telemetry.start({"A": Fake(side.pid), "B": Fake(None)})
        side.stdout.readline()
        telemetry.stop()
        telemetry.stop()
        side.communicate(b"\n")
    record = telemetry.finish(tmp_path)
    stretches = read_noise(tmp_path / NOISE)
    assert record.samples == len(stretches) >= 1 and record.file.name == NOISE and not record.reason
    assert record.span_ns == sum(s.end_ns - s.start_ns for s in stretches) and record.cpu_ns > 0
    assert set(record.sides) == {"A"} and record.machine.busy_ns is not None
    known = [s.sides["A"].cpu_ns for s in stretches if s.sides["A"].cpu_ns is not None]
    assert record.sides["A"].cpu_ns == sum(known)


def test_what_fails_while_sampling_is_said_and_no_more(tmp_path):
    class Broken:
        def process(self):
            raise RuntimeError("no such thing")

    telemetry = Telemetry(frozenset({0}))
    telemetry.start({"A": Broken()})
    telemetry.stop()
    record = telemetry.finish(tmp_path)
    assert record.reason == "RuntimeError: no such thing" and record.samples == 0 and record.file is None
    assert Telemetry(frozenset()).finish(tmp_path).reason == "the run was too short for a sample"


def test_the_file_of_noise_is_read_as_written_and_not_otherwise(tmp_path):
    path = tmp_path / NOISE
    stretches = [
        Stretch(10, 20, MachineCounters(1, 9, 3), {"A": SideCounters(4, 5), "B": SideCounters(3)}, 2_000_000),
        Stretch(20, 40, MachineCounters(None, 9), {"A": SideCounters(4)}),
    ]
    write_noise(path, stretches)
    assert read_noise(path) == stretches
    assert [s.others_ns for s in stretches] == [2, 5] and stretches[0].disturbance == 0.3
    assert Stretch(0, 1).others_ns is None and Stretch(0, 1).disturbance is None
    whole = path.read_bytes()
    for wrong in (whole[:30], b"no gzip"):
        path.write_bytes(wrong)
        with pytest.raises((ValueError, OSError)):
            read_noise(path)
