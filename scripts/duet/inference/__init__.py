"""What the iterations say: estimates, intervals, tests, verdicts (docs/statistics.md)."""

from duet.inference.decision import Decision, Exit, decide
from duet.inference.effects import run_effects
from duet.inference.verdicts import COLUMNS, VERDICTS, verdicts

__all__ = ["COLUMNS", "VERDICTS", "Decision", "Exit", "decide", "run_effects", "verdicts"]
