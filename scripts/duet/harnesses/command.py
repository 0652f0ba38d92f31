"""command: nothing but a command line, which duet-loop repeats and stamps (native CSV).

The command of a campaign (`run_base` and `run`) is handed to a shell by duet-loop, once an iteration,
the shell's start included; `DUET_LOOP` in `env` says how often or how long (`--iterations 20`, `--batch
10`, …; five seconds without it). duet-loop must be in the working directory: image `command` puts it
into any other one. Both sides meet at the barrier where there is one.
"""

from __future__ import annotations

import shlex

from duet.harnesses import Harness, native


def loop(command: str) -> str:
    """The command that repeats a command."""
    return f"./duet-loop ${{DUET_LOOP:---seconds 5}} -- sh -c {shlex.quote(command)}"


HARNESS = Harness(name="command", parse=native.parse, meets_barrier=True, around=loop)
