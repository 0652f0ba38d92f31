"""Revisions of a git repository: which commit one is, and its files, written somewhere else.

A revision is whatever git understands (`main`, `HEAD~2`, a tag, a commit), or `.`: the working tree as it
is. A working tree without changes is its commit; one with changes is known by its content, files that git
does not ignore included. Nothing is ever written to the repository: what git makes of a working tree lies in
a temporary directory.
"""

import difflib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duet.model import DuetError

WORKING_TREE = "."
OWN = ("results", ".snakemake")
"""What this tool writes to the directory where it works: no part of a working tree."""


class RevisionError(DuetError):
    """No repository, no such revision, or files of it that cannot be had."""


@dataclass(frozen=True)
class Revision:
    repository: Path
    """Its top directory."""
    commit: str
    """The whole hash of the commit that it is, or that the changes of a working tree come on top of."""
    content: str
    """What tells it from others: the commit's hash, or that of the changed working tree."""
    left_out: tuple[str, ...] = ()
    """Of a changed working tree, paths in it that are no part of it."""


def top(folder: Path) -> Path:
    """The top directory of the repository that a folder lies in. Raises RevisionError."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    except RevisionError as error:
        if "not a git repository" in error.what:
            remedy = "name one by `repository`, or make it one by `git init`"
            raise RevisionError(f"{folder.absolute()} lies in no git repository", remedy) from None
        raise


@functools.cache
def resolve(folder: Path, name: str, without: tuple[Path, ...] = ()) -> Revision:
    """The revision `name` of the repository that a folder lies in. Raises RevisionError.

    `without`: files (absolute) that are no part of a changed working tree, such as the campaign's.
    """
    repository = top(folder)
    if name != WORKING_TREE:
        commit = _commit(repository, name)
        return Revision(repository, commit, commit)
    commit = _commit(repository, "HEAD")
    own = (*(Path.cwd() / each for each in OWN), *without)
    places = (Path(os.path.realpath(path)) for path in own)
    left_out = {p.relative_to(repository).as_posix() for p in places if p.is_relative_to(repository)}
    with tempfile.TemporaryDirectory(prefix="duetbench-") as scratch:
        tree = _tree(repository, sorted(left_out), Path(scratch))
    clean = tree == _git(repository, "rev-parse", f"{commit}^{{tree}}").strip()
    return Revision(repository, commit, commit if clean else tree, tuple(sorted(left_out)))


def has(folder: Path, commit: str, path: str) -> bool:
    """Whether a commit, which is there, has a file of that path from the top. Raises RevisionError."""
    return bool(_git(top(folder), "ls-tree", "--name-only", "--full-tree", commit, "--", path).strip())


def merge_base(folder: Path, one: str, other: str) -> str:
    """The commit that two revisions have in common. Raises RevisionError."""
    repository = top(folder)
    commits = [_commit(repository, name) for name in (one, other)]
    try:
        return _git(repository, "merge-base", *commits).strip()
    except RevisionError:
        what = f"{one} and {other} have no commit in common"
        raise RevisionError(what, "name the two by .. instead of ..." + _shallow(repository)) from None


def write_files(revision: Revision, to: Path) -> None:
    """Write the files of a revision to a directory, which is there and empty; submodules' too.

    There is no `.git` among them. Raises RevisionError, also where a working tree has changed since.
    """
    changed = revision.content != revision.commit
    with tempfile.TemporaryDirectory(prefix="duetbench-") as scratch:
        env = {}
        if changed:
            tree = _tree(revision.repository, revision.left_out, Path(scratch))
            if tree != revision.content:
                what = f"{revision.repository}: its files have changed since the campaign was started"
                raise RevisionError(what, "start again")
            env = _aside(revision.repository, Path(scratch))
        _write(revision.repository, revision.content, to, env | {"GIT_INDEX_FILE": f"{scratch}/written"})


def _write(repository: Path, content: str, to: Path, env: Mapping[str, str]) -> None:
    _git(repository, "read-tree", content, env=env)
    _git(repository, "checkout-index", "--all", "--force", f"--prefix={to.absolute()}/", env=env)
    for entry in _git(repository, "ls-files", "--stage", "-z", env=env).split("\0"):
        facts, _, path = entry.partition("\t")
        if facts.startswith("160000 "):
            if not (repository / path / ".git").exists():
                remedy = f"git -C {repository} submodule update --init"
                raise RevisionError(f"{repository}: the submodule {path} is not there", remedy)
            with tempfile.TemporaryDirectory(prefix="duetbench-") as scratch:
                (to / path).mkdir(parents=True, exist_ok=True)
                own = {"GIT_INDEX_FILE": f"{scratch}/written"}
                _write(repository / path, facts.split()[1], to / path, own)


def _commit(repository: Path, name: str) -> str:
    try:
        words = ("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return _git(repository, *words).strip()
    except RevisionError:
        named = _git(repository, "for-each-ref", "--format=%(refname:short)").split()
        near = [each for each in named if each.rpartition("/")[2] == name]
        near = near or difflib.get_close_matches(name, named, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        if name == "HEAD":
            raise RevisionError(f"{repository} has no commit yet", "make one: git commit") from None
        remedy = "a commit, branch or tag that git log knows" + _shallow(repository)
        raise RevisionError(f"{repository} has no revision {name}{hint}", remedy) from None


def _shallow(repository: Path) -> str:
    shallow = _git(repository, "rev-parse", "--is-shallow-repository").strip() == "true"
    return "; this clone is shallow: git fetch --unshallow gets the rest" if shallow else ""


def _tree(repository: Path, left_out: Sequence[str], scratch: Path) -> str:
    """The working tree as git would commit it, its hash; what git makes for that goes to `scratch`."""
    env = _aside(repository, scratch)
    index = repository / _git(repository, "rev-parse", "--git-path", "index").strip()
    if index.is_file():  # it knows which files are unchanged, by their times
        shutil.copy2(index, env["GIT_INDEX_FILE"])
    names = _git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", env=env)
    # What ends with / is another repository that this one does not know.
    here = [n for n in names.split("\0") if n and not n.endswith("/") and not _is_below(n, left_out)]
    text = "".join(f"{name}\0" for name in dict.fromkeys(here))
    _git(repository, "update-index", "-z", "--add", "--remove", "--stdin", env=env, text=text)
    if left_out:  # nor what is staged of it
        _git(repository, "reset", "--quiet", "HEAD", "--", *(f":(top,literal){p}" for p in left_out), env=env)
    return _git(repository, "write-tree", env=env).strip()


def _is_below(name: str, paths: Sequence[str]) -> bool:
    return any(name == path or name.startswith(f"{path}/") for path in paths)


def _aside(repository: Path, scratch: Path) -> dict[str, str]:
    """An environment in which git writes index and objects to `scratch`."""
    objects = repository / _git(repository, "rev-parse", "--git-path", "objects").strip()
    (scratch / "objects").mkdir(exist_ok=True)
    return {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }


def _git(folder: Path, *words: str, env: Mapping[str, str] | None = None, text: str = "") -> str:
    """What git prints, given `text`. Raises RevisionError with what it says."""
    # A git hook that calls this has its own repository in the environment.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    clean |= {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"} | dict(env or {})
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "-c", "core.safecrlf=false", *words]
    try:
        done = subprocess.run(command, env=clean, input=os.fsencode(text), capture_output=True)
    except FileNotFoundError:
        raise RevisionError("git is not installed", "install it, such as: apt-get install git") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        wrong = [text for text in lines if text.startswith(("fatal:", "error:"))] or lines
        remedy = next((text.strip() for text in lines if text.startswith("\tgit config")), "")
        what = wrong[0].partition(": ")[2] or wrong[0]
        raise RevisionError(f"git {words[0]} in {folder}: {what}", remedy)
    return os.fsdecode(done.stdout)
