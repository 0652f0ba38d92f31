"""The predecessor's questions, by environment, suite and type, and the campaign over its hosts."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from duet.report.figures import style
from duet.report.summary.wording import TYPE_NAME
from duet.report.verdict_row import named

MOST = 4
"""Environments side by side; of more the first, and the note says so."""
LISTED = 60
"""Benchmarks in the overview."""
SUITE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#000000")
"""Colours of suites (Okabe and Ito), again from the first where there are more."""
LINE = {"ci": "-", "u": ":", "verdict": "--"}
Tables = Mapping[str, pd.DataFrame]


def drawers(tables: Tables, table: pd.DataFrame) -> dict[str, Callable[[], Figure]]:
    """Figure -> what draws it. `tables`: those of duet.inference.questions; `table`: the unified one."""
    return {
        "rq1": lambda: draw_run_times(tables["rq1_run_times"]),
        "rq2": lambda: draw_overlaps(tables["rq2_overlaps"]),
        "rq3": lambda: draw_tests(tables["rq3_tests"], tables["rq3_match_rates"]),
        "rq4": lambda: draw_slowdowns(tables["rq4_slowdowns"]),
        "hosts": lambda: draw_campaign(table, tables["benchmarks"]),
    }


def draw_run_times(run_times: pd.DataFrame) -> Figure:
    """Machine time per iteration of each benchmark, and what running together gains over seqn by suite."""
    title = "RQ1: run time"
    if run_times.empty:
        return style.missing(title, "No run has absolute times.")
    each, whole = run_times[run_times["benchmark"] != "*"], run_times[run_times["benchmark"] == "*"]
    note = "Machine time of a run, warm-up and all, by the iterations of both sides; dots are benchmarks."

    def rows(axes: list[Axes], environment: str) -> None:
        mine = each[each["environment"] == environment]
        _strip(axes[0], mine, "per_iteration_s", "time per iteration (s)")
        times = style.quantities(mine["per_iteration_s"])
        if times.size:
            style.log_scale(axes[0], times.min(), times.max())
        gain = whole[(whole["environment"] == environment) & whole["speed_up_percent"].notna()]
        if gain.empty:
            style.say(axes[1], "No sequential runs to compare with.")
        else:
            _bars(axes[1], gain, "speed_up_percent", "speed-up over sequential (%)")

    return _faceted(run_times, title, note, 2, rows)


def draw_overlaps(overlaps: pd.DataFrame) -> Figure:
    """Share of iterations in pairs, and of time in overlaps, over the minimum overlap."""
    title = "RQ2: how much overlaps"
    if overlaps.empty:
        return style.missing(title, "No duet has absolute times of both sides.")
    note = "Means over a suite's benchmarks, after the notebooks' warm-up; pairs as they find them."
    suites = sorted(overlaps["suite"].unique())
    colours = _colours(suites)

    def rows(axes: list[Axes], environment: str) -> None:
        mine = overlaps[overlaps["environment"] == environment]
        for ax, name, label in (
            (axes[0], "share_of_iterations", "iterations in pairs (%)"),
            (axes[1], "share_of_time", "time in overlaps (%)"),
        ):
            for suite, part in mine.groupby("suite"):
                means = 100 * part.groupby("min_overlap")[name].mean()
                ax.plot(means.index, means, marker="o", ms=3, color=colours[str(suite)], label=str(suite))
            ax.set(ylim=(0, 105), xlabel="minimum overlap", ylabel=label)
        axes[0].legend()

    return _faceted(overlaps, title, note, 2, rows)


def draw_tests(tested: pd.DataFrame, rates: pd.DataFrame) -> Figure:
    """Variation and interval width of each benchmark, and how often each test calls A and B equal."""
    title = "RQ3: variation, and what the tests say"
    if tested.empty:
        return style.missing(title, "No run has iterations of both sides.")
    same = bool(rates["same_sides"].all())
    right = (
        "A is B everywhere: these are rates of right answers." if same else "Right answers only where A is B."
    )
    note = f"CV: of all times of both sides and all runs. Match: share of benchmarks called equal. {right}"
    tests = (("ci", "CI test"), ("u", "U test"), ("verdict", "our t-test"))

    def rows(axes: list[Axes], environment: str) -> None:
        mine = tested[tested["environment"] == environment].assign(
            cv=lambda t: 100 * t["cv"], ci_width=lambda t: 100 * t["ci_width"]
        )
        _strip(axes[0], mine, "cv", "CV (%)")
        _strip(axes[1], mine, "ci_width", "width of the CI (% of the mean)")
        here = rates[rates["environment"] == environment]
        for ax, (name, label) in zip(axes[2:], tests, strict=True):
            shown = here.assign(rate=100 * here[f"{name}_match_rate"]).dropna(subset=["rate"])
            if shown.empty:
                style.say(ax, "Two runs or more are needed.")
            else:
                _bars(ax, shown, "rate", f"match, {label} (%)")
                ax.set_ylim(0, 105)

    return _faceted(tested, title, note, 5, rows)


def draw_slowdowns(curve: pd.DataFrame) -> Figure:
    """Share of benchmarks in which an injected slowdown is found, a row per suite."""
    title = "RQ4: injected slowdowns that are found"
    if curve.empty:
        return style.missing(title, "No run has iterations of both sides.")
    note = "B's times made longer by so much. Solid: CI test, dotted: U test, dashed: ours. Colours: types."
    suites = sorted(curve["suite"].unique())

    def rows(axes: list[Axes], environment: str) -> None:
        for ax, suite in zip(axes, suites, strict=True):
            mine = curve[(curve["environment"] == environment) & (curve["suite"] == suite)]
            if mine.empty:
                style.say(ax, f"{suite}: not measured here.")
                continue
            for type_, part in mine.groupby("type"):
                for test, line in LINE.items():
                    share = 100 * part[f"{test}_found_share"]
                    ax.plot(
                        part["slowdown_percent"], share, ls=line, color=style.TYPE.get(type_, style.FAINT)
                    )
            ax.set(ylim=(-3, 103), ylabel=f"{style.shorten(suite, 20)}: found (%)", xlabel="slowdown (%)")

    return _faceted(curve, title, note, len(suites), rows)


def draw_campaign(table: pd.DataFrame, benchmarks: pd.DataFrame) -> Figure:
    """When each host ran what, and how many iterations of what length each benchmark has."""
    title = "The campaign over its hosts"
    runs = _spans(table)
    if runs.empty and benchmarks.empty:
        return style.missing(title, "No run has finished.")
    hosts = list(dict.fromkeys(runs["host"]))
    shown = benchmarks.head(LISTED)
    note = "Bars: runs by suite. Below: iteration times of each benchmark, 5 % to 95 % and median."
    if len(benchmarks) > LISTED:
        note += f" The first {LISTED} of {len(benchmarks)}."
    tall = max(0.8, 0.3 * len(hosts)), max(0.8, 0.16 * len(shown))
    fig = style.figure(sum(tall) + 1.4, title, note)
    top, low = fig.subplots(2, 1, height_ratios=tall)
    _host_bars(top, runs, hosts)
    y = np.arange(len(shown))[::-1]
    low.hlines(y, shown["time_p5_s"], shown["time_p95_s"], color=style.FAINT, lw=1.2)
    low.plot(shown["time_p50_s"], y, "o", ms=3.5, color=style.INK)
    low.set_yticks(
        y,
        [
            f"{style.shorten(name, 34)} {r['type']} ({r['runs']} runs, {r['iterations']} it.)"
            for name, r in zip(named(shown)["name"], shown.to_dict("records"), strict=True)
        ],
        fontsize=6.5,
    )
    low.set_xscale("log")
    low.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    low.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    low.xaxis.set_minor_formatter(NullFormatter())
    low.set_xlabel("iteration time (s)")
    return fig


def _spans(table: pd.DataFrame) -> pd.DataFrame:
    """Start and end of each run with absolute times: host, suite, start_ns, end_ns."""
    host = table["hostname"] if "hostname" in table else pd.Series(None, index=table.index, dtype=object)
    if "environment" in table:
        host = host.astype(object).where(host.notna(), table["environment"].astype(object))
    keys = ["suite", "benchmark", "type", "runid", "order", "alone"]
    alone = table["pair"].astype(str).where(table["type"].astype(str) == "seqn", "")
    timed = table.assign(host=host.astype(object).fillna("?").astype(str), alone=alone)
    timed = timed[timed["iteration_start_ns"].notna()]
    spans = timed.groupby(["host", *keys], observed=True, sort=False).agg(
        start_ns=("iteration_start_ns", "min"), end_ns=("iteration_end_ns", "max")
    )
    return spans.reset_index().sort_values(["host", "start_ns"])


def _host_bars(ax: Axes, runs: pd.DataFrame, hosts: list[str]) -> None:
    if runs.empty:
        style.say(ax, "No run has absolute times.")
        return
    suites = sorted(runs["suite"].astype(str).unique())
    colours = _colours(suites)
    start = date2num(pd.to_datetime(runs["start_ns"].astype("int64"), unit="ns"))
    end = date2num(pd.to_datetime(runs["end_ns"].astype("int64"), unit="ns"))
    for suite in suites:
        mine = (runs["suite"].astype(str) == suite).to_numpy()
        y = runs["host"][mine].map({h: i for i, h in enumerate(hosts)})
        colour = colours[suite]
        wide = (end - start)[mine]
        ax.barh(y, wide, left=start[mine], height=0.7, color=colour, edgecolor=colour, lw=0.8, label=suite)
    ax.set_yticks(range(len(hosts)), [style.shorten(h, 30) for h in hosts])
    ax.invert_yaxis()
    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.legend(ncols=4)


def _faceted(
    frame: pd.DataFrame, title: str, note: str, rows: int, draw: Callable[[list[Axes], str], None]
) -> Figure:
    """A column of `rows` panels for each environment."""
    environments = list(dict.fromkeys(frame["environment"].astype(str)))
    if len(environments) > MOST:
        note += f" The first {MOST} of {len(environments)} environments."
    environments = environments[:MOST]
    types = [t for t in style.TYPES if t in set(frame["type"])]
    handles = [Patch(color=style.TYPE[t], label=TYPE_NAME[t]) for t in types]
    fig = style.figure(1.9 * rows + 0.4, title, note, handles)
    grid = fig.subplots(rows, len(environments), squeeze=False, sharey="row")
    for column, environment in zip(grid.T, environments, strict=True):
        column[0].set_title(style.shorten(environment, 40) or "all runs")
        draw(list(column), environment)
    return fig


def _colours(suites: list[str]) -> dict[str, str]:
    return {suite: SUITE[i % len(SUITE)] for i, suite in enumerate(suites)}


def _places(frame: pd.DataFrame) -> tuple[list[str], list[str], float]:
    """The suites of an axis, the types beside each other at each of them, and the width of one."""
    suites = list(dict.fromkeys(frame["suite"].astype(str)))
    types = [t for t in style.TYPES if t in set(frame["type"])]
    return suites, types, 0.8 / max(len(types), 1)


def _strip(ax: Axes, frame: pd.DataFrame, name: str, label: str) -> None:
    shown = frame[np.isfinite(pd.to_numeric(frame[name], errors="coerce"))]
    if shown.empty:
        style.say(ax, "Nothing to show.")
        return
    suites, types, wide = _places(shown)
    for i, type_ in enumerate(types):
        for x, suite in enumerate(suites):
            y = shown.loc[(shown["suite"] == suite) & (shown["type"] == type_), name].to_numpy(float)
            at = x + (i + 0.5) * wide - 0.4 + wide * 0.6 * (np.arange(len(y)) % 5 / 4 - 0.5) * (len(y) > 1)
            ax.plot(np.broadcast_to(at, y.shape), y, "o", ms=3, alpha=0.8, color=style.TYPE[type_])
    _labelled(ax, suites, label)


def _bars(ax: Axes, frame: pd.DataFrame, name: str, label: str) -> None:
    suites, types, wide = _places(frame)
    for i, type_ in enumerate(types):
        mine = frame[frame["type"] == type_].set_index("suite")[name].reindex(suites)
        ax.bar(np.arange(len(suites)) + (i + 0.5) * wide - 0.4, mine, wide, color=style.TYPE[type_])
    _labelled(ax, suites, label)


def _labelled(ax: Axes, suites: list[str], label: str) -> None:
    ax.set_xticks(range(len(suites)), [style.shorten(suite, 16) for suite in suites], rotation=20)
    ax.set(xlim=(-0.6, len(suites) - 0.4), ylabel=label)
