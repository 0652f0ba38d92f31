"""What this machine is and does at the moment, as far as its kernel tells. Read here, judged in `checkup`."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from duet.measure import host
from duet.measure.cores import Machine

T = TypeVar("T")

WATCHED_S = 0.2
"""For how long steal is watched."""
_CPU = Path("sys/devices/system/cpu")


@dataclass(frozen=True)
class Condition:
    """None where the kernel does not tell."""

    machine: Machine
    kernel: str = ""
    virtual: bool | None = None
    smt: bool | None = None
    """Whether hardware threads of one physical core are in use."""
    governors: tuple[str, ...] = ()
    """The different ones of the cores; none where frequencies are not ours to set."""
    turbo: bool | None = None
    memory_bytes: int | None = None
    available_bytes: int | None = None
    swapped_bytes: int | None = None
    disk_free_bytes: int | None = None
    """Where results are written."""
    clock_source: str | None = None
    load_1min: float | None = None
    steal: float | None = None
    """Share of the time that others took, just now."""
    pressure: dict[str, float] = field(default_factory=dict)
    """cpu, memory, io -> percent of the last 10 s in which something waited for it (PSI, `some`)."""
    cgroup: int | None = None
    """Version of control groups."""
    quota_cores: float | None = None
    """Cores' worth of time that our group may use; None without a limit."""


def read(results: Path, root: Path = Path("/")) -> Condition:
    """The state now; takes WATCHED_S. `results`: a path on the disk of the results, which need not be there.

    `root`: of another machine's files below it, as tests have them; its cores are then as told there.
    """
    before = _known(lambda: _ticks(root))
    time.sleep(WATCHED_S)
    memory = _known(lambda: _memory(root)) or {}
    total, free = memory.get("SwapTotal", 0), memory.get("SwapFree", 0)
    return Condition(
        machine=host.read(root / _CPU),
        kernel=_text(root / "proc/sys/kernel/osrelease") or "",
        virtual=_known(lambda: " hypervisor" in (root / "proc/cpuinfo").read_text()),
        smt=_flag(root / _CPU / "smt/active"),
        governors=_governors(root),
        turbo=_turbo(root),
        memory_bytes=memory.get("MemTotal"),
        available_bytes=memory.get("MemAvailable"),
        swapped_bytes=total - free if memory else None,
        disk_free_bytes=_known(lambda: shutil.disk_usage(_existing(results)).free),
        clock_source=_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource"),
        load_1min=_known(lambda: float((root / "proc/loadavg").read_text().split()[0])),
        steal=_known(lambda: _steal(before, _ticks(root))),
        pressure=_pressure(root),
        cgroup=_cgroup(root),
        quota_cores=_known(lambda: _quota(root)),
    )


def _known(read_it: Callable[[], T]) -> T | None:
    try:
        return read_it()
    except (OSError, ValueError, KeyError, IndexError, ZeroDivisionError):
        return None


def _text(path: Path) -> str | None:
    return _known(lambda: path.read_text().strip())


def _flag(path: Path) -> bool | None:
    return {"0": False, "1": True}.get(_text(path) or "")


def _existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def _governors(root: Path) -> tuple[str, ...]:
    files = sorted((root / _CPU).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return tuple(dict.fromkeys(filter(None, map(_text, files))))


def _turbo(root: Path) -> bool | None:
    off = _flag(root / _CPU / "intel_pstate/no_turbo")
    return _flag(root / _CPU / "cpufreq/boost") if off is None else not off


def _memory(root: Path) -> dict[str, int]:
    pattern = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)
    return {name: int(kib) * 1024 for name, kib in pattern.findall((root / "proc/meminfo").read_text())}


def _ticks(root: Path) -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal of all cores."""
    return [int(n) for n in (root / "proc/stat").read_text().split("\n")[0].split()[1:9]]


def _steal(before: list[int] | None, after: list[int]) -> float:
    spent = [b - a for a, b in zip(before or [0] * len(after), after, strict=True)]
    return spent[7] / sum(spent)


def _pressure(root: Path) -> dict[str, float]:
    shares = {}
    for what in ("cpu", "memory", "io"):
        match = re.match(r"some avg10=([0-9.]+)", _text(root / "proc/pressure" / what) or "")
        if match:
            shares[what] = float(match[1])
    return shares


def _cgroup(root: Path) -> int | None:
    groups = root / "sys/fs/cgroup"
    if (groups / "cgroup.controllers").exists():
        return 2
    return 1 if (groups / "cpu").exists() or (groups / "memory").exists() else None


def _quota(root: Path) -> float | None:
    groups = root / "sys/fs/cgroup"
    if text := _text(groups / "cpu.max"):
        quota, period = text.split()
        return None if quota == "max" else int(quota) / int(period)
    quota, period = ((groups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return int(quota) / int(period) if int(quota) > 0 else None
