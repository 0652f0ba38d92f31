"""Sides in containers: Docker and Podman, both through the docker SDK. The only module that knows it."""

import contextlib
import functools
import os
import posixpath
import resource
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import (
    APIError,
    DockerException,
    ImageNotFound,
    NotFound,
    create_api_error_from_http_exception,
)
from docker.types import Mount, Ulimit
from docker.utils import decode_json_header

from duet.engines import (
    GATE,
    WORKDIR,
    EngineError,
    EngineGone,
    Mover,
    ResultMissing,
    Room,
    SideGone,
    Start,
    Stray,
    Usage,
    cpusets,
    owner,
    podman,
    unpack,
    usage,
)

_TIMEOUT_S = 300
"""For an answer of the engine (waiting for a side has none)."""
_IDLE_S = 300
"""After this long the connection is made anew: podman's service ends itself when nobody asks it anything."""
PIDS = 4096
"""Processes and threads of a side."""
KEPT = "duetbench.keep=yes"
"""Label of what stays when it has ended, for its user to look into."""
OOM_SCORE = 500
"""Of 1000; what is not a container usually has 0."""
_FAULTS = (APIError, DockerException, requests.exceptions.RequestException)
_GONE = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.JSONDecodeError,  # an answer that ends before it has begun
)


class ContainerEngine:
    """Docker or Podman. Raises EngineError where it cannot be reached."""

    def __init__(self, name: str = "docker"):
        self.name = name
        self._client, self._used = connect(name), time.monotonic()
        # Podman answers the SDK's version() in 1.6 s, and the SDK's ping() hides the header that has it.
        with _faults(self, "asking for its version"):
            server = self.api.get(f"{self.api.base_url}/_ping", timeout=_TIMEOUT_S).headers.get("Server", "")
        self.version = server.partition("/")[2].partition(" ")[0]

    @property
    def splits_cpus(self) -> bool:
        return self._limits[0]

    @property
    def bounds_memory(self) -> bool:
        return self._limits[1]

    @functools.cached_property
    def _limits(self) -> tuple[bool, bool]:
        """Whether cores and memory are bound. Rootless on cgroup v1 accepts limits and ignores them."""
        version_1 = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
        if self.name == "podman":  # whose answer to `info` takes 0.4 s
            granted = os.geteuid() == 0 or not version_1
            return granted, granted
        with _faults(self, "asking for its limits"):
            info = self.api.info()
        granted = not (version_1 and "name=rootless" in (info.get("SecurityOptions") or []))
        return granted and bool(info.get("CPUSet")), granted and bool(info.get("MemoryLimit"))

    @property
    def api(self) -> docker.APIClient:
        now = time.monotonic()
        if now - self._used > _IDLE_S:
            self._client = connect(self.name)
        self._used = now
        return self._client.api

    def check(self) -> None:
        """By a new connection: who shuts down may go on answering on the old ones."""
        self._client, self._used = connect(self.name), time.monotonic()

    def start(self, start: Start) -> "Container":
        """Start a side. Its own logging is off: the launcher writes the log, nobody else needs CPU."""
        if start.image is None:
            raise EngineError(
                f"side {start.side} of {start.run} has no image", "set `image`, or `engine: process`"
            )
        self._remove_kept(start)
        usage.prepare(start.gate)
        container = Container(self, start)
        try:
            with _faults(self, f"starting side {start.side} of {start.run}", start):
                container.create()
                container.start()
        except BaseException:
            container.remove()
            raise
        return container

    def _remove_kept(self, start: Start) -> None:
        """Of a run that is measured again, what was kept the time before. An answer takes 1 ms."""
        same = [f"duetbench.root={start.root}", f"duetbench.run={start.run}"]
        # Of a side whose memory the other one sees, the other's too: it holds this one's.
        if not start.shares_memory or start.beside:
            same.append(f"duetbench.side={start.side}")
        with _faults(self, "listing containers"):
            kept = self.api.containers(all=True, filters={"label": [*same, KEPT]})
        for container in kept:  # the newest first
            if container["State"] == "exited":
                _remove(self, container["Id"])

    def leftovers(self, root: Path) -> list[str]:
        return sorted({run for _, run in self._labelled(root)})

    def remove_leftovers(self, root: Path) -> list[str]:
        leftovers = self._labelled(root)
        for id_, _ in leftovers:
            _remove(self, id_)
        return sorted({run for _, run in leftovers})

    def strays(self) -> list[Stray]:
        with _faults(self, "listing containers"):
            listed = self.api.containers(filters={"label": ["duetbench.root"]})
        names = ("root", "run", "side", "owner")
        return [Stray(c["Id"], *(c["Labels"].get(f"duetbench.{n}", "") for n in names)) for c in listed]

    def end(self, stray: Stray) -> None:
        _remove(self, stray.id)

    def _labelled(self, root: Path) -> list[tuple[str, str]]:
        """Id and run of each container of a results directory, running or not, save those kept on purpose."""
        with _faults(self, "listing containers"):
            listed = self.api.containers(all=True, filters={"label": [f"duetbench.root={root}"]})
        kept = [c for c in listed if c["Labels"].get("duetbench.keep") == "yes" and c["State"] == "exited"]
        return [(c["Id"], c["Labels"].get("duetbench.run", "?")) for c in listed if c not in kept]


