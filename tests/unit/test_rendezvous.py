"""The launcher in every shell at hand: gate, barrier, stamps, exit codes, being asked to stop."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from duet.measure import rendezvous
from duet.model import DuetError
from stamping import stamping
from tools import need

SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]


@pytest.fixture
def tmp_path(tmp_path):
    with stamping(tmp_path) as path:
        yield path


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def shell(request):
    program = request.param[0]
    if program == "busybox":
        need(program)
    elif shutil.which(program) is None:
        pytest.skip(f"needs {program}; install the package of that name")
    return request.param


@pytest.fixture(params=[True, False], ids=["apart", "shared"])
def apart(request):
    return request.param


@pytest.fixture
def start(shell, apart, tmp_path):
    """Start sides below one gate with this shell; what is left of them is killed."""
    started = []

    def begin(commands, type_="duet", sides=None, delay_s=0.0, setups=None):
        gate = rendezvous_of(tmp_path / f"rv{len(started)}", sides or tuple(commands))
        processes = {}
        for side, command in commands.items():
            words = [word.replace("{gate}", str(gate.of(side))) for word in gate.launch(side, apart)]
            env = {**os.environ, "DUET_COMMAND": command, "DUET_TYPE": type_}
            if side in (setups or {}):
                env["DUET_SETUP"] = setups[side]
            processes[side] = subprocess.Popen([*shell, *words[1:]], env=env, start_new_session=True)
            started.append(processes[side])
            time.sleep(delay_s)
        return gate, processes

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def rendezvous_of(directory, sides):
    directory.mkdir()
    logs = {side: directory / f"{side}.log" for side in sides}
    for path in logs.values():
        path.touch()
    return rendezvous.Rendezvous(directory, sides, logs)


def log(gate, side):
    gate.drain()
    return (gate.directory / f"{side}.log").read_text()


@pytest.mark.parametrize("sides", ["AB", "BA"])
def test_both_go_at_once_whoever_is_late(start, sides):
    for late in sides:
        commands = {side: "exit 3" for side in ([s for s in sides if s != late] + [late])}
        gate, processes = start(commands, sides=tuple(sides), delay_s=0.1)
        assert [p.wait(10) for p in processes.values()] == [3, 3]
        assert abs(gate.go_ns("A") - gate.go_ns("B")) < 50_000_000  # the late one came 100 ms later
        for side in sides:
            assert gate.go_ns(side) <= gate.end_ns(side) <= time.time_ns()
            assert log(gate, side) == ""


def test_nobody_goes_while_the_other_is_absent(start):
    for present in "AB":
        gate, processes = start({present: "echo ran"}, sides=("A", "B"))
        time.sleep(0.2)
        assert processes[present].poll() is None and gate.go_ns(present) is None
        assert log(gate, present) == ""


def test_a_setup_is_done_before_the_gate(start, tmp_path):
    """The other side waits for it, and it has nothing of the launcher's."""
    show = "echo ${DUET_COMMAND-unset} $DUET_SIDE; cat; echo $(ls /proc/self/fd); sleep 0.2; "
    show += f"touch {tmp_path}/done"
    gate, processes = start({"A": "echo ran ${DUET_SETUP-unset}", "B": "echo ran"}, setups={"A": show})
    assert [p.wait(10) for p in processes.values()] == [0, 0]
    first, descriptors, last = log(gate, "A").splitlines()
    assert (first, last, log(gate, "B")) == ("unset A", "ran unset", "ran\n")
    assert set(descriptors.split()) <= {"0", "1", "2", "3"}  # 3 is ls's own
    done_ns, tick_ns = (tmp_path / "done").stat().st_mtime_ns, 10_000_000
    assert min(gate.go_ns("A"), gate.go_ns("B")) > done_ns - tick_ns


def test_a_setup_that_fails_is_the_end(start):
    gate, processes = start({"A": "echo ran", "B": "echo ran"}, setups={"A": "echo why; exit 3"})
    assert processes["A"].wait(10) == 3
    assert log(gate, "A") == "why\n" and gate.cpus("A") is None
    assert processes["B"].poll() is None and log(gate, "B") == ""


