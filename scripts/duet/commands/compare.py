"""Compare two commands, revisions or images by one line: writes a campaign and measures it.

    ./duetbench compare 'gzip -6 -c data.txt' 'gzip -9 -c data.txt'
    ./duetbench compare --git main..HEAD --build 'make -j2' './bench data.txt'
    ./duetbench compare --image python:3.11 --image python:3.12 'python bench.py'

The first is A, the second B. Both are tried first, alone: a command that fails is shown before anything is
measured, and from how long they take follows how often they are repeated (some 20 s of measuring). Without
--image they run on this machine as you, in the current directory. With --image they run in containers, which
get a copy of the current directory (without .git, .snakemake, .venv and results) and have no network; the
images need Python 3. What the commands print is thrown away.

--git A..B compares two revisions of the repository that the current directory lies in, --git A...B the second
with where it left the first, and --git A revision A with the working tree as it is. Each is checked out
somewhere else and built by --build, once, and the command runs in its files. They are those that git knows;
of a working tree also those that are not ignored.

Results, and the campaign file compare.yml, are written to results/NAME/ in the current directory. More runs
beside those that are there: ./duetbench compare --name NAME --runs 20. With --fail-threshold or
--max-uncertainty it ends with the exit codes of `gate`; otherwise with 0, and with 4 where nothing could be
measured.
"""

import argparse
import contextlib
import json
import math
import os
import shlex
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from duet import revisions
from duet.campaign import load
from duet.campaign.check import is_name
from duet.commands import Log, UsageError, _comparison, _trial, _workflow
from duet.commands._comparison import FILES, Comparison
from duet.engines.choose import choose_engine
from duet.inference import Exit, gate_decision
from duet.model import Campaign, Checkout, DuetError
from duet.report import comparison as report
from duet.report import summary