class Container:
    """A side in a container."""

    def __init__(self, engine: ContainerEngine, start: Start):
        self._engine, self._start = engine, start
        # Named here, not by the engine: so it can be removed when a signal interrupts its creation.
        self.id = f"duetbench-{uuid.uuid4().hex[:16]}"
        self._ended = threading.Event()
        self._exit: int | Exception | None = None
        self._last: Usage | None = None
        self.storage: Path | None = None

    def create(self) -> None:
        s, api = self._start, self._engine.api
        gate = s.gate.resolve()
        mounts = [Mount(GATE, str(gate), type="bind", read_only=True)]
        mounts += [Mount(f"{GATE}/{name}", str(gate / name), type="bind") for name in s.stamps]
        memory_bytes = s.memory_bytes or (_most_memory_bytes() if self._engine.bounds_memory else None)
        config: dict[str, Any] = {
            "entrypoint": [item.replace("{gate}", GATE) for item in s.command],
            "environment": dict(s.env),
            "working_dir": WORKDIR,
            "labels": {
                "duetbench": s.campaign,
                "duetbench.run": s.run,
                "duetbench.side": s.side,
                "duetbench.root": str(s.root),
                "duetbench.owner": owner.mark(),
                "duetbench.keep": "yes" if s.keep else "no",  # an image may have a label of that name
            },
            "healthcheck": {"test": ["NONE"]},
            "name": self.id,
            # Without a network no other name has an address, and JVMs ask for that of their host's name.
            "hostname": "localhost" if s.network == "none" else None,
            "host_config": api.create_host_config(
                mounts=mounts,
                network_mode=s.network,
                ipc_mode=self._memory(),
                cpuset_cpus=s.cpus,
                mem_limit=memory_bytes,
                # No swap on top: a side that swaps measures the disk.
                memswap_limit=memory_bytes,
                pids_limit=PIDS if self._engine.bounds_memory else None,
                # Where memory runs out all the same, a side is what the host's kernel ends.
                oom_score_adj=OOM_SCORE,
                cap_drop=["ALL"],
                cap_add=list(s.privileges),
                # The mounts keep their labels: relabelling the user's directories is not ours to do.
                security_opt=["no-new-privileges"]
                + (["label=disable"] if Path("/sys/fs/selinux").is_dir() else []),
                log_config={"Type": "none"},
                ulimits=_ulimits() if self._engine.name == "podman" else None,
            ),
        }
        try:
            api.create_container(s.image, **config)
        except ImageNotFound:
            if self._engine.name != "podman":
                raise
            # Podman's service looks a short name up at docker.io only, and calls its own images localhost/….
            api.create_container(f"localhost/{s.image}", **config)
        self.storage = self._storage()

    def _memory(self) -> str | None:
        """Whose /dev/shm it sees; None for one of its own, as the engine has it."""
        beside = self._start.beside
        if isinstance(beside, Container):
            return f"container:{beside.id}"
        return "shareable" if self._start.shares_memory else None

    def _storage(self) -> Path | None:
        """The container's own directory, or what contains it where that is not for this user to see."""
        layers = self._engine.api.inspect_container(self.id).get("GraphDriver", {}).get("Data") or {}
        directory = layers.get("UpperDir") or self._engine.api.info().get("DockerRootDir")
        path = Path(directory) if directory else None
        while path is not None and not os.access(path, os.F_OK):
            path = path.parent
        return path

    def written(self) -> int:
        """In its writable layer, not in volumes."""
        with _faults(self._engine, f"asking what side {self._start.side} of {self._start.run} has written"):
            url = self._engine.api._url("/containers/{0}/json", self.id)
            facts = self._engine.api._result(self._engine.api._get(url, params={"size": True}), True)
        return int(facts.get("SizeRw") or 0)

    def start(self) -> None:
        """Waiting is arranged before the side runs, so that nothing disturbs the moments after the gate."""
        api = self._engine.api
        if self._engine.name == "podman":
            api.start(self.id)
            self._watch(self._wait_for_process)
            return
        # With the headers the engine says that it waits; the body comes when the container has ended.
        answer = self._post_wait(condition="next-exit")
        self._watch(lambda: answer.json()["StatusCode"])
        api.start(self.id)

    def _post_wait(self, **parameters: str) -> requests.Response:
        """The SDK's wait() returns with the body only, and does not know Podman's `interval`."""
        api = self._engine.api
        url = f"{api.base_url}/v{api.api_version}/containers/{self.id}/wait"
        answer = api.post(url, params=parameters, stream=True, timeout=(_TIMEOUT_S, None))
        try:
            answer.raise_for_status()
        except requests.HTTPError as e:
            create_api_error_from_http_exception(e)
        return answer

    def _watch(self, wait: Callable[[], int]) -> None:
        def target() -> None:
            try:
                self._exit = wait()
            except Exception as e:
                self._exit = e
            self._ended.set()

        threading.Thread(target=target, daemon=True, name=f"wait {self.id}").start()

    def _wait_for_process(self) -> int:
        """Podman's own wait polls four times a second, and misses a container that ends at once."""
        time.sleep(0.05)
        pid = self._engine.api.inspect_container(self.id)["State"]["Pid"]
        if pid:
            usage.wait_for_pid(pid)
        return self._post_wait(interval="10ms").json()["StatusCode"]

    def wait(self, timeout_s: float | None) -> int | None:
        if not self._ended.wait(timeout_s):
            return None
        if isinstance(self._exit, Exception):
            with _faults(self._engine, f"waiting for side {self._start.side} of {self._start.run}"):
                raise self._exit
        return self._exit

    def ask(self) -> None:
        self._signal("SIGTERM")

    def kill(self) -> None:
        if not self._ended.is_set():
            self._last = self._stats()
        self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        with _faults(self._engine, f"sending {name} to side {self._start.side} of {self._start.run}"):
            try:
                self._engine.api.kill(self.id, name)
            except APIError as e:  # it has ended (in podman's words, too) or is gone: what was wanted
                if e.status_code not in (404, 409) and "can only kill running" not in _reason(e):
                    raise

    def _stats(self) -> Usage | None:
        """What the engine knows while the side runs: a killed launcher cannot tell any more."""
        try:
            stats = self._engine.api.stats(self.id, stream=False, one_shot=True)
            memory, cpu = stats["memory_stats"], stats["cpu_stats"]["cpu_usage"]
            return Usage(memory.get("max_usage") or None, cpu.get("total_usage") or None)
        except (*_FAULTS, KeyError, ValueError):
            return None

    def process(self) -> int | None:
        with _faults(self._engine, f"asking for the process of side {self._start.side} of {self._start.run}"):
            facts = self._engine.api.inspect_container(self.id)
        pid = int(facts["State"]["Pid"])
        with contextlib.suppress(OSError):  # of this number here may be another one's
            if pid and facts["Id"] in Path(f"/proc/{pid}/cgroup").read_text():
                return pid
        return None

    def mover(self) -> Mover:
        """The cgroup's file where this user may write it, else the engine's update call where it has one."""
        with _faults(self._engine, f"asking for the process of side {self._start.side} of {self._start.run}"):
            facts = self._engine.api.inspect_container(self.id)
        try:
            return cpusets.CpusetMover(cpusets.find(facts["State"]["Pid"], facts["Id"]))
        except EngineError as e:
            mover = UpdateMover(self._engine, self.id)
            try:
                mover.move(self._start.cpus or facts["HostConfig"]["CpusetCpus"])
            except (EngineError, SideGone) as refused:  # podman before 4.4 knows no such call: 404
                what = f"{e.what}; and {self._engine.name} does not change a running side"
                raise EngineError(what, e.remedy) from refused
            return mover

    def usage(self, lines: Sequence[str] = ()) -> Usage:
        """Counted by the container's cgroup: memory with page cache; both with the engine's own set-up
        of the container (about 4 MiB and 20 ms)."""
        with _faults(self._engine, f"asking what side {self._start.side} of {self._start.run} used"):
            oom = bool(self._engine.api.inspect_container(self.id)["State"]["OOMKilled"])
        used = usage.read_usage(lines) or self._last or Usage()
        return replace(used, oom_killed=used.oom_killed or oom)

    def fetch(self, path: str, to: Path, room: Room) -> list[str]:
        s = self._start
        missing = ResultMissing(
            f"side {s.side} of {s.run} left no {path}", "check `results` and `run`, and the side's log"
        )
        source = posixpath.normpath(posixpath.join(WORKDIR, path))
        with _faults(self._engine, f"copying {path} out of side {s.side} of {s.run}"):
            try:
                with self._archive(source) as (facts, chunks):
                    if not facts["mode"] & _GO_SYMLINK:
                        left_out = unpack.extract(chunks, to, room)
                if facts["mode"] & _GO_SYMLINK:
                    with self._archive(facts["linkTarget"]) as (_, chunks):
                        left_out = unpack.extract(chunks, to, room)
            except NotFound as e:
                raise missing from e
        if not os.path.lexists(to):
            raise missing
        return left_out

    @contextlib.contextmanager
    def _archive(self, path: str) -> Iterator[tuple[dict[str, Any], Iterator[bytes]]]:
        """Facts and archive of a path. The SDK leaves the answer open where not all of it was read, and
        Docker then removes the container 300 s later only."""
        api = self._engine.api
        url = api._url("/containers/{0}/archive", self.id)
        with contextlib.closing(api._get(url, params={"path": path}, stream=True)) as answer:
            api._raise_for_status(answer)
            facts = decode_json_header(answer.headers["X-Docker-Container-Path-Stat"])
            yield facts, answer.iter_content(1 << 20)

    def remove(self) -> None:
        _remove(self._engine, self.id)


