"""Campaign files that were written to break the reading of them, each class with the line that it gets."""

import json
import os
from pathlib import Path

import pytest
import yaml
from config_files import BASE, faults, only_fault, read, written
from duet.campaign import check, overrides, yaml_data
from duet.campaign.load import load_campaign
from duet.images.identity import arguments
from duet.model import ImageRef
from duet.records.layout import Layout

HUGE = "0x" + "f" * 5000


def raw(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "c.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return faults(path)


def with_value(key: str, value: str) -> str:
    return f"duetbench: {{image: i, duets: [o, p], B: {{run: x}}, {key}: {value}}}\n"


@pytest.mark.parametrize("digits", ["1" + "0" * 400, HUGE, "-1" + "0" * 400])
@pytest.mark.parametrize(
    "key", ["timeout", "seed", "warmup", "analysis.margin", "memory", "env.X", "image_args.X"]
)
def test_numbers_beyond_all_measure(tmp_path: Path, key: str, digits: str):
    outer, _, inner = key.partition(".")
    (line,) = raw(tmp_path, with_value(outer, f"{{{inner}: {digits}}}" if inner else digits))
    assert line.startswith(f"c.yml: duetbench.{key}: is ") and "; accepted: " in line and len(line) < 250


def test_more_digits_than_python_reads(tmp_path: Path):
    (line,) = raw(tmp_path, with_value("timeout", "9" * 5000))
    assert line.startswith("c.yml: line 1: not usable YAML: Exceeds the limit")


@pytest.mark.parametrize("warmup", ["9" * 400 + "s", "1." + "9" * 400 + "s"])
def test_seconds_beyond_floats(tmp_path: Path, warmup: str):
    assert only_fault(tmp_path, {"warmup": warmup}).startswith("c.yml: duetbench.warmup: is ")


TEXTS = {
    **dict.fromkeys(("run", "run_base", "syncduet_run_base", "jar", "image", "network", "harness"), "{}"),
    **dict.fromkeys(("name", "suite", "base_image", "engine", "cpus", "memory", "warmup"), "{}"),
    **dict.fromkeys(("results", "suites", "import", "duets", "privileges"), "[{}]"),
    **dict.fromkeys(("env", "image_args", "artifacts"), "{{X: {}}}"),
    "source": '{{url: "https://x.org/a", file: {}}}',
}


@pytest.mark.parametrize("character", ["\0", "\ud800", "\udcff"])
@pytest.mark.parametrize("key", TEXTS)
def test_no_text_has_characters_that_no_command_can_have(tmp_path: Path, key: str, character: str):
    text = f"a{character}b"
    form = TEXTS[key]
    keys = {"image": "i", "duets": "[o]", key: form.format(json.dumps(text).replace("u0000", "0"))}
    written_out = ", ".join(f"{k}: {v}" for k, v in keys.items())
    (line,) = raw(tmp_path, f"duetbench: {{{written_out}}}\n")
    assert line.startswith("c.yml: ") and line.isprintable() and line.encode()
    value = yaml.safe_load(form.format("PLACE"))
    (line,) = faults(written(tmp_path), {key: placed(value, text)})
    assert line.startswith(f"--config: duetbench.{key}") and line.isprintable() and line.encode()


def placed(value: object, text: str) -> object:
    """The value with the text where PLACE stands."""
    if isinstance(value, dict):
        return {k: placed(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [placed(v, text) for v in value]
    return text if value == "PLACE" else value


def test_keys_are_shown_as_one_printable_line(tmp_path: Path):
    lines = raw(tmp_path, 'duetbench: {image: i, duets: [o], "a\\nb\\e[31m": 1, "\\x85": 2}\n"o\\0": {}\n')
    lines += faults(written(tmp_path), {"a\ud800": 1, "env": {"\udcff": 1}})
    assert len(lines) == 6 and all(line.isprintable() and line.encode() for line in lines)
    (line,) = raw(tmp_path, f"duetbench: {{image: i, duets: [o], {'k' * 900}: 1}}\n")
    assert line.startswith(f'c.yml: duetbench."{"k" * 50}') and len(line) < 700


def test_a_file_name_is_no_way_to_the_terminal(tmp_path: Path):
    (line,) = faults(written(tmp_path, {"seed": "x"}, "a\x1b[31m\nb.yml"))
    assert r"a\x1b[31m\nb.yml: duetbench.seed" in line


def test_names_of_images_as_long_as_engines_take_them_are_file_names(tmp_path: Path):
    image = "registry.example:5000/" + "a" * 160 + ":1.2@sha256:" + "0" * 60
    campaign = read(tmp_path, {"image": image, "B": {"run": "x"}})
    (ref,) = campaign.images
    layout = Layout(Path("results/x"))
    for path in (layout.image_plan(ref.key), layout.image_presence("podman@" + "h" * 64, ref.key)):
        assert len(f".{path.name}.4194304".encode()) < 255
    other = ImageRef(image.replace("a" * 160, "a" * 159 + "b"))
    assert other.key != ref.key, "names that differ only far behind are told apart"
    assert only_fault(tmp_path, {"image": "a" * 256}).startswith("c.yml: duetbench.image: is ")


@pytest.mark.parametrize("image", ["a//b", "a:", "a:b:c", "a@b", "/a", "a/", "a:1/", "https://a/b"])
def test_what_no_engine_takes_for_an_image(tmp_path: Path, image: str):
    assert only_fault(tmp_path, {"image": image}).startswith(f'c.yml: duetbench.image: is "{image}"; ')


@pytest.mark.parametrize(
    "image", ["renaissance", "debian:bookworm-slim", "localhost:5000/a/b-c_d.e:1.0_x", "a@sha256:" + "0" * 64]
)
def test_what_engines_take(tmp_path: Path, image: str):
    assert read(tmp_path, {"image": image}).images[0].name == image


def test_arguments_that_an_image_does_not_take(tmp_path: Path):
    path = written(tmp_path, {"image": "renaissance"}, one={"A": {"image_args": {"JAVVA": "x", "JAVA": "y"}}})
    with pytest.raises(Exception, match="JAVVA") as caught:
        load_campaign(path, None, arguments)
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "c.yml: one.A.image_args.JAVVA: images/renaissance/Dockerfile has no such ARG (did you mean JAVA?); "
        "accepted: BASE_IMAGE, JAVA"
    )
    # an image that is not built here has arguments that nobody here knows
    load_campaign(written(tmp_path, {"image": "debian:x", "image_args": {"ANY": "x"}}), None, arguments)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_other_encodings(tmp_path: Path, encoding: str):
    mark = "\ufeff" if encoding.endswith("e") else ""  # the others write it themselves, or have none
    (line,) = raw(tmp_path, f"{mark}# Größe\nduetbench: {{image: i}}\n".encode(encoding))
    assert line.endswith("; accepted: UTF-8")


def test_utf_8_may_have_its_mark(tmp_path: Path):
    path = tmp_path / "c.yml"
    path.write_bytes(b"\xef\xbb\xbfduetbench: {image: i, duets: [o]}\n")
    assert load_campaign(path).benchmarks[0].name == "o"


def bomb(form: str, levels: int = 12) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}\n"]
    for i in range(1, levels):
        again = ", ".join([f"*a{i - 1}"] * 10)
        lines.append(f"a{i}: &a{i} " + form.format(again) + "\n")
    return "".join(lines)


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}", "{{k: [{}]}}", "{{<<: [{}], z: 1}}"])
def test_aliases_that_multiply(tmp_path: Path, form: str):
    (line,) = raw(tmp_path, bomb(form) + "duetbench: {image: i, duets: [o]}\n")
    assert line.startswith("c.yml: its aliases make ") and line.endswith("aliases for at most 20000 values")
    with pytest.raises(yaml_data.YamlError):
        yaml_data.parse(bomb(form))
    # few of them are what aliases are for
    few = bomb(form, 3).replace("a0", "b0")
    assert yaml_data.parse(few)[0]["a2"]


