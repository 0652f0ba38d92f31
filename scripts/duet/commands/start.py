"""Start Snakemake with the arguments of ./run, once the campaign that they name has no fault.

Prints one line per error, with its position, and exits with 2: Snakemake names neither the file nor the line,
and takes minutes for aliases that multiply. It takes every word behind --configfile for a file; targets among
them are put before it.
"""

import argparse
import contextlib
import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from duet.campaign import load, overrides
from duet.commands import Log
from duet.commands._workflow import PROJECT
from duet.images.identity import arguments as image_arguments
from duet.model import DuetError, printable
from duet.platform import slurm

CALLED_BY_RULES = True
EXAMPLE = "./duetbench start -- --dry-run --configfile config/renaissance.yml"
OPTIONS = ("--configfile", "--configfiles")
PROFILES = PROJECT / "workflow/profiles"
ENDINGS = (".yml", ".yaml", ".json")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="Snakemake's arguments, after --")


def execute(options: argparse.Namespace, log: Log) -> int:
    elsewhere = Path(os.environ.get("DUETBENCH_TYPED_IN", "."))
    words, targets = sorted_out(with_profile(options.words), elsewhere)
    check(words)
    check_executor(words)
    if targets:
        log(f"{', '.join(targets)}: taken as a target; targets stand before --configfile")
    sys.stderr.flush()
    cores = [] if behind(words, "--workflow-profile", "--executor", "-e") else ["--cores", "1"]
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *cores, *targets, *words])


def with_profile(words: Sequence[str]) -> list[str]:
    """The words, a profile of ours that is named after --workflow-profile being its directory."""
    named = behind(words, "--workflow-profile")[:1]
    if not named or named[0] == "none" or Path(named[0]).is_dir():
        return list(words)
    if not (PROFILES / named[0] / "config.yaml").is_file():
        known = ", ".join(sorted(path.parent.name for path in PROFILES.glob("*/config.yaml")))
        raise DuetError(f"--workflow-profile {named[0]}: there is no such profile", f"ours are {known}")
    whole, ours = f"--workflow-profile={named[0]}", str(PROFILES / named[0])
    place = words.index(whole if whole in words else "--workflow-profile")
    return [*words[:place], "--workflow-profile", ours, *words[place + 1 + (whole not in words) :]]


def check_executor(words: Sequence[str]) -> None:
    """Raise DuetError where jobs are to go to a Slurm that is not here."""
    chosen: list[object] = [*behind(words, "--executor", "-e")]
    for profile in behind(words, "--workflow-profile")[:1]:
        with contextlib.suppress(OSError, ValueError, AttributeError, yaml.YAMLError):
            chosen.append(yaml.safe_load((Path(profile) / "config.yaml").read_text()).get("executor"))
    if "slurm" in chosen:
        slurm.check_installed()


def check(words: Sequence[str]) -> None:
    """Raise ConfigError for every fault of the files and of --config, as Snakemake takes them."""
    files, values = configuration_files(words), behind(words, "--config", "-C")
    if faults := [f"{file}: there is no such file{_nearest(file)}" for file in files if not file.exists()]:
        raise load.ConfigError(map(printable, faults))
    if malformed := overrides.malformed(values):
        raise load.ConfigError(malformed)
    here = Path.cwd()
    for directory in behind(words, "--directory", "-d")[:1]:
        if os.path.isdir(directory):  # what --config names is relative to it
            files = [file.absolute() for file in files]
            os.chdir(directory)
    try:
        load.load_campaign(
            files or [PROJECT / "config/quickstart.yml"], overrides.read(values), image_arguments
        )
    finally:
        os.chdir(here)


def behind(words: Sequence[str], *options: str) -> list[str]:
    """All words behind one of the options, up to the next option, and those behind its `=`."""
    values, taking = [], False
    for word in words:
        if word.startswith("-"):
            option, equals, value = word.partition("=")
            taking = option in options
            values += [value] if taking and equals else []
        elif taking:
            values.append(word)
    return values


def sorted_out(words: Sequence[str], elsewhere: Path) -> tuple[list[str], list[str]]:
    """The words without the targets that stand behind --configfile, and these.

    A file that is not here, but in the directory `elsewhere`, is named by its whole path.
    """
    kept: list[str] = []
    targets: list[str] = []
    for word, file, first in _files(words):
        if file is None:
            kept.append(word)
        elif not first and _is_target(file):
            targets.append(word)
        elif not Path(file).exists() and (elsewhere / file).exists():
            kept.append(f"{word.removesuffix(file)}{elsewhere / file}")
        else:
            kept.append(word)
    return kept, targets


def configuration_files(words: Sequence[str]) -> list[Path]:
    """What Snakemake takes for configuration files: all words behind the option, up to the next one."""
    return [Path(file) for _, file, _ in _files(words) if file is not None]


def _files(words: Sequence[str]) -> Iterator[tuple[str, str | None, bool]]:
    """Each word, the configuration file that it names or None, and whether that is its option's first."""
    taking = first = False
    for word in words:
        if word.startswith("-"):
            option, equals, value = word.partition("=")
            taking = first = option in OPTIONS and not equals
            yield word, value if option in OPTIONS and equals else None, True
        else:
            yield word, word if taking else None, first
            first = False


def _is_target(word: str) -> bool:
    """Whether a word behind a configuration file is none itself: a result, or no file nor called like one."""
    return Path(word).parts[:1] == ("results",) or not (Path(word).exists() or word.endswith(ENDINGS))


def _nearest(file: Path) -> str:
    """` (did you mean …?)` where the file's directory, or config/, has one that is called alike."""
    there = [path for folder in (file.parent, Path("config")) for path in sorted(folder.glob("*.y*ml"))]
    names = {path.name: str(path) for path in reversed(there)}
    close = difflib.get_close_matches(file.name, names, 1)
    return f" (did you mean {names[close[0]]}?)" if close else ""