class UpdateMover:
    """Asks the engine, which takes its time: it starts a program of its own for it."""

    way = "engine update"

    def __init__(self, engine: ContainerEngine, id_: str):
        self._engine, self._id = engine, id_

    def move(self, cpus: str) -> None:
        with _faults(self._engine, f"binding a running side to cores {cpus}"):
            try:
                self._engine.api.update_container(self._id, cpuset_cpus=cpus)
            except APIError as e:
                if e.status_code in (404, 409) or "not running" in _reason(e):
                    raise SideGone(f"{self._id} is not running any more") from e
                raise

    def bound(self) -> set[frozenset[int]]:
        return set()  # its processes are not to be seen here

    def close(self) -> None:
        pass


_GO_SYMLINK = 1 << 27


def _remove(engine: ContainerEngine, id_: str) -> None:
    with _faults(engine, f"removing container {id_}"):
        try:
            engine.api.remove_container(id_, force=True, v=True)
        except NotFound:
            pass
        except APIError as e:
            if e.status_code != 409:  # somebody else is removing it
                raise


def _most_memory_bytes() -> int:
    """What a side may use where nothing else was asked for: nine tenths of the machine's."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10 * 9


def _ulimits() -> list[Ulimit]:
    """Podman asks for more files and processes than it may be allowed to grant. What this process may have
    it may grant, but for processes: its service lowers its own limit to the number of process ids."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    processes = resource.getrlimit(resource.RLIMIT_NPROC)
    ids = int(Path("/proc/sys/kernel/pid_max").read_text())
    lowered = [ids if n == resource.RLIM_INFINITY else min(n, ids) for n in processes]
    return [
        Ulimit(name="nofile", soft=files[0], hard=files[1]),
        Ulimit(name="nproc", soft=lowered[0], hard=lowered[1]),
    ]


