"""What the iterations say: estimates, intervals, tests, verdicts (docs/statistics.md)."""

from duet.inference.decision import Decision, Exit, gate_decision
from duet.inference.effects import run_effects
from duet.inference.environments import across
from duet.inference.verdicts import COLUMNS, VERDICTS, judge

__all__ = ["COLUMNS", "VERDICTS", "Decision", "Exit", "across", "gate_decision", "judge", "run_effects"]
