"""Campaign files with faults: the line that each fault gets."""

import re
from pathlib import Path

import pytest
import yaml
from config_files import BASE, faults, only_fault, read, written
from duet.campaign import check as config_check
from duet.campaign.load import ConfigError, load_campaign
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# ---- faults: one line each ----

WRONG = {
    "name": ["a b", "", "a/b", ".", 3],
    "verbose": ["yes!", 1],
    "seed": ["x", 1.5, True],
    "docker_command": ["nerdctl", 1],
    "duets": [3, {"a": 1}],
    "artifacts": [["date"], "date"],
    "schedule": ["random", 1],
    "suites": [[], 3],
    "import": [[], 3],
    "publish": [3, "results", "https://bucket/x"],
    "base_image": [1, "-x"],
    "replicate": ["nodes", True, ["a"]],
    "hosts": [3, [], ["a b"], ["a", "a"]],
    "one_host": ["no!", 1],
    "registry": [1, "https://x", "-x"],
    "analysis": ["t", [1]],
    "precision": [3, ["x"], {}],
    "A": [3, "x"],
    "B": [["x"]],
    "compatible": ["asynchronous", True],
    "environment": [3, "", {}, ["a"]],
    "suite": ["a b", 1],
    "harness": [1, ""],
    "format": [1, ""],
    "duet_repetitions": [-1, 1.5, "2", True],
    "syncduet_repetitions": [-1],
    "sequential_repetitions": ["many"],
    "aa_repetitions": [-2],
    "bb_repetitions": [-2],
    "timeout": ["10s", True],
    "retries": [-1, 1.5, "2", True],
    "remove_containers": ["no!", 0],
    "warmup": [1.5, -1, "half", "10m", True],
    "image": [3, "", "a b"],
    "image_args": ["x", ["a"]],
    "jar": [3, ""],
    "source": ["https://example.org"],
    "run": [3, ["a"]],
    "run_base": [3],
    "syncduet_run_base": [3],
    "results": [3, {"a": 1}],
    "env": ["A=1", ["A=1"]],
    "engine": ["dockr", 1],
    "memory": ["lots", "1t", "-1g", -1, True],
    "disk": ["lots", -1],
    "privileges": [3, "root", "CAP_CHOWN", ["sys_nice"]],
    "network": [3, "a b"],
    "cpus": [2, "half", "0-", "a"],
    "git": ["main", [1]],
    "setup": [3, ["a"]],
    "parameters": [["x"], "x"],
}


def test_every_key_has_wrong_values_here() -> None:
    assert set(WRONG) == set(config_check.keys("campaign"))


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, values in WRONG.items() for v in values])
def test_wrong_value(tmp_path: Path, key: str, value: object) -> None:
    line = only_fault(tmp_path, {key: value})
    assert re.match(rf"c\.yml: duetbench\.{key}(\[0\])?: is .+; accepted: .+", line), line


def test_every_rule_says_what_it_accepts() -> None:
    def rules(node: object, path: str = "") -> None:
        if isinstance(node, dict):
            if {"type", "enum", "pattern", "minimum", "anyOf"} & set(node) and "anyOf" not in path:
                assert node.get("accepted"), path
            for key, below in node.items():
                if key not in ("enum", "required"):
                    rules(below, f"{path}/{key}")
        elif isinstance(node, list) and "anyOf" not in path:
            for i, below in enumerate(node):
                rules(below, f"{path}/{i}")

    schema = config_check.schema()
    for level in schema["$defs"].values():
        rules(level, "$defs")
    rules({k: v for k, v in schema.items() if k not in ("$defs", "properties")})


