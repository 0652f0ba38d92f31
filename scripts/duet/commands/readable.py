"""Whether a command's --configfile files can be read: a line a fault, with its position, and exit code 1."""

import sys
from pathlib import Path

from duet.campaign.check import Faults, read


def files(words: list[str]) -> list[Path]:
    """The words that snakemake takes for configuration files: all behind the option, up to the next one."""
    found, taking = [], False
    for word in words:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            taking = option in ("--configfile", "--configfiles")
            found += [value] if taking and value else []
        elif taking:
            found.append(word)
    return [Path(word) for word in found]


def main() -> int:
    faults = Faults()
    for file in files(sys.argv[1:]):
        read(file, faults)
    for line in faults.lines:
        print(f"error: {line}", file=sys.stderr)
    return 1 if faults.lines else 0
