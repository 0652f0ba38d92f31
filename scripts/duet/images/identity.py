"""Images: what they are made of, and the hash of that. Knows no engine; provide.py does.

`images/NAME/` with a Dockerfile is an image of ours; NAME may have folders, `fhe/seal`. It may
stand on others of ours, by `FROM other` or `COPY --from=other`; what it names beside those is external:
taken from the engine, else pulled. Its identity is a SHA-256 of what it is made of; at the bottom stands the
content of the external images (RootFS.Layers). Image ids are recorded, never compared.

Limits: directories without files are not part of a context, and nothing but the executable bit
of a file's mode is.
"""

import fnmatch
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from duet.images import dockerfile
from duet.model import DuetError, ImageRef, digest

IMAGES = Path(__file__).resolve().parents[3] / "images"
"""The project's images."""

BASE_ARGUMENT = "BASE_IMAGE"
"""The ARG that receives the campaign's base image."""

_LEFT_OUT = ("Dockerfile", ".dockerignore")


class ImageError(DuetError):
    """An image's folder is wrong: a cycle, an unknown argument, a file that is missing."""


@dataclass(frozen=True)
class Recipe:
    """An image of ours, all its arguments filled in."""

    name: str
    """Its folder below images/, with `/` where that lies in another."""
    folder: Path
    args: tuple[tuple[str, str], ...]
    ours: tuple["Recipe", ...]
    """What it stands on: images of ours …"""
    external: tuple[str, ...]
    """… and others."""

    def all(self) -> tuple["Recipe", ...]:
        """It and everything of ours below it, prerequisites first, each once."""
        below = (recipe for parent in self.ours for recipe in parent.all())
        return tuple(dict.fromkeys((*below, self)))

    def within(self, upper: "Recipe") -> bool:
        """Whether it is `upper`, or lies in its folder: then it is given the upper one's source, too."""
        return self.folder.is_relative_to(upper.folder)


def is_ours(name: str, images_dir: Path) -> bool:
    plain = ":" not in name and not {"", ".", ".."} & set(name.split("/"))
    return plain and (images_dir / name / "Dockerfile").is_file()


def recipe(name: str, images_dir: Path, args: Mapping[str, str], base_image: str) -> Recipe:
    """The image `images_dir/name` and all of ours below it.

    An argument goes to every one of them that declares it. Raises ImageError for an argument
    that none declares, for a cycle, and for a Dockerfile that is not there.
    """
    declared: set[str] = set()
    made = _recipe(name, images_dir, args, base_image, (), declared)
    for unknown in sorted(set(args) - declared):
        raise ImageError(
            f"images/{name}/Dockerfile: no ARG {unknown}",
            f"image_args accepts {', '.join(sorted(declared)) or 'nothing here'}",
        )
    return made


def arguments(name: str, args: Mapping[str, str], images_dir: Path = IMAGES) -> frozenset[str] | None:
    """Every ARG that the image `images_dir/name` and those of ours below it declare.

    None where there is no such image, or its Dockerfile is wrong, which making it says.
    """
    if not is_ours(name, images_dir):
        return None
    declared: set[str] = set()
    try:
        _recipe(name, images_dir, args, "scratch", (), declared)
    except ImageError:
        return None
    return frozenset(declared)


def _recipe(
    name: str,
    images_dir: Path,
    args: Mapping[str, str],
    base_image: str,
    above: tuple[str, ...],
    declared: set[str],
) -> Recipe:
    if name in above:
        raise ImageError(f"images/{name}/Dockerfile: depends on itself: {' -> '.join((*above, name))}")
    folder = images_dir / name
    given = {BASE_ARGUMENT: base_image} | dict(args)
    read = dockerfile.read(dockerfile_text(folder), given)
    declared |= read.arguments
    if "" in read.images:
        raise ImageError(f"images/{name}/Dockerfile: a FROM line names no image", "give its ARG a default")
    ours = [n for n in read.images if is_ours(n, images_dir)]
    return Recipe(
        name,
        folder,
        tuple(sorted((k, v) for k, v in given.items() if k in read.arguments)),
        tuple(_recipe(n, images_dir, args, base_image, (*above, name), declared) for n in ours),
        tuple(n for n in read.images if n not in ours),
    )


def dockerfile_text(folder: Path) -> str:
    """Its Dockerfile. Raises ImageError."""
    try:
        return (folder / "Dockerfile").read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{folder}/Dockerfile cannot be read: {error}") from error


