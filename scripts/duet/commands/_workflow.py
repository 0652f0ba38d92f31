"""A campaign measured by the workflow, for subcommands that write its file."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def run(file: Path, target: Path, environment: Mapping[str, str] | None = None) -> int:
    """Make `target` of the campaign `file`; Snakemake's exit code.

    The workflow builds images, goes on where it was and tells how long it will take, on standard error:
    standard output is for the answer. At Ctrl-C, which reaches it too, it ends its sides first; then
    KeyboardInterrupt.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "workflow/Snakefile")]
    command += ["--workflow-profile", str(PROJECT / "workflow/profiles/default"), "--cores", "1"]
    command += [str(target), "--configfile", str(file)]
    run = "./run" if Path.cwd() == PROJECT else str(PROJECT / "run")  # for what is said to be typed next
    environment = os.environ | {"DUETBENCH_COMMAND": run} | dict(environment or {})
    workflow = subprocess.Popen(command, stdout=sys.stderr, env=environment)
    try:
        return workflow.wait()
    except KeyboardInterrupt:
        while workflow.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):
                workflow.wait()
        raise
