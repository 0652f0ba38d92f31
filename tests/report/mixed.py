"""The campaign that the report's tests look at: five benchmarks, three types; a bit of everything."""

from pathlib import Path

import finished

HOSTILE = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script></script>"
NAMES = ("slow", "same", "fast", "half", "lost")
TYPES = ("duet", "aaduet", "seqn")
RUNS = ("duet.AB", "duet.BA", "aaduet.AB", "aaduet.BA", "seqn.None.A", "seqn.None.B")


def make(project: Path) -> Path:
    """Its results, page and report. Of one benchmark all runs failed, of one some, one has only side A."""
    failed = {
        f"made-up.lost.{i}.{rest}": "side B exited with 137 (out of memory)"
        for i in range(4)
        for rest in RUNS
    }
    failed |= {"made-up.same.3.duet.AB": "no result file", "made-up.same.3.duet.BA": "no result file"}
    results = finished.write(
        project, "mixed", NAMES, 4, 12, TYPES, {"slow": 0.1, "fast": -0.1}, failed, {"half": "A"},
        own_noise=0.01, shared_noise=0.05,
    )  # fmt: skip
    finished.snakemake(project, "mixed", "--cores", "2", "available")
    finished.snakemake(project, "mixed", "--report", "report.html", "available")
    return results
