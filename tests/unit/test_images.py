"""What images stand on and what their identity depends on: text and files, no engine."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from duet.images import base as bootstrap
from duet.images import dockerfile, presence
from duet.images import identity as images
from duet.model import ImageRef, Source
from duet.records.layout import Layout
from duet.records.provision import ImageIdentity, ImageRecord

BASE = "debian:bookworm-slim"
KNOWN = {BASE: "content of the base"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path, "base", "ARG BASE_IMAGE=debian:bookworm-slim\nFROM ${BASE_IMAGE}\n")
    make(tmp_path, "tools", "FROM base\nCOPY loop ./\n", loop="loop 1")
    make(tmp_path, "app", "ARG JDK=17\nFROM base\nCOPY --from=tools /loop ./\nCOPY data ./\n", data="1")
    return tmp_path


def make(images_dir: Path, name: str, text: str, **files: str) -> Path:
    folder = images_dir / name
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "Dockerfile").write_text(text)
    for file, content in files.items():
        (folder / file).write_text(content)
    return folder


def hash_of(images_dir: Path, name: str = "app", **kwargs) -> str | None:
    ref = ImageRef(name, tuple(kwargs.pop("args", {}).items()), kwargs.pop("source", None))
    arguments = {"base_image": BASE, "known": KNOWN, "images_dir": images_dir} | kwargs
    return images.plan_hash(ref, **arguments)


@pytest.mark.parametrize(
    ("text", "args", "needed"),
    [
        ("FROM base\n", {}, ["base"]),
        ("from base as x\nFROM x\nFROM scratch\n", {}, ["base"]),
        ("ARG B=base\nFROM ${B}\n", {}, ["base"]),
        ("ARG B=base\nFROM $B\n", {"B": "other"}, ["other"]),
        ("ARG T=1\nARG B=jdk:$T\nFROM $B\n", {"T": "2"}, ["jdk:2"]),
        ("FROM ${B:-base}\n", {}, ["base"]),
        (
            "FROM --platform=linux/amd64 base AS a\nCOPY --chown=1:1 --from=probes /x /y\n",
            {},
            ["base", "probes"],
        ),
        ("FROM base AS a\nFROM base\nCOPY --from=a /x /y\nCOPY --from=0 /x /y\n", {}, ["base"]),
        ("FROM base\nCOPY \\\n # said\n  --from=probes \\\n  /x /y\n", {}, ["base", "probes"]),
        ("FROM base\nRUN sql 'select x \\\n FROM table'\n# FROM other\n", {}, ["base"]),
        ("FROM base\nARG B=no\nFROM $B\n", {}, ["base", ""]),
    ],
)
def test_images_a_dockerfile_needs(text: str, args: dict, needed: list[str]) -> None:
    assert list(dockerfile.read(text, args).images) == needed


def test_rewriting_changes_only_the_names_of_images() -> None:
    text = (
        "ARG B=base\nFROM $B AS one\nRUN a \\\n FROM b\nCOPY --chown=1 --from=p /x /y\nCOPY --from=one /z /\n"
    )
    assert dockerfile.rewrite(text, {}, lambda name: f"<{name}>") == (
        "ARG B=base\nFROM <base> AS one\nRUN a \\\n FROM b\n"
        "COPY --chown=1 --from=<p> /x /y\nCOPY --from=one /z /\n"
    )


@pytest.mark.parametrize(
    ("patterns", "left_out", "kept"),
    [
        ("*.log", ["a.log"], ["b/a.log", "a.logs"]),
        ("**/*.log", ["a.log", "b/c/a.log"], ["a.txt"]),
        ("b", ["b", "b/c", "b/c/d"], ["bb", "a/b"]),
        ("/b/", ["b/c"], ["a"]),
        ("*\n!keep", ["a", "b/c"], ["keep", "keep/x"]),
        ("!keep\n*", ["keep"], []),
        ("# a\n\na?c", ["abc"], ["ac", "a/c", "# a"]),
        ("[a-c]x\n[^a-c]y", ["ax", "dy"], ["dx", "ay"]),
        ("a.b", ["a.b"], ["axb"]),
        ("x/**/y", ["x/y", "x/1/2/y"], ["xy"]),
    ],
)
def test_dockerignore(patterns: str, left_out: list[str], kept: list[str]) -> None:
    ignored = dockerfile.ignored(patterns)
    assert [p for p in left_out if not ignored(p)] == []
    assert [p for p in kept if ignored(p)] == []


def test_the_hash_is_of_content_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = hash_of(folder)
    os.utime(folder / "app/data", (1, 1))
    (folder / "app/data").chmod(0o600)
    assert hash_of(folder) == first
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for path in folder.iterdir():
        path.rename(elsewhere / path.name)
    assert hash_of(elsewhere) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "app/data").write_text("2"),
        lambda f: (f / "app/data").rename(f / "app/data2"),
        lambda f: (f / "app/data").chmod(0o755),
        lambda f: (f / "app/more").write_text(""),
        lambda f: (f / "app/link").symlink_to("data"),
        lambda f: (f / "app/Dockerfile").write_text((f / "app/Dockerfile").read_text() + "RUN true\n"),
        lambda f: (f / "tools/loop").write_text("loop 2"),
        lambda f: (f / "base/Dockerfile").write_text("FROM debian:bookworm-slim\nRUN true\n"),
    ],
)
def test_whatever_an_image_is_made_of_changes_its_hash(folder: Path, change) -> None:
    first = hash_of(folder)
    change(folder)
    assert hash_of(folder) not in (first, None)


def test_arguments_base_and_source_are_part_of_the_hash(folder: Path) -> None:
    source = Source("suite.jar", url="x")
    hashes = [
        hash_of(folder),
        hash_of(folder, args={"JDK": "21"}),
        hash_of(folder, known={BASE: "another"}),
        hash_of(folder, base_image="debian:trixie", known={"debian:trixie": "content of the base"}),
        hash_of(folder, source=source, source_digest="1"),
        hash_of(folder, source=source, source_digest="2"),
    ]
    assert len(set(hashes)) == len(hashes) and None not in hashes


def test_a_hash_that_cannot_be_known_yet_is_none(folder: Path) -> None:
    assert hash_of(folder, known={}) is None
    assert hash_of(folder, source=Source("suite.jar", url="x")) is None
    assert hash_of(folder, name="postgres:16") is None
    assert hash_of(folder, name="postgres:16", known={"postgres:16": "c"}) == "c"


def test_what_dockerignore_leaves_out_counts_nowhere(folder: Path) -> None:
    (folder / "app/.dockerignore").write_text("notes\nold/\n")
    first = hash_of(folder)
    (folder / "app/notes").write_text("x")
    (folder / "app/old").mkdir()
    (folder / "app/old/x").write_text("x")
    assert hash_of(folder) == first
    assert images.context(folder / "app") == ("data",)


def test_an_argument_reaches_every_layer_that_declares_it(folder: Path) -> None:
    make(folder, "jdk", "ARG JDK=17\nFROM base\n")
    make(folder, "upper", "FROM jdk\nARG OTHER\n")
    made = images.recipe("upper", folder, {"JDK": "21", "OTHER": "x"}, BASE)
    assert {each.name: dict(each.args) for each in made.all()} == {
        "base": {"BASE_IMAGE": BASE},
        "jdk": {"JDK": "21"},
        "upper": {"OTHER": "x"},
    }
    with pytest.raises(images.ImageError, match=r"no ARG JKD; image_args accepts .*JDK"):
        images.recipe("upper", folder, {"JKD": "21"}, BASE)


def test_prerequisites_come_first_and_a_cycle_is_an_error(folder: Path) -> None:
    assert [r.name for r in images.recipe("app", folder, {}, BASE).all()] == ["base", "tools", "app"]
    make(folder, "none", "FROM $NONE\n")
    with pytest.raises(images.ImageError, match="a FROM line names no image"):
        images.recipe("none", folder, {}, BASE)
    make(folder, "base", "FROM app\n")
    with pytest.raises(images.ImageError, match="app -> base -> app"):
        images.recipe("app", folder, {}, BASE)


def test_files_of_an_image_and_of_a_process_side(folder: Path, tmp_path: Path) -> None:
    (folder / "app/sub").mkdir()
    (folder / "app/sub/deep").write_text("")
    (folder / "app/loop").write_text("the upper one")
    own = tmp_path / "own.jar"
    ref = ImageRef("app", source=Source("suite.jar", own=own))
    relative = {p.relative_to(folder).as_posix() for p in images.files(ref, BASE, folder)}
    below = {"base/Dockerfile", "tools/Dockerfile", "tools/loop"}
    assert relative == below | {"app/Dockerfile", "app/data", "app/loop", "app/sub/deep", "own.jar"}
    assert {p.name: p.parent.name for p in images.process_files(ref, BASE, folder)} == {
        "loop": "app",
        "data": "app",
    }
    assert images.files(ImageRef("postgres:16"), BASE, folder) == []


def test_an_image_may_lie_in_another_folder(folder: Path) -> None:
    make(folder, "fhe/seal/base", "FROM tools\nCOPY library ./\n", library="1")
    make(folder, "fhe/seal", "FROM fhe/seal/base\nCOPY program ./\n", program="1")
    (folder / "fhe/seal/.dockerignore").write_text("base\n")
    made = images.recipe("fhe/seal", folder, {}, BASE)
    assert [each.name for each in made.all()] == ["base", "tools", "fhe/seal/base", "fhe/seal"]
    files = images.process_files(ImageRef("fhe/seal"), BASE, folder)
    assert sorted(path.name for path in files) == ["library", "loop", "program"]
    top, base = made, made.all()[-2]
    assert base.within(top) and not top.within(base) and not made.all()[0].within(top)
    for outside in ("../seal", "fhe//seal", "/fhe/seal", "fhe/../app", "fhe"):
        assert not images.is_ours(outside, folder)


def test_the_content_is_known_once_the_bases_is(folder: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "results")
    layout.images.mkdir(parents=True)
    layout.image_identity("torn").write_text("{")
    jar = tmp_path / "own.jar"
    jar.write_text("1")
    refs = ImageRef("app"), ImageRef("app", source=Source("suite.jar", own=jar)), ImageRef("postgres:16")

    def hashes() -> list[str | None]:
        states = presence.look(dict.fromkeys(refs, "docker"), layout, BASE, images_dir=folder)
        assert not any(state.present for state in states.values())
        return [states[ref.key].hash for ref in refs]

    assert hashes() == [None, None, None]
    base = {BASE: "c", "postgres:16": "p"}
    ImageIdentity(name="postgres:16", key="pg", hash="p", base=base).write(layout.image_identity("pg"))
    plain, sourced, external = hashes()
    assert plain and sourced and plain != sourced and external == "p"
    jar.write_text("22")
    assert hashes()[1] not in (sourced, None)


def test_an_image_is_present_as_long_as_it_is_recorded_and_the_same(folder: Path, tmp_path: Path) -> None:
    layout, ref = Layout(tmp_path / "results"), ImageRef("app")
    files = tuple(images.process_files(ref, BASE, folder))
    content = images.process_hash(files, None)
    record = ImageRecord(
        name="app", key="app", engine="process", hash=content, id=None, tag=None, files=files
    )

    def look() -> presence.State:
        return presence.look({ref: "process"}, layout, BASE, images_dir=folder)["app"]

    assert look() == presence.State(content, False)
    presence.write(layout, record)
    assert look() == presence.State(content, True)
    identity = layout.image_identity("app")
    os.utime(identity, ns=(0, 0))
    presence.write(layout, record)
    assert identity.stat().st_mtime_ns == 0, "the identity is written where its content changed"
    (folder / "app/data").write_text("other")
    changed = look()
    assert not changed.present and changed.hash not in (content, None)


def test_the_projects_own_images_are_sound() -> None:
    names = sorted(p.parent.relative_to(images.IMAGES).as_posix() for p in images.IMAGES.rglob("Dockerfile"))
    assert {"base", "compress", "probes"} <= set(names)
    for name in names:
        made = images.recipe(name, images.IMAGES, {}, BASE)
        assert set().union(*(each.external for each in made.all())) <= {BASE}
    files = {p.name: p for p in images.process_files(ImageRef("compress"), BASE)}
    assert {"duet-loop", "make-data"} <= set(files)
    assert all(os.access(files[name], os.X_OK) for name in ("duet-loop", "make-data"))


def test_build_context_has_exactly_what_is_hashed(folder: Path) -> None:
    provide = pytest.importorskip("duet.images.provide")
    (folder / "app/run").write_text("#!")
    (folder / "app/run").chmod(0o700)
    (folder / "app/link").symlink_to("data")
    os.link(folder / "app/data", folder / "app/twin")
    jar = folder / "stored"
    jar.write_text("jar")
    made = images.recipe("app", folder, {}, BASE)
    with provide.build_context(made, "FROM x\n", ("suite.jar", jar)) as file:
        tar = tarfile.TarFile(fileobj=io.BytesIO(file.read()))
        members = {m.name: m for m in tar}
        assert set(members) == {"Dockerfile", "data", "run", "link", "twin", "suite.jar"}
        assert {m.mtime for m in members.values()} == {0} and {m.uid for m in members.values()} == {0}
        assert members["run"].mode == 0o755 and members["data"].mode == 0o644
        assert members["link"].linkname == "data"
        contents = {n: tar.extractfile(n).read() for n in ("Dockerfile", "twin", "suite.jar")}
        assert contents == {"Dockerfile": b"FROM x\n", "twin": b"1", "suite.jar": b"jar"}


DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
# in between
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://else.example/node
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/node.gpg

Enabled: no
Types: deb
URIs: http://off.example
Suites: bookworm
Components: main
"""


