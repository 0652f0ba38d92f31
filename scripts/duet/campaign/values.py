"""Values of a campaign file: what a text means, and what holds where nothing is said."""

import os
import re
from functools import cache
from pathlib import Path

DEFAULT_RESULTS: dict[str, tuple[str, ...]] = {
    "renaissance": ("results.json",),
    "speccpu": ("/duet/speccpu/result",),
    "hyperfine": ("results.json",),
    "jmh": ("results.json",),
    "pyperf": ("results.json",),
}
"""Result files by format where a campaign names none; all other formats: results.csv."""

ALIASES = {"scalabench": "dacapo"}
"""Suites whose harness, and so whose format, is another suite's."""

NO_BARRIER = {"speccpu": "SPEC CPU's harness starts a process per iteration and has no place for a barrier"}
"""Formats whose harness cannot synchronise iterations, and why."""

RENAISSANCE_PROBE = "/duet/duet-probe-renaissance.jar"
DACAPO_PROBE = "/duet/duet-probe-dacapo.jar"
DACAPO_CALLBACK = "duetbench.DaCapoProbe"

LOG_IS_ENOUGH = {"dacapo", "go", "gotest"}
"""Formats that read a side's log, so that `results: []` makes sense."""

SMALLEST_MEMORY_BYTES = 6 * 1024**2
"""Docker's own lower limit."""


@cache
def formats() -> tuple[str, ...]:
    """Names of the result formats: the modules of harnesses/, which are too heavy to import here."""
    modules = {module.stem for module in (Path(__file__).parents[1] / "harnesses").glob("[a-z]*.py")}
    return tuple(sorted({"native", *modules, *(a for a, name in ALIASES.items() if name in modules)}))


def suite_format(suite: str) -> str:
    """The format of a suite that names none."""
    return ALIASES.get(suite, suite) if suite in formats() else "native"


def memory_bytes(value: int | str) -> int:
    """`2g`, `512m`, `1.5g` or a number of bytes, as Docker reads them (k = 1024)."""
    text = str(value).lower().removesuffix("b")
    power = "bkmg".find(text[-1]) if text[-1] in "kmg" else 0
    return int(float(text.rstrip("kmg")) * 1024**power)


def engine_of(docker_command: str) -> str:
    """The engine that the predecessor's `docker_command` means: `sudo /usr/bin/podman` is podman."""
    return re.split(r"[ /]", docker_command)[-1]


def text(value: str | int | float | bool) -> str:
    """An entry of env or image_args as its reader gets it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def meets_barrier(command: str, format_: str) -> bool:
    """Whether a side's own command meets at the barrier when there is one, with no command extra."""
    return format_ == "native" or "duet-probe" in command


_PROBE = re.compile(r"[^\s:=,'\"]*duet-probe-[a-z]+\.jar")


def absent_probe(commands: str) -> str | None:
    """The probe's jar in a host process's command that is made in images only, or None."""
    return next(
        (jar for jar in _PROBE.findall(commands) if not Path(jar).is_absolute() or not os.path.isfile(jar)),
        None,
    )


def command(base: str, run: str) -> str:
    return f"{base.strip()} {run.strip()}".strip()


_AGENT = re.compile(r"(?:^|(?<=\s))-agentpath:\S+\s*")
_BARRIER = re.compile(r"(?:^|(?<=\s))--iteration-barrier(?:=|\s+)\S+\s*")
_JAR = re.compile(r"(?:^|(?<=\s))-jar\s+(\S+)")
_OUTPUT = re.compile(r"(?:^|(?<=\s))-o\s+(\S+)\s*")


def syncduet_command(base: str, run: str, format_: str) -> tuple[str, str | None]:
    """The command of a synchronised duet's side, and a notice where it differs from what is written.

    The predecessor's agent and its barrier option are replaced by our probe. `$$` stands for the
    barrier, as there.
    """
    mended = _BARRIER.sub("", _AGENT.sub("", base)).strip()
    notice = None
    if mended != base.strip():
        mended = _with_probe(mended, format_)
        notice = f"-agentpath and --iteration-barrier are replaced by duetbench's own probe: {mended}"
    return command(mended, run).replace("$$", "$DUET_BARRIER"), notice


def _with_probe(base: str, format_: str) -> str:
    if "duet-probe" in base:
        return base
    if format_ == "renaissance":
        return f"{base} --plugin {RENAISSANCE_PROBE}"
    if format_ != "dacapo":
        return base
    # The probe writes what the patched jars wrote with -o, an option that stock ones do not have.
    output = _OUTPUT.search(base)
    base = _JAR.sub(rf"-cp \1:{DACAPO_PROBE} Harness -c {DACAPO_CALLBACK}", _OUTPUT.sub("", base).strip())
    return f"DUET_RESULTS={output[1]} {base}" if output else base
