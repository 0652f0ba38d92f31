"""Remove what killed runs of a campaign left behind: sides still running, half-written run directories."""

import argparse
import shutil
import sys
from pathlib import Path

from duet.engines import EngineError
from duet.engines.choose import choose
from duet.model import DuetError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results/<name>")
    results = parser.parse_args().results.absolute()
    runs: set[str] = set()
    for name in ("docker", "podman", "process"):
        if name == "podman" and not shutil.which("podman"):
            continue  # nor asked to start its service
        try:
            engine, _ = choose(name)
        except EngineError:
            continue  # an engine that is not there runs nothing
        runs.update(engine.remove_leftovers(results))
    for part in results.glob("runs/.*.part"):
        shutil.rmtree(part, ignore_errors=True)
    if runs:
        print(f"removed what killed runs left behind: {', '.join(sorted(runs))}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except DuetError as error:
        sys.exit(f"error: {error}")
