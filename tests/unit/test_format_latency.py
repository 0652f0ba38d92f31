"""Readers of load generators, on what the real programs wrote, and on what nobody should write.

tests/data/latency: wrk 4.1.0 against nginx 1.22; pgbench 15 against PostgreSQL 15 with two scripts, by one
and by four clients, and by a schedule that it cannot keep (`-R 200 -L 1`); hdrhistogram 0.10.8 for Python;
oha 1.16.0 and k6 1.8.1 against a server that answers each tenth request by 503.
"""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from commands import ROOT
from duet import harnesses
from duet.harnesses import FormatError
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = ROOT / "tests/data/latency"
SAMPLES = {
    "wrk": "wrk.txt",
    "pgbench": "pgbench-one-client.txt",
    "hdrhistogram": "hdr.hlog",
    "oha": "oha.json",
    "k6": "k6.json",
}
MEASURED = {"50": 728063, "75": 955903, "90": 1210367, "95": 1395711, "99": 1879039}
"""What hdrhistogram itself says of the sum of the sample's intervals, in ns."""

OHA_REFUSED = (
    '{"summary": {"average": null}, "latencyPercentiles": {"p50": null}, "statusCodeDistribution": {},'
    ' "errorDistribution": {"Connection refused (os error 111)": 5}}'
)


def parse(harness: str, *files: Path):
    return harnesses.get(harness).parse(files, "b", None)


