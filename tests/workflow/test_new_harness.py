"""A harness that nobody knew: one new module, and a campaign of it runs from YAML to verdicts."""

import json

import pandas as pd
from campaigns import process_campaign

MODULE = '''
"""laps: `lap <milliseconds>` lines of a stop watch; no absolute times."""

from duet.harnesses import FormatError, Harness


def parse(files, benchmark, artifacts=None):
    import numpy as np

    from duet.harnesses._frames import iterations

    path = files[0]
    laps = [line.split() for line in path.read_text().splitlines()]
    if not all(len(lap) == 2 and lap[0] == "lap" and lap[1].isdecimal() for lap in laps):
        raise FormatError(path, "", "not the laps of a stop watch")
    return iterations(path, np.array([int(lap[1]) * 10**6 for lap in laps]))


HARNESS = Harness(
    name="stopwatch",
    aliases=("hourglass",),
    parse=parse,
    results=("laps.txt",),
    warmup=2,
    no_barrier="a stop watch waits for nobody",
)
'''


def laps(*milliseconds: int) -> str:
    return "; ".join(f"echo lap {ms} >>laps.txt" for ms in milliseconds)


def test_one_module_makes_a_harness(project) -> None:
    (project.path / "scripts/duet/harnesses/stopwatch.py").write_text(MODULE)
    slow_start = {"A": laps(900, 900, 10, 10), "B": laps(5, 5, 20, 20)}
    broken = {"A": laps(7, 7, 7), "B": "echo stopped >laps.txt"}
    campaign = process_campaign("c", {"run": slow_start}, duet_repetitions=4)
    del campaign["duetbench"]["results"]
    campaign["duetbench"]["suite"] = "hourglass"
    project.write("c", campaign)
    done = project.snakemake("c")
    assert done.returncode == 0, done.stdout
    (verdict,) = pd.read_csv(project.results("c") / "verdicts.csv").to_dict("records")
    # twice as long, once the two first laps, which say the contrary, are left out
    assert verdict["suite"] == "hourglass" and round(verdict["change_percent"]) == 100
    assert (verdict["verdict"], verdict["iterations_A"]) == ("slower", 8)
    kept = sorted(path.name for path in project.results("c").glob("runs/*.0.*/*laps.txt"))
    assert kept[0].startswith("hourglass.run.0.duet.") and kept[0].endswith(".A.laps.txt")

    # its facts are in the faults of campaigns, and its own faults in those of its runs
    campaign["duetbench"] |= {"syncduet_repetitions": 1}
    project.write("c", campaign)
    refused = project.snakemake("c", "-n")
    assert refused.returncode != 0
    fault = "duetbench.syncduet_repetitions: stopwatch: a stop watch waits for nobody; accepted: 0"
    assert fault in refused.stdout and "Traceback" not in refused.stdout
    project.write("d", process_campaign("d", {"b": broken}, harness="stopwatch", results=["laps.txt"]))
    failed = project.snakemake("d")
    assert failed.returncode != 0
    assert "laps.txt: not the laps of a stop watch" in failed.stdout and "Traceback" not in failed.stdout
    analysis = json.loads((project.results("d") / "plan/analysis.json").read_text())
    assert analysis["warmup"] == {"native/b": 2}
