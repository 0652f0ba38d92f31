"""Sides to be started by tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from duet.engines import Engine, EngineError, Start, Started, Usage, supervise
from duet.measure.rendezvous import COMMAND, Rendezvous
from stamping import stamping


class Sides:
    """Starts sides of one test, each with a rendezvous of its own, and removes them at its end."""

    def __init__(self, engine: Engine, image: str | None, tmp: Path, place: Path):
        """`place`: where the rendezvous are made."""
        self.engine, self.image, self.tmp, self.place = engine, image, tmp, place
        self.root = tmp / "results"
        self.started: list[Started] = []
        self.gates: list[Rendezvous] = []

    def spec(self, script: str, env: tuple[tuple[str, str], ...] = (), **changes: object) -> Start:
        """A start of the real launcher, as that of one side alone."""
        self.gates.append(rendezvous(self.place / f"gate{len(self.gates)}"))
        gate = self.gates[-1]
        given = {
            "campaign": "test",
            "run": "s.b.0.duet.AB",
            "side": "A",
            "root": self.root,
            "image": self.image,
            "command": gate.launch("A", apart=False),
            "gate": gate.of("A"),
            "stamps": gate.stamps("A"),
            "env": ((COMMAND, script), *env),
        }
        return Start(**(given | changes))

    @property
    def log(self) -> str:
        """What the side started last has written up to now."""
        self.gates[-1].drain()
        return self.gates[-1].directory.with_suffix(".log").read_text()

    @property
    def usage(self) -> Usage:
        """Of the side started last."""
        return self.started[-1].usage(self.gates[-1].lines("A"))

    def close(self) -> None:
        for side in self.started:
            side.remove()
        for gate in self.gates:
            gate.close()

    def __call__(self, script: str, **changes: object) -> Started:
        side = self.engine.start(self.spec(script, **changes))
        self.started.append(side)
        return side


def sides_of(engine: Engine, images: Callable[[Engine], str | None], tmp_path: Path) -> Iterator[Sides]:
    """The fixture's body: nothing of them is left."""
    with stamping(tmp_path) as place:
        made = Sides(engine, images(engine), tmp_path, place)
        yield made
        made.close()
        assert engine.leftovers(made.root) == []


def rendezvous(directory: Path) -> Rendezvous:
    """That of a side A alone, with its log beside."""
    directory.mkdir()
    log = directory.with_suffix(".log")
    log.touch()
    return Rendezvous(directory, ("A",), {"A": log})


def alive(mark: str) -> list[str]:
    """Command lines of this machine's processes that contain `mark`, those in containers too, but for
    a side's supervisor, which tells the end before its own."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and supervise.__file__ not in line:
            lines.append(line)
    return lines


def refusal(sides: Sides, script: str = "true", **changes: object) -> EngineError:
    """The error of a start that must fail, and leave nothing."""
    with pytest.raises(EngineError) as caught:
        sides(script, **changes)
    assert "\n" not in str(caught.value) and caught.value.remedy
    assert sides.engine.leftovers(sides.root) == []
    return caught.value
