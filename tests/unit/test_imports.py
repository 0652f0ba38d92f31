"""Existing result directories become the unified table: the predecessor's flat ones and ours."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from duet.model import DuetError, parse_run
from duet.records.layout import Layout
from duet.records.plan import BenchmarkPlan
from duet.records.run import FileRecord, stems
from duet.table import imports, store
from run_records import run_record

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "predecessor_results"
"""A flat directory of the predecessor's four suites, written to its documented formats."""


def side(frame, suite, pair="A", type_="duet", runid=0):
    keys = (frame["suite"] == suite) & (frame["pair"] == pair) & (frame["type"] == type_)
    return frame[keys & (frame["runid"] == runid)].reset_index(drop=True)


def test_the_predecessors_directory_with_its_four_suites():
    frame = imports.read(DATA)
    assert frame.attrs["left_out"] == []
    assert frame.attrs["imported"] == [{"directory": str(DATA), "runs": 7}]
    found = frame.groupby(["suite", "benchmark", "type", "order", "pair"], observed=True)["iteration"].count()
    assert {"/".join(k): n for k, n in found.items()} == {
        "dacapo/sunflow/duet/AB/A": 3,
        "dacapo/sunflow/duet/AB/B": 3,
        "renaissance/chi-square/duet/AB/A": 3,
        "renaissance/chi-square/duet/AB/B": 2,
        "renaissance/chi-square/seqn/None/A": 2,
        "renaissance/chi-square/seqn/None/B": 2,
        "renaissance/chi-square/syncduet/AB/A": 2,
        "renaissance/chi-square/syncduet/AB/B": 2,
        "scalabench/scalac/duet/BA/A": 2,
        "scalabench/scalac/duet/BA/B": 2,
        "speccpu/500.perlbench_r/duet/AB/A": 1,
        "speccpu/500.perlbench_r/duet/AB/B": 1,
    }


def test_times_are_exact_where_the_predecessor_rounded():
    frame = imports.read(DATA)
    renaissance = side(frame, "renaissance")
    assert renaissance["iteration_start_ns"].tolist()[0] == 1647774987700_000000 + 15465435372
    assert renaissance["epoch_start_ms"].tolist()[0] == 1647774987700
    assert renaissance["iteration_time_ns"].tolist() == [9052543216, 1960601313, 2594764894]
    dacapo = side(frame, "dacapo")
    assert dacapo["iteration_start_ns"].tolist()[0] == 1647943873001_000000
    scalabench = side(frame, "scalabench")
    date_ns = 1647943872 * 10**9
    assert scalabench["iteration_start_ns"].tolist() == [date_ns + 812_000_000, date_ns + 2_913_000_000]
    assert side(frame, "speccpu")["iteration_start_ns"].tolist() == [1654092292283030000]


def test_artifacts_and_what_the_predecessor_recorded_nowhere():
    frame = imports.read(DATA)
    assert set(frame["lscpu"]) == {"Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"}
    assert set(frame["meminfo"]) == {"131865020 kB"}
    assert set(frame["hostname"]) == {"bench1"}
    for column in ("engine", "image", "image_hash", "status", "timed_out"):
        assert frame[column].isna().all()
    assert list(frame)[:11] == [*store.KEYS, *store.TIMES]


def copy(tmp_path, *without):
    directory = tmp_path / "flat"
    for path in DATA.rglob("*"):
        if path.is_file() and not any(word in str(path.relative_to(DATA)) for word in without):
            target = directory / path.relative_to(DATA)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return directory


def test_a_side_that_cannot_be_read_is_named_and_the_other_stays(tmp_path):
    directory = copy(tmp_path)
    (directory / "renaissance.chi-square.0.duet.AB.B.results.json").write_text("oops")
    frame = imports.read(directory)
    (bad,) = frame.attrs["left_out"]
    assert bad["run"] == f"{directory}/renaissance.chi-square.0.duet.AB.B"
    assert frame.attrs["imported"] == [{"directory": str(directory), "runs": 7}]
    assert "results.json: neither" in bad["reason"]
    assert len(side(frame, "renaissance", "A")) == 3 and len(side(frame, "renaissance", "B")) == 0
    assert len(side(frame, "dacapo")) == 3


