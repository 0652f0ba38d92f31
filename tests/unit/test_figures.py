"""Every figure is complete whatever the frames hold: it says what is missing, and nothing is cut off."""

import json
import re
import subprocess
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from commands import DUETBENCH
from duet.inference import judge, overlap, run_effects
from duet.model import PER_HOST, Analysis
from duet.records.run import FailureRecord
from duet.report.figures import BENCHMARK, style
from duet.report.figures.forest import draw_forest
from duet.report.figures.iterations import draw_iterations
from duet.report.figures.methods import draw_methods, run_time_s, smallest_detectable
from duet.report.figures.ratios import draw_ratios
from duet.report.figures.runs import draw_runs
from duet.report.figures.sensitivity import draw_sensitivity
from duet.report.figures.timeline import draw_timeline, typical_run
from duet.table import store
from matplotlib.text import Text
from synthetic import campaign

pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing")
ALL = ("duet", "syncduet", "aaduet", "seqn")
HOSTILE = "<script>alert(1)</script> $a_b$ \\frac & \n\t" + "long " * 40 + "中文"


def untimed(frame):
    return frame.assign(
        iteration_start_ns=pd.array([None] * len(frame), "Int64"),
        iteration_end_ns=pd.array([None] * len(frame), "Int64"),
    )


def apart(frame):
    """B runs when A has ended: nothing overlaps."""
    late = (frame["pair"] == "B").to_numpy() * 10**12
    columns = ["iteration_start_ns", "iteration_end_ns"]
    return frame.assign(**{c: frame[c] + late for c in columns})


def hundredfold(frame):
    slow = (frame["pair"] == "B").to_numpy() * 99 + 1
    return frame.assign(
        iteration_time_ns=frame["iteration_time_ns"] * slow,
        iteration_end_ns=frame["iteration_start_ns"] + frame["iteration_time_ns"] * slow,
    )


TABLES = {
    "usual": lambda: campaign(1, 10, 30, change=0.05),
    "all types": lambda: campaign(1, 4, 20, ALL, change=0.05),
    "one run": lambda: campaign(1, 1, 30),
    "one iteration": lambda: campaign(1, 3, 1),
    "one iteration of one run": lambda: campaign(1, 1, 1),
    "one side": lambda: (lambda t: t[t["pair"] == "B"])(campaign(1, 3, 10)),
    "one side in one run": lambda: (lambda t: t[(t["pair"] == "A") | (t["runid"] > 0)])(campaign(1, 3, 10)),
    "no absolute times": lambda: untimed(campaign(1, 3, 10)),
    "no overlap": lambda: apart(campaign(1, 3, 10)),
    "sequential": lambda: campaign(1, 3, 10, ("seqn",)),
    "synchronised": lambda: campaign(1, 3, 10, ("syncduet",)),
    "hundredfold": lambda: hundredfold(campaign(1, 3, 10)),
    "no noise": lambda: campaign(1, 3, 10, own_noise=0, shared_noise=0, run_noise=0, drift=0),
    "many": lambda: campaign(1, 5, 1500),
    "worlds apart": lambda: pd.concat(
        [campaign(["a"], 3, 5, ALL), campaign(["b"], 3, 5, ALL, mean_s=300, own_noise=2, change=3)],
        ignore_index=True,
    ),
    "long runs numbers": lambda: campaign(1, 3, 10).assign(runid=lambda t: t["runid"] * 997 + 10**6),
    "nothing": lambda: campaign(1, 1, 1).iloc[:0],
}
EMPTY_WORDS = ("No ", "no ", "only", "Only", "nothing", "one side")


@pytest.fixture(scope="module", params=TABLES)
def frames(request):
    rows = TABLES[request.param]()
    effects = run_effects(rows, Analysis())
    return request.param, rows, overlap.pairs(rows), effects, judge(effects, Analysis())


def draw(kind, rows, pairs, effects, verdict, title="suite bench", note=""):
    return {
        "timeline": lambda: draw_timeline(rows, pairs, title, note),
        "iterations": lambda: draw_iterations(rows, None, title, note),
        "ratios": lambda: draw_ratios(pairs, effects, verdict, title, note),
        "sensitivity": lambda: draw_sensitivity(effects, title, note),
        "runs": lambda: draw_runs(effects, verdict, title, note),
        "forest": lambda: draw_forest(verdict, "synthetic", note=note),
        "methods": lambda: draw_methods(rows, effects, verdict, note=note),
    }[kind]()


