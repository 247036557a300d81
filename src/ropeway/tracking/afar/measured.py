"""Points of runs from afar, in milliseconds and columns, as their clients send and ask for them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from ropeway.core.ids import RunId
from ropeway.ledger import Transaction
from ropeway.tracking import history as whole
from ropeway.tracking import live
from ropeway.tracking.afar.records import MetricNow
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.series import NO_STEP, columns
from ropeway.workspace import Context

METRICS = live.metric_now
"""Every metric of every run as of now: run, key, last (NULL is NaN), step, at_us."""
_LATEST = (
    select(*[METRICS.c[name] for name in ("run", "key", "last", "at_us", "step")])
    .where(one_of(METRICS.c.run))
    .order_by(METRICS.c.run, METRICS.c.key)
)
US = 1000
LATEST_MS = (2**63 - 1) // US
"""The latest time that a point can have."""


class Points(NamedTuple):
    """Values of metrics as columns of one length."""

    keys: list[str]
    values: list[float]
    times_ms: list[int]
    steps: list[int]

    def packed(self) -> live.Batch:
        """Ready to be kept."""
        return live.packed(columns(self.keys, self.values, [at * US for at in self.times_ms], self.steps))


def log_points(transaction: Transaction, run: RunId, points: live.Batch) -> None:
    """Keep points of a run, in this transaction."""
    live.append_points(transaction, run, points)


def latest(read: Connection, runs: Sequence[RunId]) -> dict[str, list[MetricNow]]:
    """The last value of each metric of these runs: highest step, then time, then value."""
    found: dict[str, list[MetricNow]] = {}
    for run, key, last, at_us, step in read.execute(_LATEST, {LISTED: as_list(runs)}).cursor.fetchall():
        value = math.nan if last is None else last
        told = MetricNow(key=key, value=value, at_ms=(at_us or 0) // US, step=step or 0)
        found.setdefault(run, []).append(told)
    return found


def history(context: Context, run: RunId, key: str, first: int, end: int) -> tuple[list[MetricNow], int]:
    """Some points of one metric, in the order of time and step; and how many there are."""
    import numpy as np

    series = whole.history(context, run, key)
    steps = np.where(series.step == NO_STEP, 0, series.step)
    at_ms = series.at_us // US
    order = np.lexsort((steps, at_ms))[first:end]
    rows = zip(series.value[order].tolist(), at_ms[order].tolist(), steps[order].tolist(), strict=True)
    return [MetricNow(key=key, value=value, at_ms=at, step=step) for value, at, step in rows], len(series)
