"""Noise models of benchmarks/simulation.py: those in which verdicts hold, and those that break them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A noise model. Standard deviations are of logarithms; times in iterations of A."""

    name: str
    shared: str = "none"
    """Slowdown of the machine, both sides alike: none, autocorrelated, bursty, stepwise, drift."""
    unshared: float = 0.0
    """The same autocorrelated, but for each side on its own."""
    own: float = 0.02
    """Noise of each iteration."""
    heavy: bool = False
    """Own noise from Student's t with 2.5 degrees of freedom instead of the normal."""
    offset: float = 0.003
    """What a side is off by in a whole run."""
    heavy_offset: bool = False
    first: float = 0.0
    """Advantage of the side that is started first (every other run it is B)."""
    lengths: str = "equal"
    """Work of iterations: equal, pattern (short, middle, long), irregular (by iteration, the same
    in all runs), random (of each iteration), warm-up (the first ones take longer), unequal warm-up
    (B's lasts three times as long), growing (the last takes three times as long as the first)."""
    gap: float = 0.0
    """Mean pause before an iteration."""
    late: float = 0.0
    """Greatest delay of one side's start, as a share of the run."""
    early: float = 0.0
    """Greatest part of its iterations that one side lacks at the end."""
    cut: bool = False
    """Twice as many iterations are made, and the first half is left out as warm-up."""
    cores: float = 0.0
    """How much slower one core is than the other; the sides are swapped as `swaps` says."""
    wandering: float = 0.0
    """Step from run to run of a random walk of that difference."""
    neighbour: float = 0.0
    """Share of runs in which another program halves the speed of one side for a fifth to three fifths."""
    twice: float = 0.0
    """Share of runs in which one side takes twice as long."""
    coin: float = 0.0
    """Each run is off by so much, up or down by lot, and nothing records it."""
    persistence: float = 0.0
    """Correlation of a side's offset in a run with that in the run measured before it."""
    pauses: float = 0.0
    """Share of iterations that are lengthened by a heavy pause (Pareto, exponent 1.5)."""
    unequal_gap: float = 0.0
    """The same as `gap`, but for B only."""
    turbo: float = 0.0
    """How much faster a side runs while the other one pauses."""
    resolution: float = 0.0
    """Step of the clock; iterations then are of 10 ms."""


SCENARIOS = (
    Scenario("quiet"),
    Scenario("autocorrelated", shared="autocorrelated"),
    Scenario("bursty", shared="bursty"),
    Scenario("stepwise", shared="stepwise"),
    Scenario("unshared", shared="autocorrelated", unshared=0.05),
    Scenario("heavy noise", shared="autocorrelated", own=0.05, heavy=True),
    Scenario("offsets", shared="autocorrelated", offset=0.01, first=0.005),
    Scenario("heavy offsets", shared="bursty", offset=0.01, heavy_offset=True),
    Scenario("drift", shared="drift"),
    Scenario("warm-up", shared="autocorrelated", lengths="warm-up", cut=True),
    Scenario("warm-up left in", shared="autocorrelated", lengths="warm-up"),
    Scenario("pattern", shared="autocorrelated", lengths="pattern"),
    Scenario("irregular", shared="autocorrelated", lengths="irregular"),
    Scenario("random", shared="autocorrelated", lengths="random"),
    Scenario("gaps", shared="bursty", gap=0.3),
    Scenario("late, early", shared="stepwise", late=0.3, early=0.3),
    Scenario("all at once", "bursty", 0.02, 0.03, True, 0.005, False, 0.005, "pattern", 0.1, 0.2, 0.2),
)

BREAKS = (
    Scenario("unequal cores", cores=0.05),
    Scenario("wandering cores", cores=0.05, wandering=0.01),
    Scenario("equal cores"),
    Scenario("neighbour", shared="autocorrelated", neighbour=0.3),
    Scenario("one run in ten off by two", twice=0.1),
    Scenario("heavy pauses", pauses=0.05),
    Scenario("coin", coin=0.02),
    Scenario("dependent runs", offset=0.01, persistence=0.8),
    Scenario("growing", shared="autocorrelated", lengths="growing"),
    Scenario("turbo", gap=0.1, unequal_gap=0.4, turbo=0.1),
    Scenario("unequal warm-up", lengths="unequal warm-up"),
    Scenario("coarse clock", own=0.0005, offset=0.0002, resolution=0.1),
)
"""Real machines and programs that do not disturb both sides alike (benchmarks/breaks.py)."""
