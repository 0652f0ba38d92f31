"""Noise in the table and in verdicts: columns, the rule that leaves stretches out, the second witness."""

import math

import numpy as np
import pandas as pd
import pytest
from duet.inference import judge, run_effects
from duet.model import Analysis, Order, Run, Type
from duet.records.noise import NOISE, MachineCounters, SideCounters, Stretch, write_noise
from duet.records.run import NoiseRecord, file_record, intact
from duet.report.figures.timeline import draw_timeline
from duet.table.build import benchmark_table
from duet.table.noise import of_iterations
from run_records import run_record
from test_inference import campaign, orders

START_NS = 10**18


def stretch(start, end, cpu=None, busy=None, steal=0):
    machine = MachineCounters(steal, busy)
    return Stretch(START_NS + start, START_NS + end, machine, {"A": SideCounters(cpu)})


def frame(*spans):
    stamps = [[None if at is None else START_NS + at for at in span] for span in spans]
    names = ["iteration_start_ns", "iteration_end_ns"]
    return pd.DataFrame(stamps, columns=names, dtype="Int64")


def test_what_an_iteration_used_and_what_disturbed_it():
    """Stretches of 100 ns: 50, 100 and 0 ns of CPU time; others took 10, 60 and 0 % of a core."""
    stretches = [stretch(0, 100, 50, 60), stretch(100, 200, 100, 150, 10), stretch(200, 300, 0, 0)]
    spans = [(0, 100), (50, 150), (100, 200), (150, 300), (200, 300), (-10, 50), (250, 310), (None, None)]
    found = of_iterations(stretches, "A", frame(*spans))
    cpu, level = (found[name].to_numpy(float, na_value=np.nan) for name in found)
    assert cpu == pytest.approx([50, 75, 100, 50, 0, *3 * [np.nan]], nan_ok=True)
    assert level == pytest.approx([10, 60, 60, 60, 0, *3 * [np.nan]], nan_ok=True)


def test_of_a_stretch_in_which_the_side_ended_nothing_is_known():
    stretches = [stretch(0, 100, 50, 60), stretch(100, 200, None, 150)]
    found = of_iterations(stretches, "A", frame((0, 90), (50, 150), (110, 150)))
    assert found["iteration_cpu_ns"].tolist() == [45, pd.NA, pd.NA]
    assert found["disturbance_percent"].tolist() == [10, 10, pd.NA]
    assert of_iterations(stretches, "B", frame((0, 90))).isna().all(axis=None)
    assert of_iterations([], "A", frame((0, 90))).isna().all(axis=None)
    assert of_iterations(stretches, "A", frame((0, 90))[:0]).empty


@pytest.fixture
def recorded(tmp_path):
    """A finished run with a file of noise."""
    made = Run("s", "b", 0, Type.DUET, Order.AB)
    directory = tmp_path / "runs" / made.name
    directory.mkdir(parents=True)
    for side in "AB":
        rows = "".join(f"{i},{START_NS + 100 * i},{START_NS + 100 * i + 100}\n" for i in range(2))
        (directory / made.file(side, "results.csv")).write_text(f"iteration,start_ns,end_ns\n{rows}")
        (directory / made.log(side)).write_text("")
    write_noise(directory / NOISE, [stretch(0, 100, 50, 60), stretch(100, 200, 80, 80)])
    noise = NoiseRecord(
        samples=2,
        machine=MachineCounters(1, 140, 2, 3, 4),
        sides={"A": SideCounters(130, 5, 6, 7, 8, 9)},
        others_ns=10,
        frequency_khz=11,
        file=file_record(directory / NOISE),
    )
    split = {"user_time_ns": 100, "system_time_ns": 30}
    run_record(made, {"A": split}, noise=noise).write(directory / "run.json")
    return directory


def test_the_table_has_a_runs_noise(recorded):
    table = benchmark_table([recorded], "native")
    a, b = (table[table["pair"] == side] for side in "AB")
    assert a["iteration_cpu_ns"].tolist() == [50, 80] and a["disturbance_percent"].tolist() == [10, 0]
    assert b["iteration_cpu_ns"].isna().all()
    first = {name: a[name].iloc[0] for name in table}
    told = {"user_time_ns": 100, "system_time_ns": 30, "run_delay_ns": 5, "throttled_ns": 6}
    told |= {"side_pressure_cpu_ns": 7, "side_pressure_memory_ns": 8, "side_pressure_io_ns": 9}
    whole = {"steal_ns": 1, "pressure_cpu_ns": 2, "pressure_memory_ns": 3, "pressure_io_ns": 4}
    whole |= {"others_ns": 10, "frequency_khz": 11}
    assert {name: first[name] for name in told | whole} == told | whole
    assert {name: b[name].iloc[0] for name in whole} == whole and b["run_delay_ns"].isna().all()