def test_only_the_releases_own_sources_are_taken_into_a_base() -> None:
    entries = bootstrap.parse_deb822(DEB822) + bootstrap.parse_list(
        "deb [arch=amd64 signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] http://u.example/"
        " bookworm/x main # c\n"
        "# deb http://off.example bookworm main\n"
        "deb-src http://src.example bookworm main\n"
        "deb http://plain.example bookworm-security main contrib\n"
        "deb http://other.example trixie main\n"
    )
    lines = [line for entry in bootstrap.own(entries, "bookworm") for line in entry.lines()]
    debian, ubuntu = (
        f"deb [signed-by=/usr/share/keyrings/{d}-archive-keyring.gpg]" for d in ("debian", "ubuntu")
    )
    assert lines == [
        f"{debian} http://mirror.example/debian bookworm main contrib",
        f"{debian} http://mirror.example/debian bookworm-updates main contrib",
        f"{ubuntu} http://u.example/ bookworm/x main",
        "deb http://plain.example bookworm-security main contrib",
    ]


def test_a_base_trusts_whom_the_hosts_administrator_trusts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "CERTIFICATES", tmp_path)
    sources = ["deb http://mirror.example bookworm main"]
    plain = bootstrap._mmdebstrap(tmp_path / "x.tar", "bookworm", sources)
    assert not any(word.startswith(("--include", "--customize-hook")) for word in plain)
    (tmp_path / "company.crt").write_text("")
    command = bootstrap._mmdebstrap(tmp_path / "x.tar", "bookworm", sources)
    assert "--include=ca-certificates" in command
    assert f"--customize-hook=copy-in {tmp_path} {tmp_path.parent}" in command
    assert '--customize-hook=chroot "$1" update-ca-certificates' in command


def test_no_base_without_debian_or_sources(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(bootstrap.NoBase, match="base_image"):
        bootstrap.make(tmp_path / "x.tar", None, io.StringIO())
    monkeypatch.setattr(bootstrap, "apt_entries", lambda: [])
    with pytest.raises(bootstrap.NoBase, match="correct apt's sources"):
        bootstrap.make(tmp_path / "x.tar", "bookworm", io.StringIO())
