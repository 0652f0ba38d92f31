"""The campaign file of `duetbench compare`: how two commands are repeated, how often, and the text."""

import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

BATCH_S = 0.02
"""An iteration takes at least so long: shorter commands are repeated in it."""
LONGEST_BATCH_S = 0.2
"""Of the slower side."""
RUNS, FEW_RUNS = 10, 6
"""Where nothing else was asked for; FEW where a run must be long for its command."""
TIME_S = 20.0
"""Of measuring, all runs together, without what is around a run."""
SHORTEST_S = 0.5
"""A run's length where only the number of runs was asked for."""
LOOP = "/usr/local/bin/duet-loop"
"""In containers, see images/compare."""
FILES = "files.tar"
"""What goes into the containers, beside the campaign file."""

_SHELL_WORDS = re.compile(
    r"[.:!{]|alias|case|cd|command|eval|exec|exit|export|for|hash|if|local|read|readonly|return|set|shift"
    r"|source|times?|trap|type|ulimit|umask|unalias|unset|until|wait|while"
)
"""What is no program, though it may stand first in a command."""
_SHELL_SIGNS = re.compile(r"[|&;<>()`\n$#]")


@dataclass(frozen=True)
class Comparison:
    """What is compared, and where."""

    name: str
    commands: tuple[str, str]
    directory: Path
    """Where the commands run, as host processes; what is copied, for containers; with revisions, what lies
    in their repository. Absolute."""
    engine: str = "process"
    images: tuple[str, str] | None = None
    """Of containers."""
    setup: str | None = None
    prepare: str | None = None
    revisions: tuple[str, str] | None = None
    """Of the repository: the commands run in their files, and not in the directory's."""
    titles: tuple[str, str] = ("", "")
    """The revisions for people."""
    build: str | None = None
    """In the directory, of each revision once."""
    inside: str = ""
    """Where the directory lies in the repository; empty for its top."""


@dataclass(frozen=True)
class Pace:
    """How often, chosen from how long the commands took once."""

    runs: int
    seconds: float
    """Of each run."""
    batch: int
    """Executions in each iteration."""
    warmup: int
    """Iterations left out at the start of each run."""
    timeout_s: int
    """Of each run: something hangs if it takes so long."""


def pace(
    times_s: tuple[float, float],
    runs: int | None = None,
    time_s: float | None = None,
    warmup: int | None = None,
    batches: bool = True,
    around_s: float = 0.0,
) -> Pace:
    """For commands that take so long each. `warmup`: executions; `around_s`: what a run takes besides.

    Without wishes, commands of up to 0.7 s get ten runs of two seconds, longer ones six runs that are as
    long as at least one execution of each command.
    """
    most = int(LONGEST_BATCH_S / max(times_s)) if batches else 1
    batch = max(1, min(math.ceil(BATCH_S / min(times_s)), most))
    slow_s = max(times_s) * batch
    wished = runs or (RUNS if (time_s or TIME_S) / RUNS >= 3 * slow_s else FEW_RUNS)
    seconds = (time_s or max(TIME_S, wished * SHORTEST_S)) / wished
    left_out = math.ceil(warmup / batch) if warmup is not None else int(seconds >= 3 * slow_s)
    # at least one iteration remains behind those left out, on the slow side too
    seconds = max(seconds, (left_out + 0.5) * slow_s)
    timeout_s = math.ceil(60 + 10 * (seconds + slow_s + around_s))
    return Pace(wished, float(f"{seconds:.3g}"), batch, left_out, timeout_s)


def needs_shell(command: str) -> bool:
    """Whether only a shell can run it: pipes, redirections, variables, several commands, builtins.

    Raises ValueError for quotes that do not close and a command that is empty.
    """
    words = shlex.split(command)
    if not words:
        raise ValueError("it is empty")
    return bool(_SHELL_SIGNS.search(command)) or bool(_SHELL_WORDS.fullmatch(words[0])) or "=" in words[0]


def repeated(comparison: Comparison) -> tuple[str, str]:
    """What duet-loop repeats. Both sides have a shell or none, so that its start cannot be a difference."""
    if not any(map(needs_shell, comparison.commands)):
        return comparison.commands
    a, b = (f"sh -c {shlex.quote(command)}" for command in comparison.commands)
    return a, b


def campaign_text(comparison: Comparison, chosen: Pace, more: str) -> str:
    """The campaign file. `more`: what to type for more runs."""
    loop = f"{_loop(comparison)} --seconds {chosen.seconds:g}"
    if chosen.batch > 1:
        loop += f" --batch {chosen.batch}"
    base = f"{_start(comparison)}>/dev/null {loop}{_prepare(comparison)} --"
    batch = f", {chosen.batch} times in each iteration" if chosen.batch > 1 else ""
    return (
        "# Written by `duetbench compare`. For a campaign of your own, copy it and change what you like:\n"
        "# config/README.md has every key. For more runs, beside those that are there:\n"
        f"#     {more}\n"
        "duetbench:\n"
        f"  name: {_scalar(comparison.name)}\n"
        f"{_where(comparison, Path('../..'))}"
        f"  duets: [{_scalar(comparison.name)}]\n"
        f"  duet_repetitions: {chosen.runs}  # runs, each of A and B at the same time\n"
        f"  warmup: {chosen.warmup}  # iterations left out at the start of each run\n"
        f"  timeout: {chosen.timeout_s}\n"
        f"  # duet-loop repeats a command for so many seconds{batch}, and times it\n"
        f"  run_base: {_scalar(base)}\n" + _sides(comparison, repeated(comparison))
    )


