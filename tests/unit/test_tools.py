"""What tests need is installed, or they are skipped with the remedy; in CI they fail."""

from pathlib import Path

import pytest
import tools

APT = """#!/bin/sh
echo "$@" >>"{log}"
case "$*" in *install*) printf '#!/bin/sh\\n' >"{bin}/javac"; chmod +x "{bin}/javac" ;; esac
exit {status}
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine of root's without any program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(tools.os, "geteuid", lambda: 0)
    tools.provide.cache_clear()
    yield
    tools.provide.cache_clear()


def apt(folder: Path, status: int = 0) -> Path:
    """An apt-get that makes javac, or fails."""
    (folder / "apt-get").write_text(APT.format(log=folder / "log", bin=folder, status=status))
    (folder / "apt-get").chmod(0o755)
    chmod = folder / "chmod"
    chmod.symlink_to("/bin/chmod")
    return folder / "log"


def test_root_gets_what_is_missing_once(tmp_path: Path) -> None:
    log = apt(tmp_path)
    tools.need("javac")
    tools.need("javac")
    assert log.read_text() == "-qq update\n-qq install -y --no-install-recommends default-jdk-headless\n"


def test_others_are_skipped_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = apt(tmp_path)
    monkeypatch.setattr(tools.os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception) as skipped:
        tools.need("javac", "cc")
    assert (
        str(skipped.value) == "needs javac, cc; as root: apt-get install default-jdk-headless gcc libc6-dev"
    )
    assert not log.exists()


def test_where_installing_fails_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    apt(tmp_path, status=100)
    with pytest.raises(
        pytest.skip.Exception, match="needs cc; apt-get failed; apt-get install gcc libc6-dev"
    ):
        tools.need("cc")


def test_in_ci_nothing_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs chromium; as root: apt-get install chromium"):
        tools.need("chromium")


def test_what_is_here_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "cc").write_text("#!/bin/sh\n")
    (tmp_path / "cc").chmod(0o755)
    log = apt(tmp_path)
    tools.need("cc")
    assert not log.exists()


def test_what_debian_lacks_is_built_with_the_go_that_is_here(tmp_path: Path) -> None:
    log = apt(tmp_path)
    go = tmp_path / "go"
    go.write_text(f'#!/bin/sh\necho "$GOBIN $*" >>"{log}"\n')
    go.chmod(0o755)
    tools.need("actionlint")
    assert log.read_text().startswith("/usr/local/bin install github.com/rhysd/actionlint/")
    assert "apt" not in log.read_text() and "golang" not in log.read_text()


def test_one_line_closes() -> None:
    skipped = ["Skipped: needs a Docker Engine; sudo x", "Skipped: needs a Docker Engine; sudo x"]
    skipped += ["Skipped: needs cc; apt-get install gcc", "Skipped: whatever"]
    assert tools.closing(skipped, 0) == (
        "4 tests skipped for want of a Docker Engine (2), cc (1), other reasons (1); "
        "the remedies stand above."
    )
    assert tools.closing([], 1) == "1 long test left out: ./test --long runs it."
    assert tools.closing([], 0) == ""
