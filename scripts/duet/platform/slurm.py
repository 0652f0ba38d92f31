"""Slurm, as far as a campaign's own call must know it: its queue and its nodes, by Slurm's own commands.

Submitting, watching and cancelling jobs is done by Snakemake's executor plugin.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from duet.model import DuetError, digest

PLUGIN = "snakemake_executor_plugin_slurm"
PATIENCE_S = 60
"""For jobs that were cancelled to end, and for what Slurm's commands answer."""
LOOK_S = 0.5
MANY = 10
"""Names that a line shows."""


class SlurmError(DuetError):
    """There is no Slurm here, or it does not answer."""


def check_installed() -> None:
    """Raise SlurmError where the plugin or Slurm itself is missing."""
    if importlib.util.find_spec(PLUGIN) is None:
        remedy = "pip install -r requirements-platform.txt, into the environment that runs this (.venv)"
        raise SlurmError("executor slurm: Snakemake's plugin for it is not installed", remedy)
    if shutil.which("sbatch") is None:
        remedy = "start where jobs are submitted (the login node), or leave the profile out"
        raise SlurmError("executor slurm: there is no sbatch on this machine", remedy)


def job_prefix(results: str) -> str:
    """How the names of all jobs of a campaign begin, which lies in `results`: an absolute path."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(results).name)[:24]
    return f"duetbench-{name}-{digest([results])[:8]}"


def end_jobs(prefix: str) -> list[str]:
    """Cancel this user's jobs whose names begin like that, and wait until they have ended; their ids.

    Raises SlurmError where they do not, or Slurm does not answer.
    """
    jobs = _jobs(prefix)
    if not jobs:
        return []
    _ask("scancel", *jobs)
    until = time.monotonic() + PATIENCE_S
    while left := _jobs(prefix):
        if time.monotonic() > until:
            what = f"cancelled jobs of this campaign do not end: {', '.join(left)}"
            raise SlurmError(what, "if their node is dead: scontrol update nodename=NODE state=down reason=…")
        time.sleep(LOOK_S)
    return jobs


def _jobs(prefix: str) -> list[str]:
    lines = _ask("squeue", "--me", "--noheader", "--format=%i %j").splitlines()
    return [job for job, _, name in (line.partition(" ") for line in lines) if name.startswith(f"{prefix}_")]


def faults_of_nodes(engines: Sequence[str], entry: Path) -> list[str]:
    """A line for each idle node of the default partition on which one of the engines cannot be used.

    `entry`: duetbench.py. Nodes that are busy, or that do not answer at once, are not asked: their first
    run says the same.
    """
    if not engines:
        return []
    lines = _ask("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N %P").splitlines()
    nodes = sorted({line.partition(" ")[0] for line in lines if line.endswith("*")})
    if not nodes:
        return []
    command = ["srun", "--job-name=duetbench-node", "--immediate=10", f"--nodelist={','.join(nodes)}"]
    command += [f"--nodes={len(nodes)}", f"--ntasks={len(nodes)}", "--ntasks-per-node=1"]
    command += [sys.executable, str(entry), "node", *engines]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return []
    return sorted({line for line in done.stdout.splitlines() if line})


def faults_of_names(nodes: Iterable[str]) -> list[str]:
    """A line for each of these nodes that Slurm does not have or that takes no jobs, which would wait."""
    wanted = sorted(set(nodes))
    if not wanted:
        return []
    lines = _ask("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
    states = dict(line.split(maxsplit=1) for line in lines)
    faults = []
    for node in wanted:
        state = states.get(node)
        if state is None:
            known = ", ".join(sorted(states)[:MANY]) + (", …" if len(states) > MANY else "")
            faults.append(f"node {node}: Slurm has none of that name; accepted: {known}")
        elif state.startswith(("down", "drain", "fail", "unknown")) or state.endswith("*"):
            faults.append(f"node {node}: is {state}, and runs belong to it; see `scontrol show node {node}`")
    return faults


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        fault = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        fault = [str(error)]
    if fault:
        raise SlurmError(f"{command[0]}: {fault[0]}", "see to it that Slurm answers here: sinfo")
    return done.stdout
