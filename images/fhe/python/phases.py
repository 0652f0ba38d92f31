"""Stamps of a program's phases, a line for each repetition in results.csv (epoch nanoseconds)."""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

PHASES = ("t_keygen", "t_input_encryption", "t_computation", "t_decryption")


class Stamps:
    """Begun by making it; call it at the end of each phase."""

    def __init__(self) -> None:
        self.at_ns = [time.time_ns()]

    def __call__(self) -> None:
        self.at_ns.append(time.time_ns())

    def restart(self) -> None:
        """What was done so far is none of the phases."""
        self.at_ns = [time.time_ns()]


def main(variants: dict[str, Callable[[Stamps], object]], phases: Sequence[str] = PHASES) -> None:
    """PROGRAM VARIANT [REPETITIONS]: a variant stamps its phases and raises ValueError on a wrong result.

    What a variant returns, if anything, replaces the times between its stamps: nanoseconds, as in `phases`.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in variants:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(variants)} [repetitions]")
    with open("results.csv", "w") as file:
        print("iteration,start_ns,end_ns", *(f"{name}_ns" for name in phases), sep=",", file=file)
        for iteration in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
            stamps = Stamps()
            try:
                times_ns = variants[sys.argv[1]](stamps)
            except ValueError as error:
                sys.exit(f"wrong result: {error}")
            at = stamps.at_ns
            times_ns = times_ns or [end - begin for begin, end in pairwise(at)]
            print(iteration, at[0], at[-1], *times_ns, sep=",", file=file, flush=True)


def check(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what} is {found}, not {expected}")
