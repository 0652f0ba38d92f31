"""The unified table: its schema, exactness, what bad runs do to it, and the two commands around it."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pandas as pd
import pyarrow as pa
import pytest
import synthetic
from commands import DUETBENCH
from duet.model import Order, Run, Type
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan
from duet.records.run import CpusRecord, ExchangeRecord, FileRecord
from duet.table import build, store
from duet.table.build import benchmark_table
from pyarrow import csv, parquet
from run_records import run_record

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "workflow/schemas/iterations.schema.json").read_text())
ARTIFACTS = {
    "date": "Tue Mar 22 10:11:12 UTC 2022\n",
    "hostname": "host\n",
    "uname": " Linux host 6.1 x86_64\n",
    "lscpu": "Architecture:  x86_64\nModel name:      AMD EPYC: 7B13\nModel: 1\n",
    "meminfo": "MemTotal:       16384256 kB\nMemFree: 1 kB\n",
    "java": 'openjdk "17", with a comma\nsecond line\n',
}
START_NS = 1_700_000_000_000_000_001


def native(start_ns=START_NS, n=3, end="\n", extra=""):
    rows = [f"{i},{start_ns + i * 1000},{start_ns + i * 1000 + 999}{extra}" for i in range(n)]
    return "iteration,start_ns,end_ns" + (",load" if extra else "") + "\n" + "\n".join(rows) + end


@pytest.fixture
def campaign(tmp_path):
    """results/<name> with the runs that `add` puts there."""

    class Campaign:
        path = tmp_path / "results" / "c"
        stem = "compress.gzip-6_9"

        def add(self, run, artifacts=ARTIFACTS, timed_out=False, **sides):
            directory = self.path / "runs" / run.name
            directory.mkdir(parents=True)
            for side, content in sides.items():
                (directory / run.file(side, "r.csv")).write_text(content)
                (directory / run.log(side)).write_text("a log\n")
            facts = {
                name: {
                    "engine": "docker",
                    "image": "alpine",
                    "image_hash": f"hash-{name}",
                    "files": (FileRecord(run.file(name, "r.csv")),),
                }
                for name in sides
            }
            span = {"start_ns": START_NS - 1000, "end_ns": START_NS + 10**9}
            record = run_record(run, facts, artifacts=artifacts, timed_out=timed_out, **span)
            record.write(directory / "run.json")
            return directory

        def plan(self, runs):
            facts = {"campaign": "c", "suite": "compress", "benchmark": "gzip-6.9", "format": "native"}
            plan = BenchmarkPlan(**facts, remove_containers=True, artifacts={}, seed=0)
            plan.write(Layout(self.path).benchmark_plan(self.stem))
            (self.path / "plan" / f"{self.stem}.runs.txt").write_text("".join(f"{r.name}\n" for r in runs))

        def command(self, subcommand, *args):
            command = [*DUETBENCH, subcommand, *map(str, args)]
            return subprocess.run(command, capture_output=True, text=True)

    return Campaign()


def duet(runid=0, order=Order.AB):
    return Run("compress", "gzip-6.9", runid, Type.DUET, order)


def seqn(runid=0, side="A"):
    return Run("compress", "gzip-6.9", runid, Type.SEQN, side=side)


def test_the_columns_of_the_design_and_the_facts_of_the_run(campaign):
    path = campaign.add(duet(), A=native(extra=",0.5"), B=native(extra=",0.25"), timed_out=True)
    frame = benchmark_table([path], "native")
    assert list(frame) == [*store.KEYS, *store.TIMES, "load", *store.FACTS, "java"]
    row = frame.iloc[4].to_dict()
    assert row["iteration_start_ns"] == START_NS + 1000
    expected = {"benchmark": "gzip-6.9", "type": "duet", "runid": 0, "order": "AB", "pair": "B"}
    expected |= {"iteration": 1, "image_hash": "hash-B", "load": 0.25}
    assert {key: row[key] for key in expected} == expected
    assert row["timed_out"] is True
    assert [row[k] for k in (*store.HOST, "java")] == [
        "Tue Mar 22 10:11:12 UTC 2022",
        "host",
        "Linux host 6.1 x86_64",
        "AMD EPYC: 7B13",
        "16384256 kB",
        'openjdk "17", with a comma\nsecond line',
    ]
    assert frame["epoch_start_ms"].isna().all()
    categorical = [c for c in frame if str(frame[c].dtype) == "category"]
    assert categorical == [
        *("suite", "benchmark", "type", "order", "pair"),
        *("environment", "engine", "image", "image_hash", "status", *store.HOST, "java"),
    ]
    assert [str(frame[c].dtype) for c in (*store.TIMES, "runid", "timed_out")] == [
        *("Int64", "Int64", "int64", "Int64", "int64", "boolean")
    ]


@pytest.mark.parametrize(
    ("a", "b", "exchange", "swapped"),
    [
        ("0-1", "2-3", {}, False),
        ("8,9", "2-3", {}, True),
        ("0-3", "0-3", {}, None),
        (None, None, {}, None),
        ("2-3", "0-1", {"moves": 4, "file": FileRecord("moves.csv")}, None),
    ],
)
def test_which_side_had_the_higher_cores(a, b, exchange, swapped):
    sides = {side: {"cpus": CpusRecord(asked=cores, seen=cores)} for side, cores in (("A", a), ("B", b))}
    record = run_record(duet(), sides, exchange=ExchangeRecord(**exchange))
    assert build._swapped(record) is swapped
    assert build._swapped(run_record(seqn())) is None


def test_rows_fit_the_published_schema(campaign):
    frame = benchmark_table([campaign.add(duet(), A=native(), B=native())], "native")
    known = list(SCHEMA["properties"])
    assert [c for c in known if c in frame] == [c for c in frame if c in known]
    assert set(SCHEMA["required"]) == {*store.KEYS, *store.TIMES, *store.FACTS}
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    for row in rows:
        jsonschema.validate(row, SCHEMA)


def test_the_synthetic_tables_of_the_tests_have_this_schema(campaign):
    frame = synthetic.campaign(benchmarks=2, runs=2, iterations=3, types=("duet", "seqn"))
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    for row in rows:
        jsonschema.validate(row, SCHEMA)
    real = benchmark_table([campaign.add(duet(), A=native(), B=native())], "native")
    assert {c: str(t) for c, t in real.dtypes.items() if c != "java"} == {
        c: str(t) for c, t in frame.dtypes.items() if c in real
    }
    pd.testing.assert_frame_equal(store.to_pandas(store.to_arrow(frame)), frame)


def test_runs_are_sorted_and_sequential_ones_are_one_side(campaign):
    runs = [seqn(1, "B"), seqn(1, "A"), duet(1, Order.BA), duet(0)]
    paths = [campaign.add(run, **{side: native(n=1) for side in run.sides}) for run in runs]
    frame = benchmark_table(paths, "native")
    assert list(zip(frame["type"], frame["runid"], frame["order"], frame["pair"], strict=True)) == [
        ("duet", 0, "AB", "A"),
        ("duet", 0, "AB", "B"),
        ("duet", 1, "BA", "A"),
        ("duet", 1, "BA", "B"),
        ("seqn", 1, "None", "A"),
        ("seqn", 1, "None", "B"),
    ]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_written_and_read_exactly(campaign, tmp_path, suffix):
    frame = benchmark_table([campaign.add(duet(), A=native(), B=native(n=2))], "native")
    path = tmp_path / f"t{suffix}"
    store.write(frame, path)
    if suffix == ".parquet":
        pd.testing.assert_frame_equal(store.read(path), frame)
        # Also a reader that knows nothing of us gets integers.
        assert pd.read_parquet(path)["epoch_start_ms"].dtype == "Int64"
    else:
        options = csv.ParseOptions(newlines_in_values=True)
        read = csv.read_csv(path, parse_options=options)
        assert read["iteration_start_ns"].to_pylist() == frame["iteration_start_ns"].tolist()
        assert read["java"].to_pylist()[0] == ARTIFACTS["java"].strip()
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]


def test_a_side_cut_short_is_marked_and_said(campaign, tmp_path):
    frame = benchmark_table([campaign.add(duet(), A=native(end=""), B=native())], "native")
    assert frame.groupby("pair")["status"].agg(set).to_dict() == {"A": {"truncated"}, "B": {"ok"}}
    (warning,) = frame.attrs["warnings"]
    assert (warning["run"], warning["side"]) == (duet().name, "A")
    store.write(frame, tmp_path / "t.parquet")
    assert store.read(tmp_path / "t.parquet").attrs == frame.attrs


def test_a_clock_that_is_not_the_hosts_is_said(campaign):
    day_ns = 86400 * 10**9
    frame = benchmark_table([campaign.add(duet(), A=native(START_NS - day_ns), B=native())], "native")
    (warning,) = frame.attrs["warnings"]
    assert warning["side"] == "A"
    assert "clock" in warning["warning"]


def test_a_synchronised_duet_without_marks_is_said(campaign):
    run = Run("compress", "gzip-6.9", 0, Type.SYNCDUET, Order.AB)
    marked = native(extra=",1").replace("load", "synchronised")
    frame = benchmark_table([campaign.add(run, A=marked, B=native())], "native")
    (warning,) = frame.attrs["warnings"]
    assert warning["side"] == "B" and "no column synchronised" in warning["warning"]


def test_bad_runs_are_all_named_or_left_out(campaign):
    good = campaign.add(duet(0), A=native(), B=native())
    bad = campaign.add(duet(1), A=native(), B="iteration,start_ns,end_ns\n0,5,x\n")
    torn = campaign.add(duet(2), A=native(), B=native())
    (torn / "run.json").write_text("{")
    with pytest.raises(store.TableError) as error:
        benchmark_table([torn, bad, good], "native")
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert any(str(bad) in line and "line 2: end_ns is 'x'" in line for line in lines)
    assert any(str(torn / "run.json") in line for line in lines)
    frame = benchmark_table([torn, bad, good], "native", skip_bad=True)
    assert set(frame["runid"]) == {0}
    assert [b["run"] for b in frame.attrs["left_out"]] == [duet(2).name, duet(1).name]


def test_a_table_without_any_run_has_the_columns(campaign, tmp_path):
    bad = campaign.add(duet(), A="", B="")
    frame = benchmark_table([bad], "native", skip_bad=True)
    assert len(frame) == 0
    store.write(frame, tmp_path / "t.parquet")
    assert set(store.KEYS) <= set(store.read(tmp_path / "t.parquet"))
    good = store.to_arrow(benchmark_table([campaign.add(duet(1), A=native(), B=native())], "native"))
    merged = store.merge([store.read_arrow(tmp_path / "t.parquet"), good])
    assert len(store.to_pandas(merged)) == 6


def test_artifacts_named_like_columns_hide_nothing(campaign):
    path = campaign.add(duet(), artifacts={"status": "cold", "load": "0.1"}, A=native(extra=",5"), B=native())
    frame = benchmark_table([path], "native")
    assert frame["artifact_status"].tolist() == ["cold"] * 6
    assert frame["artifact_load"].tolist() == ["0.1"] * 6
    assert frame["load"].tolist()[:3] == [5, 5, 5]
    assert frame["hostname"].isna().all()


def test_one_name_with_text_in_one_benchmark_and_numbers_in_another(campaign, tmp_path):
    """As an artifact and a harness's column may have; neither makes a measured campaign unusable."""
    artifacts = {"load": "0.1", "artifact_load": "x", "mode": "a"}
    paths = [
        campaign.add(duet(0), A=native(extra=",5"), B=native(extra=",6")),
        campaign.add(duet(1), artifacts=artifacts, A=native(), B=native()),
        campaign.add(duet(2), A=native(extra=",0.5"), B=native()),
    ]
    tables = [store.to_arrow(benchmark_table([path], "native")) for path in paths]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0]):
        merged = store.to_pandas(store.merge([tables[i] for i in order]))
        of_run = {runid: rows for runid, rows in merged.groupby("runid")}
        assert of_run[0]["load"].tolist() == [5, 5, 5, 6, 6, 6] and of_run[1]["load"].isna().all()
        assert of_run[1]["artifact_load"].tolist() == ["x"] * 6
        assert of_run[1]["artifact_artifact_load"].tolist() == ["0.1"] * 6
        assert of_run[1]["mode"].tolist() == ["a"] * 6 and of_run[0]["artifact_load"].isna().all()
    # merging what was merged, as imported results are, is no other table
    again = store.merge([store.merge(tables[:2]), tables[2]])
    assert again.column_names == store.merge(tables).column_names
    store.write(again, tmp_path / "t.csv")


