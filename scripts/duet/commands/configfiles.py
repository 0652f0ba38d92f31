"""Check the campaign that a snakemake command names, before Snakemake reads it.

Prints one line per error, with its position, and exits with 2. Snakemake itself names neither file nor line
of what is no YAML, and takes minutes for aliases that multiply.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from duet.campaign import load, overrides
from duet.commands import Log
from duet.commands._workflow import PROJECT
from duet.images.identity import arguments as image_arguments

CALLED_BY_RULES = True
EXAMPLE = "./duetbench configfiles -- --dry-run --configfile config/renaissance.yml"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="Snakemake's arguments, after --")


def execute(options: argparse.Namespace, log: Log) -> None:
    files = [Path(word) for word in behind(options.words, "--configfile", "--configfiles")]
    given = behind(options.words, "--config", "-C")
    if faults := overrides.malformed(given):
        raise load.ConfigError(faults)
    for directory in behind(options.words, "--directory", "-d")[:1]:
        if os.path.isdir(directory):  # what --config names is relative to it
            files = [file.absolute() for file in files]
            os.chdir(directory)
    load.load_campaign(files or [PROJECT / "config/quickstart.yml"], overrides.read(given), image_arguments)


def behind(words: Sequence[str], *options: str) -> list[str]:
    """All words behind an option, up to the next one, as Snakemake takes them; and those behind its `=`."""
    found, taking = [], False
    for word in words:
        if word.startswith("-"):
            option, equals, value = word.partition("=")
            taking = option in options
            found += [value] if taking and equals else []
        elif taking:
            found.append(word)
    return found
