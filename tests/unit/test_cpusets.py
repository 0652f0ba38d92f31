"""Where the file is that binds a container, by version, engine and mount; what a write that fails means."""

import errno
import os

import pytest
from duet.engines import EngineError, SideGone, cpusets

ID = "0123456789abcdef" * 4
V1 = "29 24 0:25 {root} {top}/cpuset rw,nosuid shared:9 - cgroup cgroup rw,cpuset\n"
V2 = "30 24 0:26 {root} {top}/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
OTHER = "31 24 0:27 / {top}/memory rw - cgroup cgroup rw,memory\n22 1 8:1 / / rw - ext4 /dev/root rw\n"


@pytest.fixture
def host(tmp_path):
    """Write what the kernel would show; `files` are cgroups with a cpuset of their own, and its content."""

    def make(cgroup, mounts, files, root="/"):
        top = tmp_path / "cgroup"
        for pid, text in (("7", cgroup), ("self", "")):
            (tmp_path / f"proc/{pid}").mkdir(parents=True)
            (tmp_path / f"proc/{pid}/cgroup").write_text(text.format(id=ID))
        (tmp_path / "proc/self/mountinfo").write_text((OTHER + mounts).format(top=top, root=root))
        for path, content in files.items():
            file = top / path.format(id=ID) / "cpuset.cpus"
            file.parent.mkdir(parents=True)
            file.write_text(content)
        return tmp_path / "proc", top

    return make


@pytest.mark.parametrize(
    "what, cgroup, mounts, files, root, place",
    [
        ("Docker, v1", "4:cpuset:/docker/{id}\n0::/\n", V1 + V2, {"cpuset/docker/{id}": "0\n"}, "/", 0),
        (
            "v1, controllers mounted together",
            "4:cpu,cpuset:/docker/{id}\n",
            V1,
            {"cpuset/docker/{id}": "0\n"},
            "/",
            0,
        ),
        (
            "Docker, v2, systemd",
            "0::/system.slice/docker-{id}.scope\n",
            V2,
            {"unified/system.slice/docker-{id}.scope": "0\n"},
            "/",
            0,
        ),
        (
            "Podman with crun, v2: the processes are one below",
            "0::/machine.slice/libpod-{id}.scope/container\n",
            V2,
            {
                "unified/machine.slice/libpod-{id}.scope": "0\n",
                "unified/machine.slice/libpod-{id}.scope/container": "\n",
            },
            "/",
            0,
        ),
        (
            "we are in a container ourselves: what is mounted begins at its cgroup",
            "0::/outer/docker/{id}\n",
            V2,
            {"unified/docker/{id}": "0\n"},
            "/outer",
            0,
        ),
    ],
)
def test_the_file_is_found(host, what, cgroup, mounts, files, root, place):
    proc, top = host(cgroup, mounts, files, root)
    expected = top / list(files)[place].format(id=ID) / "cpuset.cpus"
    assert cpusets.find(7, ID, proc) == expected, what


@pytest.mark.parametrize(
    "what, cgroup, mounts, files, reason",
    [
        ("another machine's process", "4:cpuset:/\n", V1, {"cpuset": "0-1\n"}, "another machine"),
        ("no cpuset", "0::/docker/{id}\n", V2, {}, "no cpuset"),
        ("never above the container", "0::/docker/{id}\n", V2, {"unified/docker": "0-1\n"}, "no cpuset"),
        (
            "outside of what is mounted",
            "0::/../docker/{id}\n",
            V2,
            {"unified/docker/{id}": "0\n"},
            "no cpuset",
        ),
        ("nothing known", "", V2, {}, "no cpuset"),
        ("nonsense", "x\n\n", V1, {}, "no cpuset"),
    ],
)
def test_why_it_is_not(host, what, cgroup, mounts, files, reason):
    proc, _ = host(cgroup, mounts, files)
    with pytest.raises(EngineError, match=reason):
        cpusets.find(7, ID, proc)


def test_where_a_cgroup_of_our_own_may_be_made(host, tmp_path):
    proc, top = host("", V1 + V2, {})
    (proc / "self/cgroup").write_text("3:cpuset:/slurm/job\n0::/x\n")
    assert cpusets.parent(proc) == top / "cpuset/slurm/job"
    (proc / "self/cgroup").write_text("0::/user.slice\n")
    (top / "unified").mkdir(parents=True)
    (top / "unified/cgroup.subtree_control").write_text("memory pids\n")
    with pytest.raises(EngineError, match="no cgroup"):
        cpusets.parent(proc)
    (top / "unified/cgroup.subtree_control").write_text("cpuset memory pids\n")
    assert cpusets.parent(proc) == top / "unified"
    with pytest.raises(EngineError):
        cpusets.parent(tmp_path / "absent")


def test_a_cgroup_that_cannot_be_made_leaves_nothing(tmp_path):
    """Where the kernel makes no files in a new directory it is no cgroup."""
    with pytest.raises(EngineError, match="No such file"):
        cpusets.make(tmp_path, "mine", "0")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EngineError, match="absent"):
        cpusets.make(tmp_path / "absent", "mine", "0")


def test_the_process_has_gone(tmp_path):
    with pytest.raises(EngineError, match="No such file"):
        cpusets.find(7, ID, tmp_path)


def test_moves_are_written_and_refusals_told_apart(tmp_path, monkeypatch):
    file = tmp_path / "cpuset.cpus"
    file.write_text("0")
    mover = cpusets.CpusetMover(file)
    mover.move("1")
    assert file.read_text() == "1"
    for number, error in ((errno.ENODEV, SideGone), (errno.EINVAL, EngineError), (errno.EBUSY, EngineError)):

        def fail(*_, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "pwrite", fail)
        with pytest.raises(error, match=r"cpuset\.cpus"):
            mover.move("5")
    mover.close()


def test_a_file_that_may_not_be_written_says_what_helps(tmp_path):
    (tmp_path / "cpuset.cpus").mkdir()
    with pytest.raises(EngineError) as refused:
        cpusets.CpusetMover(tmp_path / "cpuset.cpus")
    assert refused.value.remedy


def test_bound_are_the_sets_of_all_threads(tmp_path):
    own = frozenset(os.sched_getaffinity(0))
    file = tmp_path / "cpuset.cpus"
    file.write_text("0")
    mover = cpusets.CpusetMover(file)
    assert mover.bound() == set()
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n4194304\n")
    assert mover.bound() == {own}
    (tmp_path / "tasks").write_text(f"{os.getpid()}\n")
    assert mover.bound() == {own}
    mover.close()
