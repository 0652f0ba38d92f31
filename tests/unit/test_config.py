"""Campaign files: what they mean."""

import re
from pathlib import Path

import pytest
from config_files import faults, only_fault, read, written
from duet import harnesses
from duet.campaign import check as config_check
from duet.campaign import load as config
from duet.campaign import values as config_values
from duet.campaign.load import load_campaign
from duet.harnesses import Harness
from duet.inference import estimators, intervals, multiplicity
from duet.model import Analysis, ImageRef, Schedule, Side, Source, Type
from repositories import Repository

ROOT = Path(__file__).parents[2]
PREDECESSOR = Path(__file__).parents[1] / "data" / "predecessor"


# ---- what holds where nothing is said ----


def test_defaults(tmp_path: Path) -> None:
    campaign = read(tmp_path)
    assert campaign.name == "c"
    assert campaign.seed == 0
    assert campaign.schedule == Schedule.RMIT
    assert campaign.analysis == Analysis()
    assert campaign.base_image == "debian:bookworm-slim"
    assert (campaign.artifacts, campaign.imports, campaign.verbose) == ((), (), False)
    one, two = campaign.benchmarks
    assert (one.name, two.name) == ("one", "two")
    assert (one.suite, one.format) == ("tiny", "native")
    assert one.repetitions == {Type.DUET: 1, Type.SYNCDUET: 0, Type.SEQN: 0, Type.AADUET: 0, Type.BBDUET: 0}
    assert (one.timeout_s, one.remove_containers, one.warmup) == (None, True, None)
    assert one.a.run == one.b.run == "one"
    assert one.a.results == ("results.csv",)
    assert one.a.image == ImageRef("tiny")
    assert (one.a.engine, one.a.memory_bytes, one.a.network, one.a.cpus) == ("auto", None, "none", "exchange")
    assert (one.a.disk_bytes, one.a.privileges) == (None, ())
    assert (one.a.name, one.b.name) == ("A", "B")


def test_suite_is_the_campaigns_name_unless_given(tmp_path: Path) -> None:
    assert read(tmp_path, {"suite": None, "name": "mine"}).benchmarks[0].suite == "mine"


def test_benchmark_without_mapping_runs_its_own_name(tmp_path: Path) -> None:
    assert read(tmp_path, {"run_base": "harness -n 3"}, two=None).benchmarks[1].a.run == "harness -n 3 two"


# ---- inheritance ----

SIDE_VALUES = {
    "image": ("i1", "i2", "i3", "i4"),
    "run": ("r1", "r2", "r3", "r4"),
    "run_base": ("b1", "b2", "b3", "b4"),
    "syncduet_run_base": ("s1", "s2", "s3", "s4"),
    "results": (["1"], ["2"], ["3"], ["4"]),
    "engine": ("docker", "podman", "process", "docker"),
    "memory": ("1g", "2g", "3g", "4g"),
    "disk": ("1g", "2g", "3g", "4g"),
    "privileges": (["KILL"], ["SYS_NICE"], [], ["CHOWN", "FOWNER"]),
    "setup": ("s1", "s2", "s3", "s4"),
    "network": ("n1", "n2", "n3", "n4"),
    "cpus": ("1", "2", "3", "4"),
}


def seen(side: Side, key: str) -> object:
    return {
        "image": lambda s: s.image.name,
        "run": lambda s: s.run,
        "run_base": lambda s: s.run.split()[0],
        "syncduet_run_base": lambda s: s.syncduet_run.split()[0],
        "results": lambda s: list(s.results),
        "memory": lambda s: f"{s.memory_bytes // 1024**3}g",
        "disk": lambda s: f"{s.disk_bytes // 1024**3}g",
        "privileges": lambda s: list(s.privileges),
    }.get(key, lambda s: getattr(s, key))(side)


