"""A file of asynchronous-duet as it is, with an image that the engine has and its barrier agent."""

import io
import json
import tarfile

import pandas as pd
import pytest
from campaigns import PROJECT

AGENT = "/barrier/java-ubench-agent/out/agent/libubench-agent.so"
JAVA = r"""#!/bin/sh
# In the place of a patched DaCapo: -o FILE; with an agent it wants the barrier that make-barrier made.
for word; do
    case $before in
    -o) out=$word ;;
    --iteration-barrier) barrier=$word ;;
    esac
    before=$word
done
case $1 in
-agentpath:*) [ -e "/dev/shm/java-ubench-agent$barrier" ] || { echo "no barrier $barrier"; exit 5; } ;;
esac
start=$(date +%s)000
echo iteration_time_ns,start_unix >"$out"
for i in 0 1 2 3; do echo "$((100000000 + i)),$((start + i * 101))" >>"$out"; done
"""
MAKE_BARRIER = "#!/bin/sh\necho $2 >/dev/shm/java-ubench-agent$1\n"


@pytest.fixture
def theirs(docker, test_image, tmp_path):
    """An image of the engine's own, called as a folder of images/ is."""
    name = f"theirs-{tmp_path.name}".lower().replace("_", "-")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        files = {"java": JAVA, "make-barrier": MAKE_BARRIER, "agent": "x"}
        recipe = f"FROM {test_image}\nCOPY java /bin/java\nCOPY make-barrier /barrier/make-barrier\n"
        for path, text in (files | {"Dockerfile": f"{recipe}COPY agent {AGENT}\nWORKDIR /duet\n"}).items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    data.seek(0)
    docker.images.build(fileobj=data, custom_context=True, tag=name, rm=True)
    yield name
    docker.images.remove(name, force=True)


def file_of(image: str) -> dict:
    base, out = "-Xmx1G -jar dacapo-9.12-d3s.jar", "-o /duet/results.csv"
    return {
        "duetbench": {
            "name": "theirs",
            "suite": "dacapo",
            "docker_command": "docker",
            "image": image,
            "duet_repetitions": 1,
            "syncduet_repetitions": 1,
            "sequential_repetitions": 1,
            "run_base": f"java {base} --iterations 4 {out}",
            "syncduet_run_base": f"java -agentpath:{AGENT} {base} --iteration-barrier $$ {out}",
            "results": ["/duet/results.csv"],
            "artifacts": {"hostname": "hostname"},
            "timeout": 60,
            "duets": ["fop"],
        },
        "fop": {"A": {"run": "fop &> /dev/null"}},
    }


def test_a_file_of_it_works_unchanged_with_its_image_and_agent(project, theirs):
    shadow = project.path / "images" / theirs
    shadow.mkdir()
    (shadow / "Dockerfile").write_text("FROM nowhere/none\nCOPY x.jar ./\n")
    project.write("theirs", file_of(theirs))
    done = project.snakemake("theirs", "results/theirs/verdicts.csv")
    assert done.returncode == 0, done.stdout
    assert "A and B run the same in fop: no difference is to be expected" in done.stdout  # it has no B
    plan = json.loads((project.results("theirs") / "plan/analysis.json").read_text())
    assert plan["same_sides"] == ["dacapo/fop"]
    assert f"image {theirs} as the engine has it" in done.stdout
    table = pd.read_csv(project.results("theirs") / "iterations.csv")
    rows = table.groupby(["type", "pair"]).size()
    assert dict(rows) == {(t, s): 4 for t in ("duet", "syncduet", "seqn") for s in "AB"}
    record = json.loads(next(project.results("theirs").glob("runs/*syncduet*/run.json")).read_text())
    assert record["sides"]["A"]["image"] == f"{theirs}:latest"


def test_an_image_of_ours_without_its_jar_is_told_by_the_dry_run(project):
    campaign = file_of("renaissance")
    campaign["duetbench"]["compatible"] = "duetbench"
    project.write("theirs", campaign)
    for options in (("-n",), ()):
        done = project.snakemake("theirs", *options)
        assert done.returncode == 1
        faults = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
        assert len(faults) == 1 and "copies renaissance.jar, which nobody brings" in faults[0]
        assert not list(project.results("theirs").glob("runs/*"))


def test_a_study_of_it_from_its_tables_to_the_report(project):
    """Two hosts in a table of duetprocess, and a flat directory of a third."""
    data = PROJECT / "tests/data"
    settings = {
        "import": [str(data / "study.csv"), str(data / "predecessor_results")],
        "environment": {"cirrus*": "bare metal", "ip-*": "t3.medium"},
    }
    project.write("study", {"duetbench": settings})
    done = project.snakemake("study")
    assert done.returncode == 0, done.stdout
    results = project.results("study")
    verdicts = pd.read_csv(results / "verdicts.csv", keep_default_na=False)
    assert set(verdicts.environment) == {"bare metal", "t3.medium", "bench1"}
    across = pd.read_csv(results / "environments.csv").set_index(["benchmark", "type"])
    assert across.loc[("fop", "duet"), "environments"] == 2
    assert "## Across environments" in (results / "summary.md").read_text()
    tested = pd.read_csv(results / "methods/rq3_tests.csv")
    assert len(tested) == 14 + 6
    for name in ("rq1", "rq2", "rq3", "rq4", "hosts", "dacapo.forest"):
        assert (results / f"figures/{name}.svg").stat().st_size > 1000
    again = project.snakemake("study")
    assert again.returncode == 0 and "study: nothing" in again.stdout
