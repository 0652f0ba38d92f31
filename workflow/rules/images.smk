"""Files that cannot be redistributed, and the images that hold them.

There are jobs only for an image that a run needs which is due, and that is not present.
"""


rule fetch:
    input:
        fetch_inputs,
        plan=planned("{image}.image.json", f"{RESULTS}/sources/{{image}}.json"),
    output:
        f"{RESULTS}/sources/{{image}}.json",
    log:
        f"{RESULTS}/logs/fetch.{{image}}.log",
    wildcard_constraints:
        image=one_of(IMAGES),
    priority: FIRST
    localrule: True
    params:
        command=duetbench("fetch"),
    shell:
        "{params.command} --plan {input.plan} --out {output} --log {log}"


rule image:
    # Beside the presence, which is the output, it writes the identity where its content changed.
    # That is no output: snakemake would remove it first.
    input:
        image_inputs,
        plan=planned("{image}.image.json", f"{RESULTS}/images/{{place}}/{{image}}.json"),
    output:
        f"{RESULTS}/images/{{place}}/{{image}}.json",
    log:
        f"{RESULTS}/logs/image.{{image}}.{{place}}.log",
    wildcard_constraints:
        place=r"[a-z]+@[A-Za-z0-9_.-]+",
        image=one_of(IMAGES),
    priority: FIRST
    localrule: True
    params:
        command=duetbench("provide"),
        engine=lambda wildcards: wildcards.place.partition("@")[0],
    shell:
        "{params.command} --plan {input.plan} --engine {params.engine} --log {log}"