@pytest.mark.parametrize("key", SIDE_VALUES)
def test_nearest_level_wins_for_sides(tmp_path: Path, key: str, monkeypatch) -> None:
    monkeypatch.setattr(config, "_check_engines", lambda *_: None)  # all have the same image here
    at_campaign, at_campaign_b, at_benchmark, at_benchmark_b = SIDE_VALUES[key]
    campaign = read(
        tmp_path,
        {key: at_campaign, "B": {key: at_campaign_b}, "duets": ["plain", "sided", "near", "nearest"]},
        near={key: at_benchmark},
        nearest={key: at_benchmark, "B": {key: at_benchmark_b}},
    )
    plain, sided, near, nearest = campaign.benchmarks
    assert seen(plain.a, key) == at_campaign
    assert seen(plain.b, key) == at_campaign_b
    assert seen(sided.b, key) == at_campaign_b
    assert seen(near.a, key) == seen(near.b, key) == at_benchmark
    assert seen(nearest.a, key) == at_benchmark
    assert seen(nearest.b, key) == at_benchmark_b


@pytest.mark.parametrize(
    ("key", "campaign_value", "benchmark_value", "shown"),
    [
        ("suite", "s", "t", lambda b: b.suite),
        ("format", "native", "renaissance", lambda b: b.format),
        ("duet_repetitions", 2, 3, lambda b: b.repetitions[Type.DUET]),
        ("syncduet_repetitions", 2, 3, lambda b: b.repetitions[Type.SYNCDUET]),
        ("sequential_repetitions", 2, 3, lambda b: b.repetitions[Type.SEQN]),
        ("aa_repetitions", 2, 3, lambda b: b.repetitions[Type.AADUET]),
        ("bb_repetitions", 2, 3, lambda b: b.repetitions[Type.BBDUET]),
        ("timeout", 2.5, 3, lambda b: b.timeout_s),
        ("retries", 1, 2, lambda b: b.retries),
        ("remove_containers", False, True, lambda b: b.remove_containers),
        ("warmup", "auto", 3, lambda b: b.warmup),
    ],
)
def test_nearest_level_wins_for_benchmarks(tmp_path, key, campaign_value, benchmark_value, shown) -> None:
    one, two = read(tmp_path, {key: campaign_value}, two={key: benchmark_value}).benchmarks
    assert shown(one) == campaign_value
    assert shown(two) == benchmark_value


def test_without_b_a_runs_against_itself(tmp_path: Path) -> None:
    one, _ = read(tmp_path, one={"A": {"run": "x", "image": "mine", "env": {"K": "v"}}}).benchmarks
    assert (one.b.run, one.b.image, one.b.env) == ("x", ImageRef("mine"), (("K", "v"),))


def test_b_alone_leaves_a_with_the_defaults(tmp_path: Path) -> None:
    one, _ = read(tmp_path, one={"B": {"run": "x"}}).benchmarks
    assert (one.a.run, one.b.run) == ("one", "x")


def test_two_images_are_two_lines_also_over_the_predecessors_mappings(tmp_path: Path) -> None:
    one, _ = read(
        tmp_path, {"A": {"image": "old"}, "B": {"image": "new"}}, one={"A": {"run": "x"}}
    ).benchmarks
    assert (one.a.image, one.b.image) == (ImageRef("old"), ImageRef("new"))
    assert one.a.run == one.b.run == "x"


def test_env_and_image_args_are_joined_key_by_key(tmp_path: Path) -> None:
    one, _ = read(
        tmp_path,
        {
            "env": {"P": 1, "Q": "c", "R": True},
            "image_args": {"JDK": 17, "X": "x"},
            "B": {"image_args": {"JDK": 21}},
        },
        one={"env": {"Q": "b"}, "A": {"env": {"P": "a"}}, "B": {}},
    ).benchmarks
    assert one.a.env == (("P", "a"), ("Q", "b"), ("R", "true"))
    assert one.b.env == (("P", "1"), ("Q", "b"), ("R", "true"))
    assert one.a.image == ImageRef("tiny", (("JDK", "17"), ("X", "x")))
    assert one.b.image == ImageRef("tiny", (("JDK", "21"), ("X", "x")))


