"""Benchmarks of Python's library; one of them can be made to fail (BROKEN=1)."""

import collections
import json
import os
import re
import textwrap

import pytest

WORDS = [f"word{i * 7919 % 10007}" for i in range(2000)]
TEXT = " ".join(WORDS)


@pytest.mark.parametrize("indent", [None, 2], ids=["compact", "indented"])
def test_json(benchmark, indent):
    values = [{"name": word, "length": len(word), "parts": [word] * 3} for word in WORDS]
    benchmark(json.dumps, values, indent=indent)


def test_count(benchmark):
    benchmark(collections.Counter, WORDS)


def test_objects(benchmark):
    benchmark(lambda: [(word, [word]) for word in WORDS])


def test_wrap(benchmark):
    benchmark(textwrap.wrap, TEXT)


def test_search(benchmark):
    if os.environ.get("BROKEN"):
        raise ValueError("made to fail")
    benchmark(re.findall, r"\w+9\b", TEXT)
