"""Everything that can happen to a campaign, happening to a real one: docs/faults.md has what was seen.

After each: the finished runs are byte for byte what they were, nothing is left, the next plain call
completes, and one line names the run, the reason and the remedy. CI runs a selection, `--long` all of it.
"""

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from campaigns import PROJECT, Project
from commands import DUETBENCH
from duet.engines import EngineError
from duet.engines.choose import choose_engine
from faults import RESULT, Campaign, error_of, kill, measurers, until

ENGINES = ("process", "docker", "podman")


def cases(names: str, *axes: object, quick: tuple = ()) -> pytest.MarkDecorator:
    """Every combination, the first of each an engine; those that are not `quick` are long."""
    made = []
    for values in itertools.product(ENGINES, *axes):
        words = [getattr(value, "name", value) for value in values]
        marks = () if tuple(words) in quick else pytest.mark.long
        made.append(pytest.param(*values, marks=marks, id=" ".join(words)))
    return pytest.mark.parametrize(names, made, indirect=[names.split(", ")[0]])


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    return {}


def finished(
    name: str, request: pytest.FixtureRequest, projects: dict[str, Project], folder: Path
) -> Campaign:
    """A campaign on an engine whose calm runs are finished: made once."""
    if name == "docker":
        request.getfixturevalue("docker_engine")
    try:
        engine, _ = choose_engine(name)
    except EngineError as e:
        pytest.skip(f"needs {name}; {e.remedy}")
    image = request.getfixturevalue("images")(engine)
    there = name in projects
    if not there:
        path = folder / name
        path.mkdir()
        for part in ("workflow", "scripts", "images"):
            shutil.copytree(PROJECT / part, path / part, ignore=shutil.ignore_patterns("__pycache__"))
        (path / "config").mkdir()
        projects[name] = Project(path)
    campaign = Campaign(projects[name], name, image)
    campaign.write({})
    if not there:
        done = campaign.call()
        assert done.returncode == 0, done.stdout
    return campaign


@pytest.fixture
def campaign(request, projects, tmp_path_factory) -> Iterator[Campaign]:
    """Nothing may be left of it, and its calm runs are what they were."""
    made = finished(request.param, request, projects, tmp_path_factory.getbasetemp())
    before = made.calm()
    assert len(before) >= 2 * 6
    yield made
    assert made.left() == []
    assert made.calm() == before


@pytest.fixture
def mark() -> str:
    """The argument of a `sleep` that no other process has."""
    return f"{random.randrange(10**5, 10**6)}.{random.randrange(10**5, 10**6)}"


# Signals and deaths

MOMENTS = ("at the gate", "while measuring", "while copying", "after publishing")
BIG = f"{RESULT} head -c 150000000 /dev/zero >big; "


def suffering(campaign: Campaign, name: str, moment: str, mark: str) -> subprocess.Popen:
    """A workflow that has come to that moment of the run of a benchmark called `name`."""
    slow = f"echo up; {RESULT} sleep 2; : sleep {mark}; "
    commands = {"while measuring": f"{slow} sleep 1", "while copying": BIG}
    results = ["results.csv", "big"] if moment == "while copying" else ["results.csv"]
    campaign.write({name: {"A": commands.get(moment, RESULT), "results": results}})
    workflow = campaign.begin()
    record = campaign.results / "runs" / campaign.run(name) / "run.json"
    come = {
        "at the gate": campaign.gates,
        "while measuring": lambda: any(path.stat().st_size for path in campaign.part(name, "*.log")),
        "while copying": lambda: any(path.stat().st_size for path in campaign.part(name, "*.big")),
        "after publishing": record.exists,
    }
    until(come[moment], workflow)
    return workflow


def completes(campaign: Campaign, sufferers: dict[str, dict], published: Iterable[str] = ()) -> None:
    """The next plain call; `published`: benchmarks whose runs were finished, and are not measured again."""
    campaign.write(sufferers)
    records = [campaign.results / "runs" / campaign.run(name) / "run.json" for name in published]
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in records]
    done = campaign.call()
    assert done.returncode == 0, done.stdout
    assert before == [(path.stat().st_mtime_ns, path.read_bytes()) for path in records]


@cases("campaign, number", [signal.SIGINT, signal.SIGTERM], quick=(("process", "SIGINT"),))
def test_the_whole_group_is_asked_to_end(campaign, number, mark):
    """As Ctrl-C and a batch system do it."""
    suffered = {}
    for moment in MOMENTS:
        name = f"{number.name}-{moment.replace(' ', '-')}"
        workflow = suffering(campaign, name, moment, mark)
        os.killpg(workflow.pid, number)
        output, _ = workflow.communicate(timeout=120)
        assert "Traceback" not in output
        assert campaign.left(mark) == [], (moment, output)
        if moment != "after publishing":
            run = campaign.run(name)
            assert f"{run}: stopped by {number.name}, nothing is left running; start again to go on" in output
        suffered |= campaign.sufferers
    completes(campaign, suffered, published=[name])


