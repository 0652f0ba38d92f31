"""Bring a campaign's images to other machines: as archives, through a registry, by ssh.

    images save RESULTS DIRECTORY      write those that are on this machine's engine, an archive each
    images load RESULTS DIRECTORY      bring them into this machine's engine
    images push RESULTS [REGISTRY]     send them to a registry, HOST[:PORT][/PATH]
    images pull RESULTS [REGISTRY]     fetch them from there
    images copy RESULTS HOST           send them to another machine's engine of the same kind, by ssh

The registry is by default the campaign's (key `registry`). An image stays what it was, wherever it came from:
nothing is built, and no run is measured again. To load and pull on another machine, it needs results/NAME, or
of it images/*.json and plan/ at least: rsync, scp or a shared file system brings them there.
"""

import argparse
import shlex
from pathlib import Path

from duet.commands import Log, UsageError
from duet.engines.choose import choose_engine
from duet.model import DuetError
from duet.records.layout import Layout

EXAMPLE = "./duetbench images save results/quickstart quickstart-images"
DONE = {"save": "saved", "load": "loaded", "push": "pushed", "pull": "pulled", "copy": "copied"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=tuple(DONE), help="what to do, as above")
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument("where", nargs="?", help="the directory of the archives, the registry, or the host")
    parser.add_argument("--ssh", default="ssh", help="how `copy` reaches the host (ssh), say 'ssh -p 2222'")
    parser.add_argument("--engine", choices=("docker", "podman"), help="default: the first one that is here")


def execute(options: argparse.Namespace, log: Log) -> None:
    engine = options.engine or choose_engine("auto")[0].name
    if engine == "process":
        raise DuetError("there is no engine here that has images", "install docker or podman")
    from duet.images import transfer  # the docker SDK takes 75 ms to import
    from duet.images.store import Store

    layout = Layout(options.results)
    where = options.where
    if where is None and options.what in ("push", "pull"):
        where = transfer.registry_of(layout)
    if where is None:
        what = {"push": "a registry", "pull": "a registry", "copy": "a host"}.get(options.what, "a directory")
        raise UsageError(f"images {options.what}: {what} is to be named")
    store = Store(engine)
    try:
        if options.what in ("save", "load"):
            done = (transfer.save if options.what == "save" else transfer.load)(store, layout, Path(where))
        elif options.what == "copy":
            done = transfer.copy(store, layout, where, shlex.split(options.ssh))
        else:
            done = (transfer.push if options.what == "push" else transfer.pull)(store, layout, where)
        for each in done:
            log(f"{DONE[options.what]} {each}")
    finally:
        store.close()