def test_null_counts_as_not_given(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text(
        "duetbench: {image: tiny, memory: 1g, seed: null, A: null, duets: [one, two]}\n"
        "one: {memory: null, A: {image: null}, B: null}\ntwo:\n",
        encoding="utf-8",
    )
    one, two = load_campaign(path).benchmarks
    assert one.a.memory_bytes == one.b.memory_bytes == two.a.memory_bytes == 1024**3
    assert one.a.image == ImageRef("tiny")


@pytest.mark.parametrize("timeout", [0, -1, None])
def test_no_timeout(tmp_path: Path, timeout: object) -> None:
    assert read(tmp_path, one={"timeout": timeout}).benchmarks[0].timeout_s is None


def test_a_single_text_is_a_list_of_one(tmp_path: Path) -> None:
    (one,) = read(tmp_path, {"duets": "one", "results": "/duet/x.csv"}).benchmarks
    assert (one.name, one.a.results) == ("one", ("/duet/x.csv",))


# ---- values ----


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (8388608, 8388608),
        ("8388608", 8388608),
        ("8388608b", 8388608),
        ("64000k", 64000 * 1024),
        ("512M", 512 * 1024**2),
        ("2g", 2 * 1024**3),
        ("1.5g", 3 * 1024**3 // 2),
    ],
)
def test_memory(tmp_path: Path, text: object, size: int) -> None:
    assert read(tmp_path, {"memory": text}).benchmarks[0].a.memory_bytes == size


@pytest.mark.parametrize(
    ("command", "engine"),
    [("docker", "docker"), ("podman", "podman"), ("/usr/bin/podman", "podman"), ("sudo docker", "docker")],
)
def test_docker_command_is_the_engine(tmp_path: Path, command: str, engine: str) -> None:
    assert read(tmp_path, {"docker_command": command}).benchmarks[0].a.engine == engine


def test_docker_command_that_contradicts_engine(tmp_path: Path) -> None:
    line = only_fault(tmp_path, {"docker_command": "podman", "engine": "docker"})
    assert (
        line == "c.yml: duetbench.docker_command: is podman, but engine is docker; accepted: one of the two"
    )


@pytest.mark.parametrize("warmup", [0, 10, 0.25, "30s", "1.5s", "auto"])
def test_warmup(tmp_path: Path, warmup: object) -> None:
    found = read(tmp_path, {"warmup": warmup}).benchmarks[0].warmup
    assert found == warmup
    assert type(found) is type(warmup)


def test_analysis(tmp_path: Path) -> None:
    campaign = read(
        tmp_path, {"analysis": {"margin": 1, "method": "wilcoxon"}}, {"analysis": {"confidence": 0.9}}
    )
    assert campaign.analysis == Analysis(margin_percent=1, method="wilcoxon", confidence=0.9)


@pytest.mark.parametrize("suite", ["renaissance", "native"])
def test_format_is_the_suites(tmp_path: Path, suite: str) -> None:
    assert read(tmp_path, {"suite": suite}).benchmarks[0].format == suite


def test_scalabench_is_read_as_dacapo(tmp_path: Path) -> None:
    assert read(tmp_path, {"suite": "scalabench"}).benchmarks[0].format == "dacapo"


def test_the_harness_is_given_by_either_name_of_its_key(tmp_path: Path) -> None:
    for key in ("harness", "format"):
        one, two = read(tmp_path, {key: "renaissance"}, two={"harness": "scalabench"}).benchmarks
        assert (one.format, two.format) == ("renaissance", "dacapo")
    line = only_fault(tmp_path, {"format": "native", "harness": "dacapo"})
    what = 'is "dacapo", but format is "native"'
    assert line == f"c.yml: duetbench.harness: {what}; accepted: one of the two"