@cases("campaign, who", ["workflow", "measuring process", "both"], quick=(("docker", "both"),))
def test_kill_9(campaign, who, mark):
    """What is left then goes with the next call: in this test that to which the next happens."""
    suffered = {}
    for moment in MOMENTS:
        name = f"kill-{who}-{moment}".replace(" ", "-")
        workflow = suffering(campaign, name, moment, mark)
        measuring = measurers(campaign) if who != "workflow" else []
        kill(([workflow.pid] if who != "measuring process" else []) + measuring)
        workflow.wait(120)
        if who == "measuring process" and moment != "after publishing":
            output, _ = workflow.communicate(timeout=10)
            assert "its measuring process was killed; log: " in error_of(output, campaign.run(name))
        suffered |= campaign.sufferers
    completes(campaign, suffered, published=[name])
    assert campaign.left(mark) == []


@cases("campaign", quick=(("process",),))
def test_a_finished_run_survives_being_measured_again_in_vain(campaign, mark):
    """`--force` and a failure; what is typed then is not what is measured again."""
    name = "forced"
    campaign.write({name: {"A": RESULT}})
    assert campaign.call().returncode == 0
    directory = campaign.results / "runs" / campaign.run(name)
    before = {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "measure.log"}
    campaign.write({name: {"A": "exit 3"}})
    done = campaign.project.snakemake("c", "--force", f"results/c/runs/{campaign.run(name)}/run.json")
    assert done.returncode != 0 and "what was measured before is kept" in error_of(
        done.stdout, directory.name
    )
    assert {n: (directory / n).read_bytes() for n in before} == before
    assert (directory / "failed/failure.json").exists()
    completes(campaign, {name: {"A": RESULT}}, published=[name])


# Sides

SIDES = {
    # name: (command, other keys, the reason of its failure or None, a warning)
    "crashes-at-once": ("exit 7", {}, "side [AB] ended with exit code 7", None),
    "crashes-halfway": (
        f"{RESULT} echo half; sleep 0.5; kill -SEGV $$",
        {},
        "ended with exit code 139",
        None,
    ),
    "leaves-nothing": ("true", {}, "left no results.csv", None),
    "ignores-sigterm": (
        f"{RESULT} trap '' TERM; while :; do sleep 0.1; done",
        {"timeout": 1},
        None,
        None,
    ),
    "forks-away": (f"{RESULT} (setsid sleep MARK &); (sleep MARK &); true", {}, None, None),
    "many-processes": (
        f"{RESULT} i=0; while [ $i -lt 3000 ]; do sleep MARK & i=$((i + 1)); done; true",
        {},
        None,
        None,
    ),
    "fills-its-disk": (
        f"{RESULT} while :; do dd if=/dev/zero bs=1M count=20 >>big 2>/dev/null; sleep 0.2; done",
        {"disk": "60m"},
        r"has written \d+ bytes, 62914560 are allowed; raise `disk`",
        None,
    ),
    "talks": (
        f"{RESULT} yes | head -c 300000000",
        {},
        None,
        r"log of side A is incomplete: \d+ bytes of it",
    ),
    "leaves-strange-files": (
        "mkdir -p r; echo 1 >r/x; ln -s /etc/passwd r/link; mkfifo r/fifo; mknod r/device c 1 3 2>/dev/null;"
        " truncate -s 1099511627776 r/giant",
        {"results": ["r"]},
        None,
        r"not all of .*\.r is kept, without .*giant \(1099511627776 bytes\)",
    ),
}
GREEDY = "head -c 300000000 /dev/zero | tr '\\0' x | sort >/dev/null"
CONTAINED = {
    "eats-memory": (
        f"{RESULT} x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${{#x}}",
        {"memory": "64m"},
        r"ran out of memory of 67108864 bytes \(exit code 137\); raise `memory`",
        None,
    ),
    "has-a-greedy-child": (
        f"{RESULT} sh -c 'x=$(head -c 300000000 /dev/zero | tr \"\\0\" x); echo ${{#x}}'; true",
        {"memory": "64m"},
        None,
        "a process of side A was killed since memory ran out; raise `memory`",
    ),
}
"""Host processes are not bounded."""


@cases("campaign")
def test_sides_that_misbehave(campaign, mark):
    """All in one campaign: each fails, or not, by itself."""
    faults = SIDES | (CONTAINED if campaign.image else {})
    given = {
        name: {"A": command.replace("MARK", mark), "B": keys.get("B", RESULT + "mkdir -p r"), **keys}
        for name, (command, keys, _, _) in faults.items()
    }
    campaign.write(given)
    done = campaign.call()
    assert campaign.left(mark) == []
    assert done.returncode != 0
    if campaign.engine == "podman" and campaign.run("has-a-greedy-child") + ": side" in done.stdout:
        # there the side's main process may die with its child
        command, keys, _, _ = faults["has-a-greedy-child"]
        faults["has-a-greedy-child"] = (command, keys, CONTAINED["eats-memory"][2], None)
    for name, (_, _, reason, warning) in faults.items():
        directory = campaign.results / "runs" / campaign.run(name)
        if reason:
            assert re.search(reason, error_of(done.stdout, directory.name)), name
            assert not (directory / "run.json").exists()
        else:
            assert f"error: run {directory.name}" not in done.stdout
            warnings = campaign.record(name)["warnings"]
            assert warning is None or any(re.search(warning, w) for w in warnings), (name, warnings)
    halfway = campaign.results / "runs" / campaign.run("crashes-halfway")
    assert list(halfway.glob("*.A.results.csv")), "what it wrote is kept beside its log"
    failed = [name for name, (_, _, reason, _) in faults.items() if reason]
    assert f"{len(failed)} of " in done.stdout
    mended = {name: {**keys, "A": RESULT} if name in failed else keys for name, keys in given.items()}
    campaign.write(mended)
    done = campaign.call()
    assert done.returncode == 0, done.stdout
    assert f"{len(failed)} to measure" in done.stdout


