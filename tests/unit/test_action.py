"""The GitHub Action outside of GitHub: its scripts run here, its examples use what it has."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from commands import DUETBENCH, ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
EXAMPLES = sorted((ROOT / "docs").glob("github-*.yml"))
FORMULA = re.compile(r"inputs\.([\w-]+)")


def test_the_action_runs_scripts_of_its_own_and_puts_no_input_into_a_shell():
    """An input that stood in a script's text could be a command; so could a branch's name."""
    for step in STEPS:
        if "run" in step:
            assert "${{" not in step["run"], step["name"]
            for script in re.findall(r"\$GITHUB_ACTION_PATH/(\S+?)\"", step["run"]):
                assert os.access(ROOT / script, os.X_OK)
    assert set(FORMULA.findall((ROOT / "action.yml").read_text())) == set(ACTION["inputs"])
    used = {name for name in re.findall(r"steps\.(\w+)\.outputs", (ROOT / "action.yml").read_text())}
    assert used <= {step.get("id") for step in STEPS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_use_what_the_action_has(example: Path):
    workflow = yaml.safe_load(example.read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    ours = [step for step in steps if step.get("uses", "").startswith("OWNER/duetbench@")]
    for step in ours:
        assert set(step["with"]) <= set(ACTION["inputs"]) and "command" in step["with"]
        assert (
            workflow["concurrency"]["cancel-in-progress"] is True
            and "ref" in workflow["concurrency"]["group"]
        )
    for script in re.findall(r"duetbench/(scripts/\S+)", example.read_text()):
        assert (ROOT / script).is_file()
    assert ours or "workflow_run" in workflow[True]  # `on` is a truth value in YAML
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


@pytest.mark.parametrize("page", ["README.md", "docs/continuous-integration.md"])
def test_steps_in_the_documents_use_what_the_action_has(page: str):
    blocks = re.findall(r"^```yaml\n(- uses: .*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    for (step,) in map(yaml.safe_load, blocks):
        assert set(step["with"]) <= set(ACTION["inputs"])
    assert blocks or page != "README.md"


def test_the_environment_is_another_one_where_it_lies_or_what_it_has_differs(tmp_path: Path):
    keys = []
    for folder, text in (("one", "x==1\n"), ("one", "x==2\n"), ("two", "x==2\n")):
        (tmp_path / folder / "scripts/action").mkdir(parents=True, exist_ok=True)
        script = shutil.copy2(ROOT / "scripts/action/environment-key", tmp_path / folder / "scripts/action")
        (tmp_path / folder / "requirements.txt").write_text(text)
        done = subprocess.run([script], capture_output=True, text=True, check=True)
        assert re.fullmatch(r"key=duetbench-[\w.-]+\n", done.stdout)
        keys.append(done.stdout)
    assert len(set(keys)) == 3


# ---- measure ----

STUB = """#!/bin/sh
# Stands for ./duetbench: notes how it is called, and leaves what `compare` and `gate` leave.
printf '%s\\n' "$@" >>"{calls}"; echo -- >>"{calls}"
case $1 in
compare)
    [ -z "{error}" ] || {{ echo "error: {error}" >&2; exit 4; }}
    mkdir -p results/mine && echo x >results/mine/verdicts.csv
    while [ $# -gt 0 ]; do case $1 in
        --export-markdown) echo "B is slower than A" >"$2" ;;
        --export-json) echo '{{}}' >"$2" ;;
    esac; shift; done ;;
gate) while [ $# -gt 0 ]; do case $1 in
        --markdown) echo "❌ **duetbench:** FAILED" >"$2" ;;
        --json) echo '{{}}' >"$2" ;;
    esac; shift; done; exit 1 ;;
