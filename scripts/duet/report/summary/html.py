"""Pieces of HTML. Everything that comes from a campaign goes through `text`."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from duet.report.summary.wording import line


def text(value: object) -> str:
    """One line, so escaped that it is text in an element and in a quoted attribute."""
    return escape(line(value), quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A plain table of texts; multi-line cells keep their lines. On a narrow screen each row is a list."""
    ths = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-label="{text(h)}">{_lines(c)}</td>' for h, c in zip(head, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table class="facts"><thead><tr>{ths}</tr></thead><tbody>{body}</tbody></table>'


def document(title: str, body: str) -> str:
    """A whole page that needs nothing but itself."""
    style = files("duet.report.page").joinpath("template/page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _lines(value: object) -> str:
    return "<br>".join(text(part) for part in str(value).splitlines())
