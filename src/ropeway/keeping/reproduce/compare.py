"""Is it the same? A run as recorded against the same run done again: pure, no I/O."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ropeway.keeping.reproduce.records import MetricPair, Remade, Verdict

if TYPE_CHECKING:
    import polars as pl


class Comparison(NamedTuple):
    """What was found; the fields are those of `Reproduction`."""

    verdict: Verdict
    says: str
    differs_at: str
    farthest: float | None
    metrics: list[MetricPair]


def compare(
    recorded: Remade,
    now: Remade,
    answers: "tuple[pl.DataFrame, pl.DataFrame]",
    *,
    tolerance: float,
) -> Comparison:
    """Hold two makings of one run against each other.

    Args:
        recorded: as it is on record.
        now: as it came out.
        answers: what each of the two answered for the recorded rows.
        tolerance: how far numbers may be apart, relative and absolute.
    """
    metrics = _pair(recorded.metrics, now.metrics)
    farthest = distance(*answers)
    if _is_identical(recorded, now):
        return Comparison("identical", "Every digest is the one on record.", "", farthest, metrics)
    step = _first_difference(recorded, now)
    at = f"step '{step}'" if step else "the slice"
    if _is_near(recorded.metrics, now.metrics, tolerance) and _answers_alike(*answers, tolerance):
        says = f"Answers and metrics are equal within {tolerance:g}; the bytes differ from {at} on."
        return Comparison("equal", says, step, farthest, metrics)
    return Comparison("differs", f"It differs from {at} on.{_why(now, step)}", step, farthest, metrics)


def distance(one: "pl.DataFrame", other: "pl.DataFrame") -> float | None:
    """The largest distance between two numeric answers; None where none can be told."""
    if one.columns != other.columns or one.height != other.height:
        return None
    gaps = [
        abs(first - second)
        for name in one.columns
        if one[name].dtype.is_numeric() and other[name].dtype.is_numeric()
        for first, second in zip(one[name], other[name], strict=True)
        if first is not None and second is not None and math.isfinite(first) and math.isfinite(second)
    ]
    return float(max(gaps)) if gaps else None


def _is_identical(recorded: Remade, now: Remade) -> bool:
    steps = [(each.step, each.content) for each in recorded.steps]
    return (
        recorded.content == now.content
        and recorded.slice.replay == now.slice.replay
        and recorded.metrics == now.metrics
        and steps == [(each.step, each.content) for each in now.steps]
    )


def _first_difference(recorded: Remade, now: Remade) -> str:
    """The first step that gave something else; empty where no step's content tells."""
    contents = {each.step: each.content for each in now.steps}
    return next((each.step for each in recorded.steps if contents.get(each.step) != each.content), "")


def _why(now: Remade, step: str) -> str:
    """What the run itself said of the step: an unseeded draw, say."""
    said = next((each.uncached for each in now.steps if each.step == step), "")
    return f" The step {said.partition(';')[0]}." if said.startswith("uses ") else ""


def _pair(recorded: dict[str, float], now: dict[str, float]) -> list[MetricPair]:
    names = dict.fromkeys([*recorded, *now])
    return [MetricPair(name=name, recorded=recorded.get(name), now=now.get(name)) for name in names]


def _is_near(recorded: dict[str, float], now: dict[str, float], tolerance: float) -> bool:
    return recorded.keys() == now.keys() and all(
        _alike(value, now[name], tolerance) for name, value in recorded.items()
    )


def _answers_alike(one: "pl.DataFrame", other: "pl.DataFrame", tolerance: float) -> bool:
    return (
        one.columns == other.columns
        and one.height == other.height
        and all(
            _alike(first, second, tolerance)
            for name in one.columns
            for first, second in zip(one[name], other[name], strict=True)
        )
    )


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_missing = math.isnan(one) and math.isnan(other)
        return both_missing or math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)
