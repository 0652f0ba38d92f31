"""doctor.json: what a machine was like before runs were measured on it."""

from dataclasses import dataclass
from enum import StrEnum

from duet.records.files import Record


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Verdicts will need more runs, or mean less."""
    PROBLEM = "problem"
    """Nothing, or nothing that can be trusted, can be measured."""


@dataclass(frozen=True)
class Finding:
    level: Level
    what: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class DoctorRecord(Record):
    host: str
    time_ns: int
    """When it was looked at (epoch)."""
    findings: tuple[Finding, ...]
