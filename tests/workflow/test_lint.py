"""`snakemake --lint`, but for what this project does otherwise on purpose."""

import re

from campaigns import process_campaign

# conda-forge cannot be reached where this was built, so no environment of it was ever tried: environment.yml
# is for people, and no rule says that it works.
ON_PURPOSE = {"Specify a conda environment or container for each rule."}


def test_nothing_but_what_is_on_purpose(project):
    project.write("c", process_campaign("c", {"b": {"A": "true"}}))
    done = project.snakemake("c", "--lint")
    assert "Lints for rule measure" in done.stdout and done.returncode == 1, done.stdout
    assert set(re.findall(r"^    \* (.+):$", done.stdout, re.MULTILINE)) == ON_PURPOSE