@pytest.mark.parametrize("campaign", ["process"], indirect=True)
def test_retries(campaign, tmp_path):
    """Of host processes, since no container knows that it was tried before."""
    flag = tmp_path / "flag"
    fails = f"if [ ! -e {flag} ]; then touch {flag}; {RESULT} echo alas; exit 3; fi; {RESULT}"
    campaign.write({"moody": {"A": fails, "B": RESULT, "retries": 1}})
    done = campaign.call()
    assert done.returncode == 0, done.stdout
    run = campaign.run("moody")
    directory = campaign.results / "runs" / run
    assert f'{run}: attempt 1 failed: side A ended with exit code 3 ("alas"); tried again' in done.stdout
    (attempt,) = campaign.record("moody")["attempts"]
    assert attempt["reason"] == 'side A ended with exit code 3 ("alas")'
    assert (directory / f"failed.1/{run}.A.log").read_text() == "alas\n"
    assert (directory / f"failed.1/{run}.A.results.csv").exists()


# The disk


@pytest.fixture
def small_disk(tmp_path_factory, request) -> Iterator[Campaign]:
    """A campaign whose results lie on a disk of 40 MiB."""
    if os.geteuid():
        pytest.skip("needs root, to mount a small disk")
    engine_name = request.param
    path = tmp_path_factory.mktemp(f"disk-{engine_name}")
    results = path / engine_name / "results"
    results.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", results], check=True)
    try:
        for part in ("workflow", "scripts", "images"):
            source, to = PROJECT / part, path / engine_name / part
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
        (path / engine_name / "config").mkdir()
        mine = {engine_name: Project(path / engine_name)}
        campaign = finished(engine_name, request, mine, path)
        assert campaign.call().returncode == 0
        before = campaign.calm()
        yield campaign
        assert campaign.left() == [] and campaign.calm() == before
    finally:
        subprocess.run(["umount", results], check=True)


def fill(campaign: Campaign) -> Path:
    """Take the rest of the disk."""
    filler = campaign.project.path / "results/filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                file.write(b"x")
        except OSError:
            pass
    return filler


@cases(
    "small_disk, moment",
    ["before", "while measuring", "while copying"],
)
def test_the_disk_is_full(small_disk, moment, mark):
    name = f"full-{moment.replace(' ', '-')}"
    if moment == "while copying":
        small_disk.write({name: {"A": BIG, "results": ["results.csv", "big"]}})
        done = small_disk.call()
        assert done.returncode != 0 and "No space left on device" in error_of(
            done.stdout, small_disk.run(name)
        )
        assert small_disk.left() == []
    elif moment == "before":
        small_disk.write({name: {"A": RESULT}})
        filler = fill(small_disk)
        done = small_disk.call()
        assert done.returncode != 0 and "No space left on device" in done.stdout
        filler.unlink()
    else:
        workflow = suffering(small_disk, name, moment, mark)
        filler = fill(small_disk)
        output, _ = workflow.communicate(timeout=120)
        assert "Traceback" not in output and "No space left on device" in output
        assert small_disk.left(mark) == []
        filler.unlink()
    completes(small_disk, {name: {"A": RESULT}})


# The clock


SET = """
import os, runpy, sys, time
_, offset, *sys.argv = sys.argv
real = time.time_ns
time.time_ns = lambda: real() + int(open(offset).read())
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""duetbench with a clock that goes as much wrong as a file says, in nanoseconds."""


@cases("campaign")
def test_the_clock_is_set(campaign, tmp_path):
    """For the measuring process only: it is not ours to set the machine's."""
    campaign.write({"set": {"A": f"echo up; {RESULT} sleep 2"}})
    assert campaign.call().returncode == 0
    offset = tmp_path / "offset"
    offset.write_text("0")
    python, script = DUETBENCH
    words = [script, "measure", "--results", campaign.results, "--run", campaign.run("set")]
    measuring = subprocess.Popen([python, "-c", SET, offset, *words], stderr=subprocess.PIPE, text=True)
    until(lambda: any(path.stat().st_size for path in campaign.part("set", "*.log")), measuring)
    later = tmp_path / "later"
    later.write_text(str(3600 * 10**9))
    later.rename(offset)
    _, said = measuring.communicate(timeout=120)
    assert measuring.returncode == 0, said
    assert "warning: the clock was set by +3600." in said
    assert abs(campaign.record("set")["clock_step_ns"] - 3600 * 10**9) < 10**9
