"""Put the runs of several result directories into one campaign's.

    results copy HOST[:DIR]... --into results/NAME     brings them from other machines first, by rsync and ssh
    results merge DIR... --into results/NAME           takes what rsync, scp or a shared disk brought

DIR is results/NAME there: absolute or relative to one's home directory there; by default where it is here.
Modification times and digests stay, so that nothing is measured again. Each run that is copied is intact; one
that is there already is the same one, or nothing is copied at all. Runs that several machines have measured
alike, under the same names, are no campaign: `import: [DIR, DIR]` judges them side by side.
"""

import argparse
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from duet.campaign.lock import hold
from duet.commands import Log
from duet.model import DuetError, file_name
from duet.platform import hosts
from duet.records.files import unwritable
from duet.records.layout import RUN, Layout
from duet.records.provision import ImageIdentity
from duet.records.publication import publish
from duet.records.run import finished, intact

EXAMPLE = "./duetbench results merge from-bench1/mine from-bench2/mine --into results/mine"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("copy", "merge"), help="what to do, as above")
    parser.add_argument("places", nargs="+", metavar="DIR", help="results/<name>, as copied, or HOST[:DIR]")
    parser.add_argument("--ssh", default="ssh", help="how `copy` reaches hosts (ssh), say 'ssh -p 2222'")
    parser.add_argument("--into", required=True, type=Path, metavar="RESULTS", help="results/<name>")


def execute(options: argparse.Namespace, log: Log) -> None:
    """Raises DuetError with nothing copied where runs are damaged or contradict each other."""
    into = Layout(options.into)
    with hold(into):
        if options.what == "copy":
            directories = copies(options.places, into, shlex.split(options.ssh), log)
        else:
            directories = [Path(place) for place in options.places]
        chosen = choose(directories, into)
        for directory in directories:
            identities(Layout(directory), into)
        for name, directory in chosen.items():
            copy(directory, into, name)
            durations(name, directory, into)
        shutil.rmtree(into.copies, ignore_errors=True)
    log(f"{options.into}: {len(chosen)} runs copied, {len(list(finished(into.runs)))} are there")


def copies(places: Sequence[str], into: Layout, ssh: Sequence[str], log: Log) -> list[Path]:
    """What lies on other machines, each in a directory here that stays until it is merged."""
    directories = []
    for place in [hosts.Place.parse(text, into.results) for text in places]:
        directory = into.copies / file_name(str(place))
        hosts.bring(place, directory, into, ssh)
        log(f"copied {place}")
        directories.append(directory)
    return directories


def choose(directories: Sequence[Path], into: Layout) -> dict[str, Path]:
    """Name of each run to copy, and its directory."""
    there = {run.name: path for run, path in finished(into.runs)}
    chosen: dict[str, Path] = {}
    for directory in directories:
        runs = list(finished(Layout(directory).runs))
        if not runs:
            raise DuetError(f"{directory}: no finished runs here", "name results/<name>, with its runs/")
        for run, path in runs:
            if faults := intact(path, digests=True):
                raise DuetError(f"damaged: {faults[0]}", "copy it again; nothing was merged")
            other = there.get(run.name) or chosen.get(run.name)
            if other is None:
                chosen[run.name] = path
            elif (other / RUN).read_bytes() != (path / RUN).read_bytes():
                what = f"{run.name} was measured twice: {other} and {path} differ"
                raise DuetError(
                    what, "keep one of them, or judge both: import: [DIR, DIR]; nothing was merged"
                )
    return chosen


def identities(source: Layout, into: Layout) -> None:
    """Those that are not there; for what is, the campaign's own holds."""
    for path in sorted(source.images.glob("*.json")):
        identity = ImageIdentity.read_sound(path)
        if identity is not None and not into.image_identity(identity.key).exists():
            identity.write(into.image_identity(identity.key))


def copy(directory: Path, into: Layout, name: str) -> None:
    part = into.part(name)
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(directory, part, symlinks=True)  # with modification times
        publish(part, into.run(name))
    except OSError as error:
        raise unwritable(part, error) from None


def durations(name: str, directory: Path, into: Layout) -> None:
    """How long it took, for the estimate of what is left."""
    source = Layout(directory.parents[1]).durations
    lines = source.read_text().splitlines() if source.exists() else []
    if mine := [line for line in lines if line.startswith(f"{name} ")]:
        with into.durations.open("a") as file:
            file.write(f"{mine[-1]}\n")