def connect(name: str) -> docker.DockerClient:
    """A client for `docker` (DOCKER_HOST, contexts, as its own command does) or `podman` (CONTAINER_HOST, the
    system's sockets, else a service started here that ends when idle). Raises EngineError with the remedy."""
    if name == "docker":
        try:
            return docker.from_env(timeout=_TIMEOUT_S)
        except _FAULTS as e:
            raise _no_docker(e) from e
    return _podman()


def _no_docker(e: Exception) -> EngineError:
    """EngineGone where it is installed, and this user may use it."""
    host = os.environ.get("DOCKER_HOST", "")
    socket = host.removeprefix("unix://") or "/var/run/docker.sock"
    if "://" in socket:
        return EngineGone(f"docker does not answer at {socket}", "start it, or unset DOCKER_HOST")
    if not os.path.exists(socket):
        if shutil.which("dockerd") is None:
            remedy = "apt-get install docker.io; or engine: podman or process"
            return EngineError("docker is not installed", remedy)
        return EngineGone(f"docker is not running (no {socket})", "systemctl start docker (or run dockerd)")
    if not os.access(socket, os.R_OK | os.W_OK):
        what = f"no permission to use docker's socket {socket}"
        return EngineError(what, "usermod -aG docker $USER, and log in again")
    return EngineGone(f"docker does not answer at {socket} ({_reason(e)})", "systemctl restart docker")


