"""Results in S3: those of other campaigns, which are imported, and where this one goes when it is finished."""


rule download:
    output:
        f"{PUBLISHED}/{{publication}}/{MANIFEST}",
    log:
        f"{RESULTS}/logs/download.{{publication}}.log",
    wildcard_constraints:
        publication=one_of(Path(folder).name for folder in PUBLICATIONS),
    priority: FIRST
    localrule: True
    params:
        command=duetbench("download"),
        address=lambda wildcards: PUBLICATIONS[f"{PUBLISHED}/{wildcards.publication}"],
    shell:
        f"{{params.command}} {{params.address:q}} --to {PUBLISHED}/{{wildcards.publication}} --log {{log}}"


rule publish:
    # When all is finished; where it was published last is no output: snakemake would remove it first.
    input:
        pages,
        plan=planned("publish.json", f"{RESULTS}/published.txt"),
    output:
        f"{RESULTS}/published.txt",
    log:
        f"{RESULTS}/logs/publish.log",
    localrule: True
    params:
        command=duetbench("publish"),
        destination=CAMPAIGN.publish,
    shell:
        f"{{params.command}} {RESULTS} {{params.destination:q}} --out {{output}} --log {{log}}"
