"""Figures, summary and the pages of the report."""


def figure_of_benchmark(kind: str, place: int, title: str):
    return report(
        f"{RESULTS}/figures/{{benchmark}}.{kind}.svg",
        caption=f"../report/{kind}.rst",
        category="2 Benchmarks",
        subcategory="{benchmark}",
        labels={"figure": f"{place} {title}"},
    )


rule benchmark_figures:
    input:
        table=f"{RESULTS}/iterations/{{benchmark}}.parquet",
        pairs=f"{RESULTS}/pairs.parquet",
        effects=f"{RESULTS}/effects.parquet",
        verdicts=f"{RESULTS}/verdicts.csv",
        plan=f"{RESULTS}/plan/{{benchmark}}.json",
        analysis=f"{RESULTS}/plan/analysis.json",
    output:
        figure_of_benchmark("timeline", 1, "A/B timeline"),
        figure_of_benchmark("iterations", 2, "iteration series"),
        figure_of_benchmark("ratios", 3, "pair ratios"),
        figure_of_benchmark("sensitivity", 4, "sensitivity to m"),
        figure_of_benchmark("runs", 5, "run means"),
    log:
        f"{RESULTS}/logs/figures.{{benchmark}}.log",
    params:
        command=python("plot.py"),
    shell:
        "{params.command} benchmark --table {input.table} --pairs {input.pairs} --effects {input.effects}"
        " --verdicts {input.verdicts} --plan {input.plan} --analysis {input.analysis} --runs {RESULTS}/runs"
        " --out {RESULTS}/figures/{wildcards.benchmark} 2>&1 | tee {log} >&2"
