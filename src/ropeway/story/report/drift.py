"""Drift over windows: the reports that monitoring has kept, put beside each other."""

from collections.abc import Sequence

import msgspec

from ropeway.monitoring.records import WindowLine
from ropeway.stats.drift.report import DriftReport
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.story.report.records import Compared, Strip, StripRow

MOST_COLUMNS = 24
"""Rows of the strip: columns that never moved much are left out where there are many."""
SHOWN_COLUMNS = 6
SHOWN_TOKENS = 16


def read_report(store: Store, line: WindowLine) -> DriftReport | None:
    """What a window was found to be; None where it was not judged, or the report is gone."""
    if line.drift is None:
        return None
    try:
        return msgspec.json.decode(store.read(line.drift), type=DriftReport)
    except (ObjectMissing, ObjectDamaged, msgspec.DecodeError):
        return None


def strip_of(reports: Sequence[tuple[WindowLine, DriftReport]]) -> Strip | None:
    """Every column's effect in every judged window, the columns that moved furthest first."""
    if not reports:
        return None
    furthest: dict[str, float] = {}
    for _, report in reports:
        for column in report.columns:
            furthest[column.name] = max(furthest.get(column.name, 0.0), column.effect)
    names = sorted(furthest, key=lambda name: (-furthest[name], name))[:MOST_COLUMNS]
    return Strip(
        starts=[line.start for line, _ in reports],
        ends=[line.end for line, _ in reports],
        refs=[line.ref for line, _ in reports],
        rows=[_row(name, [report for _, report in reports]) for name in names],
    )


def _row(name: str, reports: Sequence[DriftReport]) -> StripRow:
    found = [report.column(name) for report in reports]
    return StripRow(
        column=name,
        effects=[None if each is None else each.effect for each in found],
        drifted=[each is not None and each.drifted for each in found],
    )


def compared_in(line: WindowLine, report: DriftReport) -> Compared:
    """One window beside its reference, the columns that moved furthest first."""
    shown = report.columns[:SHOWN_COLUMNS]
    names = {column.name for column in shown}
    return Compared(
        ref=line.ref,
        start=line.start,
        end=line.end,
        reference_rows=report.reference_rows,
        current_rows=report.current_rows,
        columns=shown,
        tokens={
            name: tokens[:SHOWN_TOKENS] for name, tokens in report.tokens.items() if name in names and tokens
        },
    )