@pytest.mark.parametrize("harness", harnesses.known(), ids=lambda harness: harness.name)
def test_what_a_campaign_leaves_out_is_the_harnesss(tmp_path: Path, harness: Harness) -> None:
    one, two = read(tmp_path, {"harness": harness.name}, two={"warmup": 0}).benchmarks
    assert one.a.results == harness.results
    assert (one.warmup or 0, two.warmup) == (harness.warmup, 0)


# ---- sources ----


def test_source_and_own_jar(tmp_path: Path) -> None:
    (tmp_path / "mine.jar").write_bytes(b"x")
    url, sha = "https://example.org/d/x-1.jar?mirror=2", "0" * 64
    one, two = read(
        tmp_path,
        {"source": {"url": url, "sha256": sha}, "B": {"jar": "mine.jar"}},
        two={"source": {"url": url, "file": "x.jar"}, "jar": str(tmp_path / "mine.jar")},
    ).benchmarks
    assert one.a.image is not None and one.b.image is not None and two.a.image is not None
    assert one.a.image.source == Source("x-1.jar", url, sha)
    # Nearer than the source: other bytes than its digest's, under its name.
    assert one.b.image.source == Source("x-1.jar", None, None, tmp_path / "mine.jar")
    assert two.a.image.source == Source("x.jar", url, None, tmp_path / "mine.jar")


def test_nearer_source_replaces_jar(tmp_path: Path) -> None:
    (tmp_path / "mine.jar").write_bytes(b"x")
    one, _ = read(
        tmp_path, {"jar": "mine.jar", "B": {"source": {"url": "https://example.org/y.jar"}}}
    ).benchmarks
    assert one.a.image is not None and one.b.image is not None
    assert one.a.image.source == Source("mine.jar", own=tmp_path / "mine.jar")
    assert one.b.image.source == Source("y.jar", "https://example.org/y.jar")


def test_missing_jar_says_what_to_put_where(tmp_path: Path) -> None:
    line = only_fault(tmp_path, {"jar": "d/x.zip", "source": {"file": "suite.zip"}})
    assert (
        line == "c.yml: duetbench.jar: there is no file d/x.zip; accepted: a copy of suite.zip at that path"
    )
    line = only_fault(tmp_path, {"jar": "x.jar", "source": {"url": "https://example.org/y.jar"}})
    assert line.endswith("a copy of y.jar at that path, or no jar, to download https://example.org/y.jar")


def test_source_without_origin(tmp_path: Path) -> None:
    assert "source: has no url, and no jar says where your own x.zip is" in only_fault(
        tmp_path, {"source": {"file": "x.zip"}}
    )
    assert "source: has neither url nor file" in only_fault(tmp_path, {"source": {}})


# ---- the predecessor's files ----


def test_predecessor_minimal() -> None:
    campaign = load_campaign(PREDECESSOR / "minimal.yml")
    (benchmark,) = campaign.benchmarks
    assert campaign.name == "minimal"
    assert benchmark.a.run == benchmark.b.run == "echo once > /duet/out.csv"
    assert benchmark.a.image == ImageRef("tiny:1")


def test_predecessor_full() -> None:
    campaign = load_campaign(PREDECESSOR / "full.yml")
    assert (campaign.name, campaign.verbose, campaign.seed) == ("full", True, 0)
    assert campaign.schedule == Schedule.RMIT
    assert campaign.artifacts == (("date", "date"), ("meminfo", "cat /proc/meminfo"))
    fop, h2 = campaign.benchmarks
    assert fop.repetitions == {Type.DUET: 3, Type.SYNCDUET: 2, Type.SEQN: 1, Type.AADUET: 0, Type.BBDUET: 0}
    assert (fop.suite, fop.remove_containers, fop.timeout_s) == ("dacapo", False, None)
    assert fop.a.engine == "podman"
    assert fop.a.run == fop.b.run == "java -Xmx1G -jar patched.jar -n 9 -o /duet/results.csv fop"
    assert (h2.suite, h2.remove_containers, h2.timeout_s) == ("databases", True, 90)
    assert h2.repetitions == {Type.DUET: 7, Type.SYNCDUET: 0, Type.SEQN: 0, Type.AADUET: 0, Type.BBDUET: 0}
    assert h2.b.run == "/opt/graal/bin/java -jar patched.jar h2 -s large"
    assert h2.b.image == ImageRef("dacapo-graal:latest")
    assert h2.b.results == ("/tmp/other.csv", "/tmp/gc")
    assert h2.a.results == ("/duet/results.csv",)


