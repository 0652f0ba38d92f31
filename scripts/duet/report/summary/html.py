"""Pieces of HTML. Everything that comes from a campaign goes through `text`."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from duet.report.summary.wording import line


def text(value: object) -> str:
    """One line, so escaped that it is text in an element and in a quoted attribute."""
    return escape(line(value), quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], name: str = "") -> str:
    """A plain table of texts; multi-line cells keep their lines."""
    ths = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td>{_lines(c)}</td>" for c in row) + "</tr>" for row in rows)
    id_ = f' id="{text(name)}"' if name else ""
    return f'<div class="scroll"><table{id_}><thead><tr>{ths}</tr></thead><tbody>{body}</tbody></table></div>'


def document(title: str, body: str, script: str = "") -> str:
    """A whole page that needs nothing but itself."""
    style = _own("page.css")
    code = f"<script>\n{_own(script)}</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n{code}</body>\n</html>\n"
    )


def _own(name: str) -> str:
    return files("duet.report.summary").joinpath(name).read_text(encoding="utf-8")


def _lines(value: object) -> str:
    return "<br>".join(text(part) for part in str(value).splitlines())