FAULTS = [
    # duetbench, benchmarks -> the line
    ({"imge": "x"}, {}, "c.yml: duetbench.imge: unknown key (did you mean image?); accepted: name, "),
    (
        {"repetitions": 2},
        {},
        "c.yml: duetbench.repetitions: unknown key (did you mean bb_repetitions?); accepted: ",
    ),
    (
        {},
        {"one": {"A": {"runn": "x"}}},
        "c.yml: one.A.runn: unknown key (did you mean run?); accepted: image, ",
    ),
    ({}, {"one": {"A": {"timeout": 3}}}, "c.yml: one.A.timeout: unknown key; accepted: image, "),
    ({}, {"one": {"seed": 3}}, "c.yml: one.seed: unknown key; accepted: A, B, suite, "),
    ({}, {"one": 3}, "c.yml: one: is 3; accepted: a benchmark's mapping"),
    (
        {},
        {"seed": 3},
        "c.yml: seed: is 3 (did you mean seed?); accepted: a benchmark's mapping (a campaign's keys",
    ),
    ({}, {"a b": {}}, "c.yml: a b: cannot be used as a name; accepted: a benchmark's name of letters"),
    (
        {"duets": ["one", 500]},
        {},
        "c.yml: duetbench.duets[1]: is 500; accepted: a benchmark's name of letters, digits",
    ),
    ({"duets": ["one", "t/o"]}, {}, 'c.yml: duetbench.duets[1]: is "t/o"; accepted: a benchmark\'s name'),
    (
        {"duets": ["one", "one"]},
        {},
        'c.yml: duetbench.duets: is ["one", "one"]; accepted: a list of benchmarks\' names, ',
    ),
    (
        {"duets": ["a.b", "a_b"]},
        {},
        "c.yml: duetbench.duets: tiny/a_b gets the file names of tiny/a.b (. becomes _); acc",
    ),
    ({"duets": None}, {}, "c.yml: duetbench.duets: nothing to measure; accepted: benchmarks in duets"),
    ({"duets": []}, {}, "c.yml: duetbench.duets: nothing to measure; accepted: "),
    (
        {"duet_repetitions": 0},
        {},
        "c.yml: duetbench.duets: nothing to measure; accepted: benchmarks in duets with rep",
    ),
    (
        {"image": None},
        {},
        "c.yml: duetbench.image: missing, and engine auto needs one (one, two); accepted: an image's",
    ),
    (
        {"image": None, "engine": "docker"},
        {"one": {"image": "x"}},
        "c.yml: duetbench.image: missing, and engine docker",
    ),
    ({"run": " "}, {}, "c.yml: duetbench.run: is empty; accepted: a command"),
    ({"memory": "5m"}, {}, "c.yml: duetbench.memory: is 5242880 bytes; accepted: 6m or more"),
    ({"disk": 1}, {}, "c.yml: duetbench.disk: is 1 bytes; accepted: 6m or more"),
    (
        {"privileges": ["SYS_NICE", "SYS_PTRCE"]},
        {},
        'c.yml: duetbench.privileges[1]: is "SYS_PTRCE" (did you mean SYS_PTRACE?); accepted: a Linux cap',
    ),
    (
        {"results": []},
        {},
        "c.yml: duetbench.results: is empty, and native is not read from the log alone; accepted: the files ",
    ),
    (
        {"results": ["a", "/"]},
        {},
        'c.yml: duetbench.results[1]: "/" cannot be kept under that name; accepted: ',
    ),
    (
        {"results": ["x/log"]},
        {},
        'c.yml: duetbench.results[0]: "x/log" cannot be kept under that name; accepted: ',
    ),
    (
        {"results": ["a/x", "b/x"]},
        {},
        'c.yml: duetbench.results[1]: "b/x" has the same name as "a/x"; accepted: ',
    ),
    (
        {"format": "renaisance"},
        {},
        'c.yml: duetbench.format: is "renaisance", no harness (did you mean renaissance?)',
    ),
    (
        {"cpus": "0-1"},
        {"one": {"B": {"cpus": "split"}}},
        "c.yml: one.B.cpus: A has 0-1 and B has split; accepted: ",
    ),
    (
        {"env": {"A-B": "x"}},
        {},
        "c.yml: duetbench.env.A-B: cannot be used as a name; accepted: a variable's name",
    ),
    (
        {"env": {"A": None}},
        {},
        "c.yml: duetbench.env.A: is null; accepted: text of at most 30000 characters without NUL, a number",
    ),
    (
        {"artifacts": {"a b": "x"}},
        {},
        "c.yml: duetbench.artifacts.a b: cannot be used as a name; accepted: a name",
    ),
    ({"artifacts": {"a": 1}}, {}, "c.yml: duetbench.artifacts.a: is 1; accepted: a command, text"),
    (
        {"analysis": {"method": "tt"}},
        {},
        'c.yml: duetbench.analysis.method: is "tt" (did you mean t?); accepted: t, wilcoxon, bca, ',
    ),
    (
        {"analysis": {"margn": 1}},
        {},
        "c.yml: duetbench.analysis.margn: unknown key (did you mean margin?); accepted: ",
    ),
    (
        {"analysis": {"min_overlap": 0}},
        {},
        "c.yml: duetbench.analysis.min_overlap: is 0; accepted: a share above 0",
    ),
    (
        {"analysis": {"confidence": 95}},
        {},
        "c.yml: duetbench.analysis.confidence: is 95; accepted: a share between",
    ),
    (
        {"source": {"url": "x.jar"}},
        {},
        'c.yml: duetbench.source.url: is "x.jar"; accepted: an address: https://',
    ),
    (
        {"source": {"url": "https://x.org/a", "sha256": 1}},
        {},
        "c.yml: duetbench.source.sha256: is 1; accepted: 64 hex",
    ),
    (
        {"source": {"url": "https://x.org/a", "file": "../a"}},
        {},
        'c.yml: duetbench.source.file: is "../a"; accepted: a',
    ),
    (
        {"duets": ["chi-square"]},
        {"chi-sqare": {}},
        "c.yml: duetbench.duets[0]: chi-square has no mapping, and the mapp",
    ),
]


