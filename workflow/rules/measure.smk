"""One run: both sides through the gate, to results/<name>/runs/<run>/.

It takes all cores of the workflow, so that nothing else of it runs meanwhile. Images come first
and then the runs in the order of the plan, by priority.
"""


rule measure:
    input:
        run_inputs,
    output:
        f"{RESULTS}/runs/{{run}}/run.json",
    log:
        f"{RESULTS}/runs/{{run}}/measure.log",
    priority: rank
    conda:
        ENVIRONMENT
    threads: workflow.cores or 1
    resources:
        tmpdir=gettempdir(),
    shell:
        f"{python('measure.py')} --results {RESULTS} --run {{wildcards.run}} --log {{log}}"
        f" --configfile {shlex.quote(shown(CAMPAIGN.file))}"
