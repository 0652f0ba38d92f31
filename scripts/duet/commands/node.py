"""Say which of some engines cannot be used on this machine, a line each; nothing where all can."""

import argparse
import platform

from duet.commands import Log
from duet.engines.inquiry import ask

CALLED_BY_RULES = True
EXAMPLE = "./duetbench node docker"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("engines", nargs="+", choices=("docker", "podman", "process"))


def execute(options: argparse.Namespace, log: Log) -> None:
    for facts in map(ask, options.engines):
        if facts.absent:
            print(f"node {platform.node()}: {facts.absent}; {facts.remedy}", flush=True)