def test_runs_of_a_suite_without_a_format_are_left_out_and_named(tmp_path):
    directory = copy(tmp_path)
    (directory / "debug.nothing.0.duet.AB.A.results.json").write_text("{}")
    (bad,) = imports.read(directory).attrs["left_out"]
    assert bad == {
        "run": f"{directory}/debug.nothing.0.duet.AB",
        "reason": "no harness is named after the suite 'debug'",
    }


def test_files_of_other_names_do_not_matter(tmp_path):
    directory = copy(tmp_path, "artifacts")
    (directory / "README").write_text("mine")
    assert imports.read(directory)["hostname"].isna().all()


@pytest.mark.parametrize("what", ["gone", "empty", "foreign", "bad"])
def test_directories_without_results_are_one_line(tmp_path, what):
    directory = tmp_path / what
    if what != "gone":
        directory.mkdir()
    if what == "foreign":
        (directory / "mysuite.x.0.duet.AB.A.results.json").write_text("{}")
    if what == "bad":
        (directory / "dacapo.x.0.duet.AB.A.results.csv").write_text("{}")
    with pytest.raises(DuetError) as error:
        imports.read(directory)
    assert "\n" not in str(error.value)
    assert str(directory) in str(error.value)


DUETPROCESS = ROOT / "tests" / "data" / "duetprocess.csv"
"""What the predecessor's `duetprocess parse` makes of DATA."""


def rows(frame):
    keys = ["suite", "benchmark", "type", "order", "pair", "iteration"]
    times = [*keys, "iteration_start_ns", "iteration_time_ns"]
    told = frame.assign(benchmark=frame["benchmark"].astype(str).str.replace(".", "_"))[times]
    return told.astype({k: str for k in keys[:-1]}).sort_values(keys).reset_index(drop=True)


def as_json(csv_path, path):
    """The same table as pandas' to_json writes it, dates and 19 digits among it."""
    pd.read_csv(csv_path).reset_index(drop=True).to_json(path)
    return path


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_table_of_duetprocess_is_what_its_directory_is(tmp_path, form):
    path = DUETPROCESS if form == "csv" else as_json(DUETPROCESS, tmp_path / "t.json")
    frame, direct = imports.read(path), rows(imports.read(DATA))
    found = rows(frame)
    # Exact where the row still has what a start was made from; else a float, and JSON keeps ten digits of it.
    exact = ~direct["suite"].isin(["speccpu", "scalabench"])
    for name in ("iteration_start_ns", "iteration_time_ns"):
        difference = (found[name] - direct[name]).abs()
        assert difference[exact].max() == 0, name
        assert difference.max() <= (512 if form == "csv" or "time" in name else 500_000_000), name
    assert ("ten digits" in str(frame.attrs["warnings"])) == (form == "json")
    assert found.drop(columns=found.columns[-2:]).equals(direct.drop(columns=direct.columns[-2:]))
    assert set(frame["hostname"]) == {"bench1"} and frame["engine"].isna().all()
    assert frame.attrs["left_out"] == []
    assert frame.attrs["imported"] == [{"directory": str(path), "runs": 7}]
    assert stems(path) == stems(DATA)


def test_runs_of_two_result_directories_in_one_table_are_numbered_anew(tmp_path):
    one = pd.read_csv(DUETPROCESS, dtype=str)
    other = one.assign(hostname="bench2", date="Wed Mar 23 10:11:12 UTC 2022")
    path = tmp_path / "both.csv"
    pd.concat([one, other]).to_csv(path, index=False)
    frame = imports.read(path)
    assert len(frame) == 2 * len(one) and not frame.duplicated([*store.KEYS]).any()
    by_host = frame[frame["type"] == "duet"].groupby("hostname", observed=True)["runid"].unique()
    assert {host: set(ids) for host, ids in by_host.items()} == {"bench1": {0}, "bench2": {1}}
    (note,) = frame.attrs["warnings"]
    assert "2 result directories" in note["warning"] and note["side"] == ""


