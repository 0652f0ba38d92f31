"""Check that the --configfile files of a snakemake command can be read.

Prints one line per error, with its position; Snakemake names neither the file nor the line.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from duet.campaign.check import Faults, read
from duet.commands import Log

CALLED_BY_RULES = True
EXAMPLE = "./duetbench configfiles -- --dry-run --configfile config/renaissance.yml"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="Snakemake's arguments, after --")


def execute(options: argparse.Namespace, log: Log) -> int:
    faults = Faults()
    for file in configuration_files(options.words):
        read(file, faults)
    for line in faults.lines:
        log(f"error: {line}")
    return 1 if faults.lines else 0


def configuration_files(words: Sequence[str]) -> list[Path]:
    """What snakemake takes for configuration files: all words behind the option, up to the next one."""
    files, taking = [], False
    for word in words:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            taking = option in ("--configfile", "--configfiles")
            files += [value] if taking and value else []
        elif taking:
            files.append(word)
    return [Path(file) for file in files]
