"""Archives that a hostile benchmark may have had a hand in."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from duet.engines import EngineError, Room
from duet.engines.unpack import extract
from hypothesis import given
from hypothesis import strategies as st


def tar(*members: tuple, format: int = tarfile.GNU_FORMAT) -> bytes:
    """(name, content) makes a file, (name, None) a directory, (name, type, link) anything else."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=format) as archive:
        for name, content, *link in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes) and not link:
                info.size, info.mode = len(content), 0o644
                archive.addfile(info, io.BytesIO(content))
                continue
            info.type, info.mode = (content, 0o777) if link else (tarfile.DIRTYPE, 0o755)
            info.linkname = link[0] if link else ""
            archive.addfile(info)
    return data.getvalue()


def unpack(data: bytes, to: Path, chunk: int = 1000) -> list[str]:
    return extract((data[i : i + chunk] for i in range(0, len(data), chunk)), to, Room(1 << 30))


def everything_below(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*"))


@pytest.mark.parametrize("chunk", [1, 511, 10240, 1 << 20])
def test_a_file(tmp_path: Path, chunk):
    content = os.urandom(5000)
    assert unpack(tar(("out.csv", content)), tmp_path / "s.b.0.duet.AB.A.out.csv", chunk) == []
    assert (tmp_path / "s.b.0.duet.AB.A.out.csv").read_bytes() == content
    assert everything_below(tmp_path) == ["s.b.0.duet.AB.A.out.csv"]


def test_a_tree(tmp_path: Path):
    data = tar(("r/", None), ("r/a", b"1"), ("r/d", None), ("r/d/e", None), ("r/d/b", b""))
    assert unpack(data, tmp_path / "to") == []
    assert everything_below(tmp_path / "to") == ["a", "d", "d/b", "d/e"]


def test_long_names(tmp_path: Path):
    deep = "r/" + "/".join(["d" * 200] * 3)
    folders = [("/".join(deep.split("/")[:n]), None) for n in range(1, 5)]
    assert unpack(tar(*folders, (deep + "/é", b"x")), tmp_path / "to") == []
    assert (tmp_path / "to").joinpath(*deep.split("/")[1:], "é").read_text() == "x"


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", b"x")],
        [("r", None), ("r/../../evil", b"x")],
        [("r", None), ("r/../evil", b"x")],
        [("r", None), ("..", None)],
        [("/evil", b"x")],
        [("r", None), ("/evil", b"x")],
        [("r", None), ("evil", b"x")],
        [("r", b"x"), ("evil", b"x")],
        [("r", b"file"), ("r/evil", b"x")],
        [("r", None), ("r/a", b"1"), ("r/a", b"2")],
        [("r", None), ("r/a", b"1"), ("r/a/evil", b"2")],
        [("r", None), ("r/a", None), ("r/a", b"2")],
        [("r", None), ("r/nowhere/evil", b"x")],
        [("r", None), ("r/" + "n" * 300, b"x")],
        [("r", None), ("r/link", tarfile.SYMTYPE, ".."), ("r/link/evil", b"x")],
        [("r", None), ("r/link", tarfile.SYMTYPE, "/tmp"), ("r/link/evil", b"x")],
        [("r", tarfile.SYMTYPE, ".."), ("r/evil", b"x")],
        [("r", tarfile.LNKTYPE, "/etc"), ("r/evil", b"x")],
    ],
)
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_refused_whole(tmp_path: Path, members, format):
    with pytest.raises(EngineError) as caught:
        unpack(tar(*members, format=format), tmp_path / "to")
    assert "\n" not in str(caught.value)
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize(
    ("type_", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "a"),
        (tarfile.LNKTYPE, "r/a"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_only_files_and_directories_are_made(tmp_path: Path, type_, link):
    data = tar(("r", None), ("r/a", b"1"), ("r/odd", type_, link), ("r/z", b"2"))
    assert unpack(data, tmp_path / "to") == ["r/odd"]
    assert everything_below(tmp_path) == ["to", "to/a", "to/z"]
    assert unpack(tar(("odd", type_, link)), tmp_path / "alone") == ["odd"]
    assert not os.path.lexists(tmp_path / "alone")


def test_a_file_in_a_links_place_does_not_follow_it(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("old")
    data = tar(("r", None), ("r/x", tarfile.SYMTYPE, str(victim)), ("r/x", b"new"))
    assert unpack(data, tmp_path / "to") == ["r/x"]
    assert victim.read_text() == "old"
    assert (tmp_path / "to/x").read_text() == "new" and not (tmp_path / "to/x").is_symlink()


def test_no_special_permissions_and_always_ours(tmp_path: Path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, mode, type_ in (
            ("r", 0, tarfile.DIRTYPE),
            ("r/suid", 0o6755, tarfile.REGTYPE),
            ("r/no", 0, b"0"),
        ):
            info = tarfile.TarInfo(name)
            info.mode, info.type, info.uid = mode, type_, 12345
            archive.addfile(info)
    unpack(data.getvalue(), tmp_path / "to")
    for path in (tmp_path / "to", tmp_path / "to/suid", tmp_path / "to/no"):
        facts = path.stat()
        assert stat.S_IMODE(facts.st_mode) & 0o7022 == 0 and facts.st_mode & 0o600 == 0o600
        assert facts.st_uid == os.geteuid()


def test_no_more_than_there_is_room_for(tmp_path: Path):
    """A sparse file of an exabyte comes as so many zeros: reading ends before it."""
    giant = tarfile.TarInfo("r/giant")
    giant.size = 1 << 60
    head = tar(("r", None), ("r/a", b"1"))[: 3 * tarfile.BLOCKSIZE] + giant.tobuf(tarfile.GNU_FORMAT)

    def chunks():
        yield head
        for _ in range(9):
            yield bytes(1 << 20)
        pytest.fail("read on")

    room = Room(1 << 30)
    (left_out,) = extract(chunks(), tmp_path / "to", room)
    assert left_out == f"r/giant ({1 << 60} bytes) and whatever comes after it"
    assert everything_below(tmp_path / "to") == ["a"] and room.bytes == (1 << 30) - 1
    with pytest.raises(EngineError, match="alone has 2 bytes, 1 are what may still be kept"):
        extract(iter([tar(("r", b"12"))]), tmp_path / "alone", Room(1))
    assert everything_below(tmp_path) == ["to", "to/a"]


def test_no_more_entries_than_there_is_room_for(tmp_path: Path):
    data = tar(("r", None), *((f"r/{i}", tarfile.SYMTYPE, "x") for i in range(100)))
    left_out = extract(iter([data]), tmp_path / "to", Room(1 << 30, entries=50))
    last = "r/49 (0 bytes) and whatever comes after it"
    assert left_out == [*(f"r/{i}" for i in range(10)), "39 more", last]


def test_what_is_there_already_stays(tmp_path: Path):
    (tmp_path / "to").write_text("older")
    with pytest.raises(EngineError, match="already exists"):
        unpack(tar(("r", b"newer")), tmp_path / "to")
    assert (tmp_path / "to").read_text() == "older"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="already exists"):
        unpack(tar(("r", b"newer")), tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("keep", [0, 100, 511, 512, 700, 1024, 1536, 2000, 2048, 2560, 3072])
def test_cut_off(tmp_path: Path, keep):
    """At a border of blocks, too, where a missing end is the only sign."""
    data = tar(("r", None), ("r/a", b"x" * 600), ("r/b", b"y"))
    with pytest.raises(EngineError):
        unpack(data[:keep], tmp_path / "to")
    assert everything_below(tmp_path) == []


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path):
    def chunks():
        yield tar(("r", b"x" * 100_000))[:50_000]
        raise ConnectionResetError("gone")

    with pytest.raises(EngineError):
        extract(chunks(), tmp_path / "to", Room(1 << 30))
    assert everything_below(tmp_path) == []


@given(data=st.binary(max_size=3000), place=st.integers(0, 3000))
def test_garbage_never_gets_out(tmp_path_factory: pytest.TempPathFactory, data, place):
    good = tar(("r", None), ("r/a", b"x" * 600), ("r/l", tarfile.SYMTYPE, "/"), ("r/b", b"y"))
    folder = tmp_path_factory.mktemp("g")
    for archive in (data, good[:place] + data + good[place + len(data) :]):
        try:
            unpack(archive, folder / "to")
        except EngineError:
            assert everything_below(folder) == []
        else:
            assert {p.split("/")[0] for p in everything_below(folder)} <= {"to"}
            assert not any(p.is_symlink() for p in folder.rglob("*"))
            for p in sorted(folder.rglob("*"), reverse=True):
                p.rmdir() if p.is_dir() else p.unlink()
    folder.rmdir()
