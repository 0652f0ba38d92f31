"""duetbench isolate, from a campaign file to the line of YAML."""

import subprocess
from pathlib import Path

import pandas as pd
from commands import DUETBENCH

CAMPAIGN = """
duetbench: {engine: process, format: native, duets: [loop]}
loop:
  A:
    run: |-
      python3 -c 'import time
      print("iteration,start_ns,end_ns")
      for i in range(40):
        begin = time.time_ns(); sum(range(100000)); print(i, begin, time.time_ns(), sep=",")' >results.csv
"""


def test_isolate(tmp_path: Path):
    file = tmp_path / "mine.yml"
    file.write_text(CAMPAIGN)
    command = [*DUETBENCH, "isolate", "--configfile", file, "--runs", "2"]
    command += ["--modes", "split", "exchange 10ms"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (
        lines[0].startswith("cpus")
        and lines[1].startswith("split ")
        and lines[2].startswith("exchange 10ms ")
    )
    assert lines[-1] in ("cpus: split", "cpus: exchange 10ms")
    results = tmp_path / "results/isolate-mine"
    rows = pd.read_csv(results / "isolation.csv")
    assert list(rows["mode"]) == ["split", "exchange 10ms"] and list(rows["runs"]) == [2, 2]
    assert (results / "isolation.svg").exists()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0 and again.stdout == done.stdout
