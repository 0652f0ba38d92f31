"""Values of a campaign file: what a text means, and what holds where nothing is said."""

import re
from pathlib import Path

from duet.harnesses import Harness

SMALLEST_BYTES = 6 * 1024**2
"""Of memory, Docker's own lower limit; of disk the same."""

LARGEST_BYTES = 1 << 60

MOST_CORES = 8192
"""Of one machine; what Linux can be built for."""

COMMAND_BYTES = 120_000
"""Of a whole command: Linux takes 128 KiB as one argument of `sh -c`."""

NAME_BYTES = 250
"""Of a result file under its run's name; file systems take 255."""


def byte_count(value: int | str) -> int:
    """`2g`, `512m`, `1.5g` or a number of bytes, as Docker reads them (k = 1024)."""
    text = str(value).lower().removesuffix("b")
    power = "bkmg".find(text[-1]) if text[-1] in "kmg" else 0
    return int(float(text.rstrip("kmg")) * 1024**power)


def engine_of(docker_command: str) -> str:
    """The engine that the predecessor's `docker_command` means: `sudo /usr/bin/podman` is podman."""
    return re.split(r"[ /]", docker_command)[-1]


def core_fault(cpus: str) -> str:
    """What is wrong with a set of cores such as `0-3,8`, or nothing, also for `split` and the like."""
    for item in cpus.split(",") if cpus[0].isdigit() else ():
        first, _, last = item.partition("-")
        if last and int(first) > int(last):
            return f"{item} ends before it begins"
        if int(last or first) >= MOST_CORES:
            return f"no machine has a core {last or first}"
    return ""


def seconds(value: float | int | str) -> float:
    """`90`, `90s`, `30m`, `2h` in seconds."""
    number, unit = re.fullmatch(r"([0-9.]+)([smh]?)", str(value)).groups()  # type: ignore[union-attr]
    return float(number) * {"": 1, "s": 1, "m": 60, "h": 3600}[unit]


def text(value: str | int | float | bool) -> str:
    """An entry of env or image_args as its reader gets it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def meets_barrier(command: str, harness: Harness) -> bool:
    """Whether a side's own command meets at the barrier when there is one, with no command extra."""
    return harness.meets_barrier or "duet-probe" in command


_PROBE = re.compile(r"[^\s:=,'\"]*duet-probe-[\w-]+\.[a-z]+")


def absent_probe(commands: str) -> str | None:
    """The probe's file in a host process's command that is made in images only, or None."""
    files = (Path(file) for file in _PROBE.findall(commands))
    return next((str(file) for file in files if not (file.is_absolute() and file.is_file())), None)


def command(base: str, run: str) -> str:
    return f"{base.strip()} {run.strip()}".strip()


_AGENT = re.compile(r"(?:^|(?<=\s))-agentpath:\S+\s*")
_BARRIER = re.compile(r"(?:^|(?<=\s))--iteration-barrier(?:=|\s+)\S+\s*")


def syncduet_command(base: str, run: str, harness: Harness) -> tuple[str, str | None]:
    """The command of a synchronised duet's side, and a notice where it differs from what is written.

    The predecessor's agent and its barrier option are replaced by the harness's probe. `$$` stands for
    the barrier, as there.
    """
    mended = _BARRIER.sub("", _AGENT.sub("", base)).strip()
    notice = None
    if mended != base.strip():
        instead = "left out"
        if harness.with_probe and "duet-probe" not in mended:
            mended, instead = harness.with_probe(mended), "replaced by duetbench's own probe"
        notice = f"-agentpath and --iteration-barrier are {instead}: {mended}"
    return command(mended, run).replace("$$", "$DUET_BARRIER"), notice
