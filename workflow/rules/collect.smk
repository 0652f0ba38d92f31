"""The suites' own files, to one table."""


rule collect:
    input:
        lambda wildcards: [run_record(run) for run in runs_of(wildcards.benchmark)],
        f"{RESULTS}/plan/{{benchmark}}.json",
        f"{RESULTS}/plan/{{benchmark}}.runs.txt",
    output:
        f"{RESULTS}/iterations/{{benchmark}}.parquet",
    log:
        f"{RESULTS}/logs/collect.{{benchmark}}.log",
    conda:
        ENVIRONMENT
    params:
        command=duetbench("collect"),
        skip=lambda wildcards: "--skip-bad" if only_available() else "",
    shell:
        f"{{params.command}} --results {RESULTS} --benchmark {{wildcards.benchmark}} {{params.skip}}"
        f" --out {{output}} --log {{log}}"


rule table:
    input:
        lambda wildcards: [f"{RESULTS}/iterations/{stem}.parquet" for stem in benchmarks_here()],
    output:
        parquet=f"{RESULTS}/iterations.parquet",
        csv=f"{RESULTS}/iterations.csv",
    log:
        f"{RESULTS}/logs/table.log",
    conda:
        ENVIRONMENT
    params:
        command=duetbench("table"),
        imports=" ".join(f"--import {shlex.quote(str(path))}" for path in CAMPAIGN.imports),
    shell:
        f"{{params.command}} {{input}} {{params.imports}} --out {{output.parquet}} --csv {{output.csv}} --log {{log}}"