@pytest.mark.parametrize(("duetbench", "benchmarks", "expected"), FAULTS)
def test_fault_line(tmp_path: Path, duetbench: dict, benchmarks: dict, expected: str) -> None:
    line = only_fault(tmp_path, duetbench, **benchmarks)
    assert line.startswith(expected)


def test_all_faults_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"imge": "x", "seed": "y"}, one={"A": {"engine": "dokcer"}, "repeats": 1})
    assert [line.split(": ")[1] for line in faults(path)] == [
        "duetbench.imge",
        "duetbench.seed",
        "one.repeats",
        "one.A.engine",
    ]


def test_a_fault_that_benchmarks_share_is_one_line(tmp_path: Path) -> None:
    duets = [f"b{i}" for i in range(24)]
    assert "b0, b1," in only_fault(tmp_path, {"image": None, "duets": duets})
    only_fault(tmp_path, {"jar": "gone.jar", "duets": duets})


def test_process_needs_no_image(tmp_path: Path) -> None:
    assert read(tmp_path, {"image": None, "engine": "process"}).benchmarks[0].a.image is None


PROBED = {"format": "renaissance", "run_base": "java -jar r.jar --plugin duet-probe-renaissance.jar"}


def test_a_process_has_no_probe_that_is_made_in_an_image(tmp_path: Path) -> None:
    line = only_fault(tmp_path, PROBED | {"engine": "process"})
    assert line.startswith(
        "c.yml: duetbench.engine: a host process has no duet-probe-renaissance.jar, which is made in the "
        "image (one, two); accepted: docker or podman, or the path of a jar"
    )
    agent = "java -agentpath:/x.so -jar r.jar --iteration-barrier $$"
    only_fault(
        tmp_path,
        {"format": "renaissance", "engine": "process", "syncduet_run_base": agent, "syncduet_repetitions": 1},
    )
    for other in ({"engine": "auto"}, {"engine": "process", "run_base": "java -jar r.jar"}):
        read(tmp_path, PROBED | other)
    own = tmp_path / "duet-probe-renaissance.jar"
    own.touch()
    read(tmp_path, {"engine": "process", "run_base": f"java -jar r.jar --plugin {own}"})


def test_sides_with_one_image_have_one_engine(tmp_path: Path) -> None:
    assert only_fault(tmp_path, two={"B": {"engine": "podman"}}) == (
        "c.yml: two.B.engine: is podman, but one.A uses the same image (tiny) with auto; "
        "accepted: one engine per image, or a directory of images/ for each"
    )
    read(tmp_path, two={"B": {"engine": "podman", "image": "other"}})
    read(tmp_path, {"image": None, "engine": "process"}, two={"B": {"engine": "docker", "image": "other"}})


