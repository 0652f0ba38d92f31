"""One run: both sides through the gate, to results/<name>/runs/<run>/.

It takes all cores of the workflow, so that nothing else of it runs meanwhile. Images come first
and then the runs in the order of the plan, by priority.
"""


rule measure:
    input:
        unpack(run_inputs),
    output:
        f"{RESULTS}/runs/{{run}}/run.json",
    log:
        f"{RESULTS}/runs/{{run}}/measure.log",
    threads: workflow.cores
    priority: lambda wildcards: RANK.get(wildcards.run, 1)
    params:
        command=python("measure.py"),
        rerun=rerun_command,
    shell:
        "{params.command} --results {RESULTS} --run {wildcards.run} --log {log} --rerun {params.rerun:q}"
