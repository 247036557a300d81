"""The summary of one metric of a run: its last value, and the lowest, the highest, the number of all."""

import math
from typing import TYPE_CHECKING

import msgspec

from ropeway.tracking.events import MetricSummary, SealedMetric

if TYPE_CHECKING:
    from ropeway.tracking.series import Series


class Tip(msgspec.Struct, frozen=True):
    """One metric of one run. In `last`, None is NaN, as in the database.

    Attributes:
        last: the value of the last point.
        step: its step; None without one, or where that is not known.
        at_us: its time, microseconds since 1970; None where that is not known.
        min: the lowest that is a number; None when none is.
        max: the highest.
        count: how many points.
    """

    last: float | None
    step: int | None
    at_us: int | None
    min: float | None
    max: float | None
    count: int


def later(found: Tip, more: Tip) -> Tip:
    """Both as one. The last is that of the highest step, the latest time, the highest value, as in MLflow."""
    last = found if _place(found) > _place(more) else more
    lows = [tip.min for tip in (found, more) if tip.min is not None]
    highs = [tip.max for tip in (found, more) if tip.max is not None]
    return Tip(
        last.last,
        last.step,
        last.at_us,
        min(lows, default=None),
        max(highs, default=None),
        found.count + more.count,
    )


def tips_of(series: "Series", *, as_logged: bool = False) -> dict[str, Tip]:
    """The summary of each metric.

    Args:
        series: the points.
        as_logged: the last is the one that was logged last, and not that of the highest step.
    """
    import numpy as np

    from ropeway.tracking.series import NO_STEP

    if not len(series):
        return {}
    if as_logged:
        order = np.argsort(series.key, kind="stable")
    else:
        step = np.where(series.step == NO_STEP, 0, series.step)
        order = np.lexsort(
            (np.nan_to_num(series.value, posinf=np.inf, neginf=-np.inf), series.at_us, step, series.key)
        )
    key, value = series.key[order], series.value[order]
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    ends = np.append(starts[1:], len(order))
    last = order[ends - 1]
    found = zip(
        key[starts].tolist(),
        series.value[last].tolist(),
        series.step[last].tolist(),
        series.at_us[last].tolist(),
        np.fmin.reduceat(value, starts).tolist(),
        np.fmax.reduceat(value, starts).tolist(),
        (ends - starts).tolist(),
        strict=True,
    )
    return {
        series.keys[place]: Tip(
            _known(value), None if step == NO_STEP else step, at_us, _known(low), _known(high), count
        )
        for place, value, step, at_us, low, high, count in found
    }


def summarise(series: "Series") -> dict[str, MetricSummary]:
    """Each metric as the event that ends a run says it: the last is the one that was logged last."""
    return {key: summary(tip) for key, tip in tips_of(series, as_logged=True).items()}


def sealed(tip: Tip) -> SealedMetric:
    """As the event `points-sealed` says it."""
    assert tip.at_us is not None, "what is sealed has its time"
    return SealedMetric(
        last=written(math.nan if tip.last is None else tip.last),
        step=None if tip.step is None else str(tip.step),
        at_us=str(tip.at_us),
        min=None if tip.min is None else written(tip.min),
        max=None if tip.max is None else written(tip.max),
        count=tip.count,
    )


def summary(tip: Tip) -> MetricSummary:
    """As the event that ends a run says it."""
    return MetricSummary(
        last=written(math.nan if tip.last is None else tip.last),
        min=None if tip.min is None else written(tip.min),
        max=None if tip.max is None else written(tip.max),
        count=tip.count,
    )


def of_sealed(metric: SealedMetric) -> Tip:
    """What the event said."""
    return Tip(
        _read(metric.last),
        None if metric.step is None else int(metric.step),
        int(metric.at_us),
        _read(metric.min),
        _read(metric.max),
        metric.count,
    )


def of_summary(metric: MetricSummary) -> Tip:
    """What the event that ended a run said; not where the last point stood."""
    return Tip(_read(metric.last), None, None, _read(metric.min), _read(metric.max), metric.count)


def written(value: float) -> float | str:
    """A number as JSON can say it."""
    return value if math.isfinite(value) else str(value)


def _place(tip: Tip) -> tuple[bool, int, int, float]:
    # What does not say where it stood is taken for older. NaN counts as 0, as in MLflow's own order.
    return (tip.at_us is not None, tip.step or 0, tip.at_us or 0, tip.last or 0.0)


def _read(value: float | str | None) -> float | None:
    return None if value is None or value == "nan" else float(value)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
