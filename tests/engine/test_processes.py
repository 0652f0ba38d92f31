"""What host processes do beyond the protocol."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, ResultMissing, Room, processes
from sides import Sides, alive

SCRIPTS = Path(processes.__file__).parents[2]

MEASURER = """\
import sys, time
from pathlib import Path
sys.path.insert(0, {scripts!r})
from duet.engines import Start, processes
if {tree}: processes.namespace = lambda: ()
from duet.measure.rendezvous import COMMAND, Rendezvous
tmp = Path({tmp!r})
(tmp / "log").touch()
(tmp / "gate").mkdir()
gate = Rendezvous(tmp / "gate", ("A",), {{"A": tmp / "log"}})
command = gate.launch("A", False)
side = processes.ProcessEngine().start(
    Start("c", "s.b.0.duet.AB", "A", tmp, None, command, gate.of("A"), (), ((COMMAND, {command!r}),))
)
print(side.workdir, bool(processes.namespace()), flush=True)
time.sleep(1000)
"""


MEASURERS: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def no_measurer_stays():
    yield
    while MEASURERS:
        process = MEASURERS.pop()
        process.kill()
        process.wait()


def measurer(tmp: Path, command: str, tree: bool, *prefix: str) -> tuple[subprocess.Popen, Path, bool]:
    """A process of its own that has started a side: it, the side's directory, whether it got a namespace."""
    tmp.chmod(0o777)
    code = MEASURER.format(scripts=str(SCRIPTS), tree=tree, tmp=str(tmp), command=command)
    process = subprocess.Popen([*(prefix or [sys.executable]), "-c", code], stdout=subprocess.PIPE, text=True)
    MEASURERS.append(process)
    workdir, namespace = process.stdout.readline().split()
    return process, Path(workdir), namespace == "True"


def sleepers(mark: str) -> int:
    return sum(line.startswith(f"sleep {mark}") for line in alive(f"sleep {mark}"))


def wait_until(condition, timeout_s=20):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("tree", [False, True])
def test_nothing_outlives_a_killed_measurer(tmp_path: Path, tree):
    mark = f"7654.{os.getpid()}{int(tree)}"
    command = f"trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep {mark}; :' & sleep {mark}; :"
    process, workdir, _ = measurer(tmp_path, command, tree)
    wait_until(lambda: sleepers(mark) == 2)
    assert workdir.is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not alive(f"sleep {mark}"))
    wait_until(lambda: not workdir.exists())


