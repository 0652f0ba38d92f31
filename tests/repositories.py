"""Git repositories for tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repository:
    path: Path

    @classmethod
    def new(cls, path: Path) -> "Repository":
        path.mkdir()
        made = cls(path)
        made.git("init", "--quiet", "--initial-branch=main")
        return made

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
        command = ["git", *who, *words]
        done = subprocess.run(command, cwd=self.path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        """`a_txt` is the file a.txt."""
        for name, text in files.items():
            (self.path / name.replace("_", ".")).write_text(text)

    def commit(self, **files: str) -> str:
        """Write files and commit all there is; the commit."""
        self.write(**files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a commit")
        return self.git("rev-parse", "HEAD")
