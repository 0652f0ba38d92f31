"""Run records as measuring would have made them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from duet.model import Run, Side
from duet.records.run import CpusRecord, FileRecord, GateRecord, RunRecord, SideRecord, SpecRecord

START_NS = 10**18


def side_record(run: Run, side: str, **changes: Any) -> SideRecord:
    made = SideRecord(
        engine="process",
        image=None,
        image_id=None,
        image_hash=None,
        exit_code=0,
        go_ns=START_NS,
        end_ns=START_NS + 1000,
        cpus=CpusRecord(asked="0", seen="0"),
        peak_memory_bytes=1,
        cpu_time_ns=1,
        oom_killed=False,
        files=(FileRecord(run.file(side, "results.csv")),),
        log=run.log(side),
    )
    return replace(made, **changes)


def run_record(
    run: Run, sides: Mapping[str, Mapping[str, Any]] | None = None, /, **changes: Any
) -> RunRecord:
    """`sides`: side -> its changes; `changes` are those of the record itself."""
    made = RunRecord(
        name=run.name,
        campaign="c",
        run=run,
        status="ok",
        timed_out=False,
        start_ns=START_NS,
        end_ns=START_NS + 1000,
        spec=SpecRecord(
            timeout_s=60,
            sides={side: Side(side, None, "true", None, ("results.csv",)) for side in run.sides},
        ),
        engine="process",
        engine_version="1",
        gate=GateRecord(skew_ns=20_000 if len(run.sides) > 1 else None, resolution_ns=1),
        sides={side: side_record(run, side, **(sides or {}).get(side, {})) for side in run.sides},
        artifacts={},
        warnings=(),
    )
    return replace(made, **changes)
