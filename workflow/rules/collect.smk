"""The suites' own files, to one table."""


rule collect:
    input:
        run_inputs,
        planned("{benchmark}.json", f"{RESULTS}/iterations/{{benchmark}}.parquet"),
        planned("{benchmark}.runs.txt", f"{RESULTS}/iterations/{{benchmark}}.parquet"),
    output:
        f"{RESULTS}/iterations/{{benchmark}}.parquet",
    log:
        f"{RESULTS}/logs/collect.{{benchmark}}.log",
    wildcard_constraints:
        benchmark=one_of(RUNS_OF),
    localrule: True
    params:
        command=duetbench("collect"),
        skip=lambda wildcards: "--skip-bad" if only_available() else "",
        again=shlex.quote(typed("--force RUN")),
    shell:
        f"{{params.command}} --results {RESULTS} --benchmark {{wildcards.benchmark}} {{params.skip}}"
        " --again {params.again}"
        f" --out {{output}} --log {{log}}"


rule table:
    input:
        tables=lambda wildcards: [f"{RESULTS}/iterations/{stem}.parquet" for stem in benchmarks_here()],
        planned=planned("tables.txt", f"{RESULTS}/iterations.parquet"),
        publications=[f"{folder}/{MANIFEST}" for folder in PUBLICATIONS],
    output:
        parquet=f"{RESULTS}/iterations.parquet",
        csv=f"{RESULTS}/iterations.csv",
    log:
        f"{RESULTS}/logs/table.log",
    localrule: True
    params:
        command=duetbench("table"),
        imports=" ".join(f"--import {shlex.quote(str(path))}" for path in (*CAMPAIGN.imports, *PUBLICATIONS)),
        environment=" ".join(f"--environment {shlex.quote('='.join(pair))}" for pair in CAMPAIGN.environment),
    shell:
        f"{{params.command}} --listed {{input.planned}} {{params.imports}} {{params.environment}} --out {{output.parquet}} --csv {{output.csv}} --log {{log}}"
