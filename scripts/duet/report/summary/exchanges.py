"""How the sides' cores were exchanged, in words: for the provenance page."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from duet.records.run import ExchangeRecord


def sentences(records: Sequence[ExchangeRecord]) -> list[str]:
    """Of all runs of a campaign; none where nobody asked for an exchange."""
    lines = []
    made = [record for record in records if record.moves]
    if made:
        sets = sorted({" and ".join(record.sets) for record in made if record.sets})
        ways = sorted({way for record in made for way in record.ways.values()})
        lines.append(
            f"The sides' cores ({'; '.join(sets)}) were exchanged in {len(made)} of {len(records)} runs, by "
            f"{' and '.join(ways)}, every {_ms(_median(r.period_ns for r in made))} at the median: "
            f"{sum(r.moves for r in made):,} moves of {_ms(_median(r.mean_ns for r in made))} on average, "
            f"{_ms(max(r.worst_ns or 0 for r in made))} at most, "
            f"{100 * _median(r.time_share for r in made):.2f} % of the time; they began "
            f"{_ms(_median(r.late_median_ns for r in made))} late at the median, "
            f"{_ms(max(r.late_worst_ns or 0 for r in made))} at most, and took "
            f"{100 * _median(r.cpu_share for r in made):.2f} % of a core."
        )
    for what, reasons in (
        ("Cores were not exchanged in", Counter(r.reason for r in records if r.reason and not r.moves)),
        ("The exchange ended early in", Counter(r.reason for r in made if r.reason)),
    ):
        lines += [
            f"{what} {count} of {len(records)} runs: {reason}." for reason, count in sorted(reasons.items())
        ]
    return lines


def _median(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(statistics.median(known)) if known else 0.0


def _ms(ns: float) -> str:
    return f"{ns / 1e6:.3g} ms"