FAULT = int(Exit.NO_DATA)
EXAMPLE = "./duetbench compare 'gzip -6 -c data.txt' 'gzip -9 -c data.txt'"
CAMPAIGN = "compare.yml"
TRIAL_S = 60.0
QUIET = {"DUETBENCH_VERDICTS": "no"}
"""The workflow does not tell the verdicts, which are told here."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help="A and B, each as one word")
    parser.add_argument("--image", action="append", metavar="IMAGE", help="of both sides; twice: of A, of B")
    parser.add_argument("--git", metavar="A..B", help="two revisions; one: against the working tree")
    parser.add_argument("--build", metavar="COMMAND", help="builds each revision, once")
    parser.add_argument("--name", help="results/NAME (default: after the program)")
    parser.add_argument("--runs", type=_count, help="how many runs of both sides at once (10)")
    parser.add_argument("--time", type=_positive, metavar="SECONDS", help="of measuring, all runs (20)")
    parser.add_argument("--warmup", type=_natural, metavar="N", help="executions left out in each run (1)")
    parser.add_argument("--setup", metavar="COMMAND", help="done by each side before each run, not timed")
    parser.add_argument("--prepare", metavar="COMMAND", help="done before each execution, not timed")
    parser.add_argument("--engine", choices=("auto", "docker", "podman", "process"), default="auto")
    parser.add_argument(
        "--timeout", type=_positive, default=TRIAL_S, metavar="SECONDS", help="for one execution (60)"
    )
    parser.add_argument("--export-json", type=Path, metavar="FILE", help="write what came out to FILE")
    parser.add_argument("--export-markdown", type=Path, metavar="FILE", help="write it as a table to FILE")
    parser.add_argument(
        "--fail-threshold",
        type=_percentage,
        metavar="PERCENT",
        help="end with 1 if B is shown to be slower by more than this",
    )
    parser.add_argument(
        "--max-uncertainty",
        type=_percentage,
        metavar="PERCENT",
        help="end with 2 if the interval is wider than so many points",
    )


def execute(options: argparse.Namespace, log: Log) -> int:
    for path in filter(None, (options.export_json, options.export_markdown)):
        _writable(path)
    file = begin(options, log) if options.commands else go_on(options)
    campaign, results = load.load_campaign(file), file.parent
    try:
        rc = _workflow.run(file, results / "summary.md", QUIET)
    except KeyboardInterrupt:
        log(f"stopped; to go on: {typed('--name', campaign.name)}")
        raise
    if rc:
        raise DuetError(
            "not every run could be measured", f"see above; to go on: {typed('--name', campaign.name)}"
        )
    return answer(campaign, results, options)


def begin(options: argparse.Namespace, log: Log) -> Path:
    """Try what is to be compared, and write its campaign file."""
    commands, images = _sides(options)
    engine = _engine(options.engine, images)
    checkouts = _checkouts(options)
    if checkouts and checkouts[0] == checkouts[1] and len({*commands}) == len({*(images or "x")}) == 1:
        a, b = (checkout.title for checkout in checkouts)
        raise DuetError(f"{a} and {b} are the same", "name two revisions that differ")
    results = _claim(options.name, commands[0])
    try:
        comparison = Comparison(
            name=results.name,
            commands=commands,
            directory=Path.cwd(),
            engine=engine,
            images=images,
            setup=options.setup,
            prepare=options.prepare,
            **_of_git(checkouts, options.build),
        )
        with tempfile.TemporaryDirectory(prefix="duetbench-") as folder:
            if images and not checkouts:
                _trial.pack(comparison.directory, results / FILES)
                (Path(folder) / FILES).symlink_to((results / FILES).absolute())
            tried = _trial.trial(comparison, Path(folder), options.timeout, log)
        times_s = (tried.times_s[0], tried.times_s[1])
        chosen = _comparison.pace(
            times_s, options.runs, options.time, options.warmup, not options.prepare, tried.around_s
        )
        for line in tried.messages():
            log(line)
        more = typed("--name", results.name, "--runs", str(2 * chosen.runs))
        (results / CAMPAIGN).write_text(_comparison.campaign_text(comparison, chosen, more), encoding="utf-8")
    except BaseException:
        (results / FILES).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # results/ has others
            results.rmdir()
            results.parent.rmdir()
        raise
    log(f"campaign: {results / CAMPAIGN}")
    return results / CAMPAIGN


def go_on(options: argparse.Namespace) -> Path:
    """The campaign file of a comparison that is there, with more runs if that is wanted."""
    if not options.name:
        raise UsageError("no command to compare", f"such as: {EXAMPLE}")
    fixed = ("image", "git", "build", "time", "warmup", "setup", "prepare")
    if given := [f"--{name}" for name in fixed if getattr(options, name) is not None]:
        raise UsageError(f"{', '.join(given)} without commands", "only --runs can be changed")
    file = Path("results", options.name, CAMPAIGN)
    try:
        text = file.read_text(encoding="utf-8")
        if options.runs:
            file.write_text(_comparison.with_runs(text, options.runs), encoding="utf-8")
    except FileNotFoundError:
        raise DuetError(f"there is no {file}", "give the commands to compare, too") from None
    except ValueError as error:
        raise DuetError(f"{file}: {error}", "use it as it was written, or with ./run --configfile") from None
    return file


def answer(campaign: Campaign, results: Path, options: argparse.Namespace) -> int:
    """Tell what came out; the exit code."""
    outcome = summary.read_outcome(results)
    comparison = report.read(campaign, results, outcome)
    print(report.terminal(comparison), end="")
    runs = str(2 * max(comparison.runs, 1))
    print(f"\nmore runs:   {typed('--name', campaign.name, '--runs', runs)}")
    print(f"all figures: {in_workflow(campaign.file)}")
    if options.export_json:
        text = json.dumps(report.as_json(comparison), indent=1, ensure_ascii=False, allow_nan=False)
        options.export_json.write_text(text + "\n", encoding="utf-8")
    if options.export_markdown:
        options.export_markdown.write_text(report.markdown(comparison), encoding="utf-8")
    threshold, most = options.fail_threshold, options.max_uncertainty
    if threshold is None and most is None:
        return 0
    return int(gate_decision(outcome.rows, threshold or 0.0, False, outcome.confidence, most).exit)


def typed(*words: str) -> str:
    """What to type for another call of this subcommand, where this one was typed."""
    return shlex.join([_program("duetbench"), "compare", *words])


def in_workflow(file: Path) -> str:
    here = [] if Path.cwd() == _workflow.PROJECT else ["--directory", str(Path.cwd())]
    path = file if not here else file.absolute()
    return shlex.join([_program("run"), *here, "--configfile", str(path)])


def _program(name: str) -> str:
    path = _workflow.PROJECT / name
    return f"./{name}" if path.parent == Path.cwd() else str(path)


def _sides(options: argparse.Namespace) -> tuple[tuple[str, str], tuple[str, str] | None]:
    """Commands and images of A and B. Raises UsageError."""
    commands, images = list(options.commands), list(options.image or ())
    if len(images) > 2:
        raise UsageError(f"{len(images)} images", "one for both sides, or one for A and one for B")
    if len(commands) == 1 and (len(images) == 2 or options.git):
        commands *= 2
    if len(commands) != 2:
        remedy = "quote each of the two that are to be compared; with --git or two images, one is enough"
        raise UsageError(f"{len(commands)} command{'s' * (len(commands) != 1)}", remedy)
    wanted = {"command A": commands[0], "command B": commands[1]}
    wanted |= {f"--{name}": getattr(options, name) or "true" for name in ("setup", "prepare", "build")}
    for who, command in wanted.items():
        try:
            _comparison.needs_shell(command)
            command.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{who} is not UTF-8") from None
        except ValueError as error:
            what = str(error)[:1].lower() + str(error)[1:]
            raise UsageError(f"{who} ({command}): {what}", "write it as in a shell, in quotes") from None
    both = (images * 2)[:2]
    return (commands[0], commands[1]), (both[0], both[1]) if both else None


def _checkouts(options: argparse.Namespace) -> tuple[Checkout, Checkout] | None:
    """What --git means here. Raises UsageError, RevisionError."""
    if options.git is None:
        if options.build:
            raise UsageError("--build without --git", "name two revisions: --git main..HEAD")
        return None
    here = Path.cwd()
    one, dots, other = options.git.partition("...")
    if not dots:
        one, dots, other = options.git.partition("..")
    names = (one or "HEAD", other or "HEAD") if dots else (one, revisions.WORKING_TREE)
    if dots == "...":
        names = (revisions.merge_base(here, *names), names[1])
    a, b = (_checkout(here, name, options.build or "") for name in names)
    return a, b


def _checkout(here: Path, name: str, build: str) -> Checkout:
    revision = revisions.resolve(here, name)
    return Checkout(revision.content, build, revision.commit, name, revision.repository)


def _of_git(checkouts: tuple[Checkout, Checkout] | None, build: str | None) -> dict[str, Any]:
    """What a comparison says of them."""
    if checkouts is None:
        return {}
    a, b = checkouts
    inside = Path.cwd().resolve().relative_to(a.repository.resolve()).as_posix()
    return {
        "revisions": (a.revision, b.revision),
        "titles": (a.title, b.title),
        "build": build,
        "inside": "" if inside == "." else inside,
    }


def _engine(name: str, images: tuple[str, str] | None) -> str:
    if images is None:
        if name in ("docker", "podman"):
            raise UsageError(f"--engine {name} without an image", "add --image IMAGE")
        return "process"
    if name == "process":
        raise UsageError("--engine process has no images", "leave one of --engine and --image out")
    chosen, why = choose_engine(name)
    if chosen.name == "process":
        raise DuetError(f"images need Docker or Podman ({why})", "start one, or leave --image out")
    return chosen.name


def _claim(name: str | None, command: str) -> Path:
    """A new directory results/<name>. Raises DuetError where it is there or cannot be made."""
    if name and not is_name(name):
        raise UsageError(f"--name {name}", "letters, digits, _ . + -, at most 80")
    for number in count(1):
        stem = name or _comparison.default_name(command)
        results = Path("results", stem if number == 1 else f"{stem}-{number}")
        try:
            results.mkdir(parents=True)
            return results
        except FileExistsError:
            if name:
                again = typed("--name", name, "--runs", "20")
                remedy = f"another --name, or for more runs of what it compares: {again}"
                raise DuetError(f"{results} is there already", remedy) from None
        except OSError as error:
            remedy = "stand in a directory where you may write"
            raise DuetError(f"cannot make {results.absolute()}: {error.strerror}", remedy) from None
    raise AssertionError("count() has no end")


def _writable(path: Path) -> None:
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DuetError(f"{path} cannot be written", "name a file in a directory where you may write")


def _number(text: str, least: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _positive(text: str) -> float:
    return _number(text, 1e-3, "a number of seconds")


def _percentage(text: str) -> float:
    return _number(text, 0, "a percentage, such as 3")


def _count(text: str) -> int:
    return _whole(text, 1)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count, {least} or more")
    return int(text)
