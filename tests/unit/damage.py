"""Results of harnesses, damaged: whatever is done to them, a reader gives a sound frame or its one error."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from duet import harnesses
from duet.harnesses import FormatError

WRONG = (None, True, -1, 0, 0.5, 1e308, 2**63, 2**70, "", "NaN", "x" * 50, [], {}, [[]], {"a": 1})


def sound(frame) -> None:
    """What holds of every frame of a reader (see duet.harnesses)."""
    assert len(frame) and (frame["iteration_time_ns"] > 0).all()
    assert {c: str(frame[c].dtype) for c in ("iteration", "iteration_time_ns")} == {
        "iteration": "int64",
        "iteration_time_ns": "int64",
    }
    assert {str(frame[f"iteration_{end}_ns"].dtype) for end in ("start", "end")} == {"Int64"}
    names = frame["benchmark"] if "benchmark" in frame else ["one"] * len(frame)
    for _, rows in frame.groupby(list(names), sort=False):
        assert rows["iteration"].is_monotonic_increasing and rows["iteration"].is_unique
        timed = rows.dropna(subset=["iteration_start_ns"])
        assert len(timed) in (0, len(rows))
        assert (timed["iteration_end_ns"] > timed["iteration_start_ns"]).all()
    if "operations" in frame:
        assert (frame["operations"] >= 1).all()
    assert set(frame.attrs) == {"warnings", "truncated", "benchmark"}
    assert all("\n" not in warning for warning in frame.attrs["warnings"])


def _nodes(value: object) -> Iterator[tuple[object, object]]:
    """Every container in a JSON value and each of its keys or indices."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _nodes(inner)


def _retyped(data: bytes, rng: random.Random) -> bytes:
    """JSON with some values replaced by such as no harness writes, or taken away."""
    try:
        content = json.loads(data)
    except ValueError:
        return _flipped(data, rng)
    nodes = list(_nodes(content))
    for container, key in rng.sample(nodes, min(len(nodes), rng.randint(1, 3))):
        if isinstance(container, dict) and rng.random() < 0.3:
            container.pop(key, None)
        elif isinstance(container, dict) or key < len(container):
            container[key] = rng.choice(WRONG)
    return json.dumps(content).encode()


def _flipped(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 20)):
        damaged[rng.randrange(len(damaged))] = rng.choice(b'\x00\xff09-.,:"{}[]\n\teENa ')
    return bytes(damaged)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _shuffled(data: bytes, rng: random.Random) -> bytes:
    """Lines twice, away, or in other places."""
    lines = data.splitlines(keepends=True)
    for _ in range(rng.randint(1, 4)):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[i] = rng.choice((b"", lines[j], lines[i] * 2, b",".join(reversed(lines[i].split(b",")))))
    return b"".join(lines)


def _rubbish(data: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(300))


def survives(harness: str, samples: list[Path], folder: Path, rounds: int = 150, seed: int = 1) -> None:
    """Damage one of the files (of a folder: one in it) in as many ways: each gives a frame or an error.

    Some must give either, or the damage would tell nothing.
    """
    rng = random.Random(seed)
    outcomes = {"frame": 0, "error": 0}
    for turn in range(rounds):
        place = folder / str(turn)
        place.mkdir()
        files = []
        for sample in samples:
            files.append(place / sample.name)
            (shutil.copytree if sample.is_dir() else shutil.copy)(sample, files[-1])
        inner = [path for file in files for path in ([file] if file.is_file() else file.rglob("*.json"))]
        victim = rng.choice(sorted(inner))
        how = rng.choice((_retyped, _retyped, _flipped, _cut, _shuffled, _rubbish))
        victim.write_bytes(how(victim.read_bytes(), rng))
        try:
            frame = harnesses.get(harness).parse(files, "benchmark", None)
        except FormatError as error:
            assert "\n" not in str(error) and str(error).startswith(str(place)), str(error)
            outcomes["error"] += 1
        else:
            sound(frame)
            outcomes["frame"] += 1
        shutil.rmtree(place)
    assert min(outcomes.values()) > 0, outcomes


def refused(harness: str, sample: Path, change: Callable, folder: Path, position: str, reason: str) -> None:
    """A JSON sample, its content changed in place by `change`, is refused there and for that."""
    content = json.loads(sample.read_text())
    change(content)
    path = folder / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError) as error:
        harnesses.get(harness).parse([path], "sample", None)
    assert error.value.position == position and reason in error.value.reason
