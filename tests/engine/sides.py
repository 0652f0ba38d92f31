"""Sides to be started by tests."""

from pathlib import Path

import pytest
from duet.engines import Engine, EngineError, Start, Started, supervise

LAUNCH = """\
gate=${0%/*} side=$1
export gate
exec </dev/null >>"$gate/$side.log" 2>&1
if [ "$$" = 1 ]; then trap 'kill -TERM -1' TERM; else trap 'trap "" TERM; kill -TERM 0' TERM; fi
sh -c "$2" &
wait $!; status=$?
if [ "$status" = 143 ]; then wait $!; status=$?; fi
if [ -r "$gate/$side.atend" ]; then . "$gate/$side.atend"; fi
exit $status
"""
"""As much of the real launcher as an engine has to do with."""


class Sides:
    """Starts sides of one test, each with a rendezvous directory of its own, and removes them at its end."""

    def __init__(self, engine: Engine, image: str | None, tmp: Path):
        self.engine, self.image, self.tmp = engine, image, tmp
        self.root = tmp / "results"
        self.started: list[Started] = []
        self.log = tmp / "log"

    def spec(self, script: str, **changes: object) -> Start:
        gate = self.tmp / f"gate{len(self.started)}"
        gate.mkdir(exist_ok=True)
        (gate / "launch").write_text(LAUNCH)
        self.log = gate.with_suffix(".log")
        self.log.touch()
        given = {
            "campaign": "test",
            "run": "s.b.0.duet.AB",
            "side": "A",
            "root": self.root,
            "image": self.image,
            "command": ("sh", "{gate}/launch", "A", script),
            "gate": gate,
            "log": self.log,
        }
        return Start(**(given | changes))

    def __call__(self, script: str, **changes: object) -> Started:
        side = self.engine.start(self.spec(script, **changes))
        self.started.append(side)
        return side


def alive(mark: str) -> list[str]:
    """Command lines of this machine's processes that contain `mark`, those in containers too, but for
    a side's supervisor, which tells the end before its own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and supervise.__file__ not in line:
            found.append(line)
    return found


def refusal(sides: Sides, script: str = "true", **changes: object) -> EngineError:
    """The error of a start that must fail, and leave nothing."""
    with pytest.raises(EngineError) as caught:
        sides(script, **changes)
    assert "\n" not in str(caught.value) and caught.value.remedy
    assert sides.engine.leftovers(sides.root) == []
    return caught.value