def test_control_bytes_of_an_artifact_are_escaped(campaign, tmp_path):
    artifacts = {"gpu": "\x1b[31mred\x07\nsecond\tline\x85", "lscpu": "Model name: a\x1b]0;b\x07"}
    frame = benchmark_table([campaign.add(duet(), artifacts=artifacts, A=native(), B=native())], "native")
    assert set(frame["gpu"]) == {r"\x1b[31mred\x07" + "\nsecond\tline"}
    assert set(frame["lscpu"]) == {r"a\x1b]0;b\x07"}
    store.write(frame, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_bytes()
    assert not ({*range(32), 127} - {9, 10}) & set(text) and b"second\tline" in text


def test_merged_tables_have_canonical_columns_and_nulls(campaign):
    paths = [
        campaign.add(duet(0), A=native(extra=",0.5"), B=native()),
        campaign.add(duet(1), artifacts={"gpu": "none"}, A=native(), B=native()),
    ]
    one, two = (benchmark_table([path], "native") for path in paths)
    merged = store.to_pandas(store.merge([store.to_arrow(two), store.to_arrow(one)]))
    assert list(merged) == [*store.KEYS, *store.TIMES, "load", *store.FACTS, "gpu", "java"]
    assert merged["load"].isna().sum() == 9
    assert merged["iteration_start_ns"].tolist() == [*two["iteration_start_ns"], *one["iteration_start_ns"]]
    assert merged["hostname"].isna().sum() == 6


def test_tables_that_do_not_fit_and_files_that_are_none(campaign, tmp_path):
    one = store.to_arrow(
        benchmark_table([campaign.add(duet(0), A=native(extra=",0.5"), B=native())], "native")
    )
    two = one.set_column(one.schema.get_field_index("load"), "load", pa.array(["x"] * len(one)))
    with pytest.raises(store.TableError, match="do not fit"):
        store.merge([one, two])
    (tmp_path / "x.parquet").write_text("x")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "y.parquet")
    for name in ("none", "x", "y"):
        with pytest.raises(store.TableError, match=f"{name}.parquet"):
            store.read(tmp_path / f"{name}.parquet")