def test_one_side_alone_waits_for_nobody(start):
    gate, processes = start({"B": "echo out; echo err >&2; exit 7"})
    assert processes["B"].wait(10) == 7
    assert log(gate, "B") == "out\nerr\n"


def test_a_stamp_is_the_time_of_going(start, tmp_path):
    """Against the clock of another process: bash's own, in microseconds.

    Seldom a tick of the kernel falls between the launcher's two writes; the stamp is the tick's then.
    """
    if rendezvous.resolution_ns(tmp_path) > 100_000 or shutil.which("bash") is None:
        pytest.skip("needs bash and fine-grained time stamps of files; install bash, or use a newer kernel")
    command = "exec bash -c 'echo $EPOCHREALTIME; sleep 0.1; echo $EPOCHREALTIME'"
    gate, processes = start({"A": command})
    processes["A"].wait(10)
    first, last = (int(text.replace(".", "")) * 1000 for text in log(gate, "A").split())
    tick_ns = 10_000_000
    assert 0 < first - gate.go_ns("A") < 50_000_000
    assert -tick_ns < gate.end_ns("A") - last + 1000 < 50_000_000


def test_environment_and_cores_of_a_side(start):
    everything = "echo $DUET_SIDE $DUET_GATE $DUET_BARRIER; cat; ls /proc/self/fd; echo ${DUET_COMMAND-unset}"
    gate, processes = start({"A": everything, "B": everything}, type_="syncduet")
    assert [p.wait(10) for p in processes.values()] == [0, 0]
    for side in "AB":
        words = log(gate, side).split()
        assert words[:3] == [side, str(gate.of(side)), str(gate.of(side))]
        assert words[-1] == "unset" and set(words[3:-1]) <= {"0", "1", "2", "3"}  # 3 is ls's own
        assert gate.cpus(side)
    alone, processes = start({"A": "echo [$DUET_BARRIER]"})
    processes["A"].wait(10)
    assert log(alone, "A") == "[]\n"


def test_asked_to_stop_the_whole_tree_is_asked_and_its_status_kept(start):
    command = "trap 'echo bye; exit 5' TERM; sleep 60 & wait"
    gate, processes = start({"A": command, "B": "sleep 60"})
    wait_for(lambda: gate.go_ns("A") and gate.go_ns("B"))
    time.sleep(0.2)
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
    assert processes["A"].wait(10) == 5 and log(gate, "A").endswith("bye\n")
    assert processes["B"].wait(10) == 128 + signal.SIGTERM
    assert gate.end_ns("A") and gate.end_ns("B")


def test_a_side_that_takes_its_time_to_stop_is_waited_for(start):
    gate, processes = start({"A": "trap 'sleep 0.4; echo late; exit 0' TERM; sleep 60 & wait"})
    wait_for(lambda: gate.go_ns("A"))
    time.sleep(0.2)
    processes["A"].send_signal(signal.SIGTERM)
    time.sleep(0.1)
    processes["A"].send_signal(signal.SIGTERM)
    assert processes["A"].wait(10) == 0 and "late" in log(gate, "A")


BARRIER = """
exec 3<>"$DUET_BARRIER/barrier.$DUET_SIDE" 4>"$DUET_BARRIER/barrier.OTHER"
for i in 1 2 3 4; do
    printf g >&4
    [ "$(dd bs=1 count=1 2>/dev/null <&3)" = g ] || { echo gone $i; break; }
    echo met $i
    LAST
done
"""


def test_the_barrier_tells_a_survivor_that_the_other_is_gone(start):
    commands = {
        "A": BARRIER.replace("OTHER", "B").replace("LAST", '[ "$i" = 2 ] && exit 0'),
        "B": BARRIER.replace("OTHER", "A").replace("LAST", ""),
    }
    gate, processes = start(commands, type_="syncduet")
    assert processes["A"].wait(10) == 0
    time.sleep(0.1)
    assert processes["B"].poll() is None  # it waits for the third meeting
    gate.gone("A")
    assert processes["B"].wait(10) == 0
    assert log(gate, "A") == "met 1\nmet 2\n" and log(gate, "B") == "met 1\nmet 2\ngone 3\n"


