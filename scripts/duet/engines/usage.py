"""What a container used, told by the container itself: its cgroup vanishes with its last process.

The engine puts `atend` into the side's rendezvous directory, the launcher sources it when the side's
command has ended, and tells lines `cgroup file key… value` of the cgroup (version 1 or 2) as seen inside.
"""

import os
import select
from collections.abc import Sequence
from pathlib import Path

from duet.engines import Usage

# Builtins of any POSIX sh only; descriptor 6 is the launcher's.
_AT_END = """\
for file in memory/memory.max_usage_in_bytes memory/memory.oom_control cpuacct/cpuacct.usage \\
    cpuacct/cpuacct.usage_user cpuacct/cpuacct.usage_sys memory.peak memory.events cpu.stat; do
    if [ -r "/sys/fs/cgroup/$file" ]; then
        while read -r line; do echo "cgroup $file $line"; done <"/sys/fs/cgroup/$file" >&6
    fi
done
"""


def prepare(gate: Path) -> None:
    """Make what the launcher finds at its end."""
    (gate / "atend").write_text(_AT_END)
    (gate / "atend").chmod(0o644)


def read_usage(lines: Sequence[str]) -> Usage | None:
    """None where the launcher did not come to its end or has no cgroup to read."""
    counters: dict[str, int] = {}
    for line in lines:
        mark, *key, value = line.split() if line.count(" ") > 1 else ("", "")
        if mark == "cgroup" and value.isdecimal() and len(value) < 19:
            counters[" ".join(key)] = int(value)
    if not counters:
        return None
    cpu_ns = counters.get("cpuacct/cpuacct.usage", _from_us(counters.get("cpu.stat usage_usec")))
    peak = counters.get("memory/memory.max_usage_in_bytes", counters.get("memory.peak"))
    kills = counters.get("memory/memory.oom_control oom_kill", 0) + counters.get("memory.events oom_kill", 0)
    return Usage(
        peak,
        cpu_ns,
        kills > 0,
        counters.get("cpuacct/cpuacct.usage_user", _from_us(counters.get("cpu.stat user_usec"))),
        counters.get("cpuacct/cpuacct.usage_sys", _from_us(counters.get("cpu.stat system_usec"))),
    )


def _from_us(us: int | None) -> int | None:
    return None if us is None else us * 1000


def wait_for_pid(pid: int) -> None:
    """Until the process has ended; asleep meanwhile. Returns at once where the kernel cannot tell."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        ended = select.poll()
        ended.register(fd, select.POLLIN)
        ended.poll()
    finally:
        os.close(fd)
