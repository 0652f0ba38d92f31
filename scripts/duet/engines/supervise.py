"""The parent of one `process` side: `python -I -S supervise.py namespace|tree CORES COMMAND…`.

CORES are numbers such as `0,1`, or the absolute path of a cgroup that has them.

A process of its own, small and single-threaded, since the kernel ties "kill my child when I die" and the
adoption of orphans to a thread, and charges a child with the memory of whoever forked it.

Standard input: `T` asks the side to end, `K` kills it, and so does the end of input, that is of the measuring
process, however it died; then the working directory goes too. Standard output: `started`, in the end
`ended EXIT_CODE PEAK_BYTES USER_NS SYSTEM_NS`, or `failed REASON`. Standard error: the side's log, for its
standard output too. Whatever the side left running dies with its main process; that of a side that was asked
to end may end by itself, until it is killed. Sleeps all the time in between.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def main(mode: str, cores: str, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    failed, failing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(libc, cores, command)
        except OSError as e:
            os.write(failing, f"{command[0]}: {e.strerror}".encode())
        os._exit(127)
    os.close(failing)
    reason = os.read(failed, 1000)  # ends when the child has become the command
    if reason:
        os.write(1, b"failed " + reason + b"\n")
        return
    os.write(1, b"started\n")
    status, peak_bytes, user_ns, system_ns, alone = watch(child, mode == "namespace", wake)
    if cores.startswith("/"):
        with contextlib.suppress(OSError):
            os.rmdir(cores)
    code = os.waitstatus_to_exitcode(status)
    try:
        os.write(
            1, f"ended {code if code >= 0 else 128 - code} {peak_bytes} {user_ns} {system_ns}\n".encode()
        )
    except BrokenPipeError:
        alone = True
    if alone:
        workdir = os.getcwd()
        os.chdir("/")
        os.spawnlp(os.P_WAIT, "rm", "rm", "-rf", "--", workdir)  # shutil's gives up on what is very deep


def become(libc: ctypes.CDLL, cores: str, command: list[str]) -> None:
    parent = os.getppid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(127)
    os.setsid()
    if cores.startswith("/"):
        with open(f"{cores}/cgroup.procs", "w") as file:
            file.write("0")  # this process
    elif cores:
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    # Python ignores or catches these, the side must not inherit that.
    for name in ("SIGPIPE", "SIGXFSZ", "SIGCHLD"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.execvp(command[0], command)


def watch(child: int, namespace: bool, wake: int) -> tuple[int, int, int, int, bool]:
    """Until no process of the side is left: wait status, peak memory of its largest process in bytes,
    user and system time of all in ns, and whether the measuring process has gone."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(wake, select.POLLIN)
    status, peak_bytes, user_ns, system_ns = 0, 0, 0, 0
    alone = doomed = terminated = False
    while True:
        for fd, _ in poll.poll(1 if doomed else None):
            message = os.read(fd, 4096)
            if fd == wake:
                continue
            if not message:
                alone = True
                poll.unregister(0)
            doomed = doomed or not message or b"K" in message
            if b"T" in message and not doomed:
                terminated = True
                ask(child, namespace)
        while True:
            try:
                pid, ended, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return status, peak_bytes, user_ns, system_ns, alone
            if pid == 0:
                break
            peak_bytes = max(peak_bytes, used.ru_maxrss * 1024)
            user_ns += round(used.ru_utime * 1e9)
            system_ns += round(used.ru_stime * 1e9)
            if pid == child:
                status, doomed = ended, doomed or not terminated
        if doomed:  # again and again, since a process may fork while it is looked for
            for pid in descendants(os.getpid()):
                send(pid, signal.SIGKILL)


def ask(child: int, namespace: bool) -> None:
    """SIGTERM to the main process, which passes it to its group or namespace; and to who left the group."""
    processes = descendants(child)
    if namespace:
        for pid in processes[:1]:  # process 1 of the namespace
            send(pid, signal.SIGTERM)
        return
    send(child, signal.SIGTERM)
    for pid in processes:
        try:
            strayed = os.getpgid(pid) != child
        except ProcessLookupError:
            continue
        if strayed:
            send(pid, signal.SIGTERM)


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def descendants(root: int) -> list[int]:
    """Process ids below `root`, parents before their children."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                parent = int(f.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    family, index = children.get(root, [])[:], 0
    while index < len(family):
        family += children.get(family[index], [])
        index += 1
    return family


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
