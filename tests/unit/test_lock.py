"""One workflow at a time on a campaign's results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT
from duet.campaign import lock
from duet.model import DuetError
from duet.records.layout import Layout

HOLDER = """
import sys
from pathlib import Path
from duet.campaign import lock
from duet.records.layout import Layout
held = lock.hold(Layout(Path(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_of_the_first_and_gets_it_after_its_death(tmp_path: Path):
    layout = Layout(tmp_path / "results")
    command = [sys.executable, "-c", HOLDER, str(layout.results)]
    env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as first:
        assert first.stdout.readline() == b"held\n"
        before = layout.lock.read_text(), layout.lock.stat().st_mtime_ns
        with pytest.raises(DuetError) as refused:
            lock.hold(layout)
        message = str(refused.value)
        assert f"process {first.pid} " in message and "since 2" in message and str(layout.results) in message
        assert "unlock" not in message and "\n" not in message
        assert (layout.lock.read_text(), layout.lock.stat().st_mtime_ns) == before
        first.kill()
    with lock.hold(layout):
        assert f'"pid": {os.getpid()}' in layout.lock.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_lock_that_says_nothing_is_one(tmp_path: Path, text: str):
    layout = Layout(tmp_path)
    with lock.hold(layout):
        layout.lock.write_text(text)
        with pytest.raises(DuetError, match="another workflow works on it"):
            lock.hold(layout)