def trial_text(comparison: Comparison, limit_s: float) -> str:
    """The campaign that tries each command once, for how long it takes, and says why it fails.

    Leaves beside results.csv start.csv: how long it takes to start what does nothing.
    """
    loop = _loop(comparison)
    nothing = "sh -c :" if any(map(needs_shell, comparison.commands)) else "true"
    here = _here(comparison)
    scripts = [
        f"{_start(comparison)}{loop} --seconds 0.2 --results {here}/start.csv -- {nothing} && "
        f"{{ {loop} --seconds 0.5{_prepare(comparison)} -- {command} >{here}/output || "
        f"{{ status=$?; tail -c 2000 {here}/output >&2; exit $status; }}; }}"
        for command in repeated(comparison)
    ]
    return (
        "duetbench:\n"
        f"  name: {_scalar(comparison.name)}\n"
        f"{_where(comparison, comparison.directory)}"
        f"  duets: [{_scalar(comparison.name)}]\n"
        "  duet_repetitions: 0\n"
        "  sequential_repetitions: 1\n"
        f"  timeout: {limit_s:g}\n"
        "  results: [results.csv, start.csv]\n" + _sides(comparison, (scripts[0], scripts[1]))
    )


def with_runs(text: str, runs: int) -> str:
    """A campaign file with another number of runs. Raises ValueError where it has none."""
    text, count = re.subn(r"(?m)^(  duet_repetitions: )\d+", rf"\g<1>{runs}", text, count=1)
    if not count:
        raise ValueError("it has no line duet_repetitions")
    return text


def _where(comparison: Comparison, repository: Path) -> str:
    """`repository`: a directory in it, as the file finds it."""
    if comparison.images is None:
        text = "  engine: process  # on this machine, as you\n  image: probes  # has duet-loop\n"
    elif comparison.revisions is None:
        text = (
            f"  engine: {comparison.engine}\n"
            "  image: compare  # images/compare: IMAGE, duet-loop and the files of the archive\n"
            f"  jar: {FILES}\n"
        )
    else:
        text = f"  engine: {comparison.engine}\n  image: loop  # images/loop: IMAGE and duet-loop\n"
    if comparison.revisions is not None:
        text += f"  git:\n    repository: {_scalar(str(repository))}\n"
        if comparison.build:
            into = f"cd {shlex.quote(comparison.inside)} && " if comparison.inside else ""
            text += f"    build: {_scalar(into + comparison.build)}  # once for each revision\n"
    if comparison.setup:
        setup = f"{_go(comparison)}{{ {comparison.setup}\n}}"
        text += f"  setup: {_scalar(setup)}\n"
    return text


def _sides(comparison: Comparison, commands: tuple[str, str]) -> str:
    images = comparison.images or (None, None)
    named = comparison.revisions or (None, None)
    text = ""
    for side, command, image, revision, title in zip(
        "AB", commands, images, named, comparison.titles, strict=True
    ):
        text += f"  {side}:\n"
        if image:
            text += f"    image_args: {{IMAGE: {_scalar(image)}}}\n"
        if revision:
            text += f"    git: {{revision: {_scalar(revision)}}}  # {title}\n"
        text += f"    run: {_scalar(command)}\n"
    return text


def _here(comparison: Comparison) -> str:
    """The side's working directory, as its shell writes it."""
    return "/duet" if comparison.images else '"$here"'


def _start(comparison: Comparison) -> str:
    """What comes before the loop."""
    return ("" if comparison.images else "here=$PWD && ") + _go(comparison)


def _go(comparison: Comparison) -> str:
    """To where the commands run."""
    where = str(comparison.directory) if comparison.images is None else ""
    if comparison.revisions is not None:
        where = comparison.inside
    return f"cd {shlex.quote(where)} && " if where else ""


def _loop(comparison: Comparison) -> str:
    if comparison.images:
        return f"{LOOP} --results /duet/results.csv"
    return '"$here/duet-loop" --results "$here/results.csv"'


def _prepare(comparison: Comparison) -> str:
    return f" --prepare {shlex.quote(comparison.prepare)}" if comparison.prepare else ""


def _scalar(text: str) -> str:
    """A text as YAML has it, in one line, quoted where it must be."""
    quoted = '"' if re.search(r"[\n\r\x85\u2028\u2029]", text) else None
    dumped = yaml.safe_dump(text, width=math.inf, allow_unicode=True, default_style=quoted)
    return dumped.removesuffix("\n").removesuffix("\n...")


def default_name(command: str) -> str:
    """After the program, such as `gzip` for `/bin/gzip -9 -c data.txt`."""
    program = Path(next((word for word in shlex.split(command) if "=" not in word), "")).name
    return re.sub(r"[^A-Za-z0-9_]+", "_", program).strip("_")[:40] or "compare"