def test_predecessor_speccpu() -> None:
    (benchmark,) = load_campaign(PREDECESSOR / "speccpu.yml").benchmarks
    assert benchmark.name == "505.mcf_r"
    assert benchmark.stem == "speccpu.505_mcf_r"
    assert benchmark.a.syncduet_run is None


# ---- synchronised duets ----


def test_predecessors_agent_becomes_our_probe_for_dacapo() -> None:
    base = "java -agentpath:/b/agent.so -Xmx1G -jar /duet/x-d3s.jar --iteration-barrier $$ -n 9 -o /r.csv"
    command, notice = config_values.syncduet_command(base, "fop", harnesses.get("dacapo"), agent=False)
    assert command == ("DUET_RESULTS=/r.csv java -Xmx1G -jar /duet/duet-probe-dacapo.jar -n 9 fop")
    assert notice is not None
    assert "replaced by duetbench's own probe" in notice


def test_predecessors_agent_becomes_our_plugin_for_renaissance() -> None:
    base = "java -jar renaissance.jar --iteration-barrier=$$ --json /duet/results.json"
    command, notice = config_values.syncduet_command(base, "dotty", harnesses.get("renaissance"))
    assert command == (
        "java -jar renaissance.jar --json /duet/results.json --plugin /duet/duet-probe-renaissance.jar dotty"
    )
    assert notice


@pytest.mark.parametrize(
    "base", ["duet-loop --", "java --plugin /duet/duet-probe-renaissance.jar -jar x.jar"]
)
def test_own_syncduet_commands_stay_as_they_are(base: str) -> None:
    assert config_values.syncduet_command(base, "x", harnesses.get("renaissance")) == (f"{base} x", None)


def test_two_dollars_are_the_barrier() -> None:
    assert config_values.syncduet_command("own --at $$", "x", harnesses.get("native")) == (
        "own --at $DUET_BARRIER x",
        None,
    )


def test_notice_says_where(tmp_path: Path) -> None:
    agent = "java -agentpath:/a.so -jar x.jar"
    campaign = read(tmp_path, {"format": "renaissance", "syncduet_run_base": agent})
    (notice,) = (line for line in campaign.notices if "/a.so" in line)
    assert "c.yml: duetbench.syncduet_run_base: " in notice


def test_native_and_probed_commands_serve_both(tmp_path: Path) -> None:
    one, _ = read(tmp_path, {"run_base": "loop"}).benchmarks
    assert one.a.syncduet_run == "loop one"
    probed = "java -jar r.jar --plugin duet-probe-renaissance.jar"
    one, _ = read(
        tmp_path, {"format": "renaissance", "run_base": probed, "syncduet_repetitions": 1}
    ).benchmarks
    assert one.a.syncduet_run == f"{probed} one"


def test_syncduet_without_a_command(tmp_path: Path) -> None:
    assert only_fault(tmp_path, {"format": "renaissance", "syncduet_repetitions": 2}) == (
        "c.yml: duetbench.syncduet_repetitions: renaissance: no syncduet_run_base says how the harness loads "
        "the probe; accepted: 0, or a syncduet_run_base beside run_base"
    )


