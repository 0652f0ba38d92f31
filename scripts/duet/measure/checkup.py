"""What is to be thought of a machine that is to measure. Pure: machines nobody owns can be tested."""

from collections.abc import Iterator

from duet.measure.cores import parse_set, show_set, split
from duet.measure.machine import Condition
from duet.records.doctor import Finding, Level

GIB = 1 << 30
LITTLE_MEMORY = GIB // 2
"""Less is a problem."""
LITTLE_DISK, SOME_DISK = 2 * GIB, 20 * GIB
"""Less is a problem (the last GiB is never filled), or a warning (each side may write 10 GiB)."""
BUSY = 0.5
"""Processes that want to run, a core."""
STEAL = 0.01
PRESSURE = {"cpu": 10.0, "memory": 1.0, "io": 10.0}
"""Percent of the time from which on something waits noticeably."""
QUICK_CLOCKS = (
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "xen",
    "timebase",
    "tod",
)
"""Clock sources that are read without a system call, or nearly."""

_NOT_TOLD = "the kernel does not tell"


def judge(condition: Condition) -> tuple[Finding, ...]:
    """A finding for every part of the machine, the same parts in the same order on each."""
    return tuple(_findings(condition))


def cores_asked(cpus: str, who: str, condition: Condition) -> Finding | None:
    """What is to be thought of a set of cores that a campaign names; nothing where they are there."""
    missing = parse_set(cpus) - condition.machine.online
    if not missing:
        return None
    what = f"{who} names {show_set(missing)}, and this machine has {show_set(condition.machine.online)}"
    return _problem("cpus", what, "name others, or cpus: exchange")


def _ok(what: str, state: str) -> Finding:
    return Finding(Level.OK, what, state)


def _warning(what: str, state: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, what, state, remedy)


def _problem(what: str, state: str, remedy: str) -> Finding:
    return Finding(Level.PROBLEM, what, state, remedy)


def _findings(c: Condition) -> Iterator[Finding]:
    kind = {True: ", a virtual machine", False: ", no virtual machine", None: ""}[c.virtual]
    yield _ok("kernel", f"{c.kernel or 'unknown'}{kind}")
    yield _cores(c)
    yield _threads(c)
    yield _quota(c)
    yield _governor(c)
    yield _turbo(c)
    yield _memory(c)
    yield _swap(c)
    yield _disk(c)
    yield _clock(c)
    yield _load(c)
    yield _steal(c)
    yield from (_pressure(c, what) for what in PRESSURE)
    yield _cgroup(c)


def _cores(c: Condition) -> Finding:
    allowed, online = c.machine.allowed, c.machine.online
    shown = f"{len(allowed)} ({show_set(allowed)})" + (f" of {len(online)}" if allowed != online else "")
    first, second = split(c.machine)
    if first:
        return _ok("cores", f"{shown}; the sides get {show_set(first)} and {show_set(second)}")
    why = "the only core" if len(allowed) == 1 else "cores of which no two are alike"
    remedy = "intervals are wider: plan more runs, or measure on a machine with two like cores"
    return _warning("cores", f"{shown}: both sides share {why}", remedy)


def _threads(c: Condition) -> Finding:
    if c.smt is None:
        return _ok("hardware threads", _NOT_TOLD)
    if not c.smt:
        return _ok("hardware threads", "one a core in use")
    remedy = "as root: echo off > /sys/devices/system/cpu/smt/control"
    return _warning("hardware threads", "two or more of a core in use: each slows the other", remedy)


def _quota(c: Condition) -> Finding:
    if c.quota_cores is None:
        return _ok("CPU quota", "none")
    remedy = "start it with a set of cores instead (cpuset), without a quota"
    state = f"{c.quota_cores:.2f} cores' time: who has used it up stands still for a while"
    return _warning("CPU quota", state, remedy)


