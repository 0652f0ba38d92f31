"""Which runs are to be measured: decided here, by content, and nowhere else.

A finished run is due again when what its sides run changed (command, limits, results to keep,
content of the image), when its timeout changed, or when its record or a result is damaged. Not
when the tool, the order of the YAML or another benchmark changed, nor when an image was lost or
built again; and no modification time is looked at, so that results may be copied anyhow.

What is not known is no difference: an image whose content is not known is the one it was where its
name, arguments and source are the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from duet.model import Analysis, ImageRef, Run, Side
from duet.records.closing import Closing, closing_of
from duet.records.files import RecordError
from duet.records.layout import FAILURE, RUN, Layout
from duet.records.plan import SidePlan
from duet.records.run import RunRecord, faults

NEW = "not measured yet"
DAMAGED = "damaged: "
"""How a reason begins."""
_COMPARED = [field.name for field in fields(Side) if field.name not in ("name", "image")]


def due_runs(
    runs: Iterable[Run],
    plans: Mapping[str, SidePlan],
    hashes: Mapping[str, str | None],
    layout: Layout,
    analysis: Analysis | None = None,
    digests: bool = False,
) -> dict[str, str]:
    """Name of each run that is to be measured, in the order given, and why.

    `plans`: what sides run, by `Run.plan_file`; `hashes`: content of images by their keys, as far
    as it is known. `analysis`: by which runs may have been closed as not needed; `digests`: look at all
    content of results, however large.
    """
    reasons: dict[str, str | None] = {}
    closings: dict[str, Closing] = {}
    for run in runs:
        reason = _reason(run, plans, hashes, layout, digests)
        if (
            reason is not None
            and reason.startswith("damaged")
            and (closed := closing_of(layout.run(run.name)))
        ):
            reason, closings[run.name] = None, closed
        reasons[run.name] = reason
    for name, closed in closings.items():
        again = [each for each in closed.rests_on if reasons.get(each)]
        if again:
            reasons[name] = f"changed: {again[0]}, on which it rests that it was not needed"
        elif _stops(closed.analysis) != _stops(analysis):
            reasons[name] = "changed: precision or analysis, by which it was not needed"
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _stops(analysis: Analysis | None) -> Analysis | None:
    """What of an analysis says when measuring ends."""
    return analysis and replace(Analysis(), **{f.name: getattr(analysis, f.name) for f in fields(Analysis)})


def _reason(
    run: Run,
    plans: Mapping[str, SidePlan],
    hashes: Mapping[str, str | None],
    layout: Layout,
    digests: bool,
) -> str | None:
    directory = layout.run(run.name)
    path = directory / RUN
    if not path.exists():
        return NEW
    try:
        record = RunRecord.read(path)
    except RecordError as error:
        return f"{DAMAGED}{error.what}"
    # Somebody could not read its results: whether that is their own fault, their digests tell.
    for fault in faults(record, directory, digests or (directory / FAILURE).exists()):
        return f"{DAMAGED}{fault}"
    for side in run.sides:
        if change := _change(side, plans[run.plan_file(side)], record, hashes):
            return f"changed: {change} of side {side}"
    return None


def _change(side: str, plan: SidePlan, record: RunRecord, hashes: Mapping[str, str | None]) -> str | None:
    was, now = record.spec.sides[side], plan.side
    for name in _COMPARED:
        if getattr(now, name) != getattr(was, name):
            return name
    if plan.timeout_s != record.spec.timeout_s:
        return "timeout"
    known, measured = hashes.get(now.image.key) if now.image else None, record.sides[side].image_hash
    if known is not None and measured is not None:
        return "content of the image" if known != measured else None
    return "image" if _recipe(now.image) != _recipe(was.image) else None


def _recipe(image: ImageRef | None) -> ImageRef | None:
    """What tells an image from others where its content is not known; not where a file of one's own lies."""
    if image is None or image.source is None:
        return image
    return replace(image, source=replace(image.source, own=None))
