"""The table, to pairs, effects and verdicts, and to what the predecessor's analysis says of the same runs."""


rule analyse:
    input:
        table=f"{RESULTS}/iterations.parquet",
        analysis=planned("analysis.json", f"{RESULTS}/verdicts.csv"),
    output:
        pairs=f"{RESULTS}/pairs.parquet",
        effects=f"{RESULTS}/effects.parquet",
        across=f"{RESULTS}/environments.csv",
        verdicts=report(
            f"{RESULTS}/verdicts.csv",
            caption="../report/verdicts.rst",
            category="1 Verdicts",
            labels={"what": "3 verdicts as CSV"},
        ),
        comparison=f"{RESULTS}/comparison.csv",
    log:
        f"{RESULTS}/logs/analyse.log",
    localrule: True
    params:
        command=duetbench("analyse"),
    shell:
        f"{{params.command}} --table {{input.table}} --analysis {{input.analysis}} --pairs {{output.pairs}}"
        f" --effects {{output.effects}} --across {{output.across}} --verdicts {{output.verdicts}}"
        f" --comparison {{output.comparison}} --log {{log}}"
