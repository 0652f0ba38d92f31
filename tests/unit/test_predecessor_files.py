"""Files of asynchronous-duet: how they are known, what their images, commands and conditions mean."""

import copy
import subprocess
from pathlib import Path

import pytest
import yaml
from commands import ROOT
from config_files import read, written
from duet import harnesses
from duet.campaign import predecessor
from duet.campaign import values as config_values
from duet.campaign.alike import same_sides
from duet.campaign.load import load_campaign
from duet.images.identity import lacking
from duet.model import Campaign, ImageRef, Run, Source, Type
from duet.records.plan import plan_of

AGENT = "/barrier/java-ubench-agent/out/agent/libubench-agent.so"
FILE = {
    "suite": "dacapo",
    "image": "dacapo",
    "docker_command": "docker",
    "results": ["/duet/results.csv"],
    "run_base": "java -XX:+UseParallelGC -XX:+UseParallelOldGC -jar dacapo-9.12-d3s.jar -n 5 "
    "-o /duet/results.csv",
    "syncduet_run_base": f"java -agentpath:{AGENT} -XX:+UseParallelOldGC -jar dacapo-9.12-d3s.jar "
    "--iteration-barrier $$ -n 5 -o /duet/results.csv",
    "syncduet_repetitions": 1,
    "duets": ["fop"],
}
FOP = {"A": {"run": "fop"}}


def campaign(tmp_path: Path, overrides: dict | None = None, **changes: object) -> Campaign:
    return load_campaign(written(tmp_path, FILE | changes, fop=FOP), overrides)


@pytest.mark.parametrize(
    ("change", "its"),
    [
        ({}, True),
        ({"seed": 42}, True),
        ({"cpus": "shared"}, False),
        ({"results": None}, False),
        ({"image": None}, False),
        ({"duets": ["fop", "h2"]}, False),
        ({"suite": "mine"}, True),
        ({"suite": "jmh"}, False),
    ],
)
def test_a_file_is_the_predecessors_where_it_would_have_read_it(change: dict, its: bool) -> None:
    top = {k: v for k, v in (FILE | change).items() if v is not None}
    assert predecessor.is_its({"duetbench": top, "fop": FOP}) == its


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yml")), ids=lambda path: path.stem)
def test_a_campaign_that_is_here_is_none_of_its(path: Path) -> None:
    assert not predecessor.is_its(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "broken", [None, [], {"duetbench": []}, {"duetbench": FILE, "fop": "x"}, {"fop": FOP}]
)
def test_anything_else_is_not(broken: object) -> None:
    assert not predecessor.is_its(broken)


def test_its_image_is_the_engines_whatever_images_has(tmp_path: Path) -> None:
    (fop,) = campaign(tmp_path).benchmarks
    assert fop.a.image == ImageRef("dacapo:latest")
    assert (fop.a.network, fop.a.cpus, fop.a.privileges) == ("none", "exchange", ())


def test_what_differs_is_said_once(tmp_path: Path) -> None:
    its, agent = campaign(tmp_path).notices
    assert "image dacapo as the engine has it" in its and "no network" in its
    assert f"{AGENT} is used where the image has it" in agent


def test_one_key_brings_its_conditions(tmp_path: Path) -> None:
    for loaded in (
        campaign(tmp_path, compatible="asynchronous-duet"),
        campaign(tmp_path, {"compatible": "asynchronous-duet"}),
    ):
        side = loaded.benchmarks[0].a
        assert side.image == ImageRef("dacapo:latest")
        assert (side.network, side.cpus) == ("bridge", "shared")
        assert side.privileges == predecessor.PRIVILEGES
        assert any("as in asynchronous-duet" in notice for notice in loaded.notices)


def test_ones_own_value_is_nearer_than_its_conditions(tmp_path: Path) -> None:
    side = campaign(tmp_path, {"compatible": "asynchronous-duet", "cpus": "split"}).benchmarks[0].a
    assert (side.cpus, side.network) == ("split", "bridge")


def test_an_image_of_ours_gets_the_command_in_its_words(tmp_path: Path) -> None:
    loaded = campaign(tmp_path, {"compatible": "duetbench"})
    side = loaded.benchmarks[0].a
    assert side.image == ImageRef("dacapo")
    assert "UseParallelOldGC" not in side.run and " -o " not in side.run
    assert side.run.startswith("DUET_RESULTS=/duet/results.csv java -XX:+UseParallelGC ")
    assert side.run.endswith(" -n 5 fop") and "duet-probe-dacapo.jar" in side.run
    assert side.syncduet_run and "agentpath" not in side.syncduet_run and not side.shares_memory
    told = " ".join(loaded.notices)
    assert "JVMs from 15 on refuse" in told and "our probe instead of -o" in told


def test_a_jar_of_ones_own_means_the_image_of_ours(tmp_path: Path) -> None:
    (tmp_path / "renaissance-gpl-0.16.1.jar").touch()
    change = {"image": "renaissance", "suite": "renaissance", "syncduet_repetitions": None}
    change |= {"syncduet_run_base": None, "run_base": "java -jar renaissance-gpl-0.13.0.jar --json /duet/x"}
    jar = str(tmp_path / "renaissance-gpl-0.16.1.jar")
    loaded = campaign(tmp_path, {"jar": jar}, **change)
    side = loaded.benchmarks[0].a
    assert side.image == ImageRef("renaissance", (), Source("renaissance.jar", own=Path(jar)))
    assert side.run == "java -jar renaissance.jar --json /duet/x fop"
    assert any("renaissance.jar instead of renaissance-gpl-0.13.0.jar" in n for n in loaded.notices)


