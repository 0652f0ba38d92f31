"""A campaign's results in S3, under a time stamp, and back.

    <destination>/YYYYMMDD_HHMMSS/manifest.json        what belongs to it; sent last: else nothing is there
                                 /<suite>/<benchmark>.csv, <suite>/verdicts.csv
                                 /report.html, verdicts.csv, summary.md, …
                                 /plot/                 every figure as PDF, PNG and SVG
                                 /plot/data/, plot/draw.sh   what they were drawn from, and by what
                                 /runs/<run>/, plan/    as in results/<name>: what `import` reads

A publication is never changed: other results are another one. What was sent before the connection broke is
not sent again.
"""

import csv
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from duet.model import DuetError, file_name
from duet.platform.storage import Storage, sha256
from duet.records.files import read_lines
from duet.records.layout import RUN, Layout
from duet.records.manifest import MANIFEST, STAMP, Manifest, Publication, Publications, PublishedFile

AT_ONCE = 8
"""Requests: small files wait for the answer, not for the line."""

Say = Callable[[str], None]

PAGES = (
    *("report.html", "summary.md", "index.md", "provenance.html", "verdicts.csv", "verdicts.json"),
    *("environments.csv", "comparison.csv", "doctor.json"),
)
DRAWN_FROM = ("iterations.parquet", "pairs.parquet", "effects.parquet", "verdicts.csv", "comparison.csv")
DRAW = """#!/bin/sh
# Draws these figures again: sh draw.sh DUETBENCH, the directory of duetbench; they go to ./drawn/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "$1/duetbench" figures all --table "$here/data/iterations.parquet" --pairs "$here/data/pairs.parquet" \\
    --effects "$here/data/effects.parquet" --verdicts "$here/data/verdicts.csv" \\
    --comparison "$here/data/comparison.csv" --analysis "$here/data/analysis.json" \\
    --planned "$here/data/runs.txt" --runs "$here/../runs" --out drawn
"""


def publish(layout: Layout, destination: str, storage: Storage, say: Say) -> Publication:
    """Have the campaign's results at the destination; the publication that has them, old or new.

    Raises DuetError; then nothing is visible, and the next call goes on.
    """
    state = Publications.read(layout.publications) if layout.publications.exists() else Publications()
    with tempfile.TemporaryDirectory(prefix="duetbench-") as scratch:
        paths = dict(sorted(contents(layout, Path(scratch)).items()))
        files = _recorded(paths)
        known = state.last(destination)
        manifest = _manifest(layout, files, known.stamp if known and not known.complete else "")
        if known and known.complete and known.content == manifest.content and _is_there(storage, known):
            say(f"{known.address}: has these results already; nothing is sent")
            return known
        stamp = manifest.stamp or _free_stamp(storage)
        manifest = _manifest(layout, files, stamp)
        begun = Publication(destination=destination, stamp=stamp, content=manifest.content, complete=False)
        state.having(begun).write(layout.publications)
        _send(storage.below(stamp), paths, manifest, say)
        storage.below(stamp).write(MANIFEST, manifest.text().encode())
    done = Publication(destination=destination, stamp=stamp, content=manifest.content, complete=True)
    state.having(done).write(layout.publications)
    say(f"{done.address}: {len(manifest.files)} files, {manifest.size_bytes / 1e6:.1f} MB")
    return done


def contents(layout: Layout, scratch: Path) -> dict[str, Path]:
    """Name in the publication -> file; what has to be made for it lies in `scratch`."""
    found = {name: path for name in PAGES if (path := layout.results / name).is_file()}
    found |= {f"plot/{path.name}": path for path in _figures(layout)}
    sources = [layout.results / name for name in DRAWN_FROM]
    sources += [layout.analysis_plan, layout.planned_runs]
    found |= {f"plot/data/{path.name}": path for path in sources if path.is_file()}
    methods = sorted((layout.results / "methods").glob("*.csv"))
    found |= {f"plot/data/methods/{path.name}": path for path in methods}
    if _figures(layout):
        (scratch / "draw.sh").write_text(DRAW)
        found["plot/draw.sh"] = scratch / "draw.sh"
    plans = [path for path in sorted(layout.plan.glob("*")) if path.is_file()]
    found |= {f"plan/{path.name}": path for path in plans if path != layout.due}  # that is of a call
    found |= dict(_below_runs(layout))
    if layout.table_csv.is_file():
        found |= _by_suite(layout.table_csv, scratch / "tables", "benchmark")
    if layout.verdicts.is_file():
        found |= _by_suite(layout.verdicts, scratch / "verdicts", "")
    if not found:
        raise DuetError(f"{layout.results}: has no results", "name results/<name> of a campaign")
    return found