def test_a_damaged_file_of_noise_costs_no_result(recorded):
    (recorded / NOISE).write_bytes(b"damaged")
    table = benchmark_table([recorded], "native")
    assert len(table) == 4 and "iteration_cpu_ns" not in table
    assert {w["side"] for w in table.attrs["warnings"]} == {"A", "B"}
    assert "the file of noise cannot be read" in table.attrs["warnings"][0]["warning"]
    assert any(NOISE in fault for fault in intact(recorded))


def noisy(change=0.0, runs=6, cpu=None, seed=1):
    """A campaign whose iterations from 10 to 19 were disturbed by 40 % of a core."""
    table = campaign(change, runs=runs, seed=seed)
    level = np.where(table["iteration"].between(10, 19), 40.0, 3.0)
    table = table.assign(disturbance_percent=pd.array(level, "Float64"))
    if cpu is not None:
        per_iteration = np.where(table["pair"] == "B", 1000.0 * (1 + cpu), 1000.0) + table["runid"] * 0.1
        table = table.assign(iteration_cpu_ns=pd.array(per_iteration, "Float64"))
    return table


def test_the_rule_is_off_unless_declared_and_then_spares_neither_side():
    table = noisy()
    without = judge(run_effects(table, Analysis()), Analysis()).iloc[0]
    rule = Analysis(max_disturbance_percent=20.0)
    with_it = judge(run_effects(table, rule), rule).iloc[0]
    assert "disturbed" not in without["left_out"]
    assert with_it["left_out"] == f"disturbed {2 * 10 * 6}"
    for side in "AB":
        assert with_it[f"iterations_{side}"] == without[f"iterations_{side}"] - 10 * 6
    assert "left out" not in with_it["warnings"]
    mild = Analysis(max_disturbance_percent=50.0)
    pd.testing.assert_series_equal(judge(run_effects(table, mild), mild).iloc[0], without)


def test_iterations_of_which_nothing_is_known_stay():
    rule = Analysis(max_disturbance_percent=20.0)
    table = noisy()
    unknown = table.assign(disturbance_percent=pd.array([pd.NA] * len(table), "Float64"))
    for untold in (unknown, table.drop(columns="disturbance_percent")):
        assert judge(run_effects(untold, rule), rule).iloc[0]["left_out"] == ""


def test_a_run_that_was_disturbed_all_along_says_so():
    rule = Analysis(max_disturbance_percent=1.0)
    row = judge(run_effects(noisy(), rule), rule).iloc[0]
    assert row["verdict"] == "inconclusive" and "all iterations are warm-up or disturbed" in row["warnings"]


@pytest.mark.parametrize(
    ("change", "cpu", "said"),
    [(0.1, 0.001, True), (0.1, 0.1, False), (0.0, 0.001, False), (0.1, None, False)],
)
def test_where_time_says_slower_and_cpu_time_does_not_the_row_says_so(change, cpu, said):
    row = judge(run_effects(noisy(change, cpu=cpu), Analysis()), Analysis()).iloc[0]
    assert ("CPU time per iteration says equal" in row["warnings"]) is said
    if cpu is None:
        assert math.isnan(row["cpu_change_percent"])
    else:
        assert row["cpu_change_percent"] == pytest.approx(100 * cpu, abs=0.01)
        assert row["cpu_ci_low_percent"] <= row["cpu_change_percent"] <= row["cpu_ci_high_percent"]


def test_a_witness_of_two_runs_or_of_half_the_iterations_is_not_heard():
    table = noisy(0.1, cpu=0.0)
    half = table.assign(iteration_cpu_ns=table["iteration_cpu_ns"].where(table["iteration"] < 20))
    for few in (noisy(0.1, runs=2, cpu=0.0), half):
        row = judge(run_effects(few, Analysis()), Analysis()).iloc[0]
        assert math.isnan(row["cpu_change_percent"]) and "CPU time" not in row["warnings"]


def test_the_timeline_has_a_strip_of_what_was_sampled():
    table = orders(campaign(runs=3, n=5))
    start = int(table["iteration_start_ns"].min())
    told = [
        Stretch(
            start + 10**7 * i,
            start + 10**7 * i + 10**7,
            MachineCounters(10**5, 15 * 10**6),
            {"A": SideCounters(6 * 10**6, 10**4), "B": SideCounters(6 * 10**6, 10**5)},
        )
        for i in range(5)
    ]
    asked = []

    def find(*which):
        asked.append(which)
        return told

    plain, drawn = draw_timeline(table), draw_timeline(table, noise=find)
    assert len(drawn.axes) == len(plain.axes) + 1 and asked[0][0] == "duet"
    strip = drawn.axes[-1]
    labels = [text.get_text() for text in strip.get_legend().get_texts()]
    assert labels == ["stolen", "others", "A waited", "B waited"]
    assert strip.get_xlim() == drawn.axes[1].get_xlim()
    assert len(draw_timeline(table, noise=lambda *_: []).axes) == len(plain.axes)
