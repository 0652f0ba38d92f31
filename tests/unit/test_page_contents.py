"""What the page says A and B are, and its captions."""

from dataclasses import replace

import pytest
from duet.model import Checkout, ImageRef, Side
from duet.report.page import sides
from duet.report.page.embedding import caption

A = Side("A", ImageRef("mine:main"), "./bench parse", None, ("results.csv",), memory_bytes=2**30)


def text(pieces):
    """What differs in asterisks."""
    return " ".join(f"*{piece.text}*" if piece.differs else piece.text for piece in pieces)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({}, []),
        ({"image": ImageRef("mine:pr")}, [("image", "*mine:main*", "*mine:pr*")]),
        (
            {"image": ImageRef("mine:main", (("FLAGS", "-O3"),))},
            [("image", "mine:main", "mine:main *FLAGS=-O3*")],
        ),
        (
            {"image": ImageRef("mine:main", checkout=Checkout("c" * 40, commit="c" * 40, revision="HEAD"))},
            [("revision", "*none*", "*HEAD (ccccccc)*")],
        ),
        ({"run": "./bench -O2 parse"}, [("command", "./bench parse", "./bench *-O2* parse")]),
        ({"env": (("GC", "G1"),)}, [("environment variables", "*none*", "*GC=G1*")]),
        ({"memory_bytes": None}, [("memory", f"*{2**30}*", "*none*")]),
        ({"name": "B", "results": ("other.csv",)}, []),
    ],
)
def test_only_the_difference_is_told(changes, told):
    found = sides.differences(A, replace(A, **changes))
    assert [(each.what, text(each.a), text(each.b)) for each in found] == told


def test_of_long_commands_what_is_equal_is_cut_short():
    words = " ".join(f"--option-{i}=value" for i in range(20))
    (found,) = sides.differences(
        replace(A, run=f"java {words} Bench"), replace(A, run=f"java -XX:+UseG1GC {words} Bench")
    )
    assert text(found.b) == "java *-XX:+UseG1GC* --option-0=value …"


def test_what_is_common_to_all_benchmarks_is_told_once():
    def pair(name, more=""):
        return replace(A, run=f"./old {name}"), replace(A, run=f"./new{more} {name}")

    shared, others = sides.common({"s.parse": pair("parse"), "s.render": pair("render")})
    assert [(each.what, text(each.a), text(each.b)) for each in shared] == [("command", "*./old*", "*./new*")]
    assert not others
    shared, others = sides.common({"s.parse": pair("parse"), "s.render": pair("render", "er")})
    assert (shared, others) == ((), True)
    assert sides.common({}) == ((), False)


def test_captions_become_html_and_their_text_stays_text(tmp_path):
    (tmp_path / "runs.rst").write_text("**How <b>.** Left: ``m`` is\n*not* a & b.\n\nSecond\nparagraph.\n")
    made = caption(tmp_path, "runs")
    assert made == (
        "<p><strong>How &lt;b&gt;.</strong> Left: <code>m</code> is <em>not</em> a &amp; b.</p>"
        "<p>Second paragraph.</p>"
    )
    assert caption(tmp_path, "none") == ""
