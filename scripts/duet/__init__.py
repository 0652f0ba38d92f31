"""duetbench: A and B at the same time on one noisy machine, and a verdict one can believe.

The words of this package, used the same way in code, columns and docs:

campaign   one execution plan: one or more suites; its results live in results/<name>/
suite      a family of benchmarks with one result format
benchmark  one workload of a suite
side       A or B (the table's column is called `pair`)
type       how a run is made: duet, syncduet, seqn (one side alone), aaduet (A against A)
order      which side is started first: AB or BA; None for seqn
run        one execution, the sampling unit of the statistics; a noun, the verb is "measure"
iteration  one pass of the harness's inner loop, start and end in integer nanoseconds
gate       holds both sides until both are ready, then lets them go at once
barrier    the same meeting point at the start of each iteration (syncduet)
probe      a piece loaded into a suite's own harness: stamps iterations, meets at the barrier
engine     what runs a side: docker, podman, process
run record run.json: what was asked, what happened, where, with which image content

Rooms, ground floor first (a room knows only rooms below it): model; config, plan, host,
record, formats, engines; images, sources, rendezvous; measure, table; overlap; inference;
figures, summary. Nothing here knows snakemake.
"""
