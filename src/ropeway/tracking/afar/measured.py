"""Points of runs from afar: the one place here that knows how points are kept."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from ropeway.core.ids import RunId
from ropeway.ledger import Transaction
from ropeway.tracking.afar.records import MetricNow
from ropeway.tracking.projections import run_metric

_MADE = text(
    "CREATE TABLE IF NOT EXISTS interim_point (run TEXT, key TEXT, step BIGINT, at_ms BIGINT, value TEXT)"
)

METRICS = run_metric
"""Every metric of every run as of now: run, key, last (NULL is NaN)."""


class Points(NamedTuple):
    """Values of metrics as columns of one length."""

    keys: list[str]
    values: list[float]
    times_ms: list[int]
    steps: list[int]


def log_points(transaction: Transaction, run: RunId, points: Points) -> None:
    """Keep points of a run, in this transaction."""
    transaction.connection.execute(_MADE)
    transaction.connection.execute(
        text("INSERT INTO interim_point VALUES (:run, :key, :step, :at, :value)"),
        [
            {"run": run, "key": key, "step": step, "at": at, "value": repr(value)}
            for key, value, at, step in zip(*points, strict=True)
        ],
    )


def latest(read: Connection, runs: Sequence[RunId]) -> dict[str, list[MetricNow]]:
    """The last value of each metric of these runs: highest step, then time, then value."""
    found: dict[str, list[MetricNow]] = {}
    for each in runs:
        best: dict[str, MetricNow] = {}
        for row in _rows(read, each):
            known = best.get(row.key)
            if known is None or (row.step, row.at_ms, row.value) > (known.step, known.at_ms, known.value):
                best[row.key] = row
        if best:
            found[each] = [best[key] for key in sorted(best)]
    return found


def history(read: Connection, run: RunId, key: str) -> list[MetricNow]:
    """All points of one metric, by time and step."""
    points = {point for point in _rows(read, run) if point.key == key}
    return sorted(points, key=lambda point: (point.at_ms, point.step, point.value))


def _rows(read: Connection, run: RunId) -> list[MetricNow]:
    try:
        rows = read.execute(text("SELECT * FROM interim_point WHERE run = :run"), {"run": run}).all()
    except Exception:
        return []
    return [MetricNow(key=row.key, value=float(row.value), at_ms=row.at_ms, step=row.step) for row in rows]
