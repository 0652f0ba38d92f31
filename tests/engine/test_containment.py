"""What a hostile side in a container gets: its own files, and FIFOs of the host's."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from duet.engines import Engine
from duet.measure.rendezvous import LAUNCHER
from sides import Sides, sides_of

NAMES = "launch gate.A gate.B barrier.A barrier.B go.A end tell log atend"
ESCAPES = {
    # how -> shell that succeeds where the side gets out
    "setuid shell at the gate": "cp /bin/busybox $DUET_GATE/sh && chmod 4755 $DUET_GATE/sh",
    "setuid bit on the launcher": "chmod 4755 $DUET_GATE/launch",
    "launcher rewritten": "echo id >>$DUET_GATE/launch",
    "directory opened to all": "chmod 777 $DUET_GATE",
    **{
        f"{what} in place of a file": "cd $DUET_GATE; "
        f"for f in {NAMES}; do rm -f $f && {make} && exit; done; false"
        for what, make in (
            ("link", "ln -s /etc/shadow $f"),
            ("FIFO", "mkfifo $f"),
            ("directory", "mkdir $f"),
            ("device", "mknod $f c 1 5"),
        )
    },
    "file moved over another": f"cd $DUET_GATE; for f in {NAMES}; do mv launch $f && exit; done; false",
    "link beside the files": "ln -s /etc/shadow $DUET_GATE/link",
    "hard link beside the files": "ln $DUET_GATE/go.A $DUET_GATE/link",
    "directory to fill": "mkdir $DUET_GATE/deep",
    "file to fill the disk with": "dd if=/dev/zero of=$DUET_GATE/big bs=1M count=1",
    "temporary file": "mktemp -p $DUET_GATE",
    "remount": "mount -o remount,rw $DUET_GATE",
    "bind mount": "mount -o bind / /tmp",
    "tmpfs": "mount -t tmpfs none /tmp",
    "cgroup mount": "mount -t cgroup -o memory none /tmp",
    "proc mount": "mount -t proc none /tmp",
    "mount taken away": "umount $DUET_GATE/go.A",
    "block device": "mknod /tmp/disk b 254 0",
    "character device": "mknod /tmp/mem c 1 1",
    "change of owner": "touch mine && chown 1000:1000 mine",
    "change of user": "setuidgid 1000 true || su -s /bin/sh -c true nobody",
    "change of root": "chroot / true",
    "core pattern": "echo '|/bin/sh' >/proc/sys/kernel/core_pattern",
    "system request": "echo h >/proc/sysrq-trigger",
    "release agent": "find /sys/fs/cgroup -name release_agent -exec sh -c 'echo /x >{}' ';' | grep -q . ; "
    "find /sys/fs/cgroup -name '*.max*' -exec sh -c 'echo 1 >{} && echo got' ';' 2>/dev/null | grep -q got",
    "cgroup of its own": "mkdir /sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x",
    "name of the host": "hostname elsewhere",
    "clock of the host": "date -s 2000-01-01; test $(date +%Y) = 2000",
    "priority": "nice -n -5 true && test $(nice -n -5 nice) -lt 0",
    "namespaces": "unshare -m true || unshare -p true || unshare -n true",
    # Podman allows a user namespace; all capabilities in it are none over what is mounted.
    "user namespace": "unshare -Urm sh -c 'mount -o remount,bind,rw $DUET_GATE; umount $DUET_GATE/go.A "
    "|| mount -t proc proc /tmp && echo h >/tmp/sysrq-trigger || touch $DUET_GATE/x'",
    "raw socket": "ping -c 1 -W 1 127.0.0.1",
    "network interface": "ip link add dummy0 type dummy || ip link set lo down",
    "engine's socket": "ls /var/run/docker.sock /run/docker.sock /run/podman/podman.sock | grep -q sock",
    "processes of the host": "test $(ls /proc | grep -c '^[0-9]') -gt 8 || kill -0 2 3 4 5 6",
    "kernel's log": "dmesg",
    "modules": "insmod /tmp/x.ko 2>&1 | grep -qv 'not permitted\\|No such'",
}


@pytest.fixture(scope="module")
def prison(
    containers: Engine, images: Callable[[Engine], str | None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sides]:
    yield from sides_of(containers, images, tmp_path_factory.mktemp("prison"))


def listing(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Type and mode, owner and, of files, size of everything in a directory; of a FIFO its type only."""
    listed = {}
    for path in (directory, *directory.rglob("*")):
        facts = path.lstat()
        plain = stat.S_ISREG(facts.st_mode)
        kept = facts.st_mode if plain or path.is_dir() else stat.S_IFMT(facts.st_mode)
        listed[str(path)] = kept, facts.st_uid, facts.st_size if plain else 0
    return listed


@pytest.mark.parametrize("how", ESCAPES)
def test_no_way_out(prison: Sides, how: str):
    spec = prison.spec(f"({ESCAPES[how]}) && echo GOT OUT")
    side = prison.engine.start(spec)
    prison.started.append(side)
    side.wait(30)
    assert "GOT OUT" not in prison.log
    names = {*NAMES.split(), ""}
    for path, (mode, owner, _) in listing(spec.gate).items():
        assert Path(path).name in names or path == str(spec.gate)
        assert owner == os.geteuid() and not mode & (stat.S_ISUID | stat.S_ISGID)
    assert (spec.gate / "launch").read_bytes() == LAUNCHER.read_bytes()


def test_has_no_capabilities_and_gets_none(prison: Sides):
    side = prison("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
    assert side.wait(20) == 0
    facts = dict(line.split(":\t") for line in prison.log.splitlines())
    assert {int(facts[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert facts["NoNewPrivs"] == "1"


def test_privileges_are_what_was_asked_for(prison: Sides):
    side = prison("grep CapEff /proc/self/status; chown 1:1 /duet", privileges=("CHOWN", "SYS_NICE"))
    assert side.wait(20) == 0
    assert int(prison.log.split()[1], 16) == 1 << 0 | 1 << 23


def test_processes_and_memory_are_bounded_by_default(prison: Sides):
    side = prison("sleep 0.1")
    facts = prison.engine.api.inspect_container(side.id)["HostConfig"]
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0.85 * total < facts["Memory"] < 0.95 * total and facts["PidsLimit"] == 4096
    assert not facts["Privileged"] and facts["PidMode"] in ("", "private")


def test_no_more_processes_than_that(prison: Sides, monkeypatch):
    monkeypatch.setattr("duet.engines.containers.PIDS", 100)
    side = prison("n=0; while [ $n -lt 150 ]; do sleep 1000 & n=$((n+1)); done; echo all of them")
    side.wait(60)
    assert "all of them" not in prison.log and "fork" in prison.log
