"""Figures, summary and the pages of the report."""


rule figures:
    # One job for all of them: each depends on the verdicts of all benchmarks, and importing what
    # draws takes as long as drawing some. Like measuring it has the machine, whatever --cores is: nothing
    # else of the workflow runs meanwhile.
    input:
        table=f"{RESULTS}/iterations.parquet",
        pairs=f"{RESULTS}/pairs.parquet",
        effects=f"{RESULTS}/effects.parquet",
        verdicts=f"{RESULTS}/verdicts.csv",
        comparison=f"{RESULTS}/comparison.csv",
        analysis=planned("analysis.json", f"{RESULTS}/figures/methods.svg"),
        planned=planned("runs.txt", f"{RESULTS}/figures/methods.svg"),
    output:
        *[figure_of_benchmark(stem, *kind) for stem in STEMS for kind in FIGURES],
        *[figure_of_suite(suite) for suite in SUITES],
        report(
            f"{RESULTS}/figures/methods.svg",
            caption="../report/methods.rst",
            category="3 Methods",
            labels={"what": "comparison of types"},
        ),
        *[figure_of_phases()] * PHASES,
    log:
        f"{RESULTS}/logs/figures.log",
    localrule: True
    threads: all_cores
    params:
        command=duetbench("figures"),
        unplanned=" ".join(sorted(IMPORTED.union(MEMBERS))),
        phases=f"--phases --results {RESULTS}" if PHASES else "",
    shell:
        f"{{params.command}} --log {{log}} all --table {{input.table}} --pairs {{input.pairs}} --effects {{input.effects}}"
        f" --verdicts {{input.verdicts}} --comparison {{input.comparison}} --analysis {{input.analysis}}"
        f" --planned {{input.planned}} --stem {{params.unplanned}} --runs {RESULTS}/runs"
        f" {{params.phases}} --out {RESULTS}/figures"


rule questions:
    # The predecessor's research questions and the campaign at a glance, as tables and figures.
    input:
        table=f"{RESULTS}/iterations.parquet",
        analysis=planned("analysis.json", f"{RESULTS}/figures/hosts.svg"),
    output:
        [f"{RESULTS}/methods/{name}.csv" for name in QUESTION_TABLES],
        *[
            report(
                f"{RESULTS}/figures/{name}.svg",
                caption="../report/questions.rst",
                category="3 Methods",
                labels={"what": label},
            )
            for name, label in QUESTIONS
        ],
    log:
        f"{RESULTS}/logs/questions.log",
    localrule: True
    params:
        analyse=duetbench("analyse"),
        figures=duetbench("figures"),
    shell:
        f"{{params.analyse}} --table {{input.table}} --analysis {{input.analysis}} --questions {RESULTS}/methods"
        f" --log {{log}} && {{params.figures}} --log {{log}} questions --table {{input.table}}"
        f" --questions {RESULTS}/methods --out {RESULTS}/figures"


rule summary:
    input:
        verdicts=f"{RESULTS}/verdicts.csv",
        analysis=planned("analysis.json", f"{RESULTS}/summary.md"),
        planned=planned("runs.txt", f"{RESULTS}/summary.md"),
    output:
        markdown=f"{RESULTS}/summary.md",
        json=f"{RESULTS}/verdicts.json",
        index=f"{RESULTS}/index.md",
    log:
        f"{RESULTS}/logs/summary.log",
    localrule: True
    params:
        command=duetbench("summary"),
    shell:
        f"{{params.command}} --verdicts {{input.verdicts}} --analysis {{input.analysis}} --runs {RESULTS}/runs"
        f" --planned {{input.planned}} --name {CAMPAIGN.name} --markdown {{output.markdown}} --json {{output.json}}"
        f" --index {{output.index}} > {{log}}"


rule provenance:
    input:
        table=f"{RESULTS}/iterations.parquet",
        analysis=planned("analysis.json", f"{RESULTS}/provenance.html"),
        planned=planned("runs.txt", f"{RESULTS}/provenance.html"),
        config=campaign_files(),
    output:
        report(
            f"{RESULTS}/provenance.html",
            caption="../report/provenance.rst",
            category="4 Provenance",
            labels={"what": "images, hosts, configuration"},
        ),
    log:
        f"{RESULTS}/logs/provenance.log",
    localrule: True
    params:
        command=duetbench("provenance"),
    shell:
        f"{{params.command}} --name {CAMPAIGN.name} --runs {RESULTS}/runs --planned {{input.planned}}"
        f" --images {RESULTS}/images --doctor {LAYOUT.doctor} --analysis {{input.analysis}} --config {{input.config:q}} --html {{output}}"
        f" --log {{log}}"


rule page:
    # The whole report in one file. Its tables are the first screen of Snakemake's own.
    input:
        verdicts=f"{RESULTS}/verdicts.csv",
        analysis=planned("analysis.json", f"{RESULTS}/report.html"),
        planned=planned("runs.txt", f"{RESULTS}/report.html"),
        config=campaign_files(),
        figures=figures_here,
    output:
        html=f"{RESULTS}/report.html",
        tables=report(
            f"{RESULTS}/summary.html",
            caption="../report/summary.rst",
            category="1 Verdicts",
            labels={"what": "1 summary and verdict table"},
        ),
        frame=f"{RESULTS}/landing.html",
    log:
        f"{RESULTS}/logs/page.log",
    localrule: True
    params:
        command=duetbench("page"),
    shell:
        f"{{params.command}} {RESULTS} --name {CAMPAIGN.name} --config {{input.config:q}} --html {{output.html}}"
        f" --tables {{output.tables}} --frame {{output.frame}} --log {{log}}"


rule explore:
    # Not part of `all`: opened by `snakemake --edit-notebook results/<name>/explore.svg`.
    input:
        table=f"{RESULTS}/iterations.parquet",
        pairs=f"{RESULTS}/pairs.parquet",
        effects=f"{RESULTS}/effects.parquet",
        verdicts=f"{RESULTS}/verdicts.csv",
        analysis=planned("analysis.json", f"{RESULTS}/explore.svg"),
    output:
        f"{RESULTS}/explore.svg",
    log:
        notebook=f"{RESULTS}/logs/explore.ipynb",
    localrule: True
    params:
        scripts=str(SCRIPTS),
    notebook:
        "../notebooks/explore.py.ipynb"
