"""What to do where a side ran and left no times: the line that has duet-loop repeat and time its command."""

import re
import shlex

import yaml

from duet.model import Side

NATIVE = "native"
"""The harness of programs that have none of their own."""
LOOP = "duet-loop"
_SHELL_SIGNS = re.compile(r"[|&;<>()`\n$#*?~=]")


def to_be_timed(side: Side, harness: str, engine: str, result: str) -> str:
    """The remedy for a side that left no `result`; empty where another one is to be thought of."""
    if harness != NATIVE or LOOP in side.run or not result.endswith(".csv"):
        return ""
    command = f"sh -c {shlex.quote(side.run)}" if _SHELL_SIGNS.search(side.run) else side.run
    line = yaml.safe_dump({"run": f"./{LOOP} --seconds 10 -- {command}"}, width=10**6).strip()
    if side.image is None and engine == "process":
        needed = "image: probes and "
    else:
        image = side.image.name if side.image else "the image"
        needed = f"COPY --from=probes /probes/{LOOP} ./ in the Dockerfile of {image}, and "
    return f"the command has to write it, or {LOOP} repeats and times it: {needed}{line}"