esac
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str, str]:
    """As a CI's checkout has it: the last commit alone, of an origin that has two. And both commits."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q")
    revisions = []
    for text in "ab":
        (origin / "file").write_text(text)
        git(origin, "add", "file")
        git(origin, "commit", "-qm", text)
        revisions.append(git(origin, "rev-parse", "HEAD"))
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", "--depth=1", origin.as_uri(), "checkout")
    return tmp_path / "checkout", revisions[0], revisions[1]


def measure(
    tmp_path: Path, checkout: Path, error: str = "", **environment: str
) -> subprocess.CompletedProcess:
    project = tmp_path / "project"
    (project / "scripts/action").mkdir(parents=True)
    script = shutil.copy2(ROOT / "scripts/action/measure", project / "scripts/action")
    (project / "duetbench").write_text(STUB.format(calls=tmp_path / "calls", error=error))
    (project / "duetbench").chmod(0o755)
    (project / "run").write_text(f'#!/bin/sh\nprintf "%s\\n" run "$@" -- >>"{tmp_path}/calls"\nexit 1\n')
    (project / "run").chmod(0o755)
    known = {"GITHUB_OUTPUT": str(tmp_path / "outputs"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    known |= {"PATH": os.environ["PATH"], "NAME": "mine", "THRESHOLD": "5", "COMMAND": "./bench data.txt"}
    return subprocess.run([script], cwd=checkout, env=known | environment, capture_output=True, text=True)


def calls(tmp_path: Path) -> list[list[str]]:
    return [
        call.split("\n") for call in (tmp_path / "calls").read_text().removesuffix("\n--\n").split("\n--\n")
    ]


@pytest.mark.needs("git")
def test_it_measures_both_revisions_and_asks_the_gate(tmp_path: Path, repository: tuple[Path, str, str]):
    checkout, base, head = repository
    options = "--runs 20 --setup 'make data'"
    done = measure(
        tmp_path, checkout, BASE=base, HEAD=head, BUILD="make -j2", OPTIONS=options, MAX_UNCERTAINTY="3",
        PAGE="https://ci/run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert git(checkout, "cat-file", "-t", base) == "commit", "the base was fetched"
    compare, run, gate = calls(tmp_path)
    assert run == [
        "run",
        "--directory",
        f"{checkout}",
        "--configfile",
        f"{checkout}/results/mine/compare.yml",
    ]
    assert compare[:3] == ["compare", "--git", f"{base}..{head}"] and compare[-1] == "./bench data.txt"
    for words in (
        "--build\nmake -j2",
        "--runs\n20\n--setup\nmake data",
        "--fail-threshold\n5",
        "--name\nmine",
    ):
        assert words in "\n".join(compare)
    assert gate[:4] == ["gate", "results/mine", "--threshold", "5"]
    assert "--max-uncertainty\n3" in "\n".join(gate) and "--report\nhttps://ci/run" in "\n".join(gate)
    comment = (checkout / "results/mine/comment.md").read_text()
    assert comment.startswith("<!-- duetbench: mine -->\n❌ **duetbench:** FAILED\n")
    assert comment.endswith("\nB is slower than A\n") and (tmp_path / "summary").read_text() == comment
    assert {"gate.json", "compare.json", "compare.md"} <= {
        p.name for p in (checkout / "results/mine").iterdir()
    }
    outputs = (tmp_path / "outputs").read_text()
    assert outputs == f"exit-code=1\nresults={checkout}/results/mine\n"


@pytest.mark.needs("git")
def test_what_cannot_be_measured_is_said_in_the_comment(tmp_path: Path, repository: tuple[Path, str, str]):
    checkout, base, head = repository
    done = measure(tmp_path, checkout, "the build of A failed; log: x", BASE=base, HEAD=head)
    assert done.returncode == 0, done.stderr
    assert "exit-code=4\n" in (tmp_path / "outputs").read_text()
    comment = (tmp_path / "summary").read_text()
    assert f"{base[:12]} and {head[:12]} could not be compared" in comment
    assert "error: the build of A failed; log: x" in comment and len(calls(tmp_path)) == 1


def test_compare_and_gate_have_the_options_that_are_used():
    script = (ROOT / "scripts/action/measure").read_text()
    for name, start in (("compare", "words"), ("gate", "gate")):
        lines = re.findall(rf"\b{start}\+?=\((.*)\)$", script, re.MULTILINE)
        used = set(re.findall(r"(?<![\w-])--[a-z-]+", " ".join(lines)))
        done = subprocess.run([*DUETBENCH, name, "--help"], capture_output=True, text=True, check=True)
        assert len(used) > 2 and used <= set(re.findall(r"--[a-z-]+", done.stdout))


@pytest.mark.needs("git")
def test_an_unknown_revision_is_named(tmp_path: Path, repository: tuple[Path, str, str]):
    checkout, _, head = repository
    done = measure(tmp_path, checkout, "no revision", BASE="f" * 40, HEAD=head)
    assert f"error: there is no revision {'f' * 40} here, nor in origin" in done.stderr
    assert "exit-code=4\n" in (tmp_path / "outputs").read_text()


# ---- comment ----


class Service(BaseHTTPRequestHandler):
    """GitHub's interface for comments, as far as it is used."""

    comments: dict[int, str]
    refuses = False

    def _answer(self, code: int, content: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def _text(self) -> str:
        assert self.headers["Authorization"] == "Bearer secret"
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def do_GET(self) -> None:
        page = int(re.search(r"[?&]page=(\d+)", self.path)[1])
        assert self.path.startswith("/repos/o/r/issues/7/comments?per_page=100&")
        rows = [{"id": key, "body": text} for key, text in self.comments.items()]
        self._answer(200, rows[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        assert self.path == "/repos/o/r/issues/7/comments"
        if self.refuses:
            return self._answer(403, {})
        self.comments[max(self.comments, default=0) + 1] = self._text()
        self._answer(201, {})

    def do_PATCH(self) -> None:
        self.comments[int(self.path.removeprefix("/repos/o/r/issues/comments/"))] = self._text()
        self._answer(200, {})

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def service() -> Iterator[type[Service]]:
    class Own(Service):
        comments: ClassVar[dict[int, str]] = {}

    server = HTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Own.url = f"http://127.0.0.1:{server.server_port}"
    yield Own
    server.shutdown()
    thread.join()
    server.server_close()


def comment(service: type[Service], file: Path, text: str) -> subprocess.CompletedProcess:
    file.write_text(text)
    known = {"GITHUB_API_URL": service.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "secret"}
    command = [sys.executable, ROOT / "scripts/action/comment", "7", file]
    return subprocess.run(command, env=known, capture_output=True, text=True)


def test_a_comment_replaces_the_one_before_it(service: type[Service], tmp_path: Path):
    service.comments = {n: "somebody's" for n in range(1, 151)}
    first, second = "<!-- duetbench: mine -->\none", "<!-- duetbench: mine -->\ntwo"
    for text in (first, second):
        assert comment(service, tmp_path / "c.md", text).returncode == 0
        assert service.comments[151] == text and len(service.comments) == 151
    assert comment(service, tmp_path / "c.md", "<!-- duetbench: other -->\nx").returncode == 0
    assert len(service.comments) == 152


def test_a_long_comment_is_cut_and_a_refused_one_is_said(service: type[Service], tmp_path: Path):
    assert comment(service, tmp_path / "c.md", "x" * 70_000).returncode == 0
    assert len(service.comments[1]) < 65_536 and service.comments[1].endswith("artifact)")
    service.refuses = True
    done = comment(service, tmp_path / "c.md", "y")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "no comment on #7: HTTP Error 403" in done.stderr and "pull-requests: write" in done.stderr


def test_the_decision_is_the_gates_exit_code():
    (step,) = (step for step in STEPS if step["name"] == "Decide")
    for code, expected in (("0", 0), ("1", 1), ("", 4)):
        done = subprocess.run(["bash", "-c", step["run"]], env={"CODE": code, "PATH": os.environ["PATH"]})
        assert done.returncode == expected, shlex.quote(code)


# ---- campaigns ----


def which(project: Path, **environment: str) -> list[str]:
    output = project / "output"
    output.unlink(missing_ok=True)
    known = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output)}
    script = project / "scripts/action/campaigns"
    subprocess.run([script], env=known | environment, check=True, cwd="/")
    return json.loads(output.read_text().removeprefix("campaigns="))


def test_a_push_to_an_image_is_measured_by_the_campaigns_that_use_it(tmp_path: Path):
    (tmp_path / "scripts/action").mkdir(parents=True)
    shutil.copy2(ROOT / "scripts/action/campaigns", tmp_path / "scripts/action")
    files = {
        "images/sort/Dockerfile": "", "images/fhe/seal/Dockerfile": "", "images/fhe/seal/source/a.cpp": "",
        "config/sort.yml": 'A: {image: "sort", run: x}\n', "config/sorted.yml": "A:\n  image: sorted\n",
        "config/fhe.yml": "A: {image: fhe/seal}\n", "config/fhe.test.yml": "A: {image: fhe/seal, run: y}\n",
        "config/README.md": "image: sort\n",
    }  # fmt: skip

    def commit(changed: dict[str, str]) -> str:
        for name, text in changed.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commits = [commit(files)]
    touched = ("images/sort/Dockerfile", "images/fhe/seal/source/a.cpp")
    commits += [commit({name: "changed\n"}) for name in touched]
    assert which(tmp_path, BEFORE=commits[0], AFTER=commits[1]) == ["config/sort.yml"]
    assert which(tmp_path, BEFORE=commits[1], AFTER=commits[2]) == ["config/fhe.test.yml"]
    assert which(tmp_path, BEFORE=commits[2], AFTER=commits[2]) == []
    assert which(tmp_path, CAMPAIGN="config/x.yml", BEFORE="", AFTER=commits[2]) == ["config/x.yml"]