def context(folder: Path) -> tuple[str, ...]:
    """Names of the files and links that are sent to the build, without the Dockerfile; sorted, with `/`."""
    ignore = folder / ".dockerignore"
    leaves_out = dockerfile.ignored(ignore.read_text() if ignore.is_file() else "")
    names = []
    for parent, folders, files in os.walk(folder):
        links = [f for f in folders if os.path.islink(os.path.join(parent, f))]
        for file in files + links:
            name = Path(parent, file).relative_to(folder).as_posix()
            if name not in _LEFT_OUT and not leaves_out(name):
                names.append(name)
    return tuple(sorted(names))


def context_hash(
    folder: Path, args: Mapping[str, str], source_digest: str | None, parents: Mapping[str, str]
) -> str:
    """Identity of an image: SHA-256 over all that its build is given.

    `args`: the build arguments that it declares; `source_digest`: SHA-256 of the file that is
    put into the context; `parents`: content hash of every image that it names.
    """
    files = []
    for name in context(folder):
        path = folder / name
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            files.append([name, "link", os.readlink(path)])
        else:
            files.append([name, "x" if mode & stat.S_IXUSR else "-", file_digest(path)])
    return digest([dockerfile_text(folder), files, dict(args), source_digest, dict(parents)])


def file_digest(path: Path) -> str:
    """SHA-256 of a file; read again only when its size or time has changed."""
    status = path.stat()
    return _file_digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _file_digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lacking(ref: ImageRef, images_dir: Path = IMAGES) -> str | None:
    """The first file that the image's Dockerfile copies and nobody brings, such as a suite's jar; or None."""
    if not is_ours(ref.name, images_dir):
        return None
    folder = images_dir / ref.name
    there = [*context(folder), *([ref.source.file] if ref.source else [])]
    for pattern in dockerfile.copied(dockerfile_text(folder)):
        if not any(fnmatch.fnmatch(name, pattern) or name.startswith(f"{pattern}/") for name in there):
            return pattern
    return None


def plan_hash(
    ref: ImageRef,
    base_image: str,
    known: Mapping[str, str],
    source_digest: str | None = None,
    images_dir: Path = IMAGES,
) -> str | None:
    """The hash an image will have, without asking an engine; None while that cannot be known.

    `known`: content of external images; `source_digest`: SHA-256 of the file that `ref.source` names.
    """
    if not is_ours(ref.name, images_dir):
        return known.get(ref.name)
    if ref.source is not None and source_digest is None:
        return None
    made = recipe(ref.name, images_dir, dict(ref.args), base_image)
    return hashes(made, known, source_digest).get(made)


def hashes(made: Recipe, known: Mapping[str, str], source_digest: str | None) -> dict[Recipe, str]:
    """Hash of a recipe and of each below it, as far as the content of external images is known."""
    hash_of: dict[Recipe, str] = {}
    for each in made.all():
        parents = {p.name: hash_of.get(p) for p in each.ours} | {e: known.get(e) for e in each.external}
        content = {name: known_hash for name, known_hash in parents.items() if known_hash is not None}
        if len(content) == len(parents):
            own_source = source_digest if each.within(made) else None
            hash_of[each] = context_hash(each.folder, dict(each.args), own_source, content)
    return hash_of


def files(ref: ImageRef, base_image: str, images_dir: Path = IMAGES) -> list[Path]:
    """Every file that an image is made of, also by its prerequisites; its own source, too."""
    source = [ref.source.own] if ref.source and ref.source.own else []
    if not is_ours(ref.name, images_dir):
        return source
    return source + [
        each.folder / name
        for each in recipe(ref.name, images_dir, dict(ref.args), base_image).all()
        for name in (*(n for n in _LEFT_OUT if (each.folder / n).is_file()), *context(each.folder))
    ]


def process_files(ref: ImageRef, base_image: str, images_dir: Path = IMAGES) -> list[Path]:
    """What a `process` side finds in its working directory, beside the image's source.

    The files at the top of the image's folder and of the folders of its prerequisites; where two
    have the same name, the upper image's.
    """
    if not is_ours(ref.name, images_dir):
        return []
    by_name: dict[str, Path] = {}
    for each in recipe(ref.name, images_dir, dict(ref.args), base_image).all():
        top = (each.folder / name for name in context(each.folder) if "/" not in name)
        by_name.update((path.name, path) for path in top if path.is_file())
    return list(by_name.values())


def process_hash(files: Sequence[Path], source_digest: str | None) -> str:
    """Identity of what a `process` side gets of an image: the files' names, executable bits and content."""
    entries = [[p.name, "x" if p.stat().st_mode & stat.S_IXUSR else "-", file_digest(p)] for p in files]
    return digest([sorted(entries), source_digest])
