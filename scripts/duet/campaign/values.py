"""Values of a campaign file: what a text means, and what holds where nothing is said."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


CONDITIONS: Mapping[str, Any] = {"network": "none", "cpus": "exchange", "privileges": ()}
"""Keys of a side where no file says more."""


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


_AGENT = re.compile(r"(?:^|(?<=\s))-agentpath:(?P<path>[^\s=]+)\S*\s*")
_BARRIER = re.compile(r"(?:^|(?<=\s))--iteration-barrier(?:=|\s+)\S+\s*")
_MAKE_BARRIER = "/barrier/make-barrier"
"""Where the predecessor's images have the program that makes their agent's barrier, in memory that both sides
see as /dev/shm."""


def has_agent(command: str) -> bool:
    """Whether a command loads the predecessor's agent, which meets at a barrier in shared memory."""
    return "\n" in command and _AGENT.search(command) is not None


def syncduet_command(base: str, run: str, harness: Harness, agent: bool = True) -> tuple[str, str | None]:
    """The command of a synchronised duet's side, and a notice where it differs from what is written.

    `$$` stands for the barrier, as in the predecessor. Where its agent is named, the command looks in the
    image: the agent is used where it is there (with `agent`), else the harness's probe where that is.
    """
    agent_option = _AGENT.search(base)
    mended = _BARRIER.sub("", _AGENT.sub("", base)).strip()
    if mended == base.strip():
        return command(base, run).replace("$$", "$DUET_BARRIER"), None
    probe = harness.with_probe
    ours_base = probe(mended) if probe and "duet-probe" not in mended else mended
    instead = "replaced by duetbench's own probe" if probe else "left out"
    ours = command(ours_base, run).replace("$$", "$DUET_BARRIER")
    if not agent or agent_option is None:
        return ours, f"-agentpath and --iteration-barrier are {instead}: {ours_base}"
    theirs = command(base, run).replace("$$", "$DUET_RUN")
    barrier = _AGENTS_BARRIER if "$$" in base else ""
    missing = f'echo "duetbench: the image has no {agent_option["path"]}'
    if (file := absent_probe(ours)) is None:
        other = f'else\n{missing}" >&2\nexit 127\n'
    else:
        other = f'elif [ -e {file} ]; then\n{ours}\nelse\n{missing} and no {file}" >&2\nexit 127\n'
    text = f"if [ -e {agent_option['path']} ]; then\n{barrier}{theirs}\n{other}fi"
    return text, f"{agent_option['path']} is used where the image has it, else the harness's own probe"


_AGENTS_BARRIER = f"""\
if [ "$DUET_SIDE" = A ]; then
{_MAKE_BARRIER} "$DUET_RUN" 2 || exit
echo >"$DUET_GATE/barrier.B"
else
read -r _ <"$DUET_GATE/barrier.B"
fi
"""
"""A makes the barrier and tells B by a FIFO of the rendezvous."""