def test_the_commands_make_tables_and_join_them(campaign):
    runs = [duet(0), seqn(0)]
    campaign.plan(runs)
    for run in runs:
        campaign.add(run, **{side: native() for side in run.sides})
    out = campaign.path / "one.parquet"
    done = campaign.command("collect", "--results", campaign.path, "--benchmark", campaign.stem, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    both = campaign.path / "iterations.parquet"
    done = campaign.command("table", out, "--out", both, "--csv", both.with_suffix(".csv"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(store.read(both)) == 9
    rows = csv.read_csv(both.with_suffix(".csv"), parse_options=csv.ParseOptions(newlines_in_values=True))
    assert len(rows) == 9

    layout = Layout(campaign.path)
    layout.benchmark_table("x").parent.mkdir(exist_ok=True)
    out.rename(layout.benchmark_table(campaign.stem))
    listed = layout.plan / "tables.txt"
    listed.write_text(f"{campaign.stem}\n")
    done = campaign.command("table", "--listed", listed, "--out", both)
    assert (done.returncode, done.stderr) == (0, "") and len(store.read(both)) == 9


def test_the_command_fails_with_a_line_for_each_bad_run_or_skips_them(campaign, tmp_path):
    runs = [duet(i) for i in range(4)]
    campaign.plan(runs)
    campaign.add(runs[0], A=native(), B=native())
    campaign.add(runs[1], A=native(), B="")
    campaign.add(runs[2], A="x", B=native())
    out, log = campaign.path / "one.parquet", tmp_path / "log"
    args = ["--results", campaign.path, "--benchmark", campaign.stem, "--out", out, "--log", log]
    done = campaign.command("collect", *args)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines), out.exists()) == (1, 3, False)
    assert all(line.startswith("error: compress.gzip-6_9.") for line in lines)
    assert log.read_text() == done.stderr
    done = campaign.command("collect", *args, "--skip-bad")
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 2
    assert len(store.read(out)) == 6
