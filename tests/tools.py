"""Programs that tests need beside Python, and the Debian packages that have them.

    python tests/tools.py [PROGRAM ...]      installs those that are missing, without names all; .ci/run does

A test says what it needs by `@pytest.mark.needs("javac")`, a fixture by `need("javac")`.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[1]
PACKAGES: dict[str, tuple[str, ...]] = {
    "dockerd": ("docker.io", "iptables"),
    "mmdebstrap": ("mmdebstrap",),
    "busybox": ("busybox-static",),
    "chromium": ("chromium",),
    "chromedriver": ("chromium-driver",),
    "javac": ("default-jdk-headless",),
    "cc": ("gcc", "libc6-dev"),
    "corelist": ("perl",),
    "git": ("git",),
    "make": ("make",),
    "shellcheck": ("shellcheck",),
    "actionlint": ("golang-go",),
    "slurmctld": ("slurm-wlm",),
    "munged": ("munge",),
    "docker-registry": ("docker-registry",),
    "moto_server": (),
    "rsync": ("rsync",),
    "sshd": ("openssh-server",),
    "ssh-keygen": ("openssh-client",),
}
"""Program -> its packages. dockerd runs the tests' containers; mmdebstrap and busybox make their images;
Chromium opens the report; the JDK compiles the probes, and cc an example of config/README.md; corelist comes
with Perl's library, which the harness of docs/harness.md needs; git has the revisions that are compared,
which make builds; slurmctld and munged are a cluster, docker-registry has images; shellcheck reads the
scripts, and actionlint the workflows for GitHub; faketime sets the clock of one process; moto_server answers
as Amazon does."""
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
BUILT: dict[str, tuple[str, ...]] = {
    "actionlint": ("go", "install", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"),
    "moto_server": (*PIP, "-r", str(ROOT / "requirements-platform.txt"), "moto[server]==5.2.5"),
}
"""Program -> the command that builds it, where Debian has no package (actionlint in a version that its Go can
build), or that installs it into the tests' environment."""
BUILDERS = {"golang-go": "go"}
"""Package -> its program, where another Go may be here, which is as good."""


class Missing(Exception):
    """Programs that are not here and could not be installed: `what`, and the `remedy`."""

    def __init__(self, programs: list[str], reason: str):
        self.what = ", ".join(programs)
        wanted = packages(programs)
        commands = (
            [f"apt-get install {' '.join(wanted)}"] if wanted else [" ".join(BUILT[p]) for p in programs]
        )
        self.remedy = reason + " and ".join(commands)
        super().__init__(f"{self.what}; {self.remedy}")


def packages(programs: list[str]) -> list[str]:
    return list(dict.fromkeys(package for program in programs for package in PACKAGES[program]))


def _here(program: str) -> bool:
    """What pip installs must be in the tests' own environment: they import of it, too."""
    by_pip = BUILT.get(program, ())[: len(PIP)] == PIP
    return shutil.which(program, path=str(Path(sys.executable).parent) if by_pip else None) is not None


@functools.cache
def provide(*programs: str) -> None:
    """Install what is missing of these where that is possible. Raises Missing."""
    missing = [program for program in programs if not _here(program)]
    if not missing:
        return
    if packages(missing) and (os.geteuid() or shutil.which("apt-get") is None):
        raise Missing(missing, "as root: ")
    wanted = [name for name in packages(missing) if shutil.which(BUILDERS.get(name, "")) is None]
    print(f"installing {' '.join((*wanted, *(set(missing) & set(BUILT))))}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):  # the JDK needs it; slim systems lack it
        Path("/usr/share/man/man1").mkdir(parents=True, exist_ok=True)
    install = ("install", "-y", "--no-install-recommends", *wanted)
    if wanted and not (_apt("update") and _apt(*install)):
        raise Missing(missing, "apt-get failed; ")
    for program in missing:
        if program in BUILT and not _done(BUILT[program], {"GOBIN": "/usr/local/bin"}):
            raise Missing([program], f"{Path(BUILT[program][0]).name} failed; ")


def _apt(*arguments: str) -> bool:
    return _done(("apt-get", "-qq", *arguments), {"DEBIAN_FRONTEND": "noninteractive"})


def _done(command: tuple[str, ...], environment: dict[str, str]) -> bool:
    """Whether it went well; if not, it is said what was wrong."""
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
    return done.returncode == 0


def need(*programs: str) -> None:
    """Go on with a test when these programs are here or could be installed."""
    try:
        provide(*programs)
    except Missing as missing:
        without(missing.what, missing.remedy)


def without(what: str, remedy: str) -> NoReturn:
    """End a test that cannot run: skipped, with the remedy; in CI, where nothing may be missing, failed."""
    import pytest  # tools.py itself runs before there is one

    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs {what}; {remedy}")


def closing(skipped: Iterable[str], left_out: int) -> str:
    """One line: how many tests were skipped for want of what, and how many were left out as long."""
    wants = Counter(
        m[1] if (m := re.search(r"needs ([^;]+);", text)) else "other reasons" for text in skipped
    )
    parts = []
    if wants:
        each = ", ".join(f"{what} ({count})" for what, count in wants.most_common())
        parts.append(f"{_count(wants.total(), 'test')} skipped for want of {each}; the remedies stand above.")
    if left_out:
        it = "it" if left_out == 1 else "them"
        parts.append(f"{_count(left_out, 'long test')} left out: ./test --long runs {it}.")
    return " ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


if __name__ == "__main__":
    try:
        provide(*(sys.argv[1:] or PACKAGES))
    except Missing as error:
        sys.exit(f"error: not installed: {error}")
