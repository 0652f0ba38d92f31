"""How tests call a subcommand."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DUETBENCH = (sys.executable, str(ROOT / "scripts/duetbench.py"))