def written(tmp_path: Path, text: str | bytes, name="r.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_wrk_tells_a_distribution():
    (row,) = parse("wrk", DATA / "wrk.txt").to_dict("records")
    assert row["iteration_time_ns"] == 4_340_000
    assert [row[f"p{q}_ns"] for q in (50, 75, 90, 99)] == pytest.approx([2.83e6, 4.02e6, 6.96e6, 21.68e6])
    assert (row["requests"], row["requests/s"], row["resolution_ns"]) == (559, 263.16, 10_000)


def test_wrk_is_read_from_the_log_and_tells_errors(tmp_path):
    text = (DATA / "wrk.txt").read_text()
    text = text.replace("Requests/sec", "  Non-2xx or 3xx responses: 3\nRequests/sec")
    frame = parse("wrk", written(tmp_path, "empty", "results.txt"), written(tmp_path, text, "r.A.log"))
    assert len(frame) == 1 and frame.attrs["warnings"] == ["r.A.log: Non-2xx or 3xx responses: 3"]


def test_wrk_without_latency_says_what_lacks(tmp_path):
    text = "".join(line for line in (DATA / "wrk.txt").open() if not line.strip().endswith(("us", "ms")))
    frame = parse("wrk", written(tmp_path, text))
    assert "p50_ns" not in frame and "wrk prints them with --latency" in frame.attrs["warnings"][0]


def test_oha_tells_a_distribution_and_what_was_no_success():
    frame = parse("oha", DATA / "oha.json")
    (row,) = frame.to_dict("records")
    assert row["iteration_time_ns"] == 47_143_710 and row["resolution_ns"] == 1
    quantiles = {q: row[f"p{q}_ns"] for q in ("50", "99", "99.9")}
    assert quantiles == pytest.approx({"50": 45_892_326, "99": 100_596_004, "99.9": 101_476_301})
    assert (row["requests"], row["requests/s"]) == (200, pytest.approx(42.246, abs=1e-3))
    assert frame.attrs["warnings"] == ["oha.json: 20 responses of status 503"]


def test_what_was_under_way_at_ohas_end_is_no_failure(tmp_path):
    result = json.loads((DATA / "oha.json").read_text())
    result["errorDistribution"] = {"aborted due to deadline": 2, "connection closed": 3}
    frame = parse("oha", written(tmp_path, json.dumps(result)))
    assert frame.attrs["warnings"][1:] == ["r.txt: 3 requests failed: connection closed"]


def test_k6_tells_the_quantiles_it_was_asked_for(tmp_path):
    text = (DATA / "k6.json").read_text()
    exported = json.loads(text)
    told = exported["metrics"]["http_req_duration"]
    given = {name: {"type": "x", "values": values} for name, values in exported["metrics"].items()}
    for content in (text, json.dumps(exported | {"metrics": given})):  # as handleSummary is given it
        frame = parse("k6", written(tmp_path, content))
        (row,) = frame.to_dict("records")
        assert row["iteration_time_ns"] == round(1e6 * told["avg"])
        assert row["p50_ns"] == pytest.approx(1e6 * told["med"])
        assert row["p99_ns"] == pytest.approx(1e6 * told["p(99)"])
        assert (row["requests"], row["requests/s"]) == (100, pytest.approx(21.836, abs=1e-3))
        assert frame.attrs["warnings"] == ["r.txt: 10 requests failed", "r.txt: 10 checks were not met"]


def test_pgbench_has_each_transaction_with_start_and_end():
    frame = parse("pgbench", DATA / "pgbench-one-client.txt")
    lines = [line.split() for line in (DATA / "pgbench-one-client.txt").open()]
    assert len(frame) == len(lines) == 60 and set(frame["benchmark"]) == {"script-0", "script-1"}
    first = lines[0]
    row = frame[frame["benchmark"] == f"script-{first[3]}"].iloc[0]
    assert row["iteration_time_ns"] == int(first[2]) * 1000
    assert row["iteration_end_ns"] == (int(first[4]) * 10**6 + int(first[5])) * 1000


def test_clients_at_once_have_no_start_and_end():
    frame = parse("pgbench", DATA / "pgbench-four-clients.txt")
    assert len(frame) == 240 and frame["iteration_start_ns"].isna().all()
    assert sum("requests overlap" in warning for warning in frame.attrs["warnings"]) == 1


def test_skipped_transactions_are_told():
    frame = parse("pgbench", DATA / "pgbench-late.txt")
    assert len(frame) == 92 and "8 transactions failed or were skipped" in frame.attrs["warnings"][0]


def test_a_histogram_log_says_what_its_own_library_says():
    (row,) = parse("hdrhistogram", DATA / "hdr.hlog").to_dict("records")
    assert {q: row[f"p{q}_ns"] for q in MEASURED} == MEASURED
    assert (row["requests"], row["max_ns"], row["iteration_time_ns"]) == (8000, 3_760_127, 788_763)


def test_tags_are_benchmarks_and_a_comment_tells_the_unit(tmp_path):
    lines = [line for line in (DATA / "hdr.hlog").read_text().splitlines() if line[0].isdigit()]
    text = "#[Unit: us]\n" + "".join(f"Tag={'ab'[i % 2]},{line}\n" for i, line in enumerate(lines))
    frame = parse("hdrhistogram", written(tmp_path, text)).set_index("benchmark")
    assert list(frame.index) == ["a", "b"] and frame["requests"].tolist() == [4000, 4000]
    assert 700e6 < frame.loc["a", "p50_ns"] < 760e6


def test_requests_in_any_order_and_kinds_of_them(tmp_path):
    rows = [f"{1000 * i},{1000 * i + 900},{'ab'[i % 2]},{i}" for i in range(20)]
    random.Random(1).shuffle(rows)
    text = "start_ns,end_ns,benchmark,bytes\n" + "\n".join(rows) + "\n"
    frame = parse("requests", written(tmp_path, text))
    assert (frame["iteration_time_ns"] == 900).all() and set(frame["benchmark"]) == {"a", "b"}
    of_a = frame[frame["benchmark"] == "a"]
    assert of_a["bytes"].tolist() == list(range(0, 20, 2)) and of_a["iteration"].tolist() == list(range(10))


@pytest.mark.parametrize(
    ("harness", "text", "fault"),
    [
        ("requests", "start_ns,end_ns\n5,5\n", "request 1: a duration of 0 ns"),
        ("requests", "start_ns,end_ns\n-5,5\n", "line 2: -5 to 5 ns: not a plausible time"),
        ("requests", "start_ns\n5\n", "no column 'end_ns' in the header"),
        (
            "pgbench",
            "0 1 310 0 1795765035 637403\nnothing\n",
            "line 2: 'nothing': not a line of pgbench's log",
        ),
        ("pgbench", "0 1 failed 0 1795765035 637403\n", "no finished transaction"),
        ("pgbench", "0 1 1 0 17957650350000000 637403\n", "transaction 1: not a plausible time"),
        ("wrk", "nothing\n", "no line `Latency` of wrk"),
        ("oha", OHA_REFUSED, "no request was answered; 5 requests failed: Connection refused"),
        ("oha", OHA_REFUSED.replace('111)": 5', '111)": 1e29'), "1e+29, not a count"),
        ("oha", "{}", "$.summary: missing, not an object"),
        ("oha", '{"summary": {"average": 1}', "cut off"),
        ("k6", '{"metrics": {"iterations": {"count": 5}}}', "no request was made over HTTP"),
        (
            "k6",
            '{"metrics": {"http_req_duration": {"avg": "1"}}}',
            "http_req_duration.avg: '1', not a number",
        ),
        ("hdrhistogram", "0,1,2,HISTAAAA\n", "line 1: "),
        ("hdrhistogram", "#[Histogram log format version 1.2]\n", "no histogram"),
    ],
)
def test_faults_name_the_place(tmp_path, harness, text, fault):
    with pytest.raises(FormatError) as error:
        parse(harness, written(tmp_path, text))
    assert fault in str(error.value)


@pytest.mark.parametrize("harness", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1), junk=st.binary(max_size=6), drop=st.integers(0, 8), end=st.booleans())
def test_damaged_files_are_a_typed_error_or_a_sound_frame(tmp_path_factory, harness, place, junk, drop, end):
    data = (DATA / SAMPLES[harness]).read_bytes()
    at = int(place * len(data))
    path = tmp_path_factory.mktemp("fuzz") / "r.txt"
    path.write_bytes(data[:at] if end else data[:at] + junk + data[at + drop :])
    try:
        frame = parse(harness, path)
    except FormatError as error:
        assert str(error).isprintable()
        return
    assert (frame["iteration_time_ns"] > 0).all() and all(map(str.isprintable, frame.attrs["warnings"]))


def test_a_hundred_thousand_transactions_are_read_at_once(tmp_path):
    ends = np.cumsum(np.full(100_000, 500))
    text = "".join(f"0 {i} 499 0 {1795765035 + e // 10**6} {e % 10**6}\n"
                   for i, e in enumerate(ends))  # fmt: skip
    frame = parse("pgbench", written(tmp_path, text))
    assert len(frame) == 100_000 and frame["iteration_start_ns"].notna().all()
