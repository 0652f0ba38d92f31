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

Rooms, ground floor first; tests/unit/test_rooms.py has who may know whom:

model      nouns: frozen dataclasses and enums; names of runs and their inverse
revisions  revisions of a git repository: which commit one is, and its files
harnesses  a module per harness: all its facts, and how its files are read
records    where everything lies, and every file that one command writes and another reads
campaign   from YAML to a campaign, or all its faults; the seeded order of its runs
engines    what runs a side: containers (Docker, Podman) and host processes
images     their identity, and how an engine comes to have them
measure    one run from its start to its record
table      the unified table: built, stored, imported
inference  from the table to verdicts, and from these to a decision
report     the summary, the figures and the pages
platform   beyond one machine: S3, the cloud
commands   a module per subcommand of scripts/duetbench.py: arguments in, exit code out

Nothing here knows snakemake.
"""