def test_telling_nobody_that_a_side_is_gone_does_not_block(tmp_path):
    gate = rendezvous_of(tmp_path / "rv", ("A", "B"))
    for _ in range(70_000):  # more than a FIFO holds
        gate.gone("A")
        gate.look_again()


def test_a_gate_that_a_setup_has_filled_is_released_all_the_same(tmp_path):
    gate = rendezvous_of(tmp_path / "rv", ("A", "B"))
    with (gate.of("A") / "gate.A").open("wb", buffering=0) as flood:
        os.set_blocking(flood.fileno(), False)
        while flood.write(bytes(1 << 12)):  # None where it is full
            pass
    gate.release()


@pytest.mark.parametrize("seconds", [-5, 2**33, 2**40])
def test_a_stamp_that_a_side_has_set_to_no_time_fails_its_run(tmp_path, seconds):
    """What owns a file may set its times; tables hold 64 bits."""
    gate = rendezvous_of(tmp_path / "rv", ("A", "B"))
    with (gate.of("A") / "tell").open("w") as tell:
        tell.write("go\nend 0\n")
    for name, time_of in (("go.A", gate.go_ns), ("end", gate.end_ns)):
        os.utime(gate.of("A") / name, (seconds, seconds))
        if os.stat(gate.of("A") / name).st_mtime_ns in range(2**62):
            pytest.skip("needs a file system with years beyond 2116; set TMPDIR to another one")
        with pytest.raises(DuetError, match="side A has set its stamp to no time"):
            time_of("A")


@pytest.mark.parametrize("trick", ["ln -s {secret} $f", "mkfifo $f", "mkdir $f", "mknod $f c 1 5", ":"])
def test_names_that_a_side_of_this_user_replaces_do_not_lead_the_host_elsewhere(start, tmp_path, trick):
    secret = tmp_path / "secret"
    secret.write_text("cpus 0-63\nend 0\n")
    names = "launch gate.A gate.B barrier.A barrier.B go.A go.B end tell log"
    command = (
        f'cd "$DUET_GATE"; for f in {names}; do rm -f $f; {trick.format(secret=secret)}; done 2>/dev/null'
    )
    gate, processes = start({"A": command})
    assert processes["A"].wait(10) == 0
    assert gate.go_ns("A") <= gate.end_ns("A") and gate.cpus("A") != "0-63"
    gate.gone("B")
    gate.close()
    assert secret.read_text() == "cpus 0-63\nend 0\n" and (gate.directory / "A.log").read_text() == ""


def test_what_a_side_tells_is_bounded(start):
    gate, _ = start({"A": 'yes "cpus 0-63" >"$DUET_GATE/tell"'})
    wait_for(lambda: len(gate.lines("A")) > 1000)
    assert len(gate.lines("A")) < rendezvous.TOLD_BYTES and gate.end_ns("A") is None
    assert gate.cpus("A") != "0-63"  # the launcher was first


def test_resolution_is_told(tmp_path):
    resolution_ns = rendezvous.resolution_ns(tmp_path)
    assert rendezvous.STAMP_NS <= resolution_ns <= 20_000_000 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("tick_ms", [1, 4, 10])
def test_resolution_of_a_kernel_that_stamps_with_its_ticks(tmp_path, monkeypatch, tick_ms):
    tick_ns = tick_ms * 1_000_000
    monkeypatch.setattr(rendezvous, "_stamped", lambda fd: time.time_ns() // tick_ns * tick_ns)
    assert tick_ns <= rendezvous.resolution_ns(tmp_path) <= tick_ns * 3


def wait_for(what, timeout_s=10):
    until = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)
