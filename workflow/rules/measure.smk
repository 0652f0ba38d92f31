"""One run: both sides through the gate, to results/<name>/runs/<run>/.

It takes all cores of the workflow, so that nothing else of it runs meanwhile. Images come first
and then the runs in the order of the plan, by priority. Where a scheduler sends a run to another machine
(docs/clusters.md), it has that one alone and brings its images there; all other rules stay where the call is.
"""

from tempfile import gettempdir

# snakemake replaces what is in braces: the run's name, and nothing of --config's
AGAIN = typed("RUN").replace("{", "{{").replace("}", "}}")
AGAIN = AGAIN.replace("RUN", f"{RESULTS}/runs/{{wildcards.run}}/run.json", 1)
# What a process that was killed cannot say itself.
KILLED = "error: run {wildcards.run}: its measuring process was killed; log: {log}; again: "
KILLED = f"[ $code != 137 ] || echo {shlex.quote(KILLED + AGAIN)} | tee -a {{log}} >&2"


rule measure:
    input:
        image_of_run,
    output:
        update(f"{RESULTS}/runs/{{run}}/run.json"),
    log:
        f"{RESULTS}/runs/{{run}}/measure.log",
    wildcard_constraints:
        run=r"[A-Za-z0-9_+-]+\.[A-Za-z0-9_+-]+\.\d+\.[a-z]+\.\w+(\.[AB])?",
    priority: rank
    group:
        job_of
    threads: all_cores
    resources:
        tmpdir=gettempdir(),
        measuring=1,
        # Slurm: the whole node, its memory and its cores.
        slurm_extra=slurm_options,
        mem_mb=0,
        disk_mb=0,
        cpus_per_task=lambda wildcards: -1,
    params:
        provide=lambda wildcards: "--provide" if elsewhere() else "",
    shell:
        measuring()