@pytest.mark.parametrize("tree", [False, True])
def test_what_a_killed_supervisor_left_is_found(tmp_path: Path, tree):
    """Measurer and supervisor killed at once: the directory stays, without a namespace processes too."""
    mark = f"8765.{os.getpid()}{int(tree)}"
    process, workdir, _ = measurer(tmp_path, f"setsid sleep {mark} & sleep {mark}; :", tree)
    wait_until(lambda: sleepers(mark) == 2)
    for pid in processes.supervise.descendants(process.pid)[:1]:
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
    engine = processes.ProcessEngine()
    assert engine.leftovers(tmp_path / "other") == []
    assert engine.leftovers(tmp_path) == ["s.b.0.duet.AB"]
    assert engine.remove_leftovers(tmp_path) == ["s.b.0.duet.AB"]
    wait_until(lambda: not alive(f"sleep {mark}"))
    assert not workdir.exists()
    assert engine.leftovers(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root; run it as root")
def test_an_ordinary_user_gets_the_same(tmp_path: Path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    mark = f"9876.{os.getpid()}"
    command = f"id -u >{tmp_path}/uid; setsid sleep {mark} & sleep {mark}; :"
    for python in (sys.executable, "/usr/bin/python3"):  # root's own may be out of reach
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python)
        try_it = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import duet.engines.processes;"
        probe = subprocess.run([*nobody, "-c", try_it + "open(sys.executable, 'rb')"], capture_output=True)
        if probe.returncode == 0:
            break
    else:
        pytest.skip("needs a Python >= 3.11 that nobody may run; apt-get install python3")
    process, workdir, _ = measurer(tmp_path, command, False, *nobody)
    wait_until(lambda: sleepers(mark) == 2)
    assert (tmp_path / "uid").read_text() == "65534\n"
    process.kill()
    process.wait()
    wait_until(lambda: not alive(f"sleep {mark}"))
    wait_until(lambda: not workdir.exists())


def test_lives_on_when_the_thread_that_started_it_ends(hosted: Sides):
    started = []
    thread = threading.Thread(target=lambda: started.append(hosted("sleep 0.5; exit 6")))
    thread.start()
    thread.join()
    assert started[0].wait(20) == 6


def test_own_directory_with_the_files_it_needs(hosted: Sides, tmp_path: Path):
    (tmp_path / "x.jar").write_text("jar\n")
    one = hosted("cat x.jar; pwd", files=(tmp_path / "x.jar",))
    assert one.wait(20) == 0
    assert hosted.log == f"jar\n{one.workdir}\n"
    two = hosted("ls -A")
    assert two.wait(20) == 0
    assert hosted.log == ""
    one.remove()
    assert not one.workdir.exists() and (tmp_path / "x.jar").exists()


def test_environment_is_small_and_its_own(hosted: Sides, monkeypatch):
    monkeypatch.setenv("SNAKEMAKE_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "x")
    monkeypatch.setenv("LC_TIME", "C")
    side = hosted("env", env=(("LANG", "xx"),))
    assert side.wait(20) == 0
    env = dict(line.partition("=")[::2] for line in hosted.log.splitlines())
    assert "SNAKEMAKE_SECRET" not in env and "PYTHONPATH" not in env
    assert env["LC_TIME"] == "C" and env["LANG"] == "xx" and env["PATH"] == os.environ["PATH"]


def test_ignores_no_signal_that_python_ignores(hosted: Sides):
    """Else `yes | head` never ends."""
    side = hosted("yes | head -n 1; grep SigIgn /proc/self/status")
    assert side.wait(20) == 0
    assert int(hosted.log.split()[-1], 16) & (1 << (signal.SIGPIPE - 1)) == 0


@pytest.mark.parametrize(
    "path", ["out/passwd", "../../../../../../../etc/passwd", "/duet/../../etc/passwd", "pw"]
)
def test_fetch_does_not_leave_the_directory(hosted: Sides, tmp_path: Path, path):
    side = hosted("ln -s /etc out; ln -s /etc/passwd pw")
    assert side.wait(20) == 0
    with pytest.raises(ResultMissing, match="points outside"):
        side.fetch(path, tmp_path / "to", Room(1))
    assert not (tmp_path / "to").exists()


def test_removes_what_a_side_locked(hosted: Sides):
    side = hosted("mkdir -p a/b; touch a/b/c; chmod 500 a/b a")
    assert side.wait(20) == 0
    side.remove()
    assert not side.workdir.exists()


def test_removes_what_this_user_may_not_look_into():
    """Root may look into anything, so it becomes somebody else for a moment."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        tree = Path(tempfile.mkdtemp())
        (tree / "a/b/c").mkdir(parents=True)
        (tree / "link").symlink_to("a")
        for locked in ("a/b/c", "a/b", "a"):
            (tree / locked).chmod(0)
        processes.remove_tree(tree)
        assert not tree.exists()
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("tree", [False, True])
def test_killed_supervisor_is_an_error_not_a_result(hosted: Sides, monkeypatch, tree):
    if tree:
        monkeypatch.setattr(processes, "namespace", lambda: ())
    mark = f"6543.{os.getpid()}{int(tree)}"
    side = hosted(f"setsid sleep {mark} & sleep {mark}; :")
    wait_until(lambda: sleepers(mark) == 2)
    os.kill(side.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="was killed"):
        side.wait(20)
    side.remove()
    assert alive(f"sleep {mark}") == []
