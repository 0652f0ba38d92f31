"""What a Dockerfile stands on, and the same Dockerfile with that resolved. Pure text.

Read are ARG (before the first FROM), FROM and COPY --from: what decides which images must be
there before a build. Not read, since the engines' own builder refuses them too: here-documents,
`RUN --mount=from=`, and the `escape` directive.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
_FROM = re.compile(r"\s*FROM\s+((?:--\S+\s+)*)(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_COPY = re.compile(r"(\s*(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=)(\S+)", re.IGNORECASE)
_ARG = re.compile(r"\s*ARG\s+(.+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Dockerfile:
    """`images`: what FROM and COPY --from name, each once, ARGs filled in, stages and scratch left out."""

    images: tuple[str, ...]
    arguments: frozenset[str]
    """Every declared ARG: the build arguments that it takes."""


def read(text: str, arguments: Mapping[str, str]) -> Dockerfile:
    """The images a Dockerfile needs when built with these build arguments."""
    needed: dict[str, None] = {}

    def note(image: str) -> str:
        needed[image] = None
        return image

    rewrite(text, arguments, note)
    declared = (_ARG.match(line) for line in _instructions(text))
    names = (item.split("=", 1)[0] for m in declared if m for item in m[1].split())
    return Dockerfile(tuple(needed), frozenset(names))


def rewrite(text: str, arguments: Mapping[str, str], resolve: Callable[[str], str]) -> str:
    """The Dockerfile with every image that it names replaced by `resolve(image)`."""
    values: dict[str, str] = {}
    stages: set[str] = set()
    lines: list[str] = []
    for line in _instructions(text):
        if m := _FROM.match(line):
            image = _fill(m[2], values)
            if image.lower() not in stages and image != "scratch":
                image = resolve(image)
            line = f"FROM {m[1]}{image}" + (f" AS {m[3]}" if m[3] else "")
            stages |= {m[3].lower()} if m[3] else set()
            stages.add(str(sum(_FROM.match(x) is not None for x in lines)))
        elif m := _COPY.match(line):
            if m[2].lower() not in stages:
                line = m[1] + resolve(m[2]) + line[m.end() :]
        elif not stages and (m := _ARG.match(line)):
            for item in m[1].split():
                name, _, default = item.partition("=")
                values[name] = arguments.get(name, _fill(default.strip("\"'"), values))
        lines.append(line)
    return "\n".join(lines) + "\n"


_COPIED = re.compile(r"\s*COPY\s+((?:--\S+\s+)*)(?!\[)(\S.*)$", re.IGNORECASE)


def copied(text: str) -> list[str]:
    """Names and patterns that COPY takes from the build context, as far as they are plain: without
    variables, and not in JSON's form."""
    names = []
    for line in _instructions(text):
        match = _COPIED.match(line)
        if match and "--from=" not in match[1].lower():
            names += [
                name.removeprefix("./").rstrip("/") for name in match[2].split()[:-1] if "$" not in name
            ]
    return [name for name in names if name not in ("", ".")]


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: values.get(m[1] or m[2]) or m[3] or "", text)


def _instructions(text: str) -> Iterable[str]:
    """Its instructions; FROM, ARG, COPY and ADD that go on over several lines come as one line."""
    lines = iter(text.splitlines())
    for line in lines:
        parts = [line]
        while parts[-1].rstrip().endswith("\\") and not line.lstrip().startswith("#"):
            following = next(lines, "")
            while following.lstrip().startswith("#"):
                following = next(lines, "")
            parts.append(following)
        if re.match(r"\s*(FROM|ARG|COPY|ADD)\s", line, re.IGNORECASE):
            parts = [" ".join(part.rstrip().removesuffix("\\").strip() for part in parts)]
        yield "\n".join(parts)


def ignored(patterns: str) -> Callable[[str], bool]:
    """Whether a .dockerignore leaves a file out; paths relative to the context, with `/`.

    As the engines read it: the last pattern that fits decides, `!` takes a file in again, a
    pattern that fits a directory fits all in it, `**` is any number of directories.
    """
    rules = []
    for line in patterns.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        again = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip().strip("/").removeprefix("./")
        if pattern and pattern != ".":
            rules.append((re.compile(_expression(pattern) + r"(?:/.*)?", re.DOTALL), not again))

    def leaves_out(path: str) -> bool:
        out = False
        for expression, verdict in rules:
            if expression.fullmatch(path):
                out = verdict
        return out

    return leaves_out


def _expression(pattern: str) -> str:
    parts = []
    for token in re.findall(r"\*\*/?|\*|\?|\[[^\]]*\]|\\.|.", pattern):
        if token == "**/":
            parts.append(r"(?:.*/)?")
        elif token == "**":
            parts.append(r".*")
        elif token == "*":
            parts.append(r"[^/]*")
        elif token == "?":
            parts.append(r"[^/]")
        elif token.startswith("[") and len(token) > 2:
            # Only the set's own syntax differs between fnmatch and the engines: ^ against !.
            inner = fnmatch.translate(token.replace("[^", "[!", 1))
            parts.append(re.match(r"\(\?s:(.*)\)\\Z", inner)[1])  # type: ignore[index]
        else:
            parts.append(re.escape(token.removeprefix("\\") or "\\"))
    return "".join(parts)
