"""Sides as host processes, where no container engine is there. The whole tree of a side dies with it."""

import contextlib
import functools
import hashlib
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from duet.engines import (
    WORKDIR,
    EngineError,
    Mover,
    ResultMissing,
    Room,
    Start,
    Stray,
    Usage,
    cpusets,
    owner,
    supervise,
    unpack,
)
from duet.engines.affinity import AffinityMover, parse
from duet.engines.cpusets import CpusetMover

_KEPT = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "JAVA_HOME", "LD_LIBRARY_PATH"}
_ROOT, _RUN, _DIR, _OWNER = "DUETBENCH_ROOT", "DUETBENCH_RUN", "DUETBENCH_DIR", "DUETBENCH_OWNER"
"""The marks of a side: its processes inherit them."""
_DEATH_S = 20
"""For a killed tree to be gone: a process in an uninterruptible call takes its time."""


class ProcessEngine:
    """Binds to cores; does not bound memory, does not separate networks or file systems."""

    name = "process"
    splits_cpus = hasattr(os, "sched_setaffinity")
    bounds_memory = False

    def __init__(self) -> None:
        self.version = f"{os.uname().sysname} {os.uname().release}"

    def check(self) -> None:
        """It cannot go."""

    def start(self, start: Start) -> "Process":
        cores = parse(start.cpus) if start.cpus else frozenset()
        free = os.sched_getaffinity(0)
        if not cores <= free:
            raise EngineError(
                f"side {start.side} of {start.run} is to run on cores {start.cpus}, available: {_set(free)}",
                "set `cpus` to available cores, or to `shared`",
            )
        if shutil.which(start.command[0]) is None:
            raise EngineError(f"process: command {start.command[0]} not found", "install it or set PATH")
        prefix, suffix = f"{directory_prefix(start.root)}{start.run[:200]}-", "_" * start.path_padding
        workdir = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix))
        try:
            for file in start.files:
                (workdir / file.name).symlink_to(file.resolve())
            return Process(start, workdir, cores)
        except OSError as e:
            _discard(workdir)
            raise EngineError(f"process: starting side {start.side} of {start.run}: {e}") from e
        except BaseException:
            _discard(workdir)
            raise

    def leftovers(self, root: Path) -> list[str]:
        return sorted({run for _, run in _processes(_ROOT, root)} | {run for _, run in _directories(root)})

    def remove_leftovers(self, root: Path) -> list[str]:
        runs = self.leftovers(root)
        _kill_all(_ROOT, root)
        for directory, _ in _directories(root):
            remove_tree(directory)
        with contextlib.suppress(EngineError):
            for cgroup in cpusets.parent().glob(f"{directory_prefix(root)}*"):
                _remove_cgroup(cgroup)
        return runs

    def strays(self) -> list[Stray]:
        """By the marks, which processes of a side may take off, but for its supervisor and launcher."""
        marked = {env.get(_DIR, ""): env for _, env in _marked() if _OWNER in env}
        return [
            Stray(id_, env[_ROOT], env.get(_RUN, "?"), env.get("DUET_SIDE", "?"), env[_OWNER])
            for id_, env in marked.items()
        ]

    def end(self, stray: Stray) -> None:
        """Its directory stays for `remove_leftovers`: what a side says of itself is not deleted for that."""
        _kill_all(_DIR, Path(stray.id))


