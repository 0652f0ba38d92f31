"""One module per figure: a function that takes frames and returns a matplotlib Figure.

Modules import matplotlib when imported, which takes a second: import them only to draw.
"""

BENCHMARK = ("timeline", "iterations", "ratios", "sensitivity", "runs")
"""The figures of one benchmark, in the order in which they are read."""
