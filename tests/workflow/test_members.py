"""A process that runs several benchmarks, by the whole workflow."""

import pandas as pd
from campaigns import process_campaign

HARNESS = r"""#!/bin/sh
# Native CSV of benchmarks of one process; each argument is a name and the milliseconds of an iteration.
now=$(date +%s)000000000
echo iteration,start_ns,end_ns,benchmark,allocs > results.csv
for each in "$@"; do
    step=$((${each#*:} * 1000000 + 7))
    for i in 0 1 2 3; do
        echo "$i,$now,$((now + step)),${each%:*},3" >> results.csv
        now=$((now + step))
    done
done
"""


def test_each_has_verdicts_and_figures_and_a_failing_one_loses_itself_only(project, tmp_path):
    harness = tmp_path / "several.sh"
    harness.write_text(HARNESS)
    campaign = process_campaign(
        "c",
        {"codec": {"A": f"sh {harness} Json:5 Gob/8:7", "B": f"sh {harness} Json:6 Gob/8:7 More:2"}},
        duets=[{"codec": ["Json", "Gob/8", "Xml"]}],
        analysis={"metrics": ["time", "allocs", "peak_memory"]},
    )
    project.write("c", campaign)
    done = project.snakemake("c")
    assert done.returncode == 0, done.stdout
    assert "codec runs 3 in one process" in done.stdout
    results = project.results("c")
    rows = pd.read_csv(results / "verdicts.csv")
    times = rows[rows["metric"] == "time"].set_index("benchmark")
    assert times.loc["codec/Json", "verdict"] == "slower"
    assert times.loc["codec/Gob/8", "verdict"] == "equivalent"
    assert times.loc["codec/More", "runs"] == 0  # B alone has it
    allocs = rows[rows["metric"] == "allocs"].set_index("benchmark")
    assert allocs.loc["codec/Json", "verdict"] == "equivalent" and allocs.loc["codec/Json", "value_A"] == 3
    assert (rows.loc[rows["metric"] == "peak_memory", "value_A"].dropna() > 0).all()
    summary = (results / "summary.md").read_text()
    assert "no results of codec/Xml, which its process was to run" in summary
    assert "## allocs (lower is better)" in summary and "no data" in summary
    for name in ("codec", "codec_Json", "codec_Gob_8", "codec_Xml", "codec_More"):
        assert (results / f"figures/native.{name}.timeline.svg").exists(), name
    assert sorted(path.name for path in (results / "iterations").iterdir()) == ["native.codec.parquet"]
    report = project.snakemake("c", "--report", "report.html")
    assert report.returncode == 0, report.stdout
