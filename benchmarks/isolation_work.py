"""One side of benchmarks/isolation.py: repeat a program, stamp every iteration. Python's core modules only.

    python3 -c "$WORK" SECONDS PROGRAM COUNT

An iteration is COUNT times the program's unit of work, so that 51 against 50 is 2 % more. PROGRAM is a
command (a process for each iteration, which reads COUNT copies of a text) or `py:NAME`, a function of this
file that is called COUNT times.
"""

import os
import sys
import time

UNIT_BYTES = 1 << 16


def text():
    library = os.path.dirname(os.__file__)
    data = b""
    for name in sorted(os.listdir(library)):
        if name.endswith(".py"):
            with open(os.path.join(library, name), "rb") as file:
                data += file.read()
        if len(data) > UNIT_BYTES:
            break
    return data[:UNIT_BYTES]


DATA = text()


def deflate(level):
    import zlib

    return lambda: zlib.compress(DATA, level)


def digest(name):
    import hashlib

    return lambda: getattr(hashlib, name)(DATA * 4).digest()


def loop():
    n = 0
    for i in range(20_000):
        n += i & 3


def floats():
    x = 0.5
    for _ in range(20_000):
        x = 3.7 * x * (1 - x)


def dictionary():
    counts = {}
    for word in DATA.split():
        counts[word] = counts.get(word, 0) + 1


def sorting():
    sorted(DATA.split())


def strings():
    " ".join(str(i) for i in range(5000)).replace("1", "one").upper()


def recursion(n=16):
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


def objects():
    class Node:
        pass

    first = None
    for _ in range(5000):
        node = Node()
        node.next = first
        first = node


def sieve():
    flags = bytearray(b"\1") * 100_000
    for i in range(2, 317):
        if flags[i]:
            flags[i * i :: i] = bytes(len(flags[i * i :: i]))


def memory():
    block = bytearray(1 << 22)
    block[:] = block[::-1]


UNITS = {
    "zlib1": lambda: deflate(1),
    "zlib6": lambda: deflate(6),
    "sha256": lambda: digest("sha256"),
    "blake2b": lambda: digest("blake2b"),
    **{
        f.__name__: (lambda f=f: f)
        for f in (loop, floats, dictionary, sorting, strings, recursion, objects, sieve, memory)
    },
}


def process(command, count):
    """A process that reads `count` copies of the text."""
    with open("text.bin", "wb") as file:
        for _ in range(count):
            file.write(DATA)
    words = command.split()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "text.bin", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
    ]

    def once():
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
        if os.waitpid(pid, 0)[1]:
            sys.exit(f"{command} failed")

    return once


def called(unit, count):
    def once():
        for _ in range(count):
            unit()

    return once


def main(seconds, program, count):
    if program.startswith("py:"):
        once = called(UNITS[program[3:]](), int(count))
    else:
        once = process(program, int(count))
    offset = time.time_ns() - time.monotonic_ns()
    end = time.monotonic() + float(seconds)
    rows = []
    while time.monotonic() < end:
        begin = time.monotonic_ns()
        once()
        rows.append((begin, time.monotonic_ns()))
    with open("results.csv", "w") as file:
        file.write("iteration,start_ns,end_ns\n")
        for i, (begin, finish) in enumerate(rows):
            file.write(f"{i},{begin + offset},{finish + offset}\n")


main(*sys.argv[1:])