def test_aliases_in_an_argument(tmp_path: Path):
    text = "[&a [x,x,x,x,x,x,x,x,x,x]" + "".join(
        f",&{b} [{','.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (line,) = faults(written(tmp_path), overrides.read([f"env={text}]"]))
    assert line.startswith("--config: duetbench.env: is ")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "a: &a [*a]", "a: &a {<<: *a}"]
)
def test_nesting_without_end(tmp_path: Path, text: str):
    assert len(raw(tmp_path, text)) == 1


@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!int ''", "!!float x", "!!timestamp x", "2001-01-01 00:00:00 +99:99",
     "1" + ":00" * 300 + ".5",
     "!!python/name:os.system", "!!binary '@'", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: {b: [1]}]"],
)  # fmt: skip
def test_values_that_are_not_what_their_tags_say(tmp_path: Path, value: str):
    (line,) = raw(tmp_path, with_value("timeout", value))
    assert line.startswith("c.yml: ")


@pytest.mark.parametrize(
    ("cpus", "why"),
    [
        ("3-1", "3-1 ends before it begins"),
        ("0,5-2", "5-2 ends before it begins"),
        ("70000", "no machine has a core 70000"),
        ("0-8192", "no machine has a core 8192"),
    ],
)
def test_sets_of_cores_that_no_machine_has(tmp_path: Path, cpus: str, why: str):
    line = only_fault(tmp_path, {"cpus": cpus})
    assert line == f'c.yml: duetbench.cpus: is "{cpus}": {why}; accepted: cores such as "0-3,8"'
    read(tmp_path, {"cpus": "0-3,8"})
    (line,) = faults(written(tmp_path), {"cpus": cpus})
    assert line.startswith("--config: duetbench.cpus: ")


