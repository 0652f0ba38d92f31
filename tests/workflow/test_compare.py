"""duetbench compare, measured: from two commands to the answer."""

import json
import re
import subprocess
from pathlib import Path

import yaml
from commands import DUETBENCH


def compare(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DUETBENCH, "compare", *words], cwd=folder, capture_output=True, text=True)


def test_two_commands(tmp_path: Path) -> None:
    """A file of the current directory, a shell, options; then more runs of the same."""
    (tmp_path / "pause").write_text("0.02")
    quick, slow = "sleep $(cat pause)", "sleep $(cat pause); sleep 0.04"
    done = compare(
        tmp_path,
        *(quick, slow, "--runs", "2", "--time", "1", "--name", "naps", "--setup", "cat pause"),
        *("--prepare", "touch prepared", "--export-json", "naps.json", "--export-markdown", "naps.md"),
    )
    assert done.returncode == 0, done.stderr
    assert "B is slower than A: +" in done.stdout and "compare --name naps --runs 4" in done.stdout
    assert "campaign: results/naps/compare.yml" in done.stderr and (tmp_path / "prepared").exists()
    out = json.loads((tmp_path / "naps.json").read_text())
    assert out["verdict"] == "slower" and out["runs"] == 2
    assert (
        out["A"]["mean_s"] >= 0.02 and out["B"]["mean_s"] >= 0.06 and out["B"]["low_s"] <= out["B"]["high_s"]
    )
    assert "B is slower than A" in (tmp_path / "naps.md").read_text()
    records = {path: path.stat().st_mtime_ns for path in tmp_path.glob("results/naps/runs/*/run.json")}
    assert len(records) == 2

    more = compare(tmp_path, "--name", "naps", "--runs", "3", "--fail-threshold", "20")
    assert more.returncode == 1 and "in 3 runs" in more.stdout, more.stderr
    assert {path: path.stat().st_mtime_ns for path in records} == records  # not measured again
    wide = compare(tmp_path, "--name", "naps", "--fail-threshold", "2000", "--max-uncertainty", "0.001")
    assert wide.returncode == 2, wide.stderr


def test_a_command_of_a_millisecond_is_repeated(tmp_path: Path) -> None:
    done = compare(tmp_path, "true", "true", "--runs", "2", "--time", "1", "--export-json", "out.json")
    assert done.returncode == 0, done.stderr
    assert "warning: the commands do hardly more than start" in done.stderr
    assert " --batch " in (tmp_path / "results/true/compare.yml").read_text()
    out = json.loads((tmp_path / "out.json").read_text())
    # of one execution, not of an iteration, which takes at least 20 ms
    assert out["A"]["mean_s"] < 0.02 and out["B"]["mean_s"] < 0.02


def test_commands_that_fail_are_shown_before_anything_is_measured(tmp_path: Path) -> None:
    done = compare(tmp_path, "no-such-program x", "sh -c 'echo out; echo why >&2; exit 3'")
    assert done.returncode == 4 and done.stdout == ""
    assert "B | why" in done.stderr and "B | out" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith('error: A (no-such-program x): ended with exit code 127 ("')
    assert (
        re.search(r'no-such-program.*"\); B \(sh .* ended with exit code 3 \("(why|out)"\)', last)
        and not (tmp_path / "results").exists()
    )


def test_a_command_that_never_ends(tmp_path: Path) -> None:
    done = compare(tmp_path, "true", "sleep 1000", "--timeout", "1")
    assert done.returncode == 4
    assert "error: B (sleep 1000): it does not end within 1 s; " in done.stderr.splitlines()[-1]


def test_images(tmp_path: Path, docker_engine) -> None:
    """Containers get the current directory, and the image is a parameter of the project's own."""
    made = tmp_path / "image.json"
    words = ("provide", "--name", "compress", "--engine", "docker", "--out", str(made))
    subprocess.run([*DUETBENCH, *words], check=True, capture_output=True)
    image = json.loads(made.read_text())["tag"]
    (tmp_path / "bench.py").write_text("import time; time.sleep(0.02)")
    words = ("--image", image, "--image", image, "python3 bench.py", "--runs", "2", "--time", "1")
    done = compare(tmp_path, *words, "--engine", "docker", "--name", "both")
    assert done.returncode == 0, done.stderr
    assert f"{image}: python3 bench.py" in done.stdout
    campaign = yaml.safe_load((tmp_path / "results/both/compare.yml").read_text())["duetbench"]
    assert campaign["A"]["image_args"] == campaign["B"]["image_args"] == {"IMAGE": image}


def test_an_image_without_python(tmp_path: Path, test_image: str) -> None:
    done = compare(tmp_path, "--image", test_image, "true", "true", "--engine", "docker")
    assert done.returncode == 4 and "an image needs Python 3" in done.stderr.splitlines()[-1]


def test_an_image_that_is_not_there(tmp_path: Path, docker_engine) -> None:
    done = compare(tmp_path, "--image", "localhost:1/nowhere:1", "true", "true", "--engine", "docker")
    assert done.returncode == 4 and "no image to try the commands in: localhost:1/nowhere:1" in done.stderr
    assert not (tmp_path / "results").exists()
