"""Revisions of real repositories: what they stand for, and their files."""

import os
from pathlib import Path

import pytest
from duet import revisions
from duet.revisions import RevisionError, write_files
from repositories import Repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two commits, the first one is main; the current directory is its top."""
    made = Repository.new(tmp_path / "repository")
    made.commit(a_txt="1", campaign_yml="c", _gitignore="*.o\n")
    made.git("switch", "--quiet", "--create", "other")
    made.commit(a_txt="2")
    monkeypatch.chdir(made.path)
    return made


def resolve(repository: Repository, name: str, *without: str) -> revisions.Revision:
    revisions.resolve.cache_clear()
    return revisions.resolve(repository.path, name, tuple(repository.path / each for each in without))


def files(revision: revisions.Revision, to: Path) -> dict[str, str]:
    to.mkdir()
    write_files(revision, to)
    return {p.relative_to(to).as_posix(): p.read_text() for p in to.rglob("*") if p.is_file()}


def test_names_of_one_commit_are_one_revision(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "--annotate", "v1", "--message", "first", "main")
    main = resolve(repository, "main")
    assert main.commit == main.content == repository.git("rev-parse", "main")
    assert {resolve(repository, name) for name in ("v1", "HEAD~1", main.commit[:9])} == {main}
    assert files(main, tmp_path / "files") == {"a.txt": "1", "campaign.yml": "c", ".gitignore": "*.o\n"}


def test_a_working_tree_without_changes_is_its_commit(repository: Repository) -> None:
    repository.write(a_o="not looked at")
    os.utime(repository.path / "a.txt", (1, 1))
    clean = resolve(repository, ".")
    assert clean.content == clean.commit == repository.git("rev-parse", "HEAD")


def test_a_working_tree_with_changes_is_known_by_its_content(repository: Repository, tmp_path: Path) -> None:
    repository.write(a_txt="3", new="n", a_o="not looked at")
    (repository.path / ".gitignore").unlink()
    (repository.path / ".git/info/exclude").write_text("*.o\n")
    before = repository.git("status", "--porcelain"), repository.git("count-objects")
    dirty = resolve(repository, ".")
    assert dirty.content != dirty.commit == repository.git("rev-parse", "HEAD")
    assert files(dirty, tmp_path / "files") == {"a.txt": "3", "campaign.yml": "c", "new": "n"}
    assert (repository.git("status", "--porcelain"), repository.git("count-objects")) == before
    repository.git("add", "--all")  # staged or not is no difference
    assert resolve(repository, ".").content == dirty.content
    repository.write(new="m")
    assert resolve(repository, ".").content != dirty.content
    with pytest.raises(RevisionError, match="have changed since"):
        files(dirty, tmp_path / "again")


@pytest.mark.parametrize("ignored", [False, True])
def test_what_this_tool_writes_is_no_change(repository: Repository, tmp_path: Path, ignored: bool) -> None:
    """Nor is the campaign's own file: more repetitions are no other program."""
    if ignored:
        (repository.path / ".git/info/exclude").write_text("results\n.snakemake\nbench.yml\n")
    for folder in ("results", ".snakemake"):
        (repository.path / folder).mkdir()
        (repository.path / folder / "x").write_text("")
    repository.write(campaign_yml="changed", bench_yml="new")
    repository.git("add", "campaign.yml")
    clean = resolve(repository, ".", "campaign.yml", "bench.yml")
    assert clean.content == clean.commit
    repository.write(a_txt="3")
    dirty = resolve(repository, ".", "campaign.yml", "bench.yml")
    assert files(dirty, tmp_path / "files") == {"a.txt": "3", "campaign.yml": "c", ".gitignore": "*.o\n"}


def test_odd_names_and_another_repository_inside(repository: Repository, tmp_path: Path) -> None:
    (repository.path / "größe 'x'\n").write_text("odd")
    Repository.new(repository.path / "inner").commit(b_txt="b")
    (repository.path / "linked").symlink_to("a.txt")
    dirty = resolve(repository, ".")
    assert set(files(dirty, tmp_path / "files")) == {
        *("a.txt", "campaign.yml", ".gitignore", "linked", "größe 'x'\n")
    }
    assert (tmp_path / "files/linked").is_symlink()


def test_submodules_come_along(repository: Repository, tmp_path: Path) -> None:
    inner = Repository.new(tmp_path / "inner")
    inner.commit(b_txt="b")
    repository.git("submodule", "--quiet", "add", str(inner.path), "inner")
    repository.commit()
    assert files(resolve(repository, "HEAD"), tmp_path / "files")["inner/b.txt"] == "b"
    repository.git("submodule", "--quiet", "deinit", "--force", "inner")
    with pytest.raises(RevisionError, match=r"the submodule inner is not there; git -C .* submodule update"):
        files(resolve(repository, "HEAD"), tmp_path / "again")


def test_a_hooks_environment_is_not_minded(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert resolve(repository, ".").commit


def test_where_two_branches_parted(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    repository.commit(b_txt="b")
    base = revisions.merge_base(repository.path, "main", "other")
    assert base == repository.git("rev-parse", "main~1")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("mian", "has no revision mian (did you mean main?); a commit, branch or tag that git log knows"),
        ("deadbeef", "has no revision deadbeef; a commit"),
        ("--all", "has no revision --all; a commit"),
        ("HEAD:a.txt", "has no revision HEAD:a.txt; a commit"),
    ],
)
def test_unknown_revisions(repository: Repository, name: str, what: str) -> None:
    with pytest.raises(RevisionError) as caught:
        resolve(repository, name)
    assert str(caught.value).startswith(f"{repository.path} {what}") and "\n" not in str(caught.value)


def test_a_branch_that_only_the_remote_has(repository: Repository, tmp_path: Path) -> None:
    """As in a CI system's shallow clone."""
    url = f"file://{repository.path}"
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", url, str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    with pytest.raises(RevisionError, match=r"did you mean origin/main\?.*shallow: git fetch --unshallow"):
        resolve(clone, "main")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="lies in no git repository; name one by `repository`"):
        revisions.resolve(tmp_path, "main")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="has no commit yet; make one: git commit"):
        resolve(Repository.new(tmp_path / "new"), ".")


def test_what_git_says_is_one_line(repository: Repository) -> None:
    (repository.path / ".git/index").write_bytes(b"no index")
    with pytest.raises(RevisionError, match=r"^git ls-files in .*/repository: .*index file") as caught:
        resolve(repository, ".")
    assert "\n" not in str(caught.value)


def test_no_git(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RevisionError, match="git is not installed"):
        resolve(repository, "main")
