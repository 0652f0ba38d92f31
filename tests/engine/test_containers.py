"""What containers do beyond the protocol, on Docker and Podman."""

import io
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from duet.engines import EngineError, containers, owner, podman
from duet.engines.containers import ContainerEngine, connect
from sides import Sides, refusal


def inspect(side) -> dict:
    return side._engine.api.inspect_container(side.id)


def test_memory_is_bounded_and_the_killing_of_a_child_told(contained: Sides):
    side = contained("sh -c 'x=1234567890; while :; do x=$x$x; done'; echo child $?", memory_bytes=64 << 20)
    assert side.wait(60) == 0
    assert "child 137" in contained.log
    used = contained.usage
    assert used.oom_killed
    assert 48 << 20 < used.peak_memory_bytes <= 64 << 20


def test_usage_of_a_killed_side(contained: Sides):
    side = contained("while :; do :; done")
    time.sleep(1)
    side.kill()
    assert side.wait(20) == 137
    assert contained.usage.cpu_time_ns > 100e6
    assert not contained.usage.oom_killed


def test_runs_the_launcher_and_nothing_of_the_image(contained: Sides):
    side = contained("echo $$; pwd; ls /sys/class/net; ls /proc | grep -c '^[0-9]'; sleep 0.1")
    assert side.wait(20) == 0
    _, pwd, *nets = contained.log.split()
    assert pwd == "/duet"
    assert nets[:-1] == ["lo"]
    facts = inspect(side)
    assert facts["Path"] == "sh" and "1000" not in facts["Args"]
    assert facts["HostConfig"]["LogConfig"]["Type"] == "none"
    assert facts["Config"]["Labels"] == {
        "duetbench": "test",
        "duetbench.run": "s.b.0.duet.AB",
        "duetbench.side": "A",
        "duetbench.root": str(contained.root),
        "duetbench.owner": owner.mark(),
        "duetbench.keep": "no",
    }


def test_labels_of_an_image_do_not_keep_its_containers(contained: Sides):
    api = contained.engine.api
    text = f"FROM {contained.image}\nLABEL duetbench.keep=yes duetbench.root=/ duetbench.run=x"
    name = f"{contained.image}-labelled"
    for _ in api.build(fileobj=io.BytesIO(text.encode()), tag=name, decode=True, rm=True):
        pass
    try:
        side = contained("true", image=name)
        assert side.wait(20) == 0
        assert contained.engine.leftovers(contained.root) == ["s.b.0.duet.AB"]
        side.remove()
    finally:
        api.remove_image(name, force=True)


def test_the_name_of_the_host_has_an_address_without_a_network(contained: Sides):
    side = contained("ping -c 1 -W 1 $(hostname); true")
    assert side.wait(20) == 0
    assert "PING localhost (" in contained.log  # else: bad address


def test_volumes_go_with_the_container(contained: Sides):
    side = contained("echo data >/data/x")
    assert side.wait(20) == 0
    names = [m["Name"] for m in inspect(side)["Mounts"] if m["Destination"] == "/data"]
    assert len(names) == 1
    side.remove()
    volumes = contained.engine.api.volumes()["Volumes"] or []
    assert names[0] not in [v["Name"] for v in volumes]


def test_image_that_is_not_there(contained: Sides):
    error = refusal(contained, image="localhost/duetbench-no-such-image:1")
    assert "no-such-image" in error.remedy


def test_rendezvous_that_the_engine_cannot_see(docker_engine: None, contained: Sides, monkeypatch):
    """As with an engine on another machine. (Podman makes the missing directory on its own machine.)"""
    if contained.engine.name == "podman":
        return
    elsewhere = contained.tmp / "elsewhere"
    monkeypatch.setattr(containers.usage, "prepare", lambda *_: None)
    assert str(elsewhere) in refusal(contained, gate=elsewhere).remedy


def test_network_that_is_not_there(contained: Sides):
    assert "network" in refusal(contained, network="no-such-network").remedy


def test_interrupted_start_leaves_nothing(contained: Sides, monkeypatch):
    for step in ("create_container", "start"):
        api = contained.engine.api
        done = getattr(api, step)

        def then_interrupted(*args, done=done, **kwargs):
            done(*args, **kwargs)
            raise KeyboardInterrupt

        monkeypatch.setattr(api, step, then_interrupted)
        with pytest.raises(KeyboardInterrupt):
            contained("sleep 100")
        monkeypatch.undo()
        assert contained.engine.leftovers(contained.root) == []


def test_failed_start_leaves_nobody_waiting(contained: Sides):
    refusal(contained, command=("/no/such/program",))
    end = time.monotonic() + 10
    while any(t.name.startswith("wait duetbench-") for t in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_waits_longer_than_any_answer_may_take(contained: Sides, monkeypatch):
    monkeypatch.setattr(containers, "_TIMEOUT_S", 2)
    monkeypatch.setattr(containers, "_IDLE_S", 1)
    slow = Sides(ContainerEngine(contained.engine.name), contained.image, contained.tmp, contained.place)
    side = slow("sleep 4; exit 9")
    assert side.wait(30) == 9
    side.remove()


def test_ends_at_once_and_all_at_once(contained: Sides):
    """Sides that end before anybody can ask about them."""
    for code in range(4):
        side = contained("", command=("sh", "-c", f"exit {code}"))
        assert side.wait(20) == code


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:1", "unix:///no/such/socket"])
def test_docker_that_does_not_answer(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineError) as caught:
        connect("docker")
    assert host.removeprefix("unix://") in caught.value.what or "not installed" in caught.value.what
    assert caught.value.remedy


def test_podman_that_is_not_installed(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(podman, "hosts", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="podman is not installed; apt-get install podman"):
        connect("podman")


def test_podmans_service_is_started_and_found_again(monkeypatch, tmp_path: Path):
    if subprocess.run(["sh", "-c", "command -v podman"], capture_output=True).returncode:
        pytest.skip("needs podman; apt-get install podman")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    started = []
    popen = subprocess.Popen

    def counted(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(podman.subprocess, "Popen", counted)
    if Path("/run/podman/podman.sock").is_socket():
        pytest.skip("needs a machine without a podman service; systemctl stop podman.socket")
    try:
        assert connect("podman").ping()
        assert connect("podman").ping()
        assert len(started) == 1
        os.kill(started[0].pid, signal.SIGKILL)  # and its socket stays behind
        started[0].wait()
        assert connect("podman").ping()
        assert len(started) == 2
    finally:
        for service in started:
            service.kill()
            service.wait()