class Process:
    """A side as a tree of host processes below its supervisor."""

    def __init__(self, start: Start, workdir: Path, cores: frozenset[int]):
        self._start, self.workdir = start, workdir
        self.storage: Path | None = workdir
        self._messages, self._usage = b"", Usage()
        self._code: int | None = None
        self._waiting = threading.Lock()
        self._cgroup = _cgroup(workdir.name, start.cpus)
        env = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith("LC_")}
        env |= dict(start.env) | {_ROOT: str(start.root), _RUN: start.run, _DIR: str(workdir)}
        env[_OWNER] = owner.mark()
        wrap = namespace()
        command = [
            *(sys.executable, "-I", "-S", supervise.__file__, "namespace" if wrap else "tree"),
            str(self._cgroup or ",".join(map(str, sorted(cores)))),
            *wrap,
            *(item.replace("{gate}", str(start.gate)) for item in start.command),
        ]
        log = os.open(start.gate / "log", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.set_blocking(log, True)
            self._supervisor = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=workdir,
                env=env,
                bufsize=0,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self.pid = self._supervisor.pid
        try:
            answer = self._line(None) or ""
            if answer != "started":
                reason = answer.removeprefix("failed ") or "its supervisor ended at once; see the log"
                raise EngineError(f"process: starting side {start.side} of {start.run}: {reason}")
        except BaseException:
            self._end()
            raise

    def _line(self, timeout_s: float | None) -> str | None:
        """What the supervisor says next; empty when it has gone, None when it says nothing in time."""
        out = self._supervisor.stdout
        assert out is not None
        poll = select.poll()
        poll.register(out, select.POLLIN)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._messages:
            left_ms = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            if not poll.poll(left_ms):
                return None
            data = os.read(out.fileno(), 4096)
            if not data:
                return ""
            self._messages += data
        line, _, self._messages = self._messages.partition(b"\n")
        return line.decode(errors="replace")

    def wait(self, timeout_s: float | None) -> int | None:
        if not self._waiting.acquire(timeout=-1 if timeout_s is None else timeout_s):
            return None  # another thread waits, and will know first
        try:
            return self._wait(timeout_s)
        finally:
            self._waiting.release()

    def _wait(self, timeout_s: float | None) -> int | None:
        if self._code is None:
            line = self._line(timeout_s)
            if line is None:
                return None
            if not line:
                raise EngineError(
                    f"process: the supervisor of side {self._start.side} of {self._start.run} was killed",
                    "just start again: finished runs are kept",
                )
            code, peak_bytes, user_ns, system_ns = map(int, line.split()[1:])
            self._usage = Usage(peak_bytes, user_ns + system_ns, False, user_ns, system_ns)
            self._code = code
        return self._code

    def ask(self) -> None:
        self._say(b"T")

    def kill(self) -> None:
        self._say(b"K")

    def _say(self, what: bytes) -> None:
        assert self._supervisor.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended: what was wanted
            self._supervisor.stdin.write(what)

    def process(self) -> int | None:
        """The supervisor's child, which is in the side's cgroup; its supervisor is not."""
        with contextlib.suppress(OSError, IndexError):
            return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])
        return next(iter(supervise.descendants(self.pid)), None)

    def mover(self) -> Mover:
        """By a cgroup where one could be made, else by affinity."""
        return CpusetMover(self._cgroup / "cpuset.cpus") if self._cgroup else AffinityMover(self.pid)

    def written(self) -> int:
        """In its working directory."""
        total, waiting = 0, [self.workdir]
        while waiting:
            with contextlib.suppress(OSError):  # it runs, and deletes
                for entry in os.scandir(waiting.pop()):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        return total

    def usage(self, lines: Sequence[str] = ()) -> Usage:
        """Peak of the side's largest single process (at least the supervisor's 10 MiB, from which it was
        forked), CPU time of all its processes."""
        return self._usage

    def fetch(self, path: str, to: Path, room: Room) -> list[str]:
        s, own = self._start, self.workdir.resolve()
        inside = Path(path).is_relative_to(WORKDIR) or not Path(path).is_absolute()
        source = own / Path(path).relative_to(WORKDIR) if path.startswith("/") and inside else own / path
        real = source.resolve()
        if inside and not real.is_relative_to(own):
            raise ResultMissing(f"{path} of side {s.side} of {s.run} points outside its working directory")
        try:
            return _copy(real, to, room)
        except FileNotFoundError as e:
            raise ResultMissing(
                f"side {s.side} of {s.run} left no {path}", "check `results` and `run`, and the side's log"
            ) from e
        except OSError as e:
            unpack.discard(to)  # the disk may be full
            raise EngineError(f"process: copying {path} of side {s.side} of {s.run}: {e}") from e

    def remove(self) -> None:
        self._end()
        remove_tree(self.workdir)

    def _end(self) -> None:
        supervisor = self._supervisor
        self.kill()
        try:
            supervisor.wait(_DEATH_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        if supervisor.returncode:  # killed from outside: it could not see the side's end
            _kill_all(_DIR, self.workdir)
        if self._cgroup:
            _remove_cgroup(self._cgroup)
        for pipe in (supervisor.stdin, supervisor.stdout):
            assert pipe is not None
            pipe.close()


@functools.cache
def namespace() -> tuple[str, ...]:
    """Command that gives its child a process namespace of its own; empty where that is not allowed."""
    own = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    command = (*supervise.UNSHARE, *own)
    try:
        done = subprocess.run((*command, "true"), capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if done.returncode == 0 else ()


def _cgroup(name: str, cpus: str | None) -> Path | None:
    """A cgroup of the side's own, through which it is moved between cores fast; None where none may be made.

    It bears the name of the working directory, so that it is found when nobody is left to remove it.
    """
    if not cpus:
        return None
    try:
        return cpusets.make(cpusets.parent(), name, cpus)
    except EngineError:
        return None


def _discard(workdir: Path) -> None:
    """What a start that failed had made."""
    shutil.rmtree(workdir, ignore_errors=True)
    with contextlib.suppress(EngineError):
        _remove_cgroup(cpusets.parent() / workdir.name)


def _remove_cgroup(cgroup: Path) -> None:
    """Once its last process has ended. The supervisor has mostly done it."""
    with contextlib.suppress(OSError):
        cgroup.rmdir()


def _set(cores: Iterable[int]) -> str:
    return ",".join(map(str, sorted(cores)))


def directory_prefix(root: Path) -> str:
    """How directories in the system's temporary one begin that belong to a results directory's runs."""
    return f"duetbench-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}-"


def _directories(root: Path) -> list[tuple[Path, str]]:
    """Working directories of a results directory's sides, and their runs."""
    prefix = directory_prefix(root)
    directories = [
        d for d in Path(tempfile.gettempdir()).glob(f"{prefix}*") if d.lstat().st_uid == os.geteuid()
    ]
    return [(d, d.name.removeprefix(prefix).rpartition("-")[0]) for d in directories]


def _kill_all(mark: str, value: Path) -> None:
    deadline = time.monotonic() + _DEATH_S
    while (alive := _processes(mark, value)) and time.monotonic() < deadline:
        for pid, _ in alive:
            supervise.send(pid, signal.SIGKILL)
        time.sleep(0.01)


def _processes(mark: str, value: Path) -> list[tuple[int, str]]:
    """Processes that carry a mark, and their runs."""
    return [(pid, env.get(_RUN, "?")) for pid, env in _marked() if env.get(mark) == str(value)]


def _marked() -> Iterator[tuple[int, dict[str, str]]]:
    """This user's processes that carry the marks of a side, and these. Not this process's own forebears."""
    above, pid = set(), os.getpid()
    while pid > 0:
        above.add(pid)
        pid = _parent(pid)
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(name) in above or os.stat(f"/proc/{name}").st_uid != os.geteuid():
                continue
            text = Path(f"/proc/{name}/environ").read_bytes().decode(errors="replace")
            env = dict(entry.partition("=")[::2] for entry in text.split("\0"))
            if _ROOT in env:
                yield int(name), env


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _copy(source: Path, to: Path, room: Room) -> list[str]:
    """Regular files and directories only; a link inside is left out, so nothing is followed anywhere."""
    left_out = unpack.Names()
    waiting = [(source, to, 1)]
    while waiting:
        old, new, depth = waiting.pop()
        facts = old.lstat()
        if stat.S_ISDIR(facts.st_mode) and depth <= unpack.DEEPEST and room.take(0):
            new.mkdir()
            waiting += [(Path(entry.path), new / entry.name, depth + 1) for entry in os.scandir(old)]
        elif stat.S_ISREG(facts.st_mode) and depth <= unpack.DEEPEST and room.take(facts.st_size):
            _copy_file(old, new, 0o600 | facts.st_mode & 0o755)
        elif stat.S_ISREG(facts.st_mode) and old == source:
            raise EngineError(*unpack.too_large(source.name, facts.st_size, room))
        elif old == source:
            raise FileNotFoundError(f"{source} is neither a file nor a directory")
        else:
            size = f" ({facts.st_size} bytes)" if stat.S_ISREG(facts.st_mode) else ""
            left_out.add(f"{source.name}/{old.relative_to(source)}{size}")
    return left_out.listed()


def _copy_file(source: Path, to: Path, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with (
        open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as old,
        open(os.open(to, flags, mode), "wb") as new,
    ):
        shutil.copyfileobj(old, new, 1 << 20)


def remove_tree(tree: Path) -> None:
    """However deep it is (Python's own gives up after a thousand levels, and where a path gets too long), and
    also where a side took the permission to look into or write to a directory away."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(tree)
    if not os.path.lexists(tree):
        return
    closed = ("-type", "d", "!", "-perm", "-700")
    opened = ["find", str(tree), *closed, "-execdir", "chmod", "u+rwx", "{}", ";"]
    for command in (opened, ["rm", "-rf", str(tree)]):
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
