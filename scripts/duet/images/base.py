"""A base image out of the host's own Debian or Ubuntu packages, for where no registry answers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from duet.model import DuetError

EPOCH_S = 1_700_000_000
"""Time of every file (SOURCE_DATE_EPOCH): the same packages give the same content, in every engine."""

SLIM = ("doc", "man", "info", "locale", "lintian", "linda")
"""What is left out of /usr/share, as the published slim images do."""


CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Certificates that this host's administrator added: builds reach package registries as the host does."""


class NoBase(DuetError):
    """There is no base image and none can be made here."""


@dataclass(frozen=True)
class Entry:
    """One source of packages (an entry of sources.list)."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str | None = None

    def lines(self) -> Iterable[str]:
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        for uri in self.uris:
            for suite in self.suites:
                yield f"deb {options}{uri} {suite} {' '.join(self.components)}"


def parse_list(text: str) -> list[Entry]:
    """Entries of a one-line-style file (sources.list); lines of other kinds are left out."""
    entries = []
    for line in text.splitlines():
        m = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if m:
            signed = re.search(r"signed-by=(\S+)", m[1] or "", re.IGNORECASE)
            entries.append(Entry((m[2],), (m[3],), tuple(m[4].split()), signed and signed[1]))
    return entries


def parse_deb822(text: str) -> list[Entry]:
    """Entries of a deb822-style file (*.sources); disabled ones are left out."""
    entries = []
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", kept):
        fields: dict[str, str] = {}
        for m in re.finditer(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE):
            fields[m[1].lower()] = m[2].strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            uris, suites, components = (
                tuple(fields.get(k, "").split()) for k in ("uris", "suites", "components")
            )
            entries.append(Entry(uris, suites, components, fields.get("signed-by")))
    return entries


def own(entries: Iterable[Entry], codename: str) -> list[Entry]:
    """The release's own sources: those of a third party are signed with keys that the base does not have."""
    kept = []
    for entry in entries:
        suites = tuple(s for s in entry.suites if s.split("-")[0].split("/")[0] == codename)
        distribution = entry.signed_by is None or re.search(r"/(debian|ubuntu)-archive-", entry.signed_by)
        if suites and distribution:
            kept.append(Entry(entry.uris, suites, entry.components, entry.signed_by))
    return kept


def codename() -> str | None:
    """The host's release, such as `bookworm`; None on a host without Debian packages."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return None
    m = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.MULTILINE)
    return m[1] if m and shutil.which("dpkg") else None


def make(archive: Path, release: str | None, log: IO[str]) -> None:
    """Write the root file system of a minimal system of this release as a tar file. Raises NoBase."""
    if release is None:
        raise NoBase(
            "no base image: no registry answers, and this host has no Debian packages to make one from",
            "load one into the engine (docker load) and name it in the key base_image",
        )
    entries = own(apt_entries(), release)
    if not entries:
        raise NoBase(f"no base image: no source of {release} packages in /etc/apt", "correct apt's sources")
    print(f"no registry answers: making a base image of this host's own {release} packages", file=sys.stderr)
    lines = [line for entry in entries for line in entry.lines()]
    if shutil.which("mmdebstrap") is None and os.geteuid() == 0:
        _install("mmdebstrap", log)
    if shutil.which("mmdebstrap"):
        command = _mmdebstrap(archive, release, lines)
        _run(command, log)
    elif shutil.which("debootstrap") and os.geteuid() == 0:
        _debootstrap(archive, release, entries, lines, log)
    else:
        raise NoBase(
            "no base image: no registry answers, and mmdebstrap is not installed",
            "sudo apt-get install -y mmdebstrap",
        )


def apt_entries() -> list[Entry]:
    """Of the host's apt."""
    apt = Path("/etc/apt")
    entries = []
    for path in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))]:
        if path.suffix in (".list", ".sources") and path.is_file():
            parse = parse_deb822 if path.suffix == ".sources" else parse_list
            entries += parse(path.read_text())
    return entries


def _mmdebstrap(archive: Path, release: str, lines: list[str]) -> list[str]:
    command = ["mmdebstrap", "--variant=minbase", "--quiet", "--format=tar"]
    added = any(CERTIFICATES.rglob("*.crt"))
    if added or any(" https:" in line for line in lines):
        command.append("--include=ca-certificates")
    if added:
        command.append(f"--customize-hook=copy-in {CERTIFICATES} {CERTIFICATES.parent}")
        command.append('--customize-hook=chroot "$1" update-ca-certificates')
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in SLIM]
    command.append("--dpkgopt=path-include=/usr/share/doc/*/copyright")
    command += [f"--aptopt={setting}" for setting in _apt_proxies()]
    return [*command, release, str(archive), *lines]


def _apt_proxies() -> list[str]:
    shown = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return re.findall(r"^(Acquire::https?::Proxy \"\S+\");$", shown, re.MULTILINE)


def _debootstrap(archive: Path, release: str, entries: list[Entry], lines: list[str], log: IO[str]) -> None:
    root = archive.with_suffix(".root")
    try:
        added = any(CERTIFICATES.rglob("*.crt"))
        include = ["--include=ca-certificates"] if added else []
        _run(["debootstrap", "--variant=minbase", *include, release, str(root), entries[0].uris[0]], log)
        if added:
            shutil.copytree(CERTIFICATES, root / CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
            _run(["chroot", str(root), "update-ca-certificates"], log)
        (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
        clean = ("--exclude=./var/cache/apt/archives/*", "--exclude=./var/lib/apt/lists/*")
        _run(["tar", "--numeric-owner", *clean, "-C", str(root), "-cf", str(archive), "."], log)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _install(package: str, log: IO[str]) -> None:
    """Try to; what follows when it fails is the caller's message."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", "-qq", *command], stdout=log, stderr=log, env=environment, check=False)


def _run(command: list[str], log: IO[str]) -> None:
    log.write("$ " + " ".join(command) + "\n")
    log.flush()
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH_S), "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        raise NoBase(f"no base image: {command[0]} failed with {done.returncode}; log: {log.name}")
