"""The gate on the results of real campaigns: every exit code, every form of its answer."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

from campaigns import process_campaign


def gate(project, *args: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "scripts/duetbench.py", "gate", "results/c", *args]
    return subprocess.run(command, cwd=project.path, capture_output=True, text=True, timeout=60)


def measure(project, campaign: dict, fails: bool = False) -> None:
    project.write("c", campaign)
    done = project.snakemake("c", "results/c/verdicts.csv")
    assert (done.returncode != 0) == fails, done.stdout
    if fails:
        done = project.snakemake("c", "available")
        assert done.returncode == 0, done.stdout


def test_all_exit_codes_of_one_campaign_that_grows(project, harness):
    campaign = process_campaign(
        "c", {"same": {"A": f"{harness} 10"}, "slow": {"A": f"{harness} 10", "B": f"{harness} 20"}}
    )
    campaign["duetbench"]["aa_repetitions"] = 2
    measure(project, campaign)
    done = gate(project, "--markdown", "m.md", "--json", "j.json", "--junit", "u.xml", "--report", "r.html")
    assert done.returncode == 1 and "Gate: FAILED, regression: slow" in done.stdout, done.stderr
    text = (project.path / "m.md").read_text()
    assert text.startswith("❌") and "[Full report](<r.html>)" in text
    assert "0 of 2 A/A comparisons called different (95% interval 0% to 84%, nominal 5%)" in text
    rows = [line for line in text.splitlines() if line.startswith("| ▲") or line.startswith("| =")]
    assert "| slow | +100.0 % |" in rows[0] and "| same |" in text
    answer = json.loads((project.path / "j.json").read_text())
    assert answer["exit"] == 1 and answer["false_positives"]["nominal"] == 0.05
    assert {b["benchmark"]: b["verdict"] for b in answer["benchmarks"]} == {
        "slow": "slower",
        "same": "equivalent",
    }
    cases = {c.get("name"): c for c in ET.parse(project.path / "u.xml").iter("testcase")}
    assert set(cases) == {"A against A", "slow", "same"}
    assert cases["slow"].find("failure") is not None and len(cases["same"]) == 0
    assert gate(project, "--threshold", "150").returncode == 0

    # one run more of another benchmark: nothing can be concluded from it
    once = {"A": {"run": f"{harness} 10"}, "B": {"run": f"{harness} 30"}}
    campaign["once"] = {"duet_repetitions": 1, "aa_repetitions": 0, **once}
    campaign["duetbench"]["duets"].append("once")
    measure(project, campaign)
    passed, strict = gate(project, "--threshold", "150"), gate(project, "--threshold", "150", "--strict")
    assert passed.returncode == 0 and "(inconclusive: once)" in passed.stdout
    assert strict.returncode == 2 and "inconclusive (--strict): once" in strict.stdout
    assert "one run only" in gate(project, "--markdown").stdout

    # one that fails
    campaign["bad"] = {"A": {"run": "exit 7"}}
    campaign["duetbench"]["duets"].append("bad")
    measure(project, campaign, fails=True)
    lost = gate(project, "--threshold", "150", "--strict")
    assert lost.returncode == 4 and "Gate: NO DATA for bad" in lost.stdout
    assert gate(project).returncode == 1

    # a place that favours a side: A is found different from A
    for name in ("unfair", "unfair-too"):
        run = f'if [ "$DUET_SIDE" = A ]; then {harness} 10; else {harness} 20; fi'
        campaign[name] = {"A": {"run": run}}
        campaign["duetbench"]["duets"].append(name)
    measure(project, campaign, fails=True)
    refused = gate(project)
    assert refused.returncode == 3 and "A was found different from A in 2 of 4 comparisons" in refused.stdout
    assert gate(project, "--markdown").stdout.startswith("⚠️ **duetbench:** REFUSED")

    (project.results("c") / "verdicts.csv").write_text("suite,benchmark\n")
    broken = gate(project)
    assert broken.returncode == 4 and broken.stderr.startswith("error: ") and "Traceback" not in broken.stderr