def test_what_a_kernel_or_a_file_system_does_not_take(tmp_path: Path):
    line = only_fault(tmp_path, {"run_base": "x" * 130_000, "duets": ["one"]})
    assert line.startswith(
        "c.yml: duetbench.run_base: makes a command of 130004 bytes; accepted: at most 120000"
    )
    line = only_fault(tmp_path, {"results": ["r" * 236]})
    assert line.startswith("c.yml: duetbench.results[0]: its name has 236 bytes, too many ")
    assert "at most 2^60" in only_fault(tmp_path, {"memory": "999999999999999g"})


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            {"url": "http://x.org/a.jar"},
            'url: is "http://x.org/a.jar": anybody on the way may change what comes',
        ),
        ({"url": "https://[x/a.jar"}, 'url: is "https://[x/a.jar", no address; accepted: https://host/path'),
        ({"url": "https:///a.jar"}, 'url: is "https:///a.jar", no address'),
        ({"url": "https://x.org:0x/a.jar"}, 'url: is "https://x.org:0x/a.jar", no address'),
        ({"url": "file:///etc/passwd"}, 'url: is "file:///etc/passwd"; accepted: an address: https://'),
    ],
)
def test_addresses(tmp_path: Path, source: dict, line: str):
    assert only_fault(tmp_path, {"source": source}).startswith(f"c.yml: duetbench.source.{line}")


def test_plain_http_with_the_digest_that_is_expected(tmp_path: Path):
    campaign = read(tmp_path, {"source": {"url": "http://x.org/a.jar", "sha256": "0" * 64}})
    assert campaign.images[0].source.url == "http://x.org/a.jar"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "c.yml")
    assert faults(tmp_path / "c.yml") == ["c.yml: cannot be read: not a file"]
    assert check.read(Path("/dev/zero"), check.Faults()) is None
    (tmp_path / "big.yml").write_bytes(b"#" * (check.FILE_BYTES + 1))
    assert faults(tmp_path / "big.yml") == ["big.yml: cannot be read: more than 4 MiB"]


def test_each_name_is_looked_at_once_however_many_there_are(tmp_path: Path):
    """800 benchmarks beside 800 mappings that nothing uses: no pair of them is compared."""
    names = [f"listed-{i:03}-of-many" for i in range(800)]
    document = {"duetbench": BASE | {"duets": names}} | {f"unused-{i:03}-of-them": {} for i in range(800)}
    path = tmp_path / "c.yml"
    path.write_text(yaml.safe_dump(document))
    campaign = load_campaign(path)
    assert len(campaign.benchmarks) == 800 and "800 mappings" in campaign.notices[0]