def _podman() -> docker.DockerClient:
    for host in podman.hosts():
        with contextlib.suppress(*_FAULTS):
            return _podman_at(host)
    service = podman.serve()
    while True:
        with contextlib.suppress(*_FAULTS):
            return _podman_at(service.host)
        service.be_patient()


def _podman_at(host: str) -> docker.DockerClient:
    """Every podman since 3 speaks this version of Docker's API; asking which it speaks takes 0.7 s."""
    client = docker.DockerClient(base_url=host, timeout=_TIMEOUT_S, version="1.41")
    client.ping()
    return client


@contextlib.contextmanager
def _faults(engine: ContainerEngine, doing: str, start: Start | None = None) -> Iterator[None]:
    """Turns what the SDK raises into an EngineError of one line with its remedy."""
    try:
        yield
    except _FAULTS as e:
        kind = EngineGone if isinstance(e, _GONE) else EngineError
        raise kind(f"{engine.name}: {doing}: {_reason(e)}", _remedy(engine.name, e, start)) from e


def _reason(e: Exception) -> str:
    text = getattr(e, "explanation", None) or str(e)
    return " ".join(str(text).split())


def _remedy(name: str, e: Exception, start: Start | None) -> str:
    if isinstance(e, _GONE):
        return f"check that {name} is running and start again: finished runs are kept"
    if start is None:
        return ""
    text = _reason(e).lower()
    if isinstance(e, ImageNotFound):
        return f"start the workflow again, which provides its images; or `{name} pull {start.image}`"
    if "cpus are not available" in text or "cpuset" in text:
        return (
            f"`cpus: {start.cpus}` asks for cores that {name} may not use; choose others, or `cpus: shared`"
        )
    if "bind source path does not exist" in text or "statfs" in text or "bind-mounting" in text:
        return f"{name} must run on this machine and see {start.gate}; unset DOCKER_HOST or set TMPDIR"
    if "executable file not found" in text or "no such file or directory" in text:
        return f"the image {start.image} must have a POSIX sh in its PATH"
    if "network" in text:
        return f"create it (`{name} network create {start.network}`) or set `network: none`"
    if "memory" in text:
        return f"`memory: {start.memory_bytes}` bytes is not accepted; raise it or leave it out"
    return ""