def test_rows_that_cannot_be_used_are_counted_in_a_line_and_the_rest_is_used(tmp_path):
    table = pd.read_csv(DUETPROCESS, dtype=str)
    table.loc[0, "type"] = "cold"
    table.loc[1, "iteration_time_ns"] = "-5"
    table.loc[2, "runid"] = "x"
    path = tmp_path / "bad.csv"
    pd.concat([table, table.iloc[[5]]]).to_csv(path, index=False)
    frame = imports.read(path)
    assert len(frame) == len(table) - 3
    assert [bad["run"] for bad in frame.attrs["left_out"]] == [str(path)] * 3
    reasons = [bad["reason"] for bad in frame.attrs["left_out"]]
    assert reasons[0].startswith("1 rows, the first in line 2: suite, benchmark, type")
    assert reasons[1].startswith("2 rows, the first in line 3: runid")
    assert reasons[2].endswith("the same iteration of the same run again")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", ""),
        ("t.csv", "a,b\n1,2\n"),
        ("t.csv", 'suite,"\n'),
        ("t.json", "[1, 2"),
        ("t.json", "3"),
        ("t.json", '{"suite": 3}'),
        (
            "t.csv",
            "suite,benchmark,type,runid,pair,iteration,iteration_start_ns,iteration_time_ns\na,b,c,d,e,f,g,h\n",
        ),
    ],
)
def test_tables_without_results_are_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DuetError) as error:
        imports.read(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    assert stems(path) <= {"a.b"}


def test_flat_directories_of_older_versions(tmp_path):
    """Before 2022-05: without suite, type and order; then without suite."""
    new = {side: DATA / f"renaissance.chi-square.0.duet.AB.{side}.results.json" for side in "AB"}
    for number, stem in enumerate(("chi-square.0", "chi-square.duet.1", "chi-square.2.duet.BA")):
        for side, path in new.items():
            (tmp_path / f"{stem}.{side}.results.json").write_bytes(path.read_bytes())
            (tmp_path / f"chi-square.sequential.{number}.{side}.results.json").write_bytes(path.read_bytes())
    frame = imports.read(tmp_path)
    assert frame.attrs["left_out"] == [] and set(frame["suite"]) == {"renaissance"}
    counted = frame.groupby(["type", "runid", "order"], observed=True).size()
    assert dict(counted) == {
        **{("duet", n, order): 5 for n, order in ((0, "AB"), (1, "AB"), (2, "BA"))},
        **{("seqn", n, "None"): 5 for n in range(3)},
    }
    assert stems(tmp_path) == {"renaissance.chi-square"}


def test_two_campaigns_in_one_directory_are_both_used_and_told(tmp_path):
    directory = copy(tmp_path)
    for path in list(directory.glob("renaissance.chi-square.0.duet.AB.*")):
        (directory / path.name.replace(".AB.", ".BA.")).write_bytes(path.read_bytes())
    frame = imports.read(directory)
    assert len(frame) == len(imports.read(DATA)) + 5
    (mixed,) = [w for w in frame.attrs["warnings"] if "two campaigns" in w["warning"]]
    assert mixed["run"] == "renaissance.chi-square.0.duet.BA"


def test_half_copied_directories_are_told_and_the_rest_is_used(tmp_path):
    directory = copy(tmp_path, "sunflow.0.duet.AB.B")
    frame = imports.read(directory)
    (half,) = [w for w in frame.attrs["warnings"] if "not whole" in w["warning"]]
    assert (half["run"], half["side"]) == ("dacapo.sunflow.0.duet.AB", "")
    assert len(side(frame, "dacapo", "A")) == 3
    root = ours(tmp_path, runids=(0, 1, 2))
    (root / "runs/renaissance.chi-square.1.duet.AB/run.json").unlink()
    (root / "runs/renaissance.chi-square.2.duet.AB/renaissance.chi-square.2.duet.AB.A.r.csv").unlink()
    frame = imports.read(root)
    assert set(frame["runid"]) == {0}
    assert sorted(bad["run"].rpartition("/")[2] for bad in frame.attrs["left_out"]) == [
        "renaissance.chi-square.1.duet.AB",
        "renaissance.chi-square.2.duet.AB",
    ]


def test_ours_and_the_predecessors_in_one_directory_are_both_read(tmp_path):
    root = ours(tmp_path)
    for path in DATA.glob("dacapo*"):
        (root / path.name).write_bytes(path.read_bytes())
    assert set(imports.read(root)["suite"]) == {"renaissance", "dacapo"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path), Path.mkdir])