def _governor(c: Condition) -> Finding:
    if not c.governors:
        return _ok("governor", _NOT_TOLD)
    shown = ", ".join(c.governors)
    if c.governors == ("performance",):
        return _ok("governor", shown)
    remedy = "as root: cpupower frequency-set -g performance"
    return _warning("governor", f"{shown}: the frequency follows the load", remedy)


def _turbo(c: Condition) -> Finding:
    if c.turbo is None:
        return _ok("turbo", _NOT_TOLD)
    if not c.turbo:
        return _ok("turbo", "off")
    remedy = "as root: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > …/cpufreq/boost"
    return _warning("turbo", "on: a side is faster while the other one pauses", remedy)


def _memory(c: Condition) -> Finding:
    if c.memory_bytes is None or c.available_bytes is None:
        return _ok("memory", _NOT_TOLD)
    state = f"{_gib(c.available_bytes)} of {_gib(c.memory_bytes)} available"
    if c.available_bytes < LITTLE_MEMORY:
        return _problem("memory", state, "end what needs it")
    if c.available_bytes < c.memory_bytes / 5:
        return _warning("memory", state, "end what needs it, or give the sides a limit (key memory)")
    return _ok("memory", state)


def _swap(c: Condition) -> Finding:
    if not c.swapped_bytes:
        return _ok("swap", _NOT_TOLD if c.swapped_bytes is None else "not used")
    return _warning("swap", f"{_gib(c.swapped_bytes)} used", "free memory; as root: swapoff -a")


def _disk(c: Condition) -> Finding:
    if c.disk_free_bytes is None:
        return _ok("disk", _NOT_TOLD)
    state = f"{_gib(c.disk_free_bytes)} free for results"
    if c.disk_free_bytes < LITTLE_DISK:
        return _problem("disk", state, "free some: a run that fills it to the last GiB is stopped")
    if c.disk_free_bytes < SOME_DISK:
        return _warning("disk", state, "enough for small results; each side may write 10 GiB (key disk)")
    return _ok("disk", state)


def _clock(c: Condition) -> Finding:
    if c.clock_source is None:
        return _ok("clock source", _NOT_TOLD)
    if c.clock_source in QUICK_CLOCKS:
        return _ok("clock source", c.clock_source)
    remedy = "see dmesg for why tsc is not used; iterations should be much longer than 10 µs"
    return _warning("clock source", f"{c.clock_source}: slow to read", remedy)


def _load(c: Condition) -> Finding:
    if c.load_1min is None:
        return _ok("load", _NOT_TOLD)
    count = len(c.machine.online)
    state = f"{c.load_1min:.2f} on {count} core{'s' if count > 1 else ''}"
    if c.load_1min <= BUSY * count:
        return _ok("load", state)
    return _warning("load", f"{state}: others want them, too", "end them, or plan more runs")


def _steal(c: Condition) -> Finding:
    if c.steal is None:
        return _ok("steal", _NOT_TOLD)
    state = f"{100 * c.steal:.1f} %"
    if c.steal <= STEAL:
        return _ok("steal", state)
    return _warning("steal", f"{state} of the time went to other machines of the host", "plan more runs")


def _pressure(c: Condition, what: str) -> Finding:
    name, percent = f"{what} pressure", c.pressure.get(what)
    if percent is None:
        return _ok(name, f"{_NOT_TOLD} (boot with psi=1)")
    if percent <= PRESSURE[what]:
        return _ok(name, f"{percent:.1f} %")
    return _warning(name, f"something waited in {percent:.1f} % of the last 10 s", f"see who uses it: {what}")


def _cgroup(c: Condition) -> Finding:
    if c.cgroup == 2:
        return _ok("control groups", "version 2")
    if c.cgroup == 1:
        remedy = "boot with systemd.unified_cgroup_hierarchy=1"
        return _warning("control groups", "version 1: rootless engines cannot bind cores or memory", remedy)
    return _problem("control groups", "none", "mount cgroup2 at /sys/fs/cgroup, or use engine: process")


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GiB"
