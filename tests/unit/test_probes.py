"""The JVM probes, compiled by the images' own script against stand-ins of the suites.

What those are: tests/probes/README.md.
"""

import csv
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBES = ROOT / "images" / "probes"
STAND_INS = ROOT / "tests" / "probes"

pytestmark = pytest.mark.needs("javac")


def compiled(out: Path, *trees: str) -> Path:
    """The classes of some stand-ins, in one folder."""
    sources = [str(f) for tree in trees for f in sorted((STAND_INS / tree).rglob("*.java"))]
    subprocess.run(["javac", "-d", str(out), *sources], check=True)
    return out


def built(name: str, classpath: Path, jar: Path) -> Path:
    subprocess.run(["sh", str(PROBES / "build"), name, str(classpath), str(jar)], check=True)
    return jar


@pytest.fixture(scope="module")
def renaissance(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command that runs the probe: append iterations and milliseconds."""
    folder = tmp_path_factory.mktemp("renaissance")
    suite = compiled(folder / "suite", "renaissance")
    jar = built("renaissance", suite, folder / "duet-probe-renaissance.jar")
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", str(suite), "RenaissanceHarness", str(jar)]


DACAPO = ("9.12", "9.12-MR1", "23.11")
ADD_OPENS = (
    "java.base/java.lang java.base/java.util java.base/sun.nio.ch java.base/java.nio java.base/java.io"
)


def dacapo_jar(folder: Path, version: str) -> Path:
    """A stand-in in the layout in which the version is published, its jar called as there."""
    classes = folder / f"classes-{version}"
    if version == "9.12":
        compiled(classes, "dacapo", "dacapo-9.12", "dacapo-own-main")
    else:
        inside = classes / "harness" if version == "9.12-MR1" else classes
        compiled(classes, "dacapo-bootstrap")
        compiled(inside, "dacapo", "dacapo-23.11")
    jar = folder / f"dacapo-{version}-{'chopin' if version == '23.11' else 'bach'}.jar"
    manifest = folder / f"manifest-{version}"
    manifest.write_text("Main-Class: Harness\n")
    if version == "23.11":
        (folder / jar.stem).mkdir()
        words = [ADD_OPENS[i : i + 50] for i in range(0, len(ADD_OPENS), 50)]
        manifest.write_text("Main-Class: Harness\nAdd-Opens: " + "\n ".join(words) + "\n")
    subprocess.run(["jar", "cfm", str(jar), str(manifest), "-C", str(classes), "."], check=True)
    return jar


@pytest.fixture(scope="module")
def dacapo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Version -> jar of the suite, and what starts it with the probe."""
    folder = tmp_path_factory.mktemp("dacapo")
    jars = {version: dacapo_jar(folder, version) for version in DACAPO}
    return {v: (jar, built("dacapo", jar, folder / f"duet-probe-dacapo-{v}.jar")) for v, jar in jars.items()}


def callback(probe: Path) -> Path:
    return probe.with_name(f"{probe.stem}-callback.jar")


def environment(**more: str) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("DUET_")}
    return own | more


def rows(path: Path) -> list[dict[str, int]]:
    with path.open() as f:
        return [{k: int(v) for k, v in row.items()} for row in csv.DictReader(f)]


def test_renaissance_stamps_are_epoch_times_and_exact(renaissance: list[str], tmp_path: Path) -> None:
    before = time.time_ns()
    command = [*renaissance, "5", "20"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), check=True, capture_output=True, text=True)
    after = time.time_ns()
    found = rows(tmp_path / "results.csv")
    assert [list(r) for r in found] == [["iteration", "start_ns", "end_ns"]] * 5
    assert [r["iteration"] for r in found] == list(range(5))
    times = [t for r in found for t in (r["start_ns"], r["end_ns"])]
    assert times == sorted(times)
    assert before < times[0] and times[-1] < after
    more = [
        row["end_ns"] - row["start_ns"] - duration_ns
        for row, duration_ns in zip(found, map(int, run.stdout.split()), strict=True)
    ]
    assert min(more) >= 0 and sorted(more)[2] < 2_000_000  # encloses the harness's own time, closely