def test_what_is_no_file_is_left_out_and_not_waited_for(tmp_path, make):
    """A directory may come from anybody."""
    whole = copy(tmp_path / "whole")
    files = [path for path in whole.rglob("*") if path.is_file()]
    assert len(files) > 15
    for number, file in enumerate(files):
        (tmp_path / str(number)).mkdir()
        strange = copy(tmp_path / str(number)) / file.relative_to(whole)
        strange.unlink()
        make(strange)
        frame = imports.read(tmp_path / str(number) / "flat")
        assert len(frame) and frame.attrs["imported"][0]["runs"] >= 6


@pytest.mark.timeout(60)
def test_pipes_among_our_own_results_are_left_out_and_not_waited_for(tmp_path):
    original = ours(tmp_path, runids=(0, 1))
    assert len(imports.read(original))
    for path in [path for path in original.rglob("*") if path.is_file()]:
        copied = tmp_path / "copied" / "results"
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(original, copied)
        strange = copied / path.relative_to(original)
        strange.unlink()
        os.mkfifo(strange)
        try:
            frame = imports.read(copied)
        except DuetError as error:
            assert "\n" not in str(error)
        else:
            assert len(frame) or frame.attrs["left_out"]


def test_artifacts_are_read_as_far_as_a_run_would_keep_them(tmp_path):
    directory = copy(tmp_path)
    with (directory / "artifacts/uname").open("r+b") as file:
        file.truncate(1 << 40)  # sparse: a reader of all of it would have no memory left
    assert len(imports.read(directory))


def test_a_directory_of_campaigns_names_them(tmp_path):
    root = ours(tmp_path)
    with pytest.raises(DuetError, match=r"no results; expected: .*results/c"):
        imports.read(root.parent)


def ours(tmp_path, runids=(0,)):
    root = tmp_path / "results" / "c"
    native = "iteration,start_ns,end_ns\n0,1700000000000000001,1700000000300000002\n"
    for runid in runids:
        name = f"renaissance.chi-square.{runid}.duet.AB"
        directory = root / "runs" / name
        directory.mkdir(parents=True)
        sides = {s: {"log": None, "files": (FileRecord(f"{name}.{s}.r.csv"),)} for s in "AB"}
        for s in "AB":
            (directory / f"{name}.{s}.r.csv").write_text(native)
        span = {"start_ns": 1699999999000000000, "end_ns": 1700000001000000000}
        record = run_record(parse_run(name), sides, artifacts={"hostname": "h"}, **span)
        record.write(directory / "run.json")
    facts = {"campaign": "c", "suite": "renaissance", "benchmark": "chi-square", "format": "native"}
    plan = BenchmarkPlan(**facts, remove_containers=True, artifacts={}, seed=0)
    plan.write(Layout(root).benchmark_plan("renaissance.chi-square"))
    return root