@pytest.mark.parametrize(
    ("listed", "mapping"),
    [("gzip-9", "gzpi-9"), ("gzip-9", "gzip9"), ("gzip-9", "gzipp-9"), ("gzip-9", "gzip-8")],
)
def test_a_mapping_one_edit_from_a_benchmark_without_one_is_a_fault(
    tmp_path: Path, listed: str, mapping: str
) -> None:
    assert only_fault(tmp_path, {"duets": ["one", listed]}, **{mapping: {"B": {"run": "x"}}}) == (
        f"c.yml: duetbench.duets[1]: {listed} has no mapping, and the mapping {mapping} is not used; "
        "accepted: the same name in both places"
    )
    read(tmp_path, {"duets": ["one", listed]}, **{mapping: {}, listed: {}})


@pytest.mark.parametrize("mapping", ["600.perlbench_s", "gcc", "perlbench_r.500"])
def test_a_mapping_that_nothing_uses_is_told(tmp_path: Path, mapping: str) -> None:
    campaign = read(tmp_path, {"duets": ["500.perlbench_r"]}, **{mapping: {"B": {"run": "x"}}})
    assert campaign.notices[0] == f"{campaign.file}: no benchmark in duets uses the mapping {mapping}"


def test_mappings_that_nothing_uses_are_one_line(tmp_path: Path) -> None:
    many = {f"m{i:02}-long": {} for i in range(20)}
    campaign = read(tmp_path, None, **many)
    line = campaign.notices[0]
    assert line.startswith(f"{campaign.file}: no benchmark in duets uses these 20 mappings: m00-long, ")
    assert line.endswith(" m07-long and 12 more")
    # what --config leaves out is left out on purpose
    campaign = read(tmp_path, {"duets": list(many)}, {"duets": ["m01-long"]}, **many)
    assert all("no benchmark" not in line for line in campaign.notices)


def test_unused_mappings_are_checked_cheaply(tmp_path: Path) -> None:
    read(tmp_path, unused={"jar": "gone.jar"})
    assert only_fault(tmp_path, unused={"imge": "x"}).startswith("c.yml: unused.imge: unknown key")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yml: is null; accepted: a mapping with duetbench: "),
        ("- a\n", 'c.yml: is ["a"]; accepted: a mapping with duetbench: '),
        ("one: {}\n", "c.yml: duetbench: missing; accepted: a mapping with duetbench: "),
        (
            "duetbnch: {}\n",
            "c.yml: duetbench: missing (is duetbnch a misspelling of it?); accepted: a mapping ",
        ),
        ("duetbench: 3\n", "c.yml: duetbench: is 3; accepted: a mapping of a campaign's keys"),
        ("duetbench:\n  image: [a\n", "c.yml: line 3, column 1: not YAML: "),
        ("duetbench:\n\timage: a\n", "c.yml: line 2, column 1: not YAML: "),
        ("duetbench: {image: *x}\n", "c.yml: line 1, column 20: not YAML: found undefined alias"),
        (
            "duetbench: !!python/object:os.system {}\n",
            "c.yml: line 1, column 12: not YAML: could not determine",
        ),
        ("a: 1\n---\nb: 2\n", "c.yml: line 2, column 1: not YAML: but found another document"),
        ("duetbench: \x00\n", "c.yml: not YAML: control characters are not allowed"),
        (
            "duetbench: {image: i, duets: [2024-13-45]}\n",
            "c.yml: line 1: not usable YAML: month must be in 1..12",
        ),
        (
            "duetbench: {image: i, duets: [o], image: j}\n",
            "c.yml: image: line 1 repeats the key of line 1; accepted: ",
        ),
        (
            "duetbench: {image: i, duets: [o]}\n500: {}\n",
            "c.yml: 500: the key is 500, not text; accepted: names, quoted",
        ),
        (
            "duetbench: {image: i, duets: [o]}\non: {}\n",
            "c.yml: true: the key is true, not text; accepted: names, quoted",
        ),
        (
            "duetbench: {image: i, duets: [o]}\n? [a, b]\n: {}\n",
            "c.yml: line 2, column 3: not YAML: found unhashable key",
        ),
        ("duetbench: &d {image: i, duets: [o], env: *d}\n", "c.yml: "),
        ("[" * 3000, "c.yml: "),
    ],
)
def test_not_a_campaign(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "c.yml"
    path.write_text(text, encoding="utf-8")
    lines = faults(path)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


def test_duplicate_keys_on_two_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("duetbench: {image: i, duets: [o]}\no: {}\np: {}\no: {}\n", encoding="utf-8")
    assert faults(path) == ["c.yml: o: line 4 repeats the key of line 2; accepted: each key once"]


def test_yaml_merge_keys_are_no_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text(
        "duetbench: {image: i, duets: [o, p]}\no: &o {A: {run: x}, timeout: 3}\np: {<<: *o, timeout: 4}\n",
        "utf-8",
    )
    o, p = load_campaign(path).benchmarks
    assert (o.timeout_s, p.timeout_s, p.a.run) == (3, 4, "x")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"duetbench: \xc3\x28\n"])