@pytest.mark.parametrize("version", DACAPO)
def test_every_published_layout_of_dacapo(
    dacapo: dict[str, tuple[Path, Path]], tmp_path: Path, version: str
) -> None:
    stamped(tmp_path, ["-jar", str(dacapo[version][1])])


@pytest.mark.parametrize("harness", ["9.12", "23.11"])
@pytest.mark.parametrize("compiled_against", DACAPO)
def test_one_dacapo_class_for_all_harnesses(
    dacapo: dict[str, tuple[Path, Path]], tmp_path: Path, harness: str, compiled_against: str
) -> None:
    classpath = f"{dacapo[harness][0]}:{callback(dacapo[compiled_against][1])}"
    opens = ["--add-opens", "java.base/java.lang=ALL-UNNAMED"]
    stamped(tmp_path, [*opens, "-cp", classpath, "Harness", "-c", "duetbench.DaCapoProbe"])


def test_what_the_manifest_opens_is_lost_without_our_jar(
    dacapo: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """So the stand-in would have told that `-cp` does not do."""
    classpath = f"{dacapo['23.11'][0]}:{callback(dacapo['23.11'][1])}"
    command = ["java", "-cp", classpath, "Harness", "-c", "duetbench.DaCapoProbe", "-n", "1", "1"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode != 0 and "InaccessibleObjectException" in run.stderr


def test_a_harness_behind_its_own_loader_does_not_find_the_probe_on_the_class_path(
    dacapo: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    classpath = f"{dacapo['9.12-MR1'][0]}:{callback(dacapo['9.12-MR1'][1])}"
    command = ["java", "-cp", classpath, "Harness", "-c", "duetbench.DaCapoProbe", "-n", "1", "1"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode != 0 and "org/dacapo/harness/Callback" in run.stderr


def stamped(tmp_path: Path, java: list[str]) -> None:
    """Four iterations of 30 ms, stamped, with the harness's own reckoning undisturbed."""
    results = tmp_path / "elsewhere.csv"
    command = ["java", *java, "-n", "4", "30"]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(DUET_RESULTS=str(results)),
        check=True,
        capture_output=True,
        text=True,
    )
    found = rows(results)
    assert len(found) == 4
    times_ms = [(r["end_ns"] - r["start_ns"]) / 1e6 for r in found]
    assert all(ms >= 30 for ms in times_ms)
    # The harness's own reckoning goes on undisturbed: its stop ran, once, and knows the time.
    said = [line for line in run.stderr.splitlines() if " msec " in line]
    assert ["completed warmup" in line for line in said] == [True, True, True, False]
    own_ms = [int(line.split(" msec ")[0].split()[-1]) for line in said]
    assert sorted(abs(own - ms) for own, ms in zip(own_ms, times_ms, strict=True))[1] < 5


def test_probes_run_on_java_8(
    renaissance: list[str], dacapo: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    started = [jar for probe in dacapo.values() for jar in (probe[1], callback(probe[1]))]
    for jar in (renaissance[-1], *started):
        shutil.unpack_archive(jar, tmp_path, "zip")
    majors = {int.from_bytes(f.read_bytes()[6:8]) for f in tmp_path.rglob("*.class")}
    assert majors == {52}


def test_a_killed_run_keeps_every_finished_iteration(renaissance: list[str], tmp_path: Path) -> None:
    with subprocess.Popen([*renaissance, "100000", "5"], cwd=tmp_path, env=environment(), stdout=-1) as run:
        assert run.stdout
        for _ in range(7):
            run.stdout.readline()
        run.kill()
    text = (tmp_path / "results.csv").read_text()
    assert text.endswith("\n")
    assert len(rows(tmp_path / "results.csv")) >= 7


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DUET_BARRIER": "{tmp}/nowhere", "DUET_SIDE": "A"}, "{tmp}/nowhere/barrier.A: no such barrier"),
        ({"DUET_BARRIER": "{tmp}", "DUET_SIDE": "C"}, "DUET_SIDE is C, not A or B"),
        ({"DUET_RESULTS": "{tmp}/no/such/folder.csv"}, "{tmp}/no/such/folder.csv"),
    ],
)
def test_what_cannot_work_is_said_and_stops_the_harness(
    renaissance: list[str], tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    env = environment(**{k: v.format(tmp=tmp_path) for k, v in variables.items()})
    run = subprocess.run([*renaissance, "1", "1"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.returncode != 0
    assert "duetbench probe: " in run.stderr
    assert message.format(tmp=tmp_path) in run.stderr
    assert not (tmp_path / "results.csv").exists()


class Barrier:
    """The host's part: both FIFOs open, and `x` for the survivor when a side ends."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.fds = {}
        for side in "AB":
            os.mkfifo(folder / f"barrier.{side}")
            self.fds[side] = os.open(folder / f"barrier.{side}", os.O_RDWR)
        self.watchers: list[threading.Thread] = []

    def start(self, side: str, command: list[str]) -> subprocess.Popen[bytes]:
        cwd = self.folder / side
        cwd.mkdir()
        env = environment(DUET_SIDE=side, DUET_BARRIER=str(self.folder))
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL)

        def watch() -> None:
            process.wait()
            os.write(self.fds["B" if side == "A" else "A"], b"x")

        self.watchers.append(threading.Thread(target=watch))
        self.watchers[-1].start()
        return process

    def end(self) -> dict[str, list[dict[str, int]]]:
        """Rows of both sides, when both have ended; a side that hangs fails here."""
        for watcher in self.watchers:
            watcher.join(30)
            assert not watcher.is_alive(), "a side was left hanging"
        for fd in self.fds.values():
            os.close(fd)
        return {side: rows(self.folder / side / "results.csv") for side in "AB"}


def test_iterations_begin_together_while_both_sides_run(renaissance: list[str], tmp_path: Path) -> None:
    barrier = Barrier(tmp_path)
    sides = [barrier.start("A", [*renaissance, "12", "3"]), barrier.start("B", [*renaissance, "8", "25"])]
    found = barrier.end()
    assert [s.returncode for s in sides] == [0, 0]
    # Different iteration counts: A goes on alone after B's last, at once and marked.
    assert [r["synchronised"] for r in found["A"]] == [1] * 8 + [0] * 4
    assert [r["synchronised"] for r in found["B"]] == [1] * 8
    skews = [abs(a["start_ns"] - b["start_ns"]) for a, b in zip(found["A"], found["B"], strict=False)]
    assert sorted(skews)[4] < 5_000_000  # unsynchronised, A would be 22 ms further ahead at each iteration


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_survivor_of_a_side_that_dies_or_times_out_goes_on(
    renaissance: list[str], tmp_path: Path, how: signal.Signals
) -> None:
    barrier = Barrier(tmp_path)
    a = barrier.start("A", [*renaissance, "60", "5"])
    b = barrier.start("B", [*renaissance, "100000", "20"])
    while b.poll() is None and len(lines := lines_of(tmp_path / "B" / "results.csv")) < 5:
        time.sleep(0.01)
    b.send_signal(how)
    found = barrier.end()
    assert a.returncode == 0 and b.returncode != 0
    assert len(lines) >= 5
    marks = [r["synchronised"] for r in found["A"]]
    assert len(marks) == 60
    together = sum(marks)
    assert len(found["B"]) <= together <= len(found["B"]) + 1
    assert marks == [1] * together + [0] * (60 - together)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_side_whose_partner_never_came_runs_alone(renaissance: list[str], tmp_path: Path) -> None:
    barrier = Barrier(tmp_path)
    barrier.start("B", ["false"])
    a = barrier.start("A", [*renaissance, "3", "1"])
    (tmp_path / "B" / "results.csv").write_text("iteration,start_ns,end_ns,synchronised\n")
    found = barrier.end()
    assert a.returncode == 0
    assert [r["synchronised"] for r in found["A"]] == [0, 0, 0]