def test_a_file_of_ours_is_not_touched(tmp_path: Path) -> None:
    side = (
        read(tmp_path, {"image": "dacapo", "run_base": "java -XX:+UseParallelOldGC -jar x.jar"})
        .benchmarks[0]
        .a
    )
    assert side.image == ImageRef("dacapo") and "UseParallelOldGC" in side.run


def test_the_plan_shares_memory_in_synchronised_runs_only(tmp_path: Path) -> None:
    loaded = campaign(tmp_path)
    sides = plan_of(loaded, []).sides
    shares = {
        type_: sides[Run("dacapo", "fop", 0, type_).plan_file("A")].side.shares_memory
        for type_ in (Type.DUET, Type.SYNCDUET)
    }
    assert shares == {Type.DUET: False, Type.SYNCDUET: True}


def command(tmp_path: Path) -> str:
    """A synchronised command whose agent and probe would lie below tmp_path."""
    base = f"echo -agentpath:{tmp_path}/agent.so -jar x.jar --iteration-barrier $$"
    text, _ = config_values.syncduet_command(base, "fop", harnesses.get("dacapo"))
    return text.replace("/barrier/make-barrier", f"{tmp_path}/make-barrier").replace("/duet/", f"{tmp_path}/")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_agent_is_used_where_it_is_else_the_probe_else_it_is_named(tmp_path: Path, shell: str) -> None:
    text = command(tmp_path)
    env = {"DUET_SIDE": "A", "DUET_RUN": "r", "DUET_GATE": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def run() -> subprocess.CompletedProcess:
        return subprocess.run([shell, "-c", text], env=env, capture_output=True, text=True)

    done = run()
    assert done.returncode == 127 and f"the image has no {tmp_path}/agent.so and no" in done.stderr
    (tmp_path / "duet-probe-dacapo.jar").touch()
    done = run()
    assert done.returncode == 0 and "agentpath" not in done.stdout and "fop" in done.stdout
    (tmp_path / "agent.so").touch()
    made = tmp_path / "make-barrier"
    made.write_text('#!/bin/sh\necho "$@" >"$0.made"\n')
    made.chmod(0o755)
    done = run()
    assert done.stdout == f"-agentpath:{tmp_path}/agent.so -jar x.jar --iteration-barrier r fop\n"
    assert (tmp_path / "make-barrier.made").read_text() == "r 2\n"
    assert (tmp_path / "barrier.B").read_text() == "\n"
    made.write_text("#!/bin/sh\nexit 3\n")
    assert run().returncode == 3


def test_a_jar_that_nobody_brings_is_known_before_anything_is_built() -> None:
    assert lacking(ImageRef("renaissance")) == "renaissance.jar"
    assert lacking(ImageRef("renaissance", (), Source("renaissance-gpl-0.16.1.jar"))) == "renaissance.jar"
    assert lacking(ImageRef("renaissance", (), Source("renaissance.jar"))) is None
    assert lacking(ImageRef("dacapo", (), Source("dacapo.zip"))) is None
    assert lacking(ImageRef("speccpu")) == "speccpu.*"
    for name in ("compress", "probes", "sunflow", "base", "renaissance:latest"):
        assert lacking(ImageRef(name)) is None, name


def test_several_files_in_one_call(tmp_path: Path) -> None:
    other = copy.deepcopy(FILE) | {"suite": "scalabench", "image": "scalabench", "name": "s", "seed": None}
    first = written(tmp_path, FILE | {"name": "d"}, name="d.yml", fop=FOP)
    second = written(tmp_path, other, name="s.yml", fop=FOP)
    loaded = load_campaign([first, second])
    assert [(b.suite, b.a.image and b.a.image.name) for b in loaded.benchmarks] == [
        ("dacapo", "dacapo:latest"),
        ("scalabench", "scalabench:latest"),
    ]


def test_podman_as_its_docker_command(tmp_path: Path) -> None:
    assert campaign(tmp_path, docker_command="podman").benchmarks[0].a.engine == "podman"


def test_a_campaign_with_no_b_anywhere_is_known_as_a_against_a(tmp_path: Path) -> None:
    """By its plan, with nothing said: every difference that is found there is a false positive."""
    alone = campaign(tmp_path, syncduet_repetitions=None, syncduet_run_base=None)
    assert alone.benchmarks[0].b.run == alone.benchmarks[0].a.run
    for loaded in (campaign(tmp_path), alone, campaign(tmp_path, {"compatible": "duetbench"})):
        plan = plan_of(loaded, [])
        assert vars(plan.others["analysis.json"])["same_sides"] == ("dacapo/fop",)
        assert same_sides(loaded.benchmarks, str) == (
            "A and B run the same in fop: no difference is to be expected"
        )


@pytest.mark.parametrize("b", [{"run": "fop -t 1"}, {"image": "other"}, {"env": {"X": "1"}}])
def test_a_b_that_differs_in_anything_is_none(tmp_path: Path, b: dict) -> None:
    path = written(tmp_path, FILE | {"duets": ["fop", "h2"]}, fop=FOP | {"B": b}, h2={"A": {"run": "h2"}})
    loaded = load_campaign(path)
    assert vars(plan_of(loaded, []).others["analysis.json"])["same_sides"] == ("dacapo/h2",)
    assert "in h2: " in (same_sides(loaded.benchmarks, str) or "")
