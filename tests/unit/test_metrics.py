"""Metrics beside time: directions, families, benchmarks that lack one, counts that do not vary."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from config_files import only_fault, read
from duet.campaign import order
from duet.inference import COLUMNS, gate_decision, judge, run_effects
from duet.inference.decision import Exit
from duet.model import Analysis, Metric, Order, Run, Type
from duet.report import summary
from duet.report.summary.facts import Facts, read_facts
from duet.table import store
from duet.table.build import SideFiles, join_sides


def analysis(*names: str | tuple[str, str], **settings) -> Analysis:
    metrics = tuple(Metric(n, Metric.usual(n)) if isinstance(n, str) else Metric(*n) for n in names)
    return Analysis(metrics=metrics, **settings)


def table(benchmarks=2, runs=6, types=("duet",), change=0.0, **columns) -> pd.DataFrame:
    """`columns`: name -> value on A, value on B, and how much each varies from run to run."""
    frame = synthetic.campaign(benchmarks, runs, 20, types, change)
    rng = np.random.default_rng(1)
    noise = {key: rng.normal(size=2) for key in frame.groupby(["benchmark", "runid"], observed=True).groups}
    is_b = (frame["pair"] == "B").to_numpy()
    here = list(zip(frame["benchmark"], frame["runid"], strict=True))
    for name, (a, b, spread) in columns.items():
        around = np.array([noise[key][int(side)] for key, side in zip(here, is_b, strict=True)])
        frame[name] = np.where(is_b, b, a) * np.exp(spread * around)
    return frame


def verdicts(frame: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    return judge(run_effects(frame, settings), settings)


def of(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    return frame[frame["metric"] == metric].set_index("benchmark")


def test_rows_of_the_first_metric_come_first_and_columns_only_grow_at_the_end():
    frame = verdicts(table(peak_memory_bytes=(100e6, 100e6, 0.001)), analysis("time", "peak_memory"))
    assert list(frame["metric"]) == ["time", "time", "peak_memory", "peak_memory"]
    assert COLUMNS[0:3] == ("suite", "benchmark", "type")
    assert list(frame) == list(COLUMNS) and COLUMNS.index("metric") > COLUMNS.index("detectable_percent")


def test_what_is_judged_does_not_change_the_verdicts_of_time():
    frame = table(change=0.03, hits=(5.0, 6.0, 0.01))
    alone, beside = verdicts(frame, Analysis()), verdicts(frame, analysis("time", "hits"))
    pd.testing.assert_frame_equal(alone, beside[beside["metric"] == "time"])


@pytest.mark.parametrize(
    ("name", "better"), [("hits", "higher"), ("B/op", "lower"), ("requests/s", "higher")]
)
def test_more_is_worse_or_better(name, better):
    given = name if Metric.usual(name) == better else (name, better)
    frame = verdicts(table(**{name: (100.0, 120.0, 0.01)}), analysis("time", given))
    expected = "better" if better == "higher" else "worse"
    assert set(of(frame, name)["verdict"]) == {expected} and set(of(frame, name)["better"]) == {better}
    assert of(frame, name)["change_percent"].to_numpy() == pytest.approx([20, 20], abs=3)


def test_each_metric_is_a_family_of_its_own():
    frame = verdicts(table(benchmarks=3, hits=(100.0, 101.0, 0.005)), analysis("time", "hits"))
    rows = of(frame, "hits")
    assert (rows["p_adjusted"] <= 3 * rows["p_value"] + 1e-12).all()
    assert rows["p_adjusted"].max() > rows["p_value"].min()


def test_a_benchmark_without_the_metric_is_not_measured_by_it():
    frame = table(**{"B/op": (64.0, 64.0, 0.0)})
    frame.loc[frame["benchmark"] == "bench-1", "B/op"] = np.nan
    rows = of(verdicts(frame, analysis("time", "B/op", "p_ops")), "B/op")
    assert rows.loc["bench-0", "verdict"] == "equivalent"
    assert rows.loc["bench-1", "verdict"] == "not measured" and rows.loc["bench-1", "runs"] == 0
    assert "its results have no B/op" in rows.loc["bench-1", "warnings"]


@pytest.mark.parametrize(
    ("a", "b", "verdict", "change"),
    [
        (64, 64, "equivalent", 0), (64, 80, "worse", 25), (1, 2, "worse", 100), (0, 0, "equivalent", 0),
        (0, 16, "worse", 100), (16, 0, "better", -50),
    ],
)  # fmt: skip
def test_counts_that_do_not_vary(a, b, verdict, change):
    row = of(verdicts(table(1, 3, **{"allocs/op": (a, b, 0.0)}), analysis("time", "allocs/op")), "allocs/op")
    (row,) = row.to_dict("records")
    assert (row["verdict"], round(row["change_percent"])) == (verdict, change)
    assert (row["value_A"], row["value_B"]) == (a, b)
    assert "taken for a count that does not vary" in row["warnings"]
    assert ("has no ratio" in row["warnings"]) == (0 in (a, b) and a != b)


def test_one_page_more_in_every_run_is_no_proof():
    frame = table(1, 2, peak_memory_bytes=(10 * 4096.0, 11 * 4096.0, 0.0))
    (row,) = of(verdicts(frame, analysis("peak_memory")), "peak_memory").to_dict("records")
    assert row["verdict"] == "inconclusive"


def test_negative_values_have_no_ratio():
    frame = of(verdicts(table(1, hits=(-1.0, 1.0, 0.0)), analysis("time", "hits")), "hits")
    assert "hits of A is negative" in frame["warnings"].iloc[0] and frame["verdict"].iloc[0] == "inconclusive"


def test_a_quantile_is_that_of_each_run_and_side():
    frame = table(1, 3)
    effects = run_effects(frame, analysis("p50"))
    runs = effects[effects["metric"] == "p50"].set_index("runid")
    for runid, part in frame.groupby("runid"):
        for side, rows in part.groupby("pair", observed=True):
            expected = np.quantile(rows["iteration_time_ns"].to_numpy(float), 0.5)
            assert runs.loc[runid, f"value_{side}"] == pytest.approx(expected)


def test_a_quantile_that_the_harness_tells_is_taken():
    frame = verdicts(table(1, p99_ns=(2e6, 2.5e6, 0.001)), analysis("p99"))
    (row,) = frame.to_dict("records")
    assert row["verdict"] == "slower" and row["change_percent"] == pytest.approx(25, abs=1)
    assert row["estimator"] == "quantiles" and row["value_A"] == pytest.approx(2e6, rel=0.01)


def test_few_requests_beyond_a_quantile_are_told():
    frame = verdicts(table(1), analysis("p50", "p99"))
    assert "beyond p99" in of(frame, "p99")["warnings"].iloc[0]
    assert "beyond" not in of(frame, "p50")["warnings"].iloc[0]


def test_the_gate_asks_every_metric_and_minds_its_direction():
    frame = table(hits=(100.0, 80.0, 0.005))
    loss = gate_decision(verdicts(frame, analysis(("hits", "higher"))))
    gain = gate_decision(verdicts(frame, analysis(("hits", "lower"))))
    assert (loss.exit, gain.exit) == (Exit.REGRESSION, Exit.PASSED)
    absent = gate_decision(verdicts(frame, analysis(("hits", "lower"), "nowhere")))
    assert absent.exit == Exit.PASSED and set(absent.judged["metric"]) == {"hits"}


def test_the_summary_has_a_section_for_each_metric():
    rows = verdicts(table(hits=(100.0, 80.0, 0.005)), analysis("time", ("hits", "higher"), "B/op"))
    facts = Facts("c", 12, 12, 0, 1.0, (), (), (), ())
    complete = summary.complete(rows, facts)
    for text in (summary.markdown(complete, facts), summary.terminal(complete, facts)):
        assert "hits (higher is better)" in text and "B/op (lower is better)" in text
        assert "Not measured: bench-0, bench-1" in text
    assert "hits: 2 worse" in summary.tally(complete)
    assert sum(summary.counts(complete).values()) == 2


def test_configured_with_and_without_direction(tmp_path):
    campaign = read(
        tmp_path, {"analysis": {"metrics": ["time", "ops/s", {"hits": "higher"}, {"x/s": "lower"}]}}
    )
    told = [(m.name, m.better) for m in campaign.analysis.metrics]
    assert told == [("time", "lower"), ("ops/s", "higher"), ("hits", "higher"), ("x/s", "lower")]


@pytest.mark.parametrize(
    ("metrics", "fault"),
    [
        (["time", {"time": "higher"}], "c.yml: duetbench.analysis.metrics[1]: time occurs twice"),
        ([{"hits": "up"}], 'c.yml: duetbench.analysis.metrics[0].hits: is "up"; accepted: lower, higher'),
        ([], "c.yml: duetbench.analysis.metrics: is []; accepted: a list such as"),
        ([3], "c.yml: duetbench.analysis.metrics[0]: is 3; accepted: a metric's name"),
    ],
)
def test_faults(tmp_path, metrics, fault):
    assert only_fault(tmp_path, {"analysis": {"metrics": metrics}}).startswith(fault)


# ---- many benchmarks from one process ----


def shared(names: dict[str, float], n=4, start_ns=1_700_000_000_000_000_000) -> str:
    """A native CSV of one process: name -> length of an iteration in ns."""
    lines = ["iteration,start_ns,end_ns,benchmark"]
    for name, length in names.items():
        for i in range(n):
            lines.append(f"{i},{start_ns},{start_ns + int(length)},{name}")
            start_ns += int(length)
    return "\n".join(lines) + "\n"


def sides(tmp_path, runid: int, a: str, b: str) -> list[SideFiles]:
    run = Run("s", "codec", runid, Type.DUET, Order.AB)
    out = []
    for side, text in (("A", a), ("B", b)):
        path = tmp_path / run.file(side, "r.csv")
        path.write_text(text)
        out.append(SideFiles(run, side, (path,)))
    return out


def test_benchmarks_of_one_process_are_compared_one_by_one(tmp_path):
    runs = [
        sides(tmp_path, i, shared({"Json": 1e6 + i, "Gob/8": 2e6}), shared({"Json": 1.1e6, "Gob/8": 2e6 + i}))
        for i in range(3)
    ]
    table = join_sides(runs, "native")
    assert list(dict.fromkeys(table["benchmark"])) == ["codec/Json", "codec/Gob/8"]
    rows = verdicts(table, Analysis()).set_index("benchmark")
    assert rows.loc["codec/Json", "verdict"] == "slower"
    assert rows.loc["codec/Gob/8", "verdict"] == "equivalent"
    assert rows.loc["codec/Json", "iterations_A"] == 12


def test_one_that_fails_loses_only_itself_and_says_so(tmp_path):
    both, one = shared({"Json": 1e6, "Gob": 2e6}), shared({"Gob": 2e6})
    table = join_sides([sides(tmp_path, 0, both, both), sides(tmp_path, 1, both, one)], "native")
    (warning,) = table.attrs["warnings"]
    assert (warning["run"], warning["side"]) == ("s.codec.1.duet.AB", "B")
    assert warning["warning"] == "no results of codec/Json, which its process was to run"
    rows = verdicts(table, Analysis()).set_index("benchmark")
    assert rows.loc["codec/Gob", "runs"] == 2 and rows.loc["codec/Json", "runs"] == 1
    assert "no usable iteration of B" in rows.loc["codec/Json", "warnings"]


def test_a_named_one_without_any_result_is_no_data(tmp_path):
    text = shared({"Json": 1e6})
    table = join_sides([sides(tmp_path, 0, text, text)], "native", members=("Json", "Xml"))
    (absent,) = table.attrs["absent"]
    assert (absent["benchmark"], absent["type"]) == ("codec/Xml", "duet")
    store.write(table, tmp_path / "t.parquet")
    facts = read_facts("c", tmp_path, [], store.read_notes(tmp_path / "t.parquet"))
    complete = summary.complete(verdicts(table, Analysis()), facts).set_index("benchmark")
    assert complete.loc["codec/Xml", "verdict"] == "no data"
    assert "in none of the results of codec" in complete.loc["codec/Xml", "warnings"]


def test_the_warm_up_of_a_process_is_that_of_its_benchmarks(tmp_path):
    text = shared({"Json": 1e6, "Gob": 2e6})
    table = join_sides([sides(tmp_path, 0, text, text)], "native")
    effects = run_effects(table, Analysis(), {"s/codec": 1, "s/codec/Gob": 3})
    assert dict(zip(effects["benchmark"], effects["iterations_A"], strict=True)) == {
        "codec/Json": 3,
        "codec/Gob": 1,
    }


def test_memory_of_a_shared_process_is_told_to_be_shared(tmp_path):
    text = shared({"Json": 1e6, "Gob": 2e6})
    table = join_sides([sides(tmp_path, i, text, text) for i in range(2)], "native")
    table["peak_memory_bytes"] = 1 << 20
    rows = of(verdicts(table, analysis("time", "peak_memory")), "peak_memory")
    assert rows["warnings"].str.contains("of the whole process, which ran several benchmarks").all()


def test_members_are_named_in_duets_and_told_in_the_plan(tmp_path):
    campaign = read(tmp_path, {"duets": ["one", {"codec": ["Json", "Gob/8"]}]})
    codec = campaign.benchmarks[1]
    assert codec.members == ("Json", "Gob/8")
    assert codec.stems == ("tiny.codec", "tiny.codec_Json", "tiny.codec_Gob_8")
    told = order.plan_line(campaign, order.runs(campaign), ())
    assert "codec runs 2 in one process" in told
    fault = only_fault(tmp_path, {"duets": ["codec_Json", {"codec": ["Json"]}]})
    assert "tiny/codec gets the file names of tiny/codec_Json" in fault
