"""Files that cannot be redistributed, and the images that hold them."""


rule fetch:
    input:
        f"{RESULTS}/plan/{{image}}.image.json",
    output:
        f"{RESULTS}/sources/{{image}}.json",
    log:
        f"{RESULTS}/logs/fetch.{{image}}.log",
    priority: FIRST
    conda:
        ENVIRONMENT
    params:
        command=duetbench("fetch"),
    shell:
        f"{{params.command}} --plan {{input}} --out {{output}} --log {{log}}"


rule image:
    input:
        image_inputs,
    output:
        f"{RESULTS}/images/{{image}}.json",
    log:
        f"{RESULTS}/logs/image.{{image}}.log",
    priority: FIRST
    conda:
        ENVIRONMENT
    params:
        command=duetbench("image"),
        engine=lambda wildcards: image_engine(wildcards.image),
    shell:
        f"{{params.command}} --plan {RESULTS}/plan/{{wildcards.image}}.image.json --engine {{params.engine}}"
        f" --out {{output}} --log {{log}}"
