"""The harnesses of config/README.md, "Stamping from your own harness", run as they stand there."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from duet.harnesses import get

README = Path(__file__).parents[2] / "config" / "README.md"


def blocks(language: str) -> list[str]:
    section = README.read_text().split("## Stamping from your own harness")[1]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def in_python(folder: Path) -> list[str]:
    prelude = "import time\ndef work(): time.sleep(0.01)\n"
    (folder / "harness.py").write_text(prelude + blocks("python")[0])
    return [sys.executable, "harness.py"]


def in_c(folder: Path) -> list[str]:
    function, body = blocks("c")[0].split("\n\n")
    once, each = body.split("/* once */")
    (folder / "harness.c").write_text(f"""
        #include <stdio.h>
        #include <time.h>
        #include <unistd.h>
        void work(void) {{ usleep(10000); }}
        {function}
        int main(void) {{
            FILE *out = fopen("results.csv", "w");
            fprintf(out, "iteration,start_ns,end_ns\\n");
            {once}
            for (int i = 0; i < 20; i++) {{ {each} }}
            return 0;
        }}""")
    subprocess.run(["cc", "harness.c", "-o", "harness"], cwd=folder, check=True)
    return ["./harness"]


def in_shell(folder: Path) -> list[str]:
    (folder / "harness").write_text("work() { sleep 0.01; }\n" + blocks("sh")[0])
    return ["sh", "harness"]


@pytest.mark.parametrize("harness", [in_python, pytest.param(in_c, marks=pytest.mark.needs("cc")), in_shell])
def test_harness_of_the_readme_stamps(tmp_path: Path, harness) -> None:
    command = harness(tmp_path)
    before_ns = time.time_ns()
    subprocess.run(command, cwd=tmp_path, check=True)
    after_ns = time.time_ns()
    frame = get("native").parse([tmp_path / "results.csv"], "own")
    assert list(frame.iteration) == list(range(20))
    assert (frame.iteration_time_ns >= 10_000_000).all()
    assert before_ns <= frame.iteration_start_ns.min() and frame.iteration_end_ns.max() <= after_ns


def test_barrier_of_the_readme(tmp_path: Path) -> None:
    loop = (
        "import os, sys\n" + blocks("python")[1] + "for _ in range(int(sys.argv[1])): print(meet(), end='')\n"
    )
    own = {}
    for side in "AB":
        os.mkfifo(tmp_path / f"barrier.{side}")
        own[side] = os.open(tmp_path / f"barrier.{side}", os.O_RDWR)
    output = {}

    def run(side: str, count: int) -> None:
        env = os.environ | {"DUET_BARRIER": str(tmp_path), "DUET_SIDE": side}
        done = subprocess.run(
            [sys.executable, "-c", loop, str(count)], env=env, capture_output=True, timeout=30
        )
        output[side] = done.stdout.decode()
        os.write(own["B" if side == "A" else "A"], b"x")

    sides = [threading.Thread(target=run, args=args) for args in (("A", 3), ("B", 7))]
    for thread in sides:
        thread.start()
    for thread in sides:
        thread.join()
    for fd in own.values():
        os.close(fd)
    assert output == {"A": "111", "B": "1110000"}
