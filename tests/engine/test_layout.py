"""What may vary from run to run: where a program's stack begins, how long its path is."""

import shutil
import subprocess
from pathlib import Path

import pytest
from duet.campaign.order import padding_bytes
from duet.model import parse_run
from test_measure import Bench

PROGRAM = r"""
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
/* Takes half as long again where 48 bytes on its stack cross a cache line, as real ones nearly do;
   by its own stamps, so that nothing else disturbs it. */
int main(void) {
    char here[48], path[4096];
    uintptr_t place = (uintptr_t)here & ~(uintptr_t)15;
    int crosses = place % 64 > 16;
    FILE *out = fopen("out.csv", "w");
    fprintf(out, "iteration,start_ns,end_ns,place,path\n");
    if (getcwd(path, sizeof path) == NULL) return 1;
    size_t length = 0;
    while (path[length]) length++;
    fprintf(out, "0,1000,%d,%d,%zu\n", 2000 + 500 * crosses, (int)(place % 4096), length);
    return fclose(out);
}
"""


@pytest.mark.needs("cc")
def test_a_program_whose_speed_depends_on_its_stack_is_not_always_at_the_same_place(tmp_path):
    """Addresses are not randomised by the kernel here: what varies is what the runs were given."""
    if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode:
        pytest.skip("needs to switch the randomisation of addresses off; it is forbidden here")
    compiler = shutil.which("cc")
    (tmp_path / "layout.c").write_text(PROGRAM)
    subprocess.run([compiler, "-O0", "-o", tmp_path / "layout", tmp_path / "layout.c"], check=True)
    bench = Bench("process", None, tmp_path)
    places, paths, lengths, records = [], [], [], []
    for runid in range(8):
        name = f"s.b.{runid}.duet.AB"
        records.append(bench.plan(run=name, a=f"setarch -R {tmp_path}/layout").measured())
        for side in "AB":
            row = (bench.directory / f"{name}.{side}.out.csv").read_text().splitlines()[1]
            _, start, end, place, path = map(int, row.split(","))
            places.append(place)
            paths.append(path)
            lengths.append(end - start)
    assert len(set(places)) > 8 and set(lengths) == {1000, 1500} and len(set(paths)) > 3
    assert set(lengths[::2]) == set(lengths[1::2]) == {1000, 1500}, "each side is fast and slow by turns"
    for runid, record in enumerate(records):
        run = parse_run(f"s.b.{runid}.duet.AB")
        told = {side: facts["padding_bytes"] for side, facts in record["sides"].items()}
        assert told == {side: padding_bytes(0, run, side) for side in "AB"}
        switch = Path("/proc/sys/kernel/randomize_va_space").read_text().strip()
        assert record["host"]["randomises_addresses"] is (switch != "0")