def texts(fig):
    """All visible texts of a drawn figure with their extents."""
    fig.draw_without_rendering()
    found = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]
    off = {
        id(t) for ax in fig.axes if not ax.axison for axis in (ax.xaxis, ax.yaxis) for t in axis.findobj(Text)
    }
    return [(t, t.get_window_extent()) for t in found if id(t) not in off]


def cut_off(fig):
    """Texts that do not lie within the figure, to a pixel; tick labels beyond their axis are not drawn."""
    out = []
    for text, box in texts(fig):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= fig.bbox.x1 + 1 and box.y1 <= fig.bbox.y1 + 1
        if not inside and _in_axis(text):
            out.append(text.get_text())
    return out


def _in_axis(text):
    for axis in (a for ax in text.figure.axes for a in (ax.xaxis, ax.yaxis)):
        labels = axis.get_ticklabels()
        if text in labels:
            low, high = sorted(axis.get_view_interval())
            where = axis.get_ticklocs()[labels.index(text)]
            return low <= where <= high
    return True


def overlapping(fig):
    """Headings, legends, titles and foot that lie on each other."""
    fig.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in fig.texts]
    boxes += [("legend", legend.get_window_extent()) for legend in fig.legends]
    for ax in fig.axes:
        boxes += [
            (t.get_text(), t.get_window_extent()) for t in (ax._left_title, ax.xaxis.label) if t.get_text()
        ]
    return [
        (a, b)
        for i, (a, box) in enumerate(boxes)
        for b, other in boxes[i + 1 :]
        if min(box.x1, other.x1) - max(box.x0, other.x0) > 1
        and min(box.y1, other.y1) - max(box.y0, other.y0) > 1
    ]


@pytest.mark.parametrize("kind", [*BENCHMARK, "forest", "methods"])
def test_complete_whatever_the_frames_hold(frames, kind):
    what, *data = frames
    fig = draw(kind, *data)
    assert not cut_off(fig), what
    assert not overlapping(fig), what
    assert not [t.get_text() for t, _ in texts(fig) if "mathdefault" in t.get_text()]
    if not any(ax.has_data() for ax in fig.axes):
        said = " ".join(t.get_text() for t, _ in texts(fig))
        assert any(word in said for word in EMPTY_WORDS), said


@pytest.mark.parametrize("kind", [*BENCHMARK, "forest", "methods"])
def test_hostile_names_are_text(tmp_path, kind):
    rows = campaign([HOSTILE], 3, 10, ALL, suite=HOSTILE)
    effects = run_effects(rows, Analysis())
    data = rows, overlap.pairs(rows), effects, judge(effects, Analysis())
    fig = (
        draw_forest(data[-1], HOSTILE)
        if kind == "forest"
        else draw(kind, *data, title=HOSTILE, note=HOSTILE * 9)
    )
    assert not cut_off(fig)
    svg, pdf, png = style.save(fig, tmp_path / "figure.with.dots")
    tags = {element.tag for element in ElementTree.parse(svg).iter()}
    assert not any(tag.endswith("script") for tag in tags)
    assert pdf.read_bytes().startswith(b"%PDF") and png.read_bytes().startswith(b"\x89PNG")
    assert svg.name == "figure.with.dots.svg"


def test_the_same_frames_give_the_same_bytes(tmp_path):
    rows = campaign(1, 3, 10)
    one = style.save(draw_timeline(rows, overlap.pairs(rows)), tmp_path / "one")
    two = style.save(draw_timeline(rows, overlap.pairs(rows)), tmp_path / "two")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_runs_of_several_hosts_stand_side_by_side():
    """Each has a thousand numbers of its own."""
    effects = run_effects(campaign(1, 8, 20), Analysis())
    plain = draw_runs(effects).axes[0].get_xlim()
    effects["runid"] = effects["runid"].where(effects["runid"] < 4, effects["runid"] + PER_HOST - 4)
    assert set(effects["runid"]) == {0, 1, 2, 3, 1000, 1001, 1002, 1003}
    assert draw_runs(effects).axes[0].get_xlim() == plain == (-0.5, 7.5)


