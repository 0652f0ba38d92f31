"""The summary says what there is, what is missing and why, in one order; no name gets out of its place."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from duet.inference import judge, run_effects
from duet.model import Analysis, DuetError, parse_run
from duet.records.plan import AnalysisPlan
from duet.records.provision import ImageRecord
from duet.records.run import CpusRecord, FailureRecord, GateRecord, HostRecord
from duet.report import summary
from duet.report.summary import provenance
from duet.report.summary.rows import COUNTS, TEXTS
from duet.report.summary.wording import duration, fit, percent, width
from duet.table.store import Imported, LeftOut, Notes, ReadingWarning
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from run_records import run_record
from synthetic import campaign as measured

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"
GOLDEN = Path(__file__).with_name("golden")
HOSTILE = "<script>window.pwned=1</script> \x1b[31m`a|b`*_$x$\n# h1 </script> \"'&amp; 中文"
NAN = math.nan


def verdict(benchmark, change=NAN, half=1.0, verdict="inconclusive", type_="duet", suite="compress", **more):
    row = {
        "suite": suite, "benchmark": benchmark, "type": type_, "runs": 10, "iterations_A": 100,
        "iterations_B": 90, "coverage": 0.95, "change_percent": change, "ci_low_percent": change - half,
        "ci_high_percent": change + half, "p_value": 0.01, "p_adjusted": 0.02, "verdict": verdict,
        "method": "t", "warnings": "",
    }  # fmt: skip
    return row | more


ROWS = (
    verdict("gzip", 0.1, 0.4, "equivalent", p_value=0.6, p_adjusted=0.6),
    verdict("gzip-9", 123.4, 3.0, "slower", p_value=0.00002, p_adjusted=0.00008),
    verdict("xz.fast", 2.5, 0.7, "slower"),
    verdict("bzip2", -12.0, 2.0, "faster"),
    verdict("lz4", 1.0, 9.0, "inconclusive", p_adjusted=0.8, warnings="only 3 runs"),
    verdict("brotli", warnings="side B has no iterations", runs=0, p_value=NAN, p_adjusted=NAN, coverage=NAN),
    verdict("gzip", 0.2, 0.4, "inconclusive", "aaduet", p_value=0.4, p_adjusted=0.9),
)


def campaign(tmp_path, rows=ROWS):
    """Verdicts and facts of a folder with 4 measured runs, a failed benchmark and a run not measured."""
    runs = tmp_path / "runs"
    names = [f"compress.gzip.{i}.duet.AB" for i in range(5)] + ["compress.zstd.0.duet.AB"]
    for name in names[:4]:
        (runs / name).mkdir(parents=True)
        warnings = ("shared cores: only one is there",) if name != names[0] else ()
        span = {"start_ns": 10**18, "end_ns": 10**18 + 61_500_000_000, "timed_out": name == names[0]}
        run_record(parse_run(name), warnings=warnings, **span).write(runs / name / "run.json")
    failure = FailureRecord(name=names[5], reason="side B exited with 137", log="runs/x/x.B.log", time_ns=1)
    failure.write(runs / names[5] / "failure.json")
    facts = summary.read_facts("quick", runs, names)
    path = tmp_path / "verdicts.csv"
    pd.DataFrame(rows, columns=list(verdict("x"))).to_csv(path, index=False)
    return summary.complete(summary.read_verdicts(path), facts), facts


def golden(name, text):
    """Compare with the file, which is written anew when it is deleted."""
    path = GOLDEN / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        pytest.fail(f"{path} was missing and has been written: look at it")
    assert text == path.read_text()


def test_markdown_is_the_golden_file(tmp_path):
    golden("summary.md", summary.markdown(*campaign(tmp_path)))


def test_terminal_is_the_golden_file(tmp_path):
    golden("terminal.txt", summary.terminal(*campaign(tmp_path), report="report.html"))


def test_worst_first_and_nothing_is_dropped(tmp_path):
    rows, _ = campaign(tmp_path)
    order = list(rows["benchmark"] + " " + rows["verdict"])
    assert order[:3] == ["gzip-9 slower", "xz.fast slower", "zstd no data"]
    assert order[3] == "brotli inconclusive" and order[-1] == "bzip2 faster"
    assert len(rows) == len(ROWS) + 1


def test_planned_comparisons_without_a_run_are_rows_with_the_reason(tmp_path):
    rows, facts = campaign(tmp_path)
    row = rows[rows["benchmark"] == "zstd"].iloc[0]
    assert row["verdict"] == "no data" and "1 × side B exited with 137" in row["warnings"]
    assert (facts.measured, facts.planned, facts.timed_out) == (4, 6, 1)
    assert facts.machine_time_s == 4 * 61.5
    assert facts.missing == ("compress.gzip.4.duet.AB",)
    assert facts.warnings == (("shared cores: only one is there", 3),)


def test_runs_of_other_plans_do_not_count(tmp_path):
    """Repetitions were lowered, a benchmark was dropped: their results stay on disk."""
    _, before = campaign(tmp_path)
    for name in ("compress.gzip.9.duet.AB", "compress.old.0.duet.AB"):
        folder = tmp_path / "runs" / name
        record(name, start_ns=0, end_ns=10**12, warnings=("old",)).write(folder / "run.json")
    old = FailureRecord(name="compress.old.1.duet.AB", reason="old", log=None, time_ns=1)
    old.write(tmp_path / "runs/compress.old.1.duet.AB/failure.json")
    names = [f"compress.gzip.{i}.duet.AB" for i in range(5)] + ["compress.zstd.0.duet.AB"]
    assert summary.read_facts("quick", tmp_path / "runs", names) == before
    found = provenance.read(tmp_path / "runs", names)
    assert sum(found.hosts.values()) == 4
    assert {key[:2] for key in found.sides} == {("compress", "gzip")} and set(found.sides.values()) == {4}


def test_warnings_that_differ_in_numbers_only_are_one_with_the_greatest(tmp_path):
    warnings = [
        ReadingWarning(f"s.b.{i}.duet.AB", "A", f"{ms} ms apart at the gate")
        for i, ms in enumerate(("9.5", "13.0", "2.1", "9.5"))
    ]
    cut_off = ReadingWarning("s.b.1.duet.AB", "A", "cut off")
    facts = summary.read_facts("c", tmp_path, [], Notes(warnings=(*warnings, cut_off)))
    assert facts.warnings == (("13.0 ms apart at the gate (the greatest of 3)", 4), ("cut off", 1))


def test_a_name_with_a_dot_is_not_taken_for_missing(tmp_path):
    facts = summary.read_facts("c", tmp_path, ["compress.xz_fast.0.duet.AB"])
    rows = summary.complete(pd.DataFrame([verdict("xz.fast", 1.0)]), facts)
    assert len(rows) == 1


def test_a_benchmark_counts_once_and_a_against_a_not_at_all(tmp_path):
    also = [
        verdict("gzip-9", 90.0, verdict="slower", type_="seqn"),
        verdict("only", 9.0, verdict="slower", type_="seqn"),
    ]
    rows, _ = campaign(tmp_path, (*ROWS, *also))
    assert sum(summary.counts(rows).values()) == len({r["benchmark"] for r in ROWS}) + 2  # zstd, only
    assert summary.tally(rows).startswith("3 slower, 1 faster")


@pytest.mark.parametrize(
    "different, comparisons, state",
    [(0, 0, "none"), (0, 9, "few"), (0, 20, "ok"), (2, 20, "ok"), (4, 20, "failed"), (2, 3, "failed")],
)
def test_calibration_fails_only_beyond_chance(different, comparisons, state):
    p = [0.01] * different + [0.5] * (comparisons - different)
    rows = pd.DataFrame(
        [verdict(f"b{i}", 0.0, type_="aaduet", p_value=v) for i, v in enumerate(p)] or [verdict("x", 0.0)]
    )
    check = summary.calibration(rows)
    assert check.state == state
    assert (check.false_positives.comparisons, check.false_positives.different) == (comparisons, different)
    assert state in ("none", "failed") or check.false_positives.low <= 0.05 <= check.false_positives.high


SLOW, FAST = verdict("a", 12.0, verdict="slower"), verdict("b", -5.0, verdict="faster")
SAME, OPEN = verdict("c", 0.1, verdict="equivalent"), verdict("d", 3.0, 9.0)
NOISY = [verdict(f"n{i}", 3.0, type_="aaduet", p_value=0.001) for i in range(9)]


@pytest.mark.parametrize(
    "rows, kind, sentence",
    [
        ([SLOW, FAST, SAME], "slower", "1 of 4 benchmarks got slower, worst: a +12.0 %; 1 without data"),
        (
            [FAST, SAME, OPEN],
            "no data",
            "No benchmark was shown to be slower, 1 of 4 got faster, best: b -5.00 %; 1 undecided; 1",
        ),
        (
            [SAME, OPEN],
            "no data",
            "No benchmark was shown to be slower, 1 of 3 are undecided; 1 without data",
        ),
        (
            [SAME],
            "no data",
            "No benchmark was shown to be slower, 1 of 2 are as fast as before; 1 without data",
        ),
        ([SLOW, *NOISY], "untrustworthy", "These verdicts cannot be trusted"),
        ([], "no data", "No data: no run of the benchmark has finished"),
    ],
)
def test_the_answer_is_one_sentence(tmp_path, rows, kind, sentence):
    rows, _ = campaign(tmp_path, rows)
    told = summary.answer(rows)
    assert told.kind == kind and told.sentence.startswith(sentence)
    several = rows[rows["verdict"] != "no data"]
    if kind != "untrustworthy" and len(several):
        assert "without data" not in summary.answer(several.reset_index(drop=True)).sentence


@pytest.mark.parametrize(
    "row, kind, sentence",
    [
        (SLOW, "slower", "a +12.0 %: B is slower than A"),
        (FAST, "faster", "b -5.00 %: B is faster than A"),
        (SAME, "equivalent", "c: B is as fast as A"),
        (OPEN, "inconclusive", "d: not enough data to tell A from B"),
    ],
)
def test_the_answer_about_one_benchmark(row, kind, sentence):
    told = summary.answer(pd.DataFrame([row]))
    assert (told.kind, told.sentence) == (kind, sentence)


def test_other_types_stand_beside_the_verdict(tmp_path):
    alone = verdict("gzip", 3.0, 6.0, "slower", "seqn")
    rows, facts = campaign(tmp_path, (*ROWS, alone))
    for text in (summary.markdown(rows, facts), summary.terminal(rows, facts)):
        lines = [line for line in text.splitlines() if re.search(r"\bgzip\b(?!-)", line)]
        assert len(lines) >= 1 and "+3.00 %" in lines[0] and "+0.10 %" in lines[0]
        assert "slower" not in lines[0] and "sequential" in text and "seqn" not in text


@pytest.mark.parametrize(
    "rows", [ROWS, (), tuple(verdict(f"{'long' * 40}-{i}", i, 1, "slower") for i in range(200))]
)
@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(tmp_path, rows, columns):
    rows, facts = campaign(tmp_path, rows)
    text = summary.terminal(rows, facts, report="x" * 150, colour=False, columns=columns)
    assert all(width(line) <= columns for line in text.splitlines() if not line.startswith("Report"))
    assert "\x1b" not in text and ("x" * 150) in text


@pytest.mark.parametrize("columns", [80, 200])
def test_names_of_60_characters_are_told_apart_on_every_terminal(tmp_path, columns):
    names = [f"{'a-benchmark-with-a-long-name-':-<57}{i:03}" for i in range(2)]
    rows, facts = campaign(tmp_path, tuple(verdict(name, 5, 1, "slower") for name in names))
    lines = summary.terminal(rows, facts, columns=columns).splitlines()
    for name in names:
        (line,) = [line for line in lines if line.startswith("▲") and name[-3:] in line]
        assert (name in line) == (columns == 200)


def test_colour_changes_no_text(tmp_path):
    rows, facts = campaign(tmp_path)
    coloured = summary.terminal(rows, facts, colour=True)
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == summary.terminal(rows, facts)
    assert "\x1b[1;31m▲" in coloured


def test_json_has_no_nan_and_all_rows(tmp_path):
    rows, facts = campaign(tmp_path)
    read = json.loads(summary.as_json(rows, facts), parse_constant=lambda c: pytest.fail(c))
    assert len(read["verdicts"]) == len(rows) and read["counts"]["slower"] == 2
    assert read["calibration"]["state"] == "few" and read["failures"][0]["reason"] == "side B exited with 137"
    brotli = next(v for v in read["verdicts"] if v["benchmark"] == "brotli")
    assert brotli["change_percent"] is None and brotli["runs"] == 0


def test_json_is_as_its_schema_says(tmp_path):
    """Of verdicts as `analyse` writes them, with all columns, and of a benchmark without a run."""
    once = measured(["once"], runs=1, iterations=3)
    table = pd.concat([measured(2, 3, types=("duet", "syncduet", "aaduet", "seqn")), once])
    path = tmp_path / "verdicts.csv"
    judge(run_effects(table, Analysis()), Analysis()).to_csv(path, index=False)
    facts = summary.read_facts("quick", tmp_path, ["synthetic.once.0.duet.AB", "synthetic.lost.0.duet.AB"])
    rows = summary.complete(summary.read_verdicts(path), facts)
    told = json.loads(summary.as_json(rows, facts), parse_constant=lambda c: pytest.fail(c))
    whole, row = (
        json.loads((SCHEMAS / f"{name}.schema.json").read_text()) for name in ("verdicts.json", "verdicts")
    )
    registry = Registry().with_resource("verdicts.schema.json", DRAFT202012.create_resource(row))
    errors = Draft202012Validator(whole, registry=registry).iter_errors(told)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    columns = row["properties"]
    texts = {name for name, rule in columns.items() if "enum" in rule or rule["type"] == "string"}
    counts = {name for name, rule in columns.items() if rule.get("type") == "integer"}
    assert set(TEXTS) == texts and set(COUNTS) == counts
    lost, once = (next(v for v in told["verdicts"] if v["benchmark"] == name) for name in ("lost", "once"))
    assert list(once) == list(columns) and isinstance(once["mean_A_ns"], float) and once["icc"] is None
    assert lost["verdict"] == "no data" and lost["iterations_A"] == 0 and lost["coverage"] is None


def hostile(tmp_path):
    rows, facts = campaign(tmp_path, (verdict(HOSTILE, 3.0, 1, "slower", warnings=HOSTILE, suite=HOSTILE),))
    failure = summary.Failure(HOSTILE, HOSTILE, HOSTILE)
    return rows, type(facts)(
        **{**vars(facts), "campaign": HOSTILE, "failures": (failure,), "warnings": ((HOSTILE, 1),)}
    )


def test_hostile_names_stay_in_their_cell(tmp_path):
    rows, facts = hostile(tmp_path)
    markdown = summary.markdown(rows, facts)
    row = next(line for line in markdown.splitlines() if line.startswith("| ▲"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 8 and not re.search(r"(?<!\\)[<`$]", row)
    assert sum(line.startswith("#") for line in markdown.splitlines()) == 3
    assert "\x1b" not in summary.terminal(rows, facts) + markdown


@pytest.mark.parametrize("text", ["", "suite,benchmark\na,b\n", "\x00\xff"])
def test_other_files_are_no_verdicts(tmp_path, text):
    (tmp_path / "verdicts.csv").write_text(text)
    with pytest.raises(DuetError, match=r"verdicts\.csv"):
        summary.read_verdicts(tmp_path / "verdicts.csv")


def test_names_that_look_like_numbers_or_nothing_stay_names(tmp_path):
    pd.DataFrame([verdict("NA", 1.0), verdict("1e3", 1.0), verdict("", 1.0)]).to_csv(
        tmp_path / "v.csv", index=False
    )
    assert list(summary.read_verdicts(tmp_path / "v.csv")["benchmark"]) == ["NA", "1e3", ""]


def test_no_verdict_at_all(tmp_path):
    rows, facts = campaign(tmp_path, ())
    assert summary.tally(rows) == "0 slower, 0 faster, 1 no data of 1 benchmark"
    summary.markdown(rows, facts), summary.as_json(rows, facts)


def test_torn_records_are_no_end(tmp_path):
    folder = tmp_path / "runs/compress.gzip.0.duet.AB"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"start_ns":')
    assert summary.read_facts("c", tmp_path / "runs", [folder.name]).missing == (folder.name,)


def test_what_the_table_leaves_out_and_imports_is_told(tmp_path):
    name = "s.b.0.duet.AB"
    run_record(parse_run(name)).write(tmp_path / "runs" / name / "run.json")
    notes = Notes(
        left_out=(LeftOut(name, "r.csv: line 3: nan"), LeftOut("old/x", "empty")),
        imported=(Imported("old", 3), Imported("older", 4)),
        warnings=tuple(ReadingWarning("y", side, "cut off") for side in "AB"),
    )
    facts = summary.read_facts("c", tmp_path / "runs", [name], notes)
    assert (facts.planned, facts.measured, facts.imported) == (1, 0, 7)
    assert [(f.name, f.reason) for f in facts.failures] == [
        (name, "cannot be read: r.csv: line 3: nan"),
        ("old/x", "cannot be read: empty"),
    ]
    assert facts.warnings == (("cut off", 1),)
    rows = pd.DataFrame([verdict("b", suite="s")])
    text = summary.markdown(rows, facts)
    assert "- Runs: 0 of 1 measured, 7 imported, 2 failed\n" in text
    assert "- old/x: cannot be read: empty\n" in text
    only = summary.read_facts("c", tmp_path / "none", [], replace(notes, left_out=notes.left_out[1:]))
    assert "- Runs: 7 imported, 1 failed\n" in summary.markdown(rows, only)


@pytest.mark.parametrize(
    "value, text", [(NAN, "–"), (0.0, "+0.00 %"), (-9.999, "-10.00 %"), (12.34, "+12.3 %"), (9900, "+9900 %")]
)
def test_percent(value, text):
    assert percent(value) == text


def test_durations():
    assert [duration(s) for s in (0.44, 59.94, 61, 3600, 90061)] == [
        "0.4 s",
        "1 min 0 s",
        "1 min 1 s",
        "1 h 0 min",
        "25 h 1 min",
    ]


def test_fit_keeps_both_ends_and_counts_wide_characters():
    assert fit("abcdefghij", 5) == "ab…ij" and width(fit("中" * 9, 7)) <= 7


def record(name="s.b.0.seqn.None.A", host="h1", image_hash="a" * 64, **changes):
    run = parse_run(name)
    cpus = CpusRecord(asked="0", seen="0-1")
    sides = {side: {"image": "i", "image_hash": image_hash, "cpus": cpus} for side in run.sides}
    facts = {
        "run": replace(run, benchmark="b<x>"), "engine": "docker", "engine_version": "20.10",
        "gate": GateRecord(skew_ns=50_000), "host": HostRecord(hostname=host, kernel="Linux 6"),
        "artifacts": {"lscpu": "Model name: CPU"},
    }  # fmt: skip
    return run_record(run, sides, **facts | changes)


def test_provenance_tells_hosts_images_and_what_does_not_fit():
    found = provenance.gather([record(), record(), record(host="h2", image_hash="b" * 64)])
    assert sorted(found.hosts.values()) == [1, 2]
    told = provenance.suspicions(found)
    assert (
        len(told) == 2 and "side A ran image i with 2 different contents" in told[0] and "2 hosts" in told[1]
    )
    image = ImageRecord(name="i", key="i", engine="docker", id=None, tag="t", hash="a" * 64)
    page = provenance.html_page("c", found, [image], AnalysisPlan(), {"c.yml": "a: <b>"})
    assert "0.050 ms apart" in page and "cores, unlike configured 0-1" in page
    assert "a: &lt;b&gt;" in page and "b<x>" not in page


def test_provenance_does_without_records_and_without_damaged_ones(tmp_path):
    (tmp_path / "s.b.0.duet.AB").mkdir()
    (tmp_path / "s.b.0.duet.AB/run.json").write_text('{"sides": {"A": null}}')
    nothing = provenance.read(tmp_path, ["s.b.0.duet.AB", "s.b.1.duet.AB"])
    assert "No run record" in provenance.html_page("c", nothing, [], AnalysisPlan(), {})


def test_provenance_does_without_what_an_older_record_lacks():
    page = provenance.html_page(
        "c", provenance.gather([record(host="", artifacts={})]), [], AnalysisPlan(), {}
    )
    assert "Measured from 2001-09-09" in page


def test_what_changes_with_every_run_is_no_fact_of_a_host():
    found = provenance.gather([record(artifacts={"date": f"{i}", "cpu": "x"}) for i in range(50)])
    assert found.artifacts == ["cpu"] and list(found.hosts.values()) == [50]


def test_the_index_names_what_the_workflow_makes(tmp_path):
    text = summary.index(["compress.gzip"], ["compress"])
    assert "`figures/compress.forest.*`" in text and "`figures/compress.gzip.*`" in text
    from duet.report.figures import BENCHMARK

    assert all(f"`{kind}`" in text for kind in BENCHMARK)
