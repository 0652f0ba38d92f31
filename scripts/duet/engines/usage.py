"""What a container used, told by the container itself: its cgroup vanishes with its last process.

The engine puts `<side>.atend` into the rendezvous directory, the launcher sources it when the side's
command has ended, and `<side>.usage` then holds lines `file key… value` of the cgroup (version 1 or 2)
as seen inside.
"""

import os
import select
from pathlib import Path

from duet.engines import Usage

# Builtins of any POSIX sh only. $gate and $side are the launcher's.
_AT_END = """\
for file in memory/memory.max_usage_in_bytes memory/memory.oom_control cpuacct/cpuacct.usage \\
    memory.peak memory.events cpu.stat; do
    if [ -r "/sys/fs/cgroup/$file" ]; then
        while read -r line; do echo "$file $line"; done <"/sys/fs/cgroup/$file" >>"$gate/$side.usage"
    fi
done
"""


def prepare(gate: Path, side: str) -> None:
    """Make what the launcher finds at its end. Side `A`'s user in its container may be anybody."""
    (gate / f"{side}.atend").write_text(_AT_END)
    told = gate / f"{side}.usage"
    told.write_text("")
    told.chmod(0o666)


def read_usage(gate: Path, side: str) -> Usage | None:
    """None where the launcher did not come to its end or has no cgroup to read."""
    try:
        lines = (gate / f"{side}.usage").read_text(errors="replace").splitlines()
    except OSError:
        return None
    told: dict[str, int] = {}
    for line in lines:
        *key, value = line.split() or [""]
        if value.isdecimal():
            told[" ".join(key)] = int(value)
    if not told:
        return None
    cpu_us = told.get("cpu.stat usage_usec")
    cpu_ns = told.get("cpuacct/cpuacct.usage", None if cpu_us is None else cpu_us * 1000)
    peak = told.get("memory/memory.max_usage_in_bytes", told.get("memory.peak"))
    kills = told.get("memory/memory.oom_control oom_kill", 0) + told.get("memory.events oom_kill", 0)
    return Usage(peak, cpu_ns, kills > 0)


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
