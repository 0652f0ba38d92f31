#!/usr/bin/env python3
"""One entry for every subcommand: python scripts/duetbench.py SUBCOMMAND …"""

import importlib
import pkgutil
import sys

from duet import commands
from duet.model import DuetError


def main() -> int:
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: duetbench.py {{{','.join(names)}}} …", file=sys.stderr)
        return 64
    name = sys.argv.pop(1)
    sys.argv[0] = f"{sys.argv[0]} {name}"
    try:
        return importlib.import_module(f"duet.commands.{name}").main() or 0
    except DuetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
