"""Results of several machines in one campaign: whole, with their times, or nothing."""

import os
import subprocess
from pathlib import Path

import pytest
from commands import DUETBENCH
from duet.model import Order, Run, Type
from duet.platform import hosts
from duet.records.layout import Layout
from duet.records.provision import ImageIdentity
from duet.records.run import file_record, finished, intact
from run_records import run_record


def run(runid: int) -> Run:
    return Run("s", "b", runid, Type.SEQN, Order.NONE, "A")


def measured(results: Path, runid: int, content: str = "1") -> Path:
    directory = Layout(results).run(run(runid).name)
    directory.mkdir(parents=True)
    result = directory / run(runid).file("A", "out.csv")
    result.write_text(content)
    (directory / run(runid).log("A")).touch()
    run_record(run(runid), {"A": {"files": (file_record(result),)}}).write(directory / "run.json")
    os.utime(result, ns=(10**18, 10**18))
    with Layout(results).durations.open("a") as file:
        file.write(f"{run(runid).name} 2.5\n")
    return result


def merge(*directories: Path, into: Path) -> subprocess.CompletedProcess:
    command = [*DUETBENCH, "results", "merge", *directories, "--into", into]
    return subprocess.run(command, capture_output=True, text=True)


def test_runs_of_two_hosts_become_one_campaign(tmp_path: Path) -> None:
    one, two, into = tmp_path / "1", tmp_path / "2", Layout(tmp_path / "all")
    measured(one, 0)
    measured(two, 1)
    measured(two, 2)
    identity = ImageIdentity(name="i", key="i", hash="abc")
    identity.write(Layout(one).image_identity("i"))
    done = merge(one, two, into=into.results)
    assert (done.returncode, done.stderr) == (0, f"{into.results}: 3 runs copied, 3 are there\n")
    directories = {path for _, path in finished(into.runs)}
    assert len(directories) == 3 and not any(intact(path, digests=True) for path in directories)
    times = {path.stat().st_mtime_ns for each in directories for path in each.glob("*.csv")}
    assert times == {10**18}
    assert ImageIdentity.read(into.image_identity("i")) == identity
    assert into.durations.read_text().count(" 2.5\n") == 3
    again = merge(one, two, into=into.results)
    assert again.stderr == f"{into.results}: 0 runs copied, 3 are there\n"


def test_what_contradicts_is_refused_and_nothing_copied(tmp_path: Path) -> None:
    one, two, into = tmp_path / "1", tmp_path / "2", Layout(tmp_path / "all")
    measured(one, 0)
    measured(one, 1)
    measured(two, 0, "another")
    done = merge(one, two, into=into.results)
    assert done.returncode == 1 and "was measured twice" in done.stderr and "import:" in done.stderr
    assert not into.runs.exists()


@pytest.mark.parametrize("place", ["-oProxyCommand=x", "a b:c", "", ":results/mine", "me@"])
def test_what_names_no_host_is_refused(tmp_path: Path, place: str) -> None:
    command = [*DUETBENCH, "results", "copy", "--into", tmp_path / "all", "--", place]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "names no host; HOST, HOST:DIR or USER@HOST:DIR" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_directory_elsewhere_is_by_default_where_it_is_here(tmp_path: Path) -> None:
    assert str(hosts.Place.parse("me@bench1", tmp_path)) == f"me@bench1:{tmp_path}"
    assert str(hosts.Place.parse("bench1:results/a:b", tmp_path)) == "bench1:results/a:b"


@pytest.mark.parametrize("fault", ["damaged", "no finished runs"])
def test_what_is_damaged_or_empty_is_refused(tmp_path: Path, fault: str) -> None:
    one, into = tmp_path / "1", Layout(tmp_path / "all")
    one.mkdir()
    if fault == "damaged":
        measured(one, 0).write_text("2")
    done = merge(one, into=into.results)
    assert done.returncode == 1 and fault in done.stderr and done.stderr.count("\n") == 1
    assert not into.runs.exists()