def test_not_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.yml"
    path.write_bytes(content)
    assert len(faults(path)) == 1


def test_unreadable(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.yml") == ["none.yml: cannot be read: No such file or directory"]
    assert faults(tmp_path) == [f"{tmp_path.name}: cannot be read: Is a directory"]


def test_file_name_that_cannot_be_the_campaigns(tmp_path: Path) -> None:
    (line,) = faults(written(tmp_path, name="my file.yml"))
    assert line.startswith(
        'my file.yml: duetbench.name: missing, and the file\'s own name "my file" cannot be used instead'
    )


# ---- whatever is written, a campaign or its faults ----

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["1" * 400 + "g", "~nobody-here/x", "x" * 5000, "..", "$$", "9g", "auto", "docker", "results.csv"]
    )
)
known_keys = st.sampled_from([*config_check.keys("campaign"), "url", "sha256", "file", "margin", "one"])
anything = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(known_keys | st.text(max_size=5), below, max_size=4)
    ),
    max_leaves=8,
)


@given(
    duetbench=st.dictionaries(known_keys, anything, max_size=4),
    rest=st.dictionaries(st.sampled_from(["one", "two", "other", "x.y"]), anything, max_size=3),
    overrides=st.dictionaries(known_keys, anything, max_size=2),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mapping_is_a_campaign_or_its_faults(tmp_path: Path, duetbench, rest, overrides) -> None:
    path = tmp_path / "c.yml"
    path.write_text(yaml.safe_dump({"duetbench": BASE | duetbench, **rest}), encoding="utf-8")
    try:
        campaign = load_campaign(path, overrides)
    except ConfigError as error:
        assert error.faults
        assert all(line.strip() and "\n" not in line for line in error.faults)
    else:
        assert campaign.benchmarks or campaign.imports
        assert all(side.run and "\n" not in side.name for b in campaign.benchmarks for side in (b.a, b.b))


@given(
    st.text(alphabet=st.sampled_from("a:- {}[]&*!|>'\"\n\t#?%1.,~x<=\x00\xe9"), max_size=60)
    | st.binary(max_size=60)
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_campaign_or_its_faults(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "c.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert all("\n" not in line for line in faults(path))


@pytest.mark.parametrize("key", ["name", "suite", "image", "network", "cpus", "memory", "warmup"])
def test_a_lines_end_is_part_of_no_name(tmp_path: Path, key: str) -> None:
    value = {"cpus": "split", "memory": "1g", "warmup": "auto"}.get(key, "x")
    read(tmp_path, {key: value})
    assert f"c.yml: duetbench.{key}: is " in only_fault(tmp_path, {key: f"{value}\n"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(tmp_path: Path, value: float) -> None:
    assert "c.yml: duetbench.timeout: is " in only_fault(tmp_path, {"timeout": value})
