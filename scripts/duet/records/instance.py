"""What an instance in the cloud says of itself, for whoever asks from anywhere."""

from dataclasses import dataclass
from typing import ClassVar

from duet.records.files import Record

STATUS = "status.json"
LOG = "log.txt"


@dataclass(frozen=True, kw_only=True)
class InstanceStatus(Record):
    """<bucket>/<prefix>/<name>/<instance>/status.json; the end of its log lies beside it."""

    DURABLE: ClassVar[bool] = False
    REMEDY: ClassVar[str] = "see the instance itself"

    phase: str
    """prepared, measuring, ended"""
    time_ns: int
    planned_runs: int = 0
    finished_runs: int = 0
    failed_runs: int = 0
    exit_code: int | None = None
    """Of the campaign, when it has ended."""