def _figures(layout: Layout) -> list[Path]:
    return [p for p in sorted(layout.figures.glob("*")) if p.suffix in (".pdf", ".png", ".svg")]


def _below_runs(layout: Layout) -> Iterator[tuple[str, Path]]:
    """Files of runs that are in their places. A link is no file: nobody knows where it leads."""
    for path in sorted(layout.runs.rglob("*")):
        name = path.relative_to(layout.results).as_posix()
        hidden = path.relative_to(layout.runs).parts[0].startswith(".")
        if not hidden and path.is_file() and not path.is_symlink() and name.isprintable():
            yield name, path


def _by_suite(table: Path, folder: Path, column: str) -> dict[str, Path]:
    """<suite>/<benchmark>.csv of a table in CSV, or <suite>/verdicts.csv; every row as it stands there."""
    made: dict[str, Path] = {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        places = [header.index(each) for each in ("suite", column) if each]
        # Rows of a benchmark stand together, so that few files are opened twice and one at a time.
        for (suite, *inner), of_it in itertools.groupby(rows, lambda row: [row[place] for place in places]):
            name = f"{file_name(suite)}/{file_name(inner[0]) if inner else table.stem}.csv"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", newline="", encoding="utf-8") as to:
                writer = csv.writer(to, lineterminator="\n")
                if name not in made:
                    writer.writerow(header)
                writer.writerows(of_it)
            made[name] = path
    return made


def _recorded(paths: Mapping[str, Path]) -> tuple[PublishedFile, ...]:
    return tuple(PublishedFile(name, path.stat().st_size, sha256(path)) for name, path in paths.items())


def _manifest(layout: Layout, files: tuple[PublishedFile, ...], stamp: str) -> Manifest:
    planned = read_lines(layout.planned_runs) if layout.planned_runs.exists() else []
    finished = sum(file.name.startswith("runs/") and file.name.endswith(f"/{RUN}") for file in files)
    name = layout.results.absolute().name
    return Manifest(
        campaign=name, stamp=stamp, planned_runs=len(planned), finished_runs=finished, files=files
    )


def _is_there(storage: Storage, known: Publication) -> bool:
    return storage.below(known.stamp).read(MANIFEST) is not None


def _free_stamp(storage: Storage) -> str:
    """Now, or as many seconds later as others have published something at this time."""
    taken, seconds = set(storage.folders()), time.time()
    while (stamp := time.strftime("%Y%m%d_%H%M%S", time.gmtime(seconds))) in taken:
        seconds += 1
    return stamp


def _send(storage: Storage, paths: Mapping[str, Path], manifest: Manifest, say: Say) -> None:
    storage.abort_halves()
    there = storage.sizes()
    if there:
        say(f"{storage.place}: goes on; {len(there)} files were sent before")

    def send(file: PublishedFile) -> None:
        if there.get(file.name) != file.size_bytes or not storage.has(file):
            storage.send(paths[file.name], file)

    _each(send, manifest.files)


def _each(do: Callable[[PublishedFile], None], files: Iterable[PublishedFile]) -> None:
    """For all files, several at once. At the first error no further one is begun."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(do, file) for file in files]
        try:
            for each in begun:
                each.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


# And back


def manifest(storage: Storage) -> Manifest:
    """What a publication has in it. Raises DuetError, which names the publications that there are."""
    text = storage.read(MANIFEST)
    if text is None:
        stamps = sorted(name for name in storage.folders() if STAMP.fullmatch(name))
        remedy = (
            f"add one of its time stamps: {', '.join(stamps[-3:])}" if stamps else "see what was published"
        )
        raise DuetError(f"{storage.place}: nothing was published there", remedy)
    return Manifest.of(text, f"{storage.place}/{MANIFEST}")


def bring(storage: Storage, folder: Path, say: Say) -> Manifest:
    """Bring a publication to `folder`, its manifest last; what is there and right is not brought again."""
    found = manifest(storage)

    def brought(file: PublishedFile) -> None:
        path = folder / file.name
        if not (path.is_file() and path.stat().st_size == file.size_bytes and sha256(path) == file.sha256):
            storage.bring(file, path)

    _each(brought, found.files)
    found.write(folder / MANIFEST)
    say(f"{storage.place}: {len(found.files)} files, {found.size_bytes / 1e6:.1f} MB, in {folder}")
    return found