def test_an_svg_says_what_the_figure_says(tmp_path):
    """Its coordinates are shortened, its numbers are not."""
    rows = campaign(1, 4, 20, change=0.05163)
    effects = run_effects(rows, Analysis())
    fig = draw_runs(effects, judge(effects, Analysis()), "b 1.2345")
    svg, *_ = style.save(fig, tmp_path / "figure")
    shown = {element.text for element in ElementTree.parse(svg).iter() if element.tag.endswith("}text")}
    titles = {ax.get_title(loc="left") for ax in fig.axes}
    assert any(re.search(r"\+\d\.\d\d %", title) for title in titles)
    assert titles | {"b 1.2345: run means"} <= shown


def row(benchmark, change, half=1.0, verdict="slower", type_="duet", warnings=""):
    return {
        "suite": "s", "benchmark": benchmark, "type": type_, "runs": 10, "change_percent": change,
        "ci_low_percent": change - half, "ci_high_percent": change + half, "verdict": verdict,
        "warnings": warnings, "p_value": 0.1, "coverage": 0.9,
    }  # fmt: skip


def test_forest_has_the_worst_on_top_and_every_row():
    rows = pd.DataFrame(
        [row("b", 1.0), row("a", 5.0), row("none", np.nan, warnings="no B"), row("c", -3.0, verdict="faster")]
    )
    fig = draw_forest(rows, "s")
    names = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert names[::-1] == ["a", "b", "c", "none"]
    assert "no estimate: no B" in [label.get_text() for label in fig.axes[1].get_yticklabels()]


def test_one_wide_interval_does_not_flatten_the_others():
    rows = pd.DataFrame([row(f"b{i}", i, 1) for i in range(5)] + [row("two runs", 3.0, 3000, "inconclusive")])
    ax = draw_forest(rows, "s").axes[0]
    assert 0.04 < ax.get_xlim()[1] < 0.2


def test_types_stand_one_after_the_other():
    rows = pd.DataFrame(
        [row("a", 1.0, type_="seqn"), row("a", 2.0), row("b", 3.0, type_="seqn"), row("b", 1.0)]
    )
    names = [label.get_text() for label in draw_forest(rows, "s").axes[0].get_yticklabels()][::-1]
    assert [name.split()[0] for name in names] == ["a", "b", "b", "a"]
    assert [name.split()[1] for name in names] == ["duet", "duet", "sequential", "sequential"]


def test_hours_between_the_sides_of_a_sequential_run_are_no_gap():
    fig = draw_timeline(apart(campaign(1, 3, 10, ("seqn",))))
    assert fig.axes[1].get_xlim()[1] < 20


def test_one_far_row_does_not_flatten_the_others():
    rows = pd.DataFrame(
        [row(f"b{i}", i / 10, 0.3, "inconclusive") for i in range(8)] + [row("far", 9900.0, 500)]
    )
    ax = draw_forest(rows, "s").axes[0]
    assert ax.get_xlim()[1] < 0.2
    assert draw_forest(rows.iloc[:-1], "s").axes[0].get_xlim()[1] < 0.2


@pytest.mark.parametrize("n", [1, 25, 200])
def test_forest_of_any_size(n):
    fig = draw_forest(pd.DataFrame([row(f"benchmark-{i}", i - n / 2) for i in range(n)]), "s")
    assert not cut_off(fig) and not overlapping(fig)
    boxes = [box for text, box in texts(fig) if text.get_text().startswith("benchmark-")]
    assert len(boxes) == n
    tops = sorted(boxes, key=lambda b: b.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(tops))


def test_a_and_b_have_the_same_colours_everywhere():
    rows = campaign(1, 4, 20)
    effects = run_effects(rows, Analysis())
    data = rows, overlap.pairs(rows), effects, judge(effects, Analysis())
    for kind in ("timeline", "iterations", "runs"):
        legend = draw(kind, *data).legends[0]
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            side = text.get_text()[0]
            if side in "AB" and text.get_text()[1:2] in ("", ","):
                colour = handle.get_facecolor() if hasattr(handle, "get_facecolor") else handle.get_color()
                assert matplotlib_hex(colour) == style.SIDE[side], (kind, text)