def test_our_own_results_know_their_format(tmp_path):
    root = ours(tmp_path)
    for directory in (root, root / "runs"):
        frame = imports.read(directory)
        assert frame["engine"].tolist() == ["process"] * 2
        assert frame["iteration_start_ns"].tolist() == [1700000000000000001] * 2


def test_imports_keep_apart_from_runs_of_the_same_name(tmp_path):
    measured = store.to_arrow(imports.read(ours(tmp_path, runids=(0, 1))))
    frame, note = imports.renumbered(imports.read(DATA), [measured])
    assert set(frame[(frame["suite"] == "renaissance") & (frame["type"] == "duet")]["runid"]) == {2}
    assert set(frame[(frame["suite"] == "renaissance") & (frame["type"] == "seqn")]["runid"]) == {0}
    assert set(frame[frame["suite"] == "dacapo"]["runid"]) == {0}
    assert note.startswith("runids of 1 ")
    assert imports.renumbered(frame, [])[1] == ""


def test_the_command_joins_imports(tmp_path):
    out = tmp_path / "iterations.parquet"
    script = [sys.executable, ROOT / "scripts/duetbench.py", "table"]
    sources = ["--import", DATA, "--import", DATA, "--import", ours(tmp_path)]
    done = subprocess.run([*script, *sources, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    frame = store.read(out)
    assert len(frame) == 2 * len(imports.read(DATA)) + 2
    keys = [*store.KEYS]
    assert not frame.duplicated(keys).any()
    assert len(done.stderr.splitlines()) == 2
    done = subprocess.run([*script, "--out", out], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: ")


def test_environments_of_imports_are_hosts_or_labels():
    assert set(imports.read(DATA)["environment"]) == {"bench1"}
    labels = (("bench*", "bare metal"),)
    for path in (DATA, DUETPROCESS):
        assert set(imports.read(path, labels)["environment"]) == {"bare metal"}
        assert set(imports.read(path)["environment"]) == {"bench1"}


def test_the_label_of_the_campaign_that_measured_holds(tmp_path):
    root = ours(tmp_path)
    plan = Layout(root).benchmark_plan("renaissance.chi-square")
    dataclasses.replace(BenchmarkPlan.read(plan), environment=(("*", "mine"),)).write(plan)
    assert set(imports.read(root, (("*", "importer's"),))["environment"]) == {"mine"}


PHASES = "t_keygen,t_input_encryption,t_computation,t_decryption\n"


def test_soks_directory_of_tools_is_read_a_run_a_repetition(tmp_path):
    for tool, file, text in (
        ("SEAL-BFV-Naive", "seal_bfv_cardio_naive_sealparams.csv", PHASES + "180,40,2900,3\n181,41,2800,3\n"),
        ("SEAL-BFV-Naive", "seal_bfv_chi_squared_naive.csv", PHASES + "10,4,29,3\n"),
        (
            "SEAL-BFV",
            "seal_bfv_microbenchmark.csv",
            "17352,17335,2520,2517,61,41,30,22,3904,6250,1800,5290\n",
        ),
        ("E3-TFHE", "e3_tfhe_cardio.csv", "seconds\n1\n"),
        ("plot", "cardio.pdf", ""),
    ):
        (tmp_path / tool).mkdir(exist_ok=True)
        (tmp_path / tool / file).write_text(text)
    frame = imports.read(tmp_path)
    found = frame.groupby(["suite", "benchmark", "type", "pair"], observed=True)["runid"].agg(list)
    assert {"/".join(k): n for k, n in found.items()} == {
        "SEAL-BFV-Naive/cardio/seqn/A": [0, 1],
        "SEAL-BFV-Naive/chi-squared/seqn/A": [0],
        "SEAL-BFV/microbenchmark/seqn/A": [0],
    }
    assert set(frame["iteration"]) == {0} and frame["iteration_time_ns"].max() == 3_123_000_000
    (left_out,) = frame.attrs["left_out"]
    assert "E3-TFHE.cardio" in left_out["run"] and "columns seconds" in left_out["reason"]
