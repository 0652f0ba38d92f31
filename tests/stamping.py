"""Where a test may make a rendezvous."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from duet.measure import rendezvous


@contextmanager
def stamping(near: Path) -> Iterator[Path]:
    """`near`; or, where its file system does not stamp FIFOs (overlayfs, in containers), one elsewhere."""
    place, _ = rendezvous.place(near)
    if place == near:
        yield near
        return
    with TemporaryDirectory(dir=place) as made:
        yield Path(made)