def matplotlib_hex(colour):
    from matplotlib.colors import to_hex

    return to_hex(colour).upper()


def test_the_typical_run_has_the_median_ratio():
    rows = campaign(1, 3, 4)
    wanted = {0: 1.5, 1: 1.1, 2: 0.7}
    b = (rows["pair"] == "B").to_numpy()
    rows["iteration_time_ns"] = np.where(b, rows["runid"].map(wanted) * 10**6, 10**6).astype("int64")
    assert typical_run(rows) == 1


def test_machine_time_of_a_sequential_run_is_both_sides():
    duet, alone = (run_time_s(campaign(1, 3, 20, (t,), shared_noise=0)).iloc[0] for t in ("duet", "seqn"))
    assert 1.8 < alone / duet < 2.1


def test_detectable_slowdown_is_found_with_that_power():
    """Campaigns whose true slowdown is the detectable one reject in 80 %, by simulation."""
    from scipy.stats import ttest_1samp

    n, sd = 10, 0.02
    logs = np.sqrt(n / (n - 1)) * sd * np.array([1, -1] * (n // 2)) * np.sqrt((n - 1) / n)
    effects = pd.DataFrame({"suite": "s", "benchmark": "b", "type": "duet", "log_ratio": logs})
    slowdown = np.log1p(smallest_detectable(effects, 0.95).iloc[0] / 100)
    scale = effects["log_ratio"].std()
    draws = np.random.default_rng(1).normal(slowdown, scale, (4000, n))
    power = (ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean()
    assert abs(power - 0.8) < 0.04


def files(folder, rows):
    effects = run_effects(rows, Analysis())
    store.write(rows, folder / "t.parquet")
    overlap.pairs(rows).to_parquet(folder / "p.parquet")
    effects.to_parquet(folder / "e.parquet")
    judge(effects, Analysis()).to_csv(folder / "v.csv", index=False)
    (folder / "a.json").write_text(
        json.dumps({"confidence": 0.9, "margin_percent": 3, "warmup": {"synthetic/b.x": 2}})
    )
    lost = FailureRecord(name="synthetic.b_x.7.duet.AB", reason="out of memory", log=None, time_ns=1)
    lost.write(folder / "runs" / lost.name / "failure.json")


def plot(folder, *args):
    command = [*DUETBENCH, "figures", *args, "--out", folder / "out/name"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_command_draws_all_figures_of_a_benchmark(tmp_path):
    files(tmp_path, campaign(["b.x", "other"], 3, 10))
    given = ["--table", "t.parquet", "--pairs", "p.parquet", "--effects", "e.parquet", "--verdicts", "v.csv"]
    given += ["--analysis", "a.json", "--runs", "runs", "--suite", "synthetic", "--benchmark", "b.x"]
    done = plot(tmp_path, "benchmark", *given)
    assert done.returncode == 0 and not done.stderr, done.stderr
    wanted = {f"name.{kind}.{suffix}" for kind in BENCHMARK for suffix in ("svg", "pdf", "png")}
    assert {p.name for p in (tmp_path / "out").iterdir()} == wanted
    for kind in BENCHMARK:
        assert "1 × out of memory" in (tmp_path / f"out/name.{kind}.svg").read_text(), kind
    series = (tmp_path / "out/name.iterations.svg").read_text()
    assert "the first 2 iterations of each run are left out" in series


def test_the_command_draws_all_of_a_campaign_measured_or_not(tmp_path):
    files(tmp_path, campaign(["b.x", "other"], 3, 10))
    (tmp_path / "runs.txt").write_text("synthetic.b_x.7.duet.AB\nsynthetic.lost.0.duet.AB\n")
    given = ["--table", "t.parquet", "--pairs", "p.parquet", "--effects", "e.parquet", "--verdicts", "v.csv"]
    given += ["--analysis", "a.json", "--planned", "runs.txt", "--runs", "runs", "--stem", "old.import"]
    done = plot(tmp_path, "all", *given, "--jobs", "2")
    assert done.returncode == 0 and not done.stderr, done.stderr
    there = {p.name for p in (tmp_path / "out/name").glob("*.svg")}
    stems = ("synthetic.b_x", "synthetic.other", "synthetic.lost", "old.import")
    forests = {f"{suite}.forest.svg" for suite in ("synthetic", "old")}
    assert there == {f"{stem}.{kind}.svg" for stem in stems for kind in BENCHMARK} | forests | {"methods.svg"}
    figures = tmp_path / "out/name"
    assert "synthetic b.x: run means" in (figures / "synthetic.b_x.runs.svg").read_text()
    assert "No run of this benchmark has finished" in (figures / "synthetic.lost.runs.svg").read_text()


def test_a_fault_names_the_benchmark(tmp_path):
    files(tmp_path, campaign(["b.x", "other"], 3, 10))
    pd.read_parquet(tmp_path / "e.parquet").drop(columns="runid").to_parquet(tmp_path / "e.parquet")
    done = plot(tmp_path, "all", "--table", "t.parquet", "--effects", "e.parquet", "--verdicts", "v.csv")
    assert done.returncode == 1 and done.stderr.startswith("error: all: synthetic.b_x.")
    assert done.stderr.count("\n") == 1


def test_injected_slowdowns_are_shown_where_there_are_any():
    rows = campaign(3, 3, 10, ("duet", "seqn"))
    effects = run_effects(rows, Analysis())
    keys = effects[["suite", "benchmark", "type"]].drop_duplicates()
    compared = keys.assign(verdict_detectable_percent=np.where(keys["type"] == "duet", 1.5, 7.0))
    for given, label, value in ((compared, "injected", "1.5"), (None, "power", None)):
        fig = draw_methods(rows, effects, judge(effects, Analysis()), comparison=given)
        panel = next(ax for ax in fig.axes if ax.get_title(loc="left").startswith("Detectable"))
        assert label in panel.get_ylabel()
        assert value is None or panel.get_xticklabels()[0].get_text() == f"duet\n{value}"
        assert any(label in text.get_text() for text in fig.texts)


@pytest.mark.parametrize(
    "args, said, code",
    [
        (["benchmark", "--table", "none.parquet"], "none.parquet", 1),
        (["runs", "--table", "t.parquet"], "2 benchmarks; select one", 1),
        (["forest"], "--suite", 64),
        (["forest", "--suite", "s", "--verdicts", "a.json"], "a.json", 1),
    ],
)
def test_faults_are_one_line(tmp_path, args, said, code):
    files(tmp_path, campaign(2, 2, 5))
    done = plot(tmp_path, *args)
    assert done.returncode == code and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert said in done.stderr


def test_iterations_without_a_duration_or_a_side_are_not_drawn():
    rows = campaign(1, runs=2, iterations=5)
    rows["iteration_time_ns"] = rows["iteration_time_ns"].astype("Int64")
    rows.loc[[0, 1, 2], "iteration_time_ns"] = [pd.NA, -1, 0]
    rows.loc[3, "pair"] = None
    fig = draw_iterations(rows)
    assert fig.axes[0].get_ylim()[0] >= 0
    rows["iteration_time_ns"] = 0
    assert "No iteration" in "".join(
        text.get_text() for text in draw_iterations(rows).texts + draw_iterations(rows).axes[0].texts
    )


def test_forest_counts_what_is_judged():
    """Sequential runs beside a duet are compared with it, and have no verdict of their own."""
    rows = pd.DataFrame([row("a", 5.0), row("a", 9.0, type_="seqn"), row("b", 4.0, type_="seqn")])
    fig = draw_forest(rows, "s")
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "slower (2)" in legend  # a by its duet, b by what there is
    told = [label.get_text() for label in fig.axes[1].get_yticklabels()]
    assert sum("slower" in text for text in told) == 2 and len(told) == 3


def test_forest_keeps_the_margin_visible():
    rows = pd.DataFrame([row("far", 250.0, 5), row("near", 0.3, 0.2), row("also", 140.0, 4)])
    ax = draw_forest(rows, "s").axes[0]
    low, high = ax.get_xlim()
    assert 2 * np.log1p(0.02) / (high - low) > 1 / 45