def test_syncduet_where_the_harness_cannot(tmp_path: Path) -> None:
    line = only_fault(tmp_path, {"suite": "speccpu"}, two={"syncduet_repetitions": 1})
    assert line == (
        "c.yml: two.syncduet_repetitions: speccpu: SPEC CPU's harness starts a process per iteration and "
        "has no place for a barrier; accepted: 0"
    )


# ---- several files ----


def test_suites(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.jar").write_bytes(b"x")
    written(tmp_path / "sub", {"suite": "other", "image": None, "jar": "own.jar", "timeout": 5}, "s.yml")
    path = written(tmp_path, {"suites": ["sub/s.yml"], "timeout": 9, "memory": "1g", "artifacts": {"a": "b"}})
    campaign = load_campaign(path)
    assert [(b.suite, b.name) for b in campaign.benchmarks] == [
        ("tiny", "one"),
        ("tiny", "two"),
        ("other", "one"),
        ("other", "two"),
    ]
    own, other = campaign.benchmarks[0], campaign.benchmarks[2]
    assert (own.timeout_s, other.timeout_s) == (9, 5)
    assert other.a.memory_bytes == 1024**3
    assert other.a.image == ImageRef("tiny", (), Source("own.jar", own=tmp_path / "sub" / "own.jar"))


def test_suite_file_is_named_by_its_file(tmp_path: Path) -> None:
    written(tmp_path, {"suite": None, "name": "theirs"}, "s.yml")
    campaign = load_campaign(written(tmp_path, {"suite": None, "suites": ["s.yml"], "duets": None}))
    assert {b.suite for b in campaign.benchmarks} == {"theirs"}


def test_faults_of_suite_files_name_them(tmp_path: Path) -> None:
    written(tmp_path, {"imagine": "x"}, "s.yml")
    lines = faults(written(tmp_path, {"suites": ["s.yml", "none.yml"]}))
    assert [line.split(": ")[0] for line in lines] == ["s.yml", "none.yml"]
    assert lines[1] == "none.yml: cannot be read: No such file or directory"


def test_suite_files_name_no_others(tmp_path: Path) -> None:
    written(tmp_path, {"suite": "s", "suites": ["c.yml"]}, "s.yml")
    assert faults(written(tmp_path, {"suites": ["s.yml"]}))[0].startswith("s.yml: duetbench.suites: ")


def test_the_same_benchmark_in_two_files(tmp_path: Path) -> None:
    written(tmp_path, {"duets": ["one"]}, "s.yml")
    assert faults(written(tmp_path, {"suites": ["s.yml"]})) == [
        "s.yml: duetbench.duets: tiny/one occurs in two files; accepted: each benchmark of a suite once"
    ]


def test_import(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    campaign = read(tmp_path, {"duets": None, "import": ["old"]})
    assert campaign.imports == (tmp_path / "old",)
    assert campaign.benchmarks == ()
    assert only_fault(tmp_path, {"import": "gone"}) == (
        "c.yml: duetbench.import[0]: there is no directory gone; accepted: result directories, "
        ".csv or .json files of duetprocess, and s3://bucket/prefix/STAMP"
    )
    campaign = read(tmp_path, {"duets": None, "import": ["old", "s3://bucket/a/20250401_093000/"]})
    assert campaign.imports == (tmp_path / "old",)
    assert campaign.publications == ("s3://bucket/a/20250401_093000",)
    assert 'duetbench.import[1]: is "s3://bucket", no publication\'s address' in only_fault(
        tmp_path, {"import": ["old", "s3://bucket"]}
    )


@pytest.mark.parametrize("address", ["s3://bucket", "s3://my.bucket/a/b"])
def test_publish(tmp_path: Path, address: str):
    assert read(tmp_path, {"publish": address}).publish == address


@pytest.mark.parametrize(
    "address", ["bucket/a", "s3://B", "https://bucket/a", "s3://bucket/a b", "s3://key:x@b"]
)
def test_what_is_no_address_of_s3(tmp_path: Path, address: str):
    assert "duetbench.publish: is" in only_fault(tmp_path, {"publish": address})


# ---- --config ----


def test_overrides(tmp_path: Path) -> None:
    overrides = {
        "seed": 4,
        "duet_repetitions": 9,
        "duets": ["two"],
        "two": {"memory": "2g"},
        "engine": "process",
    }
    campaign = read(
        tmp_path, {"seed": 3, "docker_command": "docker"}, overrides, two={"memory": "1g", "cpus": "1"}
    )
    (two,) = campaign.benchmarks
    assert campaign.seed == 4
    assert two.repetitions[Type.DUET] == 9
    assert two.a.memory_bytes == 2 * 1024**3
    assert two.a.cpus == "1"
    assert two.a.engine == "process"


def test_overrides_in_the_files_form(tmp_path: Path) -> None:
    assert read(tmp_path, None, {"duetbench": {"seed": 4}}).seed == 4


def test_overrides_hold_for_suite_files(tmp_path: Path) -> None:
    written(tmp_path, {"suite": "s", "timeout": 5}, "s.yml")
    campaign = load_campaign(written(tmp_path, {"suites": "s.yml"}), {"timeout": 1})
    assert {b.timeout_s for b in campaign.benchmarks} == {1}


def test_an_override_of_a_does_not_reach_b_where_the_file_has_b(tmp_path: Path) -> None:
    one, two = read(
        tmp_path, None, {"one": {"A": {"run": "x"}}, "two": {"A": {"run": "x"}}}, one={"B": {}}
    ).benchmarks
    assert (one.a.run, one.b.run) == ("x", "one")
    assert (two.a.run, two.b.run) == ("x", "x")


def test_override_paths_start_at_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "old").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert read(tmp_path, None, {"import": ["old"]}).imports == (tmp_path / "here" / "old",)


def test_faults_of_overrides(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert faults(path, {"engine": "dockr", "timeout": "x"}) == [
        '--config: duetbench.engine: is "dockr" (did you mean docker?); '
        "accepted: docker, podman, process, auto",
        '--config: duetbench.timeout: is "x"; accepted: seconds, a number up to 1000000000 (0: none)',
    ]
    (line,) = faults(path, {"sed": 3})
    assert line.startswith("--config: sed: is 3 (did you mean seed?)")
    (line,) = faults(path, {"tow": {"run": "x"}})
    assert line == "--config: tow: no such benchmark (did you mean two?); accepted: one, two"


# ---- what stands beside the code ----


def test_analysis_names_are_those_of_inference() -> None:
    rules = config_check.schema()["$defs"]["campaign"]["properties"]["analysis"]["properties"]
    assert set(rules["estimator"]["enum"]) == set(estimators.NAMES)
    assert set(rules["method"]["enum"]) == set(intervals.NAMES)
    assert set(rules["correction"]["enum"]) == set(multiplicity.NAMES)


def test_defaults_are_accepted_values() -> None:
    rules = config_check.schema()["$defs"]["campaign"]["properties"]["analysis"]["properties"]
    for key in ("estimator", "method", "correction"):
        assert getattr(Analysis(), key) in rules[key]["enum"]


def test_readme_gives_the_defaults_of_the_analysis() -> None:
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^- \*\*`(\w+)`\*\* \(.*; default: `?([^`)]+)`?\):", text, re.MULTILINE))
    for key, value in vars(Analysis()).items():
        if value is None:  # `precision`, a key of the campaign
            continue
        said = f"[{', '.join(m.name for m in value)}]" if key == "metrics" else value
        assert shown[key.removesuffix("_percent")] == (f"{value:g}" if isinstance(value, float) else said)


def documented(section: str) -> set[str]:
    """The keys that a section has an entry for."""
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    part = text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    entries = re.findall(r"^- (\*\*`.+`\*\*) \(", part, re.MULTILINE)
    return {key for entry in entries for key in re.findall(r"\*\*`(\w+)`\*\*", entry)}


def test_readme_documents_the_keys_of_the_schema() -> None:
    every, benchmark, campaign = map(
        documented, ("Keys of every level", "Keys of benchmarks and above", "Keys of the campaign")
    )
    analysis = set(config_check.schema()["$defs"]["campaign"]["properties"]["analysis"]["properties"])
    assert every == set(config_check.keys("side"))
    assert every | benchmark == set(config_check.keys("benchmark"))
    assert every | benchmark | campaign == set(config_check.keys("campaign")) | analysis


def test_readme_gives_the_facts_of_harnesses() -> None:
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    part = text.split("## Harnesses\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| `([^|]+)` \| ([\d.]+) \| ([^|]+) \|$", part, re.MULTILINE)
    assert {name for name, *_ in rows} == {harness.name for harness in harnesses.known()}
    for name, results, warmup, synchronised in rows:
        harness = harnesses.get(name)
        assert (", ".join(harness.results), harness.warmup) == (results, float(warmup))
        assert synchronised.startswith("none") == bool(harness.no_barrier)
        assert (synchronised == "by its own command") == harness.meets_barrier
        assert synchronised == "by a probe" or not harness.with_probe


def test_readmes_campaigns_are_campaigns(tmp_path: Path) -> None:
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    repository = Repository.new(tmp_path / "repository")  # one of them names revisions
    repository.commit()
    for i, block in enumerate(blocks):
        path = repository.path / f"c{i}.yml"
        path.write_text(block, encoding="utf-8")
        assert load_campaign(path).benchmarks


@pytest.mark.parametrize("file", sorted(p.name for p in (ROOT / "config").glob("*.yml")))
def test_our_campaigns_load(file: str, tmp_path: Path) -> None:
    overrides = {}
    if file.startswith("speccpu"):
        (line,) = faults(ROOT / "config" / file)
        assert line.startswith(f"{file}: duetbench.jar: there is no file ")
        assert line.endswith("a copy of speccpu.zip at that path")
        (tmp_path / "speccpu.zip").write_bytes(b"")
        overrides = {"jar": str(tmp_path / "speccpu.zip")}
    campaign = load_campaign(ROOT / "config" / file, overrides)
    assert campaign.name == file.removesuffix(".yml")
    assert campaign.benchmarks
    if file.startswith("speccpu"):
        image = campaign.benchmarks[0].a.image
        assert image is not None
        assert dict(image.args)["BENCHMARKS"].split() == [b.name for b in campaign.benchmarks]


@pytest.mark.parametrize(
    "file", ["renaissance", "dacapo-9.12", "dacapo-9.12-MR1", "dacapo-23.11", "scalabench"]
)
def test_twins_run_the_same_benchmarks_once(file: str) -> None:
    whole, short = (load_campaign(ROOT / "config" / f"{file}{kind}.yml") for kind in ("", ".test"))
    assert [b.name for b in whole.benchmarks] == [b.name for b in short.benchmarks]
    assert {b.repetitions[Type.DUET] for b in short.benchmarks} == {1}


def test_renaissance_is_the_predecessors_24() -> None:
    campaign = load_campaign(ROOT / "config/renaissance.yml")
    assert len(campaign.benchmarks) == 24
    assert all("ParallelOldGC" not in b.a.run for b in campaign.benchmarks)
    assert all("-Xms1536M -Xmx1536M" in b.a.run for b in campaign.benchmarks)


def test_environment_is_a_label_or_a_mapping_of_hosts(tmp_path: Path) -> None:
    assert read(tmp_path).environment == ()
    assert read(tmp_path, {"environment": "t3.medium"}).environment == (("*", "t3.medium"),)
    given = {"ip-*": "t3.medium", "bench1": "bare metal"}
    assert read(tmp_path, {"environment": given}).environment == tuple(given.items())
