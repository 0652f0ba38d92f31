#!/usr/bin/env python3
"""Measure two versions of a program at the same time, and judge them.

One entry to every subcommand. Rules and people call the same; ./duetbench makes the environment first.
"""

import argparse
import ast
import contextlib
import difflib
import importlib
import re
import sys
import textwrap
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from duet import commands
from duet.model import DuetError

USAGE = 64
"""Exit code of wrong arguments (sysexits.h); argparse's 2 would be an answer of `gate`."""
COLUMNS = 80
"""Of a screen, for the help."""
INTERRUPTED = 130
"""As a shell has it after Ctrl-C."""


class Parser(argparse.ArgumentParser):
    """Wrong arguments are one line and USAGE; options are not abbreviated, since others look for them."""

    def __init__(self, prog: str, description: str, epilog: str):
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, None, description, epilog, formatter_class=layout, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"error: {message} (see {self.prog} --help)\n")


@dataclass(frozen=True)
class Subcommand:
    """What --help lists, read without importing: some subcommands take a second to import."""

    name: str
    line: str
    called_by_rules: bool


def subcommands() -> list[Subcommand]:
    """Every module of duet.commands, by name."""
    files = sorted(path for folder in commands.__path__ for path in Path(folder).glob("[!_]*.py"))
    return [_subcommand(file) for file in files]


def _subcommand(file: Path) -> Subcommand:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {ast.unparse(t) for node in tree.body if isinstance(node, ast.Assign) for t in node.targets}
    line = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Subcommand(file.stem.replace("_", "-"), line, "CALLED_BY_RULES" in names)


def overview() -> str:
    """The help of `duetbench` itself: one screen."""
    listed = subcommands()
    by_hand = [each for each in listed if not each.called_by_rules]
    by_rules = ", ".join(each.name for each in listed if each.called_by_rules)
    wide = max(len(each.name) for each in by_hand)
    lines = ["usage: duetbench SUBCOMMAND ...", "", (__doc__ or "").partition("\n")[0]]
    lines += ["", *(f"  {each.name:{wide}}  {_brief(each.line, COLUMNS - wide - 4)}" for each in by_hand)]
    lines += ["", *textwrap.wrap(f"Called by the workflow's rules: {by_rules}.", COLUMNS), ""]
    lines += ["Each has its own help, with an example: duetbench SUBCOMMAND --help"]
    return "\n".join([*lines, "A campaign is measured by ./run (./run --help)."])


def _brief(sentence: str, most: int) -> str:
    """As many of the sentence's parts as fit."""
    sentence = sentence.removesuffix(".")
    ends = [match.start() for match in re.finditer(r"[,:;]", sentence)]
    fitting = [end for end in (*ends, len(sentence)) if end <= most]
    return sentence[: max(fitting)] if fitting else textwrap.shorten(sentence, most, placeholder=" …")


def main(words: Sequence[str]) -> int:
    if not words:
        return _wrong("no subcommand")
    name, *rest = words
    if name in ("-h", "--help"):
        print(overview())
        return 0
    names = [each.name for each in subcommands()]
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        return _wrong(f"there is no subcommand {name}" + (f" (did you mean {close[0]}?)" if close else ""))
    return call(name, rest)


def call(name: str, words: Sequence[str]) -> int:
    """The subcommand's exit code."""
    command = importlib.import_module(f"duet.commands.{name.replace('-', '_')}")
    fault = getattr(command, "FAULT", 1)
    parser = Parser(f"duetbench {name}", command.__doc__ or "", f"example:\n  {command.EXAMPLE}")
    command.arguments(parser)
    parser.add_argument("--log", type=Path, metavar="FILE", help="write messages to this file, too")
    options = parser.parse_args(words)
    log = commands.Log()
    try:
        log = commands.Log(options.log)
        with _phase(command, options):
            return command.execute(options, log) or 0
    except commands.UsageError as error:
        parser.error(str(error))
    except DuetError as error:
        for line in str(error).splitlines():
            log(f"error: {line}")
        return error.exit_code or fault
    except OSError as error:
        log(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}")
        return fault
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        # Not foreseen, so a traceback, in the log too; but Python's own exit code is an answer of `gate`.
        log(traceback.format_exc().rstrip())
        return fault


def _phase(command: ModuleType, options: argparse.Namespace) -> contextlib.AbstractContextManager:
    what = getattr(command, "PHASE", None)
    if what is None:
        return contextlib.nullcontext()
    from duet.measure.phase import Phase

    return Phase(what.format(**vars(options)))


def _wrong(what: str) -> int:
    print(f"error: {what} (see duetbench --help)", file=sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
