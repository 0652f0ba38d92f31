"""Result files of every harness, damaged at random: a frame that is what it promises, or the typed error."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ROOT
from duet import harnesses
from duet.harnesses import FormatError

PER_HARNESS = 150
OLD = ROOT / "tests/data/predecessor_results"
NATIVE = "iteration,start_ns,end_ns,synchronised,load\n0,1,2,1,0.5\n1,3,4,1,3\n2,5,6,1,1\n"
SPEC = "speccpu.500_perlbench_r.0.duet.AB.A.result/CPU2017.002.log"
SAMPLES: dict[str, list[tuple[str, str, str]]] = {
    # harness -> benchmark, name of the file, its text
    "native": [("b", "r.A.results.csv", NATIVE)],
    "renaissance": [
        ("chi-square", name, (OLD / name).read_text())
        for name in ("renaissance.chi-square.0.duet.AB.A.results.json",)
    ]
    + [
        (
            "b",
            "r.A.results.csv",
            "benchmark,duration_ns,uptime_ns,vm_start_unix_ms,jmx_timers\nb,5,10,1000,1\nb,5,20,1000,2\n",
        ),
        ("b", "r.A.probe.csv", NATIVE),
    ],
    "dacapo": [
        ("sunflow", name, (OLD / name).read_text())
        for name in ("dacapo.sunflow.0.duet.AB.A.results.csv", "dacapo.sunflow.0.duet.AB.B.results.csv")
    ]
    + [
        (
            "b",
            "r.A.log",
            "===== DaCapo 9 b starting warmup 1 =====\n===== DaCapo 9 b completed warmup 1 in 7 msec =====\n"
            "===== DaCapo 9 b starting =====\n===== DaCapo 9 b PASSED in 5 msec =====\n",
        )
    ],
    "fhe": [
        ("b", "r.A.results.csv", "t_keygen,t_input_encryption,t_computation,t_decryption\n1,2,3,4\n5,6,7,8\n")
    ],
    "speccpu": [("500_perlbench_r", "CPU2017.002.log", (OLD / SPEC).read_text())],
}
TOKENS = (
    *("\x00", "\ud800", "\u2028", "\u0661", "\x1b[31m", "\x07", "\r", "\n", "\t"),
    *('"', "'", ",", ";", "{", "}", "[", "]"),
    *("9223372036854775808", "-1", "0x10", "inf", "nan", "1e999", "1_0", "٣", "null", "true"),
    *("9" * 5000, "-0", "1.5"),
    *("#", "\ufeff", "\x85", "\u202e", "NaN", "Infinity", "[" * 3000, "\\u0000", "\\ud800"),
)  # fmt: skip


def damaged(text: str, draw: random.Random) -> bytes:
    """One to three places changed."""
    for _ in range(draw.randrange(1, 4)):
        i = draw.randrange(len(text) + 1)
        lines = text.splitlines(keepends=True) or [""]
        j = draw.randrange(len(lines))
        numbers = [k for k, c in enumerate(text) if c.isdigit()] or [0]
        k = draw.choice(numbers)
        text = draw.choice(
            (
                text[:i] + draw.choice(TOKENS) + text[i:],
                text[:i] + text[i + draw.randrange(1, 20) :],
                text[:k] + draw.choice(TOKENS) + text[k + 1 :],
                text[:i],
                "".join([*lines[:j], lines[j], *lines[j:]]),
                "".join([*lines[:j], *lines[j + 1 :]]),
                text + text,
            )
        )
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if data and draw.random() < 0.2:
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


def samples(harness: str) -> list[tuple[str, str, str]]:
    """Those above and the files in tests/data/<harness>; ours where a harness has neither."""
    folder = ROOT / "tests/data" / harness
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = SAMPLES.get(harness, []) + [("b", f.name, f.read_text(errors="replace")) for f in files]
    return found or SAMPLES["native"]


def cases(harness: str) -> Iterator[tuple[str, str, bytes]]:
    draw = random.Random(f"1 {harness}")
    sound = samples(harness)
    for number in range(PER_HARNESS):
        benchmark, name, text = sound[number % len(sound)]
        yield benchmark, name, damaged(text, draw)


@pytest.mark.parametrize("harness", [harness.name for harness in harnesses.known()])
def test_damaged_files(tmp_path: Path, harness: str):
    parse = harnesses.get(harness).parse
    good = 0
    for benchmark, name, data in cases(harness):
        path = tmp_path / name
        path.write_bytes(data)
        try:
            frame = parse([path], benchmark, {"date": "Mon Jun  6 14:00:00 UTC 2022"})
        except FormatError as error:
            assert str(error).isprintable() and len(str(error)) < 700
            continue
        good += 1
        assert len(frame) and (frame["iteration_time_ns"] > 0).all()
        parts = [frame]
        if "benchmark" in frame:
            parts = [rows for _, rows in frame.groupby("benchmark", observed=True)]
        for rows in parts:
            assert rows["iteration"].is_monotonic_increasing and rows["iteration"].is_unique
        assert frame["iteration"].dtype == frame["iteration_time_ns"].dtype == "int64"
        ends_ns = frame["iteration_start_ns"] + frame["iteration_time_ns"]
        assert (frame["iteration_end_ns"] == ends_ns).fillna(True).all()
        if "benchmark" in frame:  # of several that one file has
            assert all(map(str.isprintable, frame.pop("benchmark").cat.categories))
        assert all(str(dtype) in ("int64", "Int64", "Float64") for dtype in frame.dtypes)
        floats = frame.select_dtypes("Float64").abs()
        assert (floats.fillna(0) < float("inf")).all(axis=None)
        assert all(map(str.isprintable, frame.attrs["warnings"]))
        assert all(str(column).isprintable() for column in frame)
        assert isinstance(frame.attrs["truncated"], bool)
    assert good < PER_HARNESS and (good or harness not in SAMPLES), "some are damaged past reading, some not"
